"""general_qa: a user's own questions with free answers, from a jsonl, csv, tsv or parquet file.

No paper; licence and item count are the file's. Rows: question (or query, prompt; or messages, the last one being the
question), answer (or response, target, answers: a text or a list of accepted ones), and if there are any: system,
context, id, group, category, subset. Folder: general_qa, or local_path names the file. No worked examples by default.

With a judge (judge_strategy llm): correct, incorrect, not_attempted, by SimpleQA's rubric. By rule:
- exact_match (headline): the answer (its last "Answer:", or its only line) after SQuAD's normalisation.
- f1: overlap of words, rouge_l: longest common subsequence of words, both of the whole answer with the best target.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from evalcore.benchmarks.base import Info, PromptOptions, Source, with_options
from evalcore.benchmarks.fewshot import turns
from evalcore.benchmarks.rows import content_id
from evalcore.benchmarks.simple_qa import ENDING
from evalcore.errors import DataError
from evalcore.judge.prompts import COMPARE, filled
from evalcore.scoring.grade import CLASSES, graded
from evalcore.scoring.text import bag_f1, best, rouge_l, short_answer, squad_normal, words
from evalcore.types import Answer, Message, Sample, Score, Scores


class GeneralQa:
    name = "general_qa"
    info = Info("Your own questions", "", "yours", 0, ("custom",))
    source = Source(
        local={
            "test": (
                "general_qa/test*.[jct]s*",
                "general_qa/{subset}.[jct]s*",
                "general_qa/*.[jct]s*",
                "general_qa/*.parquet",
            ),
            "dev": ("general_qa/dev*.[jct]s*",),
        },
        shots_split="dev",
    )
    subsets = ("main",)
    few_shot = 0
    protocols = ("exact_match", "f1", "rouge_l")
    judge_protocols = tuple(CLASSES)
    judge_words = tuple(CLASSES.values())
    judge_by_default = False
    average = "micro"
    max_tokens = None
    cpu_bound = False

    def sample(self, row: Mapping[str, Any], subset: str) -> Sample:
        earlier, question = _question(row)
        targets = _targets(row)
        if not question or not targets:
            raise DataError(f"general_qa: a row needs question and answer (a text each): {str(dict(row))[:120]}")
        return Sample(
            id=str(row["id"]) if row.get("id") is not None else content_id(question, *targets),
            subset=subset,
            question=question,
            target=targets,
            context=str(row.get("context") or ""),
            group=str(row.get("group") or ""),
            category=str(row.get("category") or ""),
            meta={"earlier": earlier} if earlier else {},
        )

    def messages(self, sample: Sample, shots: Sequence[Sample], options: PromptOptions) -> list[Message]:
        earlier = [dict(message) for message in sample.meta.get("earlier", ())]
        return with_options(_ask(sample), sample, options, [*turns(shots, _ask, _reply), *earlier])

    def score(self, sample: Sample, answer: Answer) -> Scores:
        short, said = short_answer(answer.text), words(answer.text)
        exact = short is not None and squad_normal(short) in {squad_normal(target) for target in sample.target} - {""}
        targets = [words(target) for target in sample.target]
        text = answer.text.strip() or None
        return {
            "exact_match": Score(value=float(exact), extracted=short),
            "f1": Score(value=best(bag_f1(said, target) for target in targets if target), extracted=text),
            "rouge_l": Score(value=best(rouge_l(said, target) for target in targets), extracted=text),
        }

    def judge_prompt(self, sample: Sample, answer: Answer) -> list[Message]:
        texts = {"question": _ask(sample), "reference": " | ".join(sample.target), "answer": answer.text}
        return [{"role": "user", "content": filled(COMPARE, texts, ENDING)}]

    def judged(self, sample: Sample, answer: Answer, reply_text: str) -> Scores:
        return graded(reply_text)


def _question(row: Mapping[str, Any]) -> tuple[list[Message], str]:
    """Messages before the question (system, earlier turns), and the question."""
    system = [{"role": "system", "content": str(row["system"])}] if row.get("system") else []
    messages = row.get("messages")
    if messages:
        *earlier, last = [dict(message) for message in messages]
        return [*system, *earlier], str(last.get("content") or "").strip()
    return system, str(row.get("question") or row.get("query") or row.get("prompt") or "").strip()


def _targets(row: Mapping[str, Any]) -> list[str]:
    given = next((row[name] for name in ("answer", "response", "target", "answers") if row.get(name) is not None), ())
    listed = [given] if isinstance(given, (str, int, float)) else list(given)
    return [str(target) for target in listed if str(target).strip()]


def _ask(sample: Sample) -> str:
    return f"{sample.context}\n\n{sample.question}" if sample.context else sample.question


def _reply(shot: Sample) -> str:
    return str(shot.target[0])
