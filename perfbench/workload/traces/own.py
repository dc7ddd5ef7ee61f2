"""Own: a trace in .jsonl of our own, one object a line.

    at              when it came: seconds from any instant, or a date with a time; may be called timestamp
    input_tokens    how long the prompt is; may be left out where the prompt is there
    output_tokens   how long the reply is, exactly; left out: as long as the model talks
    prompt          what to ask, as a text; or messages, a list as the chat API takes it. Without either it is made up
    session         a name: made-up prompts of one session begin alike, each as far as the shorter of two goes
    tag             figures are given by it

Other fields are left alone.
"""

from __future__ import annotations

from typing import Any

from perfbench.workload.traces.base import ReadRow, Row, scaled_ns, tokens
from perfbench.workload.traces.blocks import as_object
from perfbench.workload.traces.columns import instant_ns

TIMES = ("at", "timestamp")


class Own:
    name = "own"
    has_header = False
    block_tokens = 0
    like = '{"at": 0.5, "input_tokens": 500, "output_tokens": 100}'

    def recognises(self, first: bytes) -> bool:
        row = as_object(first)
        return row is not None and not row.keys().isdisjoint(TIMES) and "input_length" not in row

    def reader(self, first: bytes) -> ReadRow:
        return read_row


def read_row(line: bytes) -> Row:
    """Raises ValueError."""
    row = as_object(line)
    if row is None:
        raise ValueError("is no JSON object")
    given = [name for name in TIMES if row.get(name) is not None]
    if len(given) != 1:
        raise ValueError(f"has {' and '.join(given) or 'neither at nor timestamp'}; one says when it came")
    at = row[given[0]]
    at_ns = instant_ns(at) if isinstance(at, str) else scaled_ns(at, 1_000_000_000, given[0])
    asked, told = row.get("input_tokens"), row.get("output_tokens")
    has_prompt = _has_prompt(row)
    if asked is None and not has_prompt:
        raise ValueError("says neither input_tokens nor what to ask (prompt or messages)")
    session = row.get("session")
    return Row(
        at_ns, None if asked is None else tokens(asked, "input_tokens"),
        None if told is None else tokens(told, "output_tokens"),
        session=None if session is None else str(session), tag=str(row.get("tag") or ""), has_prompt=has_prompt,
    )  # fmt: skip


def _has_prompt(row: dict[str, Any]) -> bool:
    given = [name for name in ("prompt", "messages") if row.get(name) is not None]
    if len(given) > 1:
        raise ValueError("has prompt and messages; one says what to ask")
    if not given:
        return False
    value, kind = row[given[0]], str if given[0] == "prompt" else list
    if not isinstance(value, kind) or not value:
        raise ValueError(f"{given[0]} is not a {kind.__name__} with something in it")
    if kind is list and not all(isinstance(message, dict) for message in value):
        raise ValueError("messages is not a list of objects")
    return True
