"""Columns: traces in .csv files, known by the names of their columns.

azure      TIMESTAMP,ContextTokens,GeneratedTokens                     2023: 100 ns digits; 2024: +00:00 behind
burstgpt   Timestamp,Model,Request tokens,Response tokens,...          seconds; a reply of 0 tokens is a failure
lengths    num_prefill_tokens,num_decode_tokens,...                    no times: lengths alone
"""

from __future__ import annotations

import csv
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

from perfbench.workload.traces.base import ReadRow, Row, scaled_ns, tokens

_INSTANT = re.compile(r"(\d{4}-\d\d-\d\d[ T]\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?\d*(Z|[+-]\d\d:?\d\d)?")


def instant_ns(text: str) -> int:
    """A date with a time, as ns since 1970: UTC unless it says otherwise; to the digit, where datetime keeps six.

    Raises ValueError.
    """
    found = _INSTANT.fullmatch(text.strip())
    if found is None:
        raise ValueError(f"{text!r} is no date with a time, like 2023-11-16 18:17:03.9799600")
    whole, digits, zone = found.groups()
    at = datetime.fromisoformat(whole + (zone or "+00:00"))
    since = at - _EPOCH
    return (since.days * 86_400 + since.seconds) * 1_000_000_000 + (int(digits.ljust(9, "0")) if digits else 0)


_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def seconds_ns(text: str) -> int:
    return scaled_ns(text, 1_000_000_000, "a time in seconds")


@dataclass(frozen=True, slots=True)
class Columns:
    """A .csv format: the columns it is known by, and how a time is written."""

    name: str
    at: str | None
    input: str
    output: str
    time: Callable[[str], int] = instant_ns
    has_header: bool = True
    block_tokens: int = 0

    @property
    def like(self) -> str:
        return ",".join(name for name in (self.at, self.input, self.output) if name is not None)

    def recognises(self, first: bytes) -> bool:
        wanted = {name for name in (self.at, self.input, self.output) if name is not None}
        return wanted <= set(_cells(first))

    def reader(self, first: bytes) -> ReadRow:
        names = _cells(first)
        missing = [name for name in (self.at, self.input, self.output) if name is not None and name not in names]
        if missing:
            raise ValueError(
                f"its first line names no column {missing[0]!r}; it is {first[:80].decode(errors='replace')!r}"
            )
        at = None if self.at is None else names.index(self.at)
        asked, told, count = names.index(self.input), names.index(self.output), len(names)
        time, input_name, output_name = self.time, self.input, self.output

        def read(line: bytes) -> Row:
            cells = _cells(line)
            if len(cells) != count:
                raise ValueError(f"has {len(cells)} columns, and the first line {count}")
            at_ns = None if at is None else time(cells[at])
            return Row(at_ns, tokens(cells[asked], input_name), tokens(cells[told], output_name))

        return read


def _cells(line: bytes) -> list[str]:
    text = line.decode("utf-8-sig", errors="replace").strip()
    if '"' in text:
        return next(csv.reader([text]), [])
    return [cell.strip() for cell in text.split(",")]


AZURE = Columns("azure", "TIMESTAMP", "ContextTokens", "GeneratedTokens")
BURSTGPT = Columns("burstgpt", "Timestamp", "Request tokens", "Response tokens", seconds_ns)
LENGTHS = Columns("lengths", None, "num_prefill_tokens", "num_decode_tokens")
