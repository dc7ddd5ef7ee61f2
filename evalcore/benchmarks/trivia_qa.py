"""TriviaQA: trivia questions answered from memory.

Paper: Joshi et al., 2017, https://arxiv.org/abs/1705.03551. Licence: Apache-2.0. Items: 17944 (rc.nocontext, dev);
published scores on 7993 are of its Wikipedia part. Prompt: the question, and the wish for the answer alone after
"Answer:"; five worked examples from the train split.

Scores of one generation, side by side; what is compared is the last "Answer:", or the only line:
- em (headline): official normalisation; equal to one of the accepted names.
- f1: official; best overlap of words with one of them.
- em_harness: lm-evaluation-harness: text up to the first line end, full stop or comma; case and punctuation ignored.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from evalcore.benchmarks.base import Info, PromptOptions, Source, with_options
from evalcore.benchmarks.fewshot import turns
from evalcore.benchmarks.rows import content_id, text_of
from evalcore.errors import DataError
from evalcore.scoring.text import bag_f1, best, harness_normal, short_answer, trivia_normal
from evalcore.types import Answer, Message, Sample, Score, Scores

_HARNESS_STOPS = re.compile(r"[\n.,]")


class TriviaQa:
    name = "trivia_qa"
    info = Info("TriviaQA", "https://arxiv.org/abs/1705.03551", "Apache-2.0", 17944, ("knowledge", "english"))
    source = Source(
        local={
            "validation": ("trivia*qa/rc.nocontext/validation*.parquet", "trivia*qa/*dev*.json*", "trivia*qa/*.jsonl*"),
            "train": ("trivia*qa/rc.nocontext/train*.parquet", "trivia*qa/*train*.json*"),
        },
        eval_split="validation",
        shots_split="train",
        huggingface="mandarjoshi/trivia_qa",
        modelscope="evalscope/trivia_qa",
        config="rc.nocontext",
    )
    subsets = ("main",)
    few_shot = 5
    protocols = ("em", "f1", "em_harness")
    average = "micro"
    max_tokens = None
    cpu_bound = False

    def sample(self, row: Mapping[str, Any], subset: str) -> Sample:
        question = text_of(row, "Question" if "Question" in row else "question", self.name)
        names = _accepted(row)
        if not names:
            raise DataError(f"trivia_qa: no answer for {question[:60]!r}; a row needs answer.aliases or answers")
        return Sample(
            id=str(row.get("question_id") or row.get("QuestionId") or content_id(question)),
            subset=subset,
            question=question,
            context=str(row.get("context") or ""),
            target=names,
        )

    def messages(self, sample: Sample, shots: Sequence[Sample], options: PromptOptions) -> list[Message]:
        return with_options(_ask(sample), sample, options, turns(shots, _ask, _reply))

    def score(self, sample: Sample, answer: Answer) -> Scores:
        text = short_answer(answer.text)
        said = trivia_normal(text or "")
        names = [trivia_normal(name) for name in sample.target]
        # The part before a stop, as the harness ends generation there; a decimal point is one to it as well.
        harness = harness_normal(_HARNESS_STOPS.split(text or "", maxsplit=1)[0]).strip()
        values = {
            "em": float(bool(said) and said in names),
            "f1": best(bag_f1(said.split(), name.split()) for name in names if said and name),
            "em_harness": float(bool(harness) and harness in {harness_normal(name).strip() for name in sample.target}),
        }
        return {protocol: Score(value=value, extracted=text) for protocol, value in values.items()}


def _accepted(row: Mapping[str, Any]) -> list[str]:
    """All names that count as right, the usual one first."""
    answer = row.get("answer") or row.get("Answer")
    if isinstance(answer, Mapping):
        plain = {key.replace("_", "").lower(): value for key, value in answer.items()}
        names = [plain.get("value"), *(plain.get("aliases") or ()), *(plain.get("normalizedaliases") or ())]
        names += plain.get("humananswers") or ()
    else:
        names = list(row.get("answers") or ())
    return list(dict.fromkeys(str(name) for name in names if name is not None and str(name).strip()))


def _ask(sample: Sample) -> str:
    context = f"{sample.context}\n\n" if sample.context else ""
    return f'{context}Question: {sample.question}\nGive the answer alone, on one line that begins with "Answer:".'


def _reply(shot: Sample) -> str:
    return f"Answer: {shot.target[0]}"
