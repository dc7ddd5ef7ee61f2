"""Traffic: what a plan is made for: a rate, or the arrivals of a recorded trace with their peaks.

A trace is a .jsonl, .csv or either of them gzipped, with one request a line and the instant it came under one of
TIME_KEYS; how many tokens it took under one of the others, if it says. Instants are seconds, ISO dates, or, as
Mooncake's traces have them, whole milliseconds under `timestamp` in a .jsonl file.
"""

from __future__ import annotations

import csv
import gzip
import io
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from perfbench.capacity.simulate import poisson_s
from perfbench.engine.errors import ScenarioError
from perfbench.metrics.columns import FloatArray
from perfbench.settings import units

TIME_KEYS = ("timestamp", "at_s", "arrival_s", "arrived_at", "time")
OUTPUT_KEYS = ("output_tokens", "output_length", "generatedtokens", "response tokens")
_RATE = re.compile(r"\s*([\d.eE+-]+)\s*(?:req(?:uests?)?)?\s*(/\s*[smh])?\s*", re.IGNORECASE)


@dataclass(frozen=True, slots=True, eq=False)
class Traffic:
    """Arrivals to plan for."""

    text: str
    rate_per_s: float
    """On average."""
    recorded: FloatArray | None = None
    """Instants of a trace, in seconds from its first; None: Poisson."""
    output_tokens: FloatArray | None = None
    """Of each recorded request."""

    def arrivals_s(self, count: int, scale: float, seed: int) -> FloatArray:
        """Arrivals `scale` times as dense. Poisson: so many of them; recorded: all there are, peaks and all."""
        if self.recorded is not None:
            return self.recorded / scale
        return poisson_s(self.rate_per_s * scale, count, seed)


def parse_traffic(text: str, file_if_any: Path | None = None) -> Traffic:
    """`40 req/s`, `1200/m`, or the name of a trace. Raises ScenarioError."""
    path = Path(text).expanduser() if file_if_any is None else file_if_any
    if path.is_file():
        return read_trace(path)
    found = _RATE.fullmatch(text)
    try:
        if found is None:
            raise ValueError(f"{text!r} is neither a rate nor a file")
        rate = units.rate_per_s(found[1] + (found[2] or "/s").replace(" ", ""))
        if rate <= 0:
            raise ValueError(f"{text!r} is no traffic")
    except ValueError as error:
        raise ScenarioError(f"--target {error}; write it like '40 req/s', or name a trace") from None
    return Traffic(f"{rate:g} req/s", rate)


def read_trace(path: Path) -> Traffic:
    """The arrivals of a trace file. Raises ScenarioError naming the line."""
    instants: list[float] = []
    tokens: list[float] = []
    for number, row in enumerate(_rows(path), 1):
        lower = {str(name).strip().lower(): value for name, value in row.items()}
        key = next((name for name in TIME_KEYS if name in lower), None)
        if key is None:
            raise ScenarioError(
                f"{path} request {number} says nothing of its time; name it one of {', '.join(TIME_KEYS)}"
            )
        instants.append(_seconds(lower[key], path, number))
        output = next((lower[name] for name in OUTPUT_KEYS if lower.get(name) not in (None, "")), None)
        tokens.append(float("nan") if output is None else float(output))
    if len(instants) < 2:
        raise ScenarioError(f"{path} holds {len(instants)} requests; a trace needs some")
    at = np.array(instants)
    if path.name.removesuffix(".gz").endswith(".jsonl") and "timestamp" in (key or "") and np.all(at == np.round(at)):
        at /= 1e3  # Mooncake's are whole milliseconds
    order = np.argsort(at, kind="stable")
    at = at[order] - at.min()
    lengths = np.array(tokens)[order]
    rate = (len(at) - 1) / float(at[-1]) if at[-1] > 0 else float(len(at))
    return Traffic(
        f"{path.name} ({len(at)} requests, {rate:.3g} req/s on average)", rate, at,
        None if np.isnan(lengths).any() else lengths,
    )  # fmt: skip


def _rows(path: Path) -> Iterator[dict[str, Any]]:
    with gzip.open(path, "rb") if path.name.endswith(".gz") else path.open("rb") as source:
        text = io.TextIOWrapper(source, "utf-8")
        if path.name.removesuffix(".gz").endswith(".csv"):
            yield from csv.DictReader(text)
            return
        for number, line in enumerate(text, 1):
            if line.strip():
                try:
                    yield msgspec.json.decode(line, type=dict[str, Any])
                except msgspec.DecodeError as error:
                    raise ScenarioError(f"{path} line {number} is not a JSON object: {error}") from None


def _seconds(value: Any, path: Path, number: int) -> float:
    try:
        return float(value)
    except (TypeError, ValueError):
        pass
    try:
        return datetime.fromisoformat(re.sub(r"(\.\d{6})\d+", r"\1", str(value))).timestamp()
    except ValueError:
        raise ScenarioError(f"{path} request {number}: {value!r} is no instant; give seconds or an ISO date") from None
