"""MGSM: 250 problems of GSM8K, translated by people into ten languages; with the English ones eleven subsets.

Paper: Shi et al., "Language Models are Multilingual Chain-of-Thought Reasoners", 2022, https://arxiv.org/abs/2210.03057
(repository google-research/url-nlp). Licence: CC BY-SA 4.0. Items: 2750, 250 a language; headline: mean over languages.

Prompt: in the language of the question, in our own words: think step by step, then a last line that begins with the
language's word for "Answer:" (the word is openai/simple-evals'). Zero-shot by default, as simple-evals and Meta report;
worked examples come from the hub's train split, eight a language.

Scores of one generation:
- numeric (headline): the number behind the answer word (or in a box, or behind "the answer is"), else the last one;
  equal as values, thousands as the language writes them, digits of any script.
- simple_evals: openai/simple-evals mgsm_eval.py: text behind the last answer word, commas deleted, the last number,
  zeros and the dot at its end trimmed, equal as strings. Kept: no word, no answer; a minus sign is not seen.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from evalcore.benchmarks.base import Info, PromptOptions, Source, with_options
from evalcore.benchmarks.fewshot import turns
from evalcore.benchmarks.rows import content_id, text_of
from evalcore.errors import DataError
from evalcore.scoring.numbers import Writing, behind_last_word, number_value, stated_number
from evalcore.types import Answer, Message, Sample, Score, Scores

_LABEL = re.compile(r"^[^:：\n]{1,40}[:：]\s*")  # "Question:", "Step-by-Step Answer:" of the hub's train rows


@dataclass(frozen=True, slots=True)
class Language:
    wish: str
    """What is asked for, after the question."""
    word: str
    """What stands before the answer."""
    copula: str = ""
    """Regex of words that may stand between that word and the number, besides a colon."""
    thousands: str = ",\u00a0\u202f\u2009"

    @property
    def writing(self) -> Writing:
        between = rf"(?:[:：=—–]|-(?=\s)|(?:{self.copula}))" if self.copula else "[:：=—–]"
        return Writing(rf"{re.escape(self.word)}[*_\s\"']{{0,3}}{between}", self.thousands)


LANGUAGES: Mapping[str, Language] = {
    "bn": Language("ধাপে ধাপে ভেবে সমাধান করো। শেষ লাইনে শুধু \"উত্তর:\" লিখে তার পরে সংখ্যাটি দাও।", "উত্তর", "হলো|হল"),
    "de": Language(
        'Überlege Schritt für Schritt. Schreibe in die letzte Zeile nur "Antwort:" und dahinter die Zahl.',
        "Antwort", r"(?:ist|lautet|beträgt)\b", ",.\u00a0\u202f\u2009'’",
    ),
    "en": Language(
        'Think step by step. In the last line write only "Answer:" and the number after it.', "Answer", r"is\b"
    ),
    "es": Language(
        'Piensa paso a paso. En la última línea escribe solo "Respuesta:" y después el número.',
        "Respuesta", r"(?:es|son)\b", ",. \u00a0\u202f\u2009",
    ),
    "fr": Language(
        'Réfléchis étape par étape. Sur la dernière ligne, écris seulement "Réponse:" suivi du nombre.',
        "Réponse", r"est\b", ",. \u00a0\u202f\u2009",
    ),
    "ja": Language("順を追って考えてください。最後の行には「答え:」とその後に数字だけを書いてください。", "答え", "は"),
    "ru": Language(
        'Рассуждай шаг за шагом. В последней строке напиши только "Ответ:" и после него число.',
        "Ответ", "", ",. \u00a0\u202f\u2009",
    ),
    "sw": Language(
        'Fikiria hatua kwa hatua. Kwenye mstari wa mwisho andika "Jibu:" na namba tu baada yake.', "Jibu", r"ni\b"
    ),
    "te": Language("దశలవారీగా ఆలోచించండి. చివరి వరుసలో \"సమాధానం:\" అని రాసి, దాని తర్వాత సంఖ్యను మాత్రమే ఇవ్వండి.", "సమాధానం"),
    "th": Language('คิดทีละขั้นตอน แล้วเขียนในบรรทัดสุดท้ายเพียง "คำตอบ:" ตามด้วยตัวเลข', "คำตอบ", "คือ"),
    "zh": Language("请一步一步地思考。最后一行只写“答案:”，后面写上数字。", "答案", "是|为"),
}  # fmt: skip


class Mgsm:
    name = "mgsm"
    info = Info(
        title="MGSM",
        paper="https://arxiv.org/abs/2210.03057",
        licence="CC BY-SA 4.0",
        items=2750,
        tags=("math", "reasoning", "multilingual"),
    )
    source = Source(
        local={
            "test": ("mgsm/mgsm_{subset}.tsv", "mgsm/{subset}/test*.parquet"),
            "train": ("mgsm/{subset}/train*.parquet",),
        },
        shots_split="train",
        huggingface="juletxu/mgsm",
        modelscope="evalscope/mgsm",
        config="{subset}",
        columns=("question", "answer"),
    )
    subsets = tuple(LANGUAGES)
    few_shot = 0
    protocols = ("numeric", "simple_evals")
    average = "macro"
    max_tokens = None
    cpu_bound = False

    def sample(self, row: Mapping[str, Any], subset: str) -> Sample:
        question = text_of(row, "question", self.name)
        number = row.get("answer_number")
        target = str(row.get("answer") if number is None else number).strip().replace(",", "")
        if number_value(target) is None:
            raise DataError(f"mgsm: {question[:60]!r} has the answer {target!r}, which is not a number")
        worked = row.get("answer") if number is not None else None
        if worked:  # a train row: labelled question, labelled solution
            question, worked = _LABEL.sub("", question), _LABEL.sub("", str(worked)).strip()
        return Sample(
            id=content_id(subset, question),
            subset=subset,
            question=question,
            target=target,
            meta={"solution": worked} if worked else {},
        )

    def messages(self, sample: Sample, shots: Sequence[Sample], options: PromptOptions) -> list[Message]:
        return with_options(_ask(sample), sample, options, turns(shots, _ask, _worked))

    def score(self, sample: Sample, answer: Answer) -> Scores:
        language = LANGUAGES[sample.subset]
        stated = stated_number(answer.text, language.writing, whole=answer.finish_reason != "length")
        behind = behind_last_word(answer.text, language.word)
        return {
            "numeric": Score(
                value=float(stated is not None and stated.value == number_value(sample.target)),
                extracted=None if stated is None else stated.text,
            ),
            "simple_evals": Score(value=float(behind == sample.target), extracted=behind),
        }


def _ask(sample: Sample) -> str:
    return f"{sample.question}\n\n{LANGUAGES[sample.subset].wish}"


def _worked(shot: Sample) -> str:
    last_line = f"{LANGUAGES[shot.subset].word}: {shot.target}"
    return f"{shot.meta['solution']}\n{last_line}" if "solution" in shot.meta else last_line
