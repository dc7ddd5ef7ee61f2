"""Answers: from the engine's record of a request to what a scorer may see, or to why there is nothing to score.

Pure functions. Errors are not wrong answers: a request that failed, an answer that a filter withheld, a prompt that did
not fit are faults with a name. Reasoning is kept apart, whether it came in a field of its own or in a <think> block.
"""

from __future__ import annotations

import re

from evalcore.types import Answer, Message, Prediction, Sample
from perfbench.engine.request import Record

_CONTEXT = re.compile(r"context.{0,20}(length|size|window)|maximum context|too many tokens|prompt is too long", re.I)
_FILTER = re.compile(r"content.{0,5}(filter|policy|management)|safety system|moderation", re.I)
_OPEN, _CLOSE = "<think>", "</think>"


def fault_of(record: Record) -> str:
    """Why there is no answer; empty: there is one."""
    if record.outcome == "ok":
        return "content_filter" if "content_filter" in record.finish_reasons and not record.text else ""
    if record.status in (400, 413, 422):
        if _CONTEXT.search(record.error_detail):
            return "context_length"
        if _FILTER.search(record.error_detail):
            return "content_filter"
    return record.error or record.outcome


def prediction_of(record: Record, benchmark: str, sample: Sample, repeat: int, messages: list[Message]) -> Prediction:
    """What is written down of a request that is over."""
    started_ns = record.earlier[0].started_ns if record.earlier else record.started_ns
    first_ns, written_ns = record.first_output_ns, record.written_ns
    return Prediction(
        key=record.key, benchmark=benchmark, sample=sample, repeat=repeat, messages=tuple(messages),
        fault=fault_of(record), detail=record.error_detail, text=record.text or "", reasoning=record.reasoning or "",
        tool_calls=tuple(record.tool_calls or ()),
        finish_reason=record.finish_reasons[0] if record.finish_reasons else "", attempts=len(record.earlier) + 1,
        input_tokens=record.input_tokens, output_tokens=record.output_tokens,
        ttft_ms=None if first_ns is None or written_ns is None else (first_ns - written_ns) / 1e6,
        latency_ms=None if started_ns is None else (record.finished_ns - started_ns) / 1e6,
    )  # fmt: skip


def answer_of(prediction: Prediction) -> Answer:
    """What a scorer sees: the text after the reasoning, if it began with any."""
    thought, text = split_thinking(prediction.text)
    return Answer(
        text=text, reasoning=prediction.reasoning or thought, finish_reason=prediction.finish_reason,
        way=prediction.way, likelihoods=prediction.likelihoods, tool_calls=prediction.tool_calls,
    )  # fmt: skip


def shown(answer: Answer) -> str:
    """The answer as people read it: its text, or the functions it called where it said nothing."""
    if answer.text or not answer.tool_calls:
        return answer.text
    called = [one.get("function") or {} for one in answer.tool_calls]
    return "\n".join(f"{one.get('name')}({one.get('arguments')})" for one in called)


def split_thinking(text: str) -> tuple[str, str]:
    """(reasoning, answer). A block that is opened and never closed is all reasoning: the answer never came.

    Some chat templates open the block themselves, so that only its end is in the reply; some models open another one
    right behind the first.
    """
    head, closed, tail = text.partition(_CLOSE)
    if closed:
        thoughts = [head.replace(_OPEN, "", 1).strip()]
        while (tail := tail.strip()).startswith(_OPEN):
            more, _, tail = tail.removeprefix(_OPEN).partition(_CLOSE)
            thoughts.append(more.strip())
        return "\n\n".join(filter(None, thoughts)), tail
    if text.lstrip().startswith(_OPEN):
        return text.replace(_OPEN, "", 1).strip(), ""
    return "", text
