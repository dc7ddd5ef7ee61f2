"""Throughput: how much whole work was done in a window of time."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from perfbench.engine.errors import NoData
from perfbench.metrics.columns import NEVER, Columns
from perfbench.statistics.means import rate_interval


def window_ns(columns: Columns) -> tuple[int, int]:
    """First start to last byte of everything that was sent, also of what failed or was cut off.

    A retried request starts with its first attempt. Raises NoData if nothing was sent.
    """
    sent = columns.sent
    if not sent.any():
        raise NoData("nothing was sent, so there is no window to measure")
    return int(columns.first_started_ns[sent].min()), int(columns.finished_ns[sent].max())


def throughput(columns: Columns, from_ns: int, to_ns: int) -> Mapping[str, float | None]:
    """Successful requests whose last byte fell into (from, to], and their tokens, per second.

    Tokens of failed and cut-off requests are left out: nobody could use them. Token figures are None when no request
    of the window said how many it had; requests that did not say add nothing, and `tokens.unknown` counts them.
    A window of no length gives None throughout.
    """
    if to_ns <= from_ns:
        return {"requests_per_s": None, "output_tokens_per_s": None, "total_tokens_per_s": None}
    length_s = (to_ns - from_ns) / 1e9
    counted = columns.ok & (columns.finished_ns > from_ns) & (columns.finished_ns <= to_ns)
    output, input_ = columns.output_tokens[counted], columns.input_tokens[counted]
    known_output = int(output[output >= 0].sum(dtype=np.int64)) if (output >= 0).any() else None
    known_input = int(input_[input_ >= 0].sum(dtype=np.int64)) if (input_ >= 0).any() else None
    known = [tokens for tokens in (known_output, known_input) if tokens is not None]
    return {
        "requests_per_s": int(counted.sum()) / length_s,
        "output_tokens_per_s": None if known_output is None else known_output / length_s,
        "total_tokens_per_s": sum(known) / length_s if known else None,
    }


def rate_intervals(columns: Columns, from_ns: int, to_ns: int) -> dict[str, list[float] | None]:
    """`throughput`'s rates with _ci behind their names: intervals at 95 % from their spread over slices of the window.

    None where too little happened, or where it still changed from one tenth of the window to the next.
    """
    ok = columns.ok
    at_ns = columns.finished_ns[ok]
    output = np.maximum(columns.output_tokens[ok], 0).astype(np.float64)
    input_ = np.maximum(columns.input_tokens[ok], 0).astype(np.float64)
    amounts = {
        "requests_per_s": np.ones(at_ns.size),
        "output_tokens_per_s": output,
        "total_tokens_per_s": output + input_,
    }
    found = {name: rate_interval(at_ns, amount, from_ns, to_ns) for name, amount in amounts.items()}
    known = {name: amount.any() for name, amount in amounts.items()}
    return {f"{name}_ci": list(ends) if ends is not None and known[name] else None for name, ends in found.items()}


def last_dispatch_ns(columns: Columns) -> int:
    """When the last request that was sent first started. Raises NoData if nothing was sent."""
    started = columns.first_started_ns[columns.first_started_ns != NEVER]
    if started.size == 0:
        raise NoData("nothing was sent, so nothing was the last")
    return int(started.max())
