"""Columns: the records of a run as numpy arrays, the one form that metrics work on.

One pass over the batches that `RunFolder.records()` yields; a record costs about 150 bytes here plus 4 bytes a gap
between tokens, whatever its texts weigh. What is not asked of any metric is not kept. To add a column: a field in
`Columns`, a line in `_batch`, a row in tests/metrics/test_columns.py.

An instant that never happened is `NEVER`, a count that nobody gave is `UNKNOWN`: neither is ever a zero.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields
from itertools import chain
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from perfbench.engine.request import Record

IntArray: TypeAlias = npt.NDArray[np.int64]
FloatArray: TypeAlias = npt.NDArray[np.float64]
BoolArray: TypeAlias = npt.NDArray[np.bool_]
AnyArray: TypeAlias = npt.NDArray[Any]

NEVER = int(np.iinfo(np.int64).min)
"""Stands in an instant column for an instant that never came."""
UNKNOWN = -1
"""Stands in a count column for a count that nobody gave."""

OUTCOMES = ("ok", "failed", "cancelled", "unsent")
OK, FAILED, CANCELLED, UNSENT = range(4)
TOKEN_SOURCES = ("usage", "tokenizer", "chunks")
CUT_REASONS = frozenset({"length", "max_tokens", "max_output_tokens", "model_length"})
"""Finish reasons, by dialect and engine, of a reply that ended because it was long enough, not because it was over."""


@dataclass(frozen=True, slots=True, eq=False)
class Columns:
    """n records in file order; every array has shape (n,) but `itl_ms`. Instants are int64 ns on the run's clock."""

    intended_ns: IntArray
    dispatched_ns: IntArray
    first_started_ns: IntArray
    """Start of the first attempt; the same as `started_ns` where nothing was retried."""
    started_ns: IntArray
    written_ns: IntArray
    first_byte_ns: IntArray
    first_output_ns: IntArray
    first_answer_ns: IntArray
    last_output_ns: IntArray
    finished_ns: IntArray
    outcome: npt.NDArray[np.uint8]
    """Position in OUTCOMES."""
    error: npt.NDArray[np.int16]
    """Position in `error_kinds`; UNKNOWN where there was no error."""
    stream: BoolArray
    warmup: BoolArray
    """Sent before what is measured."""
    reused: BoolArray
    attempts: npt.NDArray[np.int32]
    reconnects: npt.NDArray[np.int32]
    input_tokens: npt.NDArray[np.int32]
    output_tokens: npt.NDArray[np.int32]
    reasoning_tokens: npt.NDArray[np.int32]
    cached_tokens: npt.NDArray[np.int32]
    token_source: npt.NDArray[np.int8]
    """Position in TOKEN_SOURCES; UNKNOWN where there were no output tokens to count."""
    tag: npt.NDArray[np.int16]
    """Position in `tags`."""
    session: npt.NDArray[np.int32]
    turn: npt.NDArray[np.int32]
    turns: npt.NDArray[np.int32]
    """Of its session; these three are UNKNOWN for a request by itself."""
    wanted_input_tokens: npt.NDArray[np.int32]
    wanted_output_tokens: npt.NDArray[np.int32]
    chunks: npt.NDArray[np.int32]
    """Events that carried output."""
    choices: npt.NDArray[np.int16]
    """Answers in one reply, by their finish reasons."""
    cut: BoolArray
    """One of them ended by its length."""
    url: npt.NDArray[np.int16]
    """Position in `urls`."""
    itl_count: npt.NDArray[np.int32]
    """How many of `itl_ms` belong to the record."""
    itl_ms: npt.NDArray[np.float32]
    """All gaps of record 0, then those of record 1, ...: shape (itl_count.sum(),), ms."""
    error_kinds: tuple[str, ...]
    tags: tuple[str, ...] = ("",)
    urls: tuple[str, ...] = ("",)

    @property
    def size(self) -> int:
        return int(self.outcome.size)

    @property
    def ok(self) -> BoolArray:
        return np.equal(self.outcome, OK)

    @property
    def failed(self) -> BoolArray:
        return np.equal(self.outcome, FAILED)

    @property
    def begins(self) -> BoolArray:
        """Arrivals: requests by themselves, and the first turns of sessions; later turns come when their users do."""
        return self.turn <= 1

    def is_error(self, kind: str) -> BoolArray:
        """Those that ended with an error of that kind."""
        code = self.error_kinds.index(kind) if kind in self.error_kinds else UNKNOWN - 1
        return np.equal(self.error, code)

    @property
    def sent(self) -> BoolArray:
        """Those that left, whatever became of them."""
        return np.not_equal(self.first_started_ns, NEVER)

    def where(self, mask: BoolArray) -> Columns:
        """The records that the mask (shape (n,)) names, with their gaps."""
        picked: dict[str, Any] = {f.name: getattr(self, f.name)[mask] for f in fields(self) if f.name not in _RAGGED}
        return Columns(
            **picked, itl_ms=self.itl_ms[np.repeat(mask, self.itl_count)], error_kinds=self.error_kinds,
            tags=self.tags, urls=self.urls,
        )  # fmt: skip


_RAGGED = ("itl_ms", "error_kinds", "tags", "urls")
_INSTANTS = (
    "intended_ns", "dispatched_ns", "started_ns", "written_ns", "first_byte_ns", "first_output_ns", "first_answer_ns",
    "last_output_ns", "finished_ns",
)  # fmt: skip
_COUNTS = (
    "input_tokens", "output_tokens", "reasoning_tokens", "cached_tokens", "session", "turn", "turns",
    "wanted_input_tokens", "wanted_output_tokens",
)  # fmt: skip
_OUTCOME_CODES = {name: code for code, name in enumerate(OUTCOMES)}
_SOURCE_CODES: dict[str | None, int] = {None: UNKNOWN, **{name: code for code, name in enumerate(TOKEN_SOURCES)}}
_DTYPES: dict[str, Any] = {
    **dict.fromkeys((*_INSTANTS, "first_started_ns"), np.int64),
    **dict.fromkeys((*_COUNTS, "attempts", "reconnects", "itl_count", "chunks"), np.int32),
    **dict.fromkeys(("error", "tag", "url", "choices"), np.int16),
    **dict.fromkeys(("stream", "reused", "warmup", "cut"), np.bool_),
    "outcome": np.uint8, "token_source": np.int8, "itl_ms": np.float32,
}  # fmt: skip


def columns(batches: Iterable[Sequence[Record]]) -> Columns:
    """Turn batches of records into columns. No records at all gives columns of size 0."""
    error_codes: dict[str, int] = {"": UNKNOWN}
    tag_codes: dict[str, int] = {"": 0}
    url_codes: dict[str, int] = {"": 0}
    pieces: dict[str, list[AnyArray]] = {name: [np.empty(0, dtype)] for name, dtype in _DTYPES.items()}
    for batch in batches:
        for name, array in _batch(batch, error_codes, tag_codes, url_codes).items():
            pieces[name].append(array)
    # Column by column and emptied on the way: the peak is one column above the result, not twice the result.
    whole: dict[str, Any] = {name: np.concatenate(pieces.pop(name)) for name in _DTYPES}
    return Columns(**whole, error_kinds=tuple(error_codes)[1:], tags=tuple(tag_codes), urls=tuple(url_codes))


def _batch(
    batch: Sequence[Record], error_codes: dict[str, int], tag_codes: dict[str, int], url_codes: dict[str, int]
) -> dict[str, AnyArray]:
    n = len(batch)

    def column(name: str, values: Iterable[Any], count: int = n) -> AnyArray:
        return np.fromiter(values, _DTYPES[name], count)

    found = {name: column(name, [NEVER if (v := getattr(r, name)) is None else v for r in batch]) for name in _INSTANTS}
    for name in _COUNTS:
        found[name] = column(name, [UNKNOWN if (v := getattr(r, name)) is None else v for r in batch])
    first_started = found["started_ns"].copy()
    attempts = np.ones(n, np.int32)
    for row, record in enumerate(batch):
        if record.earlier:
            first_started[row] = record.earlier[0].started_ns
            attempts[row] += len(record.earlier)
        if record.error not in error_codes:
            error_codes[record.error] = len(error_codes) - 1
        if record.tag not in tag_codes:
            tag_codes[record.tag] = len(tag_codes)
        if record.url not in url_codes:
            url_codes[record.url] = len(url_codes)
    gaps = [r.itl_ns or () for r in batch]
    itl_count = column("itl_count", map(len, gaps))
    in_ns = np.fromiter(chain.from_iterable(gaps), np.float64, int(itl_count.sum()))
    return found | {
        "first_started_ns": first_started,
        "attempts": attempts,
        "outcome": column("outcome", [_OUTCOME_CODES[r.outcome] for r in batch]),
        "error": column("error", [error_codes[r.error] for r in batch]),
        "tag": column("tag", [tag_codes[r.tag] for r in batch]),
        "stream": column("stream", [r.stream for r in batch]),
        "warmup": column("warmup", [r.warmup for r in batch]),
        "reused": column("reused", [r.reused for r in batch]),
        "reconnects": column("reconnects", [r.reconnects for r in batch]),
        "token_source": column("token_source", [_SOURCE_CODES[r.token_source] for r in batch]),
        "chunks": column("chunks", [r.chunks for r in batch]),
        "choices": column("choices", [min(len(r.finish_reasons), 1 << 14) for r in batch]),
        "cut": column("cut", [not CUT_REASONS.isdisjoint(r.finish_reasons) for r in batch]),
        "url": column("url", [url_codes[r.url] for r in batch]),
        "itl_count": itl_count,
        "itl_ms": (in_ns / 1e6).astype(np.float32),
    }
