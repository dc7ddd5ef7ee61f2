"""Requests: one row a request, of a run or of all runs of a sweep or a search.

They come in parts, as they are read, so that a run of any length is exported in the memory of one part.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import pandas as pd

from perfbench.engine.errors import ScenarioError
from perfbench.export.held import Held
from perfbench.export.table import DTYPES, Column, Table
from perfbench.metrics import latency
from perfbench.metrics.columns import NEVER, OUTCOMES, TOKEN_SOURCES, UNKNOWN, AnyArray, Columns, columns
from perfbench.runfolder import RunFolder, RunInfo

PLACE = (
    Column("run", "text", "", "folder of the run, of a sweep or a search below its own"),
    Column("load", "number", "", "requests a second, or in flight, of that run of a sweep or a search"),
)
ABOUT = (
    Column("row", "count", "", "line of requests.jsonl, from 0"),
    Column("tag", "text", "", "part of a mix"),
    Column("session", "count", "", "of a conversation"),
    Column("turn", "count", "", "within its session, from 0"),
    Column("warmup", "flag", "", "sent before what is measured, and in no figure"),
    Column("due_s", "number", "s", "when it should have left, since instant zero of the schedule"),
    Column("due_unix_s", "number", "s", "the same as a time of day, since 1970"),
    Column("outcome", "text", "", "ok, failed, cancelled (cut off by the client), unsent (due, but never left)"),
    Column("error", "text", "", "kind of failure, as in summary.json"),
    Column("attempts", "count", "", "how often it was tried"),
    Column("reconnects", "count", "", "dead connections that were replaced on the way"),
    Column("stream", "flag", "", "whether the reply was asked for as a stream"),
    Column("input_tokens", "count", "tokens", "of the prompt"),
    Column("output_tokens", "count", "tokens", "of the reply, reasoning included"),
    Column("reasoning_tokens", "count", "tokens", "of the reply"),
    Column("cached_tokens", "count", "tokens", "of the prompt, answered from the server's cache"),
    Column("token_source", "text", "", "who counted the output tokens: usage, tokenizer or chunks"),
)
MEANINGS = {
    "ttft": "written to the first chunk with output",
    "ttfat": "written to the first output that is no reasoning",
    "ttst": "first chunk with output to the second",
    "tpot": "mean gap between output tokens after the first",
    "e2e": "written to the last byte",
    "response_ttft": "due to the first chunk with output; infinite when it never left",
    "response_e2e": "due to the last byte; infinite when it never left",
    "connect": "opening the connection",
    "send_lag": "due to written",
}
COUNTS = ("input_tokens", "output_tokens", "reasoning_tokens", "cached_tokens")


def columns_of() -> tuple[Column, ...]:
    """Every column, in order: the latencies are those of `metrics.latency.PER_REQUEST`."""
    latencies = (
        Column(f"{name}_ms", "number", "ms", MEANINGS.get(name, "see perfbench.metrics.latency"))
        for name in latency.PER_REQUEST
    )
    return (*PLACE, *ABOUT, *latencies)


def requests_table(held: Held) -> Table:
    """All requests at once. Raises ScenarioError where there are none."""
    return Table(columns_of(), pd.concat([part.frame for part in requests_parts(held)], ignore_index=True))


def requests_parts(held: Held) -> Iterator[Table]:
    """All requests, part by part: at least one. Raises ScenarioError where there are none."""
    runs = [run for run in held.runs() if RunFolder(run[2]).has_records()]
    if not runs:
        raise ScenarioError(f"{held.folder} holds no requests ({held.kind}); --what figures has what it says")
    for name, at, folder in runs:
        yield from _parts(name, at, RunFolder(folder))


def _parts(name: str, at: float | None, run: RunFolder) -> Iterator[Table]:
    info, first = run.info(), 0
    began_ns = info.began_ns if info is not None else _earliest_ns(run)
    for batch in run.records():
        yield Table(columns_of(), _frame(name, at, columns([batch]), info, began_ns, first))
        first += len(batch)
    if not first:
        yield Table(columns_of(), _frame(name, at, columns([]), info, began_ns, 0))


def _earliest_ns(run: RunFolder) -> int:
    """Of records that nobody wrote down an instant zero for."""
    return min((record.intended_ns for batch in run.records() for record in batch), default=0)


def _frame(
    name: str, at: float | None, found: Columns, info: RunInfo | None, began_ns: int, first: int
) -> pd.DataFrame:
    due_s = _seconds(found.intended_ns, began_ns)
    cells: dict[str, AnyArray | Sequence[object]] = {
        "run": np.full(found.size, name, object),
        "load": np.full(found.size, np.nan if at is None else at),
        "row": np.arange(first, first + found.size),
        "tag": _named(found.tag, found.tags),
        "session": found.session,
        "turn": found.turn,
        "warmup": found.warmup,
        "due_s": due_s,
        "due_unix_s": due_s + _unix_s(info),
        "outcome": _named(found.outcome, OUTCOMES),
        "error": _named(found.error, found.error_kinds),
        "attempts": found.attempts,
        "reconnects": found.reconnects,
        "stream": found.stream,
        **{count: getattr(found, count) for count in COUNTS},
        "token_source": _named(found.token_source, TOKEN_SOURCES),
        **{f"{of}_ms": np.round(values_of(found), 4) for of, values_of in latency.PER_REQUEST.items()},
    }
    frame = pd.DataFrame({column.name: pd.array(cells[column.name], DTYPES[column.kind]) for column in columns_of()})
    for count in (*COUNTS, "session", "turn"):
        frame.loc[np.asarray(cells[count]) == UNKNOWN, count] = pd.NA
    return frame


def _seconds(at_ns: AnyArray, began_ns: int) -> AnyArray:
    shifted = (at_ns - began_ns) / 1e9
    shifted[at_ns == NEVER] = np.nan
    return np.round(shifted, 9)


def _unix_s(info: RunInfo | None) -> float:
    """Time of day of instant zero; NaN where nobody wrote it down."""
    if info is None or not info.clock_unix_ns:
        return float("nan")
    return (info.clock_unix_ns + info.began_ns - info.clock_monotonic_ns) / 1e9


def _named(positions: AnyArray, names: Sequence[str]) -> AnyArray:
    return np.array([*names, ""], object)[positions.astype(np.int64)]  # position -1: none
