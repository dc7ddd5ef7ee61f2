"""Traffic: what a plan is made for: a rate, or the arrivals of a recorded trace with their peaks."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from perfbench.capacity.simulate import poisson_s
from perfbench.engine.errors import ScenarioError
from perfbench.metrics.columns import FloatArray
from perfbench.settings import units
from perfbench.workload.traces.reading import NOT_SAID, read_trace

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
        return recorded(path)
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


def recorded(path: Path) -> Traffic:
    """The arrivals of a trace, in any format that `run --trace` replays. Raises ScenarioError."""
    trace = read_trace(path)
    at_s = np.array(trace.at_ns, dtype=np.float64) / 1e9
    if len(at_s) < 2:
        raise ScenarioError(f"trace {path} tells the times of {len(at_s)} requests; a plan needs some")
    at_s -= at_s[0]
    rate = (len(at_s) - 1) / float(at_s[-1]) if at_s[-1] > 0 else float(len(at_s))
    lengths = np.array(trace.output_tokens, dtype=np.float64)
    return Traffic(
        f"{path.name} ({len(at_s)} requests, {rate:.3g} req/s on average)", rate, at_s,
        None if (lengths == NOT_SAID).any() else lengths,
    )  # fmt: skip
