"""DROP: questions on a passage whose answers take counting, sorting or adding.

Paper: Dua et al., 2019, https://arxiv.org/abs/1903.00161. Licence: CC BY-SA 4.0. Items: 9536 in the common copy of the
validation set (9535 elsewhere). Prompt: passage, question, and the wish for a last line "Answer: ...", spans parted by
semicolons; three worked examples from the train split, as most published scores have.

Golds: the answer and what further annotators said, each a number, a list of spans, or a date; in a copy that keeps one
flat list of answers, each of them. Scores of one generation, side by side:
- f1 (headline) and em: the official evaluator on the spans of the last "Answer:", or of the only line.
- f1_one_span and em_one_span: the same on that text taken as one span, as lm-evaluation-harness does.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from evalcore.benchmarks.base import Info, PromptOptions, Source, with_options
from evalcore.benchmarks.fewshot import turns
from evalcore.benchmarks.rows import content_id, text_of
from evalcore.errors import DataError
from evalcore.scoring.drop import exact_and_f1
from evalcore.scoring.text import short_answer
from evalcore.types import Answer, Message, Sample, Score, Scores


class Drop:
    name = "drop"
    info = Info("DROP", "https://arxiv.org/abs/1903.00161", "CC BY-SA 4.0", 9536, ("reading", "math", "english"))
    source = Source(
        local={
            "validation": (
                "drop/**/validation*.parquet",
                "drop/validation*.jsonl*",
                "drop/dev*.jsonl*",
                "drop/*.jsonl*",
            ),
            "train": ("drop/**/train*.parquet", "drop/train*.jsonl*"),
        },
        eval_split="validation",
        shots_split="train",
        huggingface="EleutherAI/drop",
        modelscope="AI-ModelScope/DROP",
    )
    subsets = ("main",)
    few_shot = 3
    protocols = ("f1", "em", "f1_one_span", "em_one_span")
    average = "micro"
    max_tokens = None
    cpu_bound = False

    def sample(self, row: Mapping[str, Any], subset: str) -> Sample:
        passage = str(row.get("passage") or row.get("context") or "").strip()
        question = text_of(row, "question", self.name)
        golds = _golds(row)
        if not golds:
            raise DataError(f"drop: no answer for {question[:60]!r}; a row needs answer, answers_spans or answers")
        return Sample(
            id=str(row.get("query_id") or content_id(passage, question)),
            subset=subset,
            question=question,
            context=passage,
            target=golds,
            group=str(row.get("section_id") or content_id(passage)) if passage else "",
        )

    def right_answer(self, sample: Sample) -> str:
        return _reply(sample)

    def messages(self, sample: Sample, shots: Sequence[Sample], options: PromptOptions) -> list[Message]:
        return with_options(_ask(sample), sample, options, turns(shots, _ask, _reply))

    def score(self, sample: Sample, answer: Answer) -> Scores:
        text = short_answer(answer.text)
        spans = [span.strip() for span in (text or "").split(";") if span.strip()]
        em, f1 = exact_and_f1(spans, sample.target)
        em_one_span, f1_one_span = exact_and_f1([] if text is None else [text], sample.target)
        values = {"f1": f1, "em": em, "f1_one_span": f1_one_span, "em_one_span": em_one_span}
        return {protocol: Score(value=value, extracted=text) for protocol, value in values.items()}


def _golds(row: Mapping[str, Any]) -> list[list[str]]:
    """Lists of spans, without repetition, in the order of the row."""
    if isinstance(row.get("answer"), Mapping):
        validated = row.get("validated_answers") or []
        if isinstance(validated, Mapping):  # a list of answers as the hub keeps it: one list per field
            validated = [dict(zip(validated, values, strict=True)) for values in zip(*validated.values(), strict=True)]
        found = [_spans(answer) for answer in (row["answer"], *validated)]
    elif isinstance(row.get("answers_spans"), Mapping):
        found = [[str(span)] for span in row["answers_spans"].get("spans", ())]
    else:
        found = [[str(answer)] for answer in row.get("answers") or ()]
    return [list(spans) for spans in dict.fromkeys(tuple(spans) for spans in found) if any(map(str.strip, spans))]


def _spans(answer: Mapping[str, Any]) -> list[str]:
    if str(answer.get("number") or ""):
        return [str(answer["number"])]
    if answer.get("spans"):
        return [str(span) for span in answer["spans"]]
    date = answer.get("date") or {}
    return [" ".join(str(date.get(part) or "") for part in ("day", "month", "year")).strip()]


def _ask(sample: Sample) -> str:
    return (
        f"{sample.context}\n\nQuestion: {sample.question}\n\nThe passage holds what is needed. Think first, then "
        'finish with one line "Answer: " and the answer alone; part several answers by semicolons.'
    ).lstrip()


def _reply(shot: Sample) -> str:
    return "Answer: " + "; ".join(shot.target[0])
