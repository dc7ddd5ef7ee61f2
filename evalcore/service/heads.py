"""Heads: of records, of reviews and of predictions, the fields that pages are filtered and ordered by."""

from __future__ import annotations

import math
from typing import Any

import msgspec

from evalcore.service.lines import Reading, short_hash

NAN = float("nan")
VERDICTS = ("right", "partly", "wrong", "unscored")
"""What a review says, by the protocol that the report quotes: 1, between, 0, nothing."""


# -- requests --------------------------------------------------------------------------------------------------------


class _RecordHead(msgspec.Struct):
    intended_ns: int
    finished_ns: int
    outcome: str
    written_ns: int | None = None
    first_output_ns: int | None = None
    error: str = ""
    status: int | None = None
    input_tokens: int | None = None
    output_tokens: int | None = None
    warmup: bool = False
    stream: bool = True
    tag: str = ""
    lane: str = "default"


def _record_row(head: _RecordHead) -> tuple[Any, ...]:
    left = head.written_ns is not None and head.outcome == "ok"
    e2e_ms = (head.finished_ns - head.written_ns) / 1e6 if left and head.written_ns is not None else NAN
    has_first = left and head.stream and head.first_output_ns is not None
    ttft_ms = (head.first_output_ns - head.written_ns) / 1e6 if has_first else NAN  # type: ignore[operator]
    return (
        head.intended_ns, e2e_ms, ttft_ms, head.outcome, head.error, head.status or 0, _count(head.input_tokens),
        _count(head.output_tokens), head.warmup, head.tag, head.lane,
    )  # fmt: skip


def _count(value: int | None) -> int:
    return -1 if value is None else min(value, 2**31 - 1)


RECORDS = Reading(
    "records 1", _RecordHead,
    (("start_ns", "int64"), ("e2e_ms", "float64"), ("ttft_ms", "float64"), ("outcome", "int16"), ("error", "int16"),
     ("status", "int32"), ("input_tokens", "int32"), ("output_tokens", "int32"), ("warmup", "bool"),
     ("tag", "int16"), ("lane", "int16")),
    frozenset({"outcome", "error", "tag", "lane"}), _record_row,
)  # fmt: skip


# -- reviews ---------------------------------------------------------------------------------------------------------


class _Value(msgspec.Struct):
    value: float


class _ReviewHead(msgspec.Struct):
    key: str
    sample_id: str
    status: str
    subset: str = "main"
    category: str = ""
    repeat: int = 0
    fault: str = ""
    scores: dict[str, _Value] = {}
    finish_reason: str = ""
    output_tokens: int | None = None
    latency_ms: float | None = None


def reviews(protocol: str) -> Reading:
    """`protocol` says what is right; empty, or one that a line lacks: its first."""

    def row(head: _ReviewHead) -> tuple[Any, ...]:
        score = head.scores.get(protocol) or next(iter(head.scores.values()), None)
        value = NAN if score is None or head.status != "scored" else score.value
        verdict = 3 if math.isnan(value) else 0 if value >= 1 else 2 if value <= 0 else 1
        return (
            short_hash(head.key), verdict, value, head.subset, head.category, head.repeat, head.fault,
            head.finish_reason, _count(head.output_tokens), NAN if head.latency_ms is None else head.latency_ms,
        )  # fmt: skip

    columns = (
        ("key", "int64"), ("verdict", "int8"), ("value", "float64"), ("subset", "int32"), ("category", "int32"),
        ("repeat", "int32"), ("fault", "int16"), ("finish_reason", "int16"), ("output_tokens", "int32"),
        ("latency_ms", "float64"),
    )  # fmt: skip
    words = frozenset({"subset", "category", "fault", "finish_reason"})
    return Reading(f"reviews 1 {protocol}", _ReviewHead, columns, words, row)


class _KeyHead(msgspec.Struct):
    key: str


KEYS = Reading("keys 1", _KeyHead, (("key", "int64"),), frozenset(), lambda head: (short_hash(head.key),))
