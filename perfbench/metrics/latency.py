"""Latency: how long each request took, on the two bases.

*Service* counts from the instant the request was written to the kernel: what the server did. *Response* counts from
the instant pacing wanted the request to leave: what a user of that arrival process felt, with our own lateness and
every queue in front of the server in it (coordinated omission: giltene/wrk2, README). They are never mixed.

Every function gives float64 ms of shape (n,), one value per record, so that values of one request stand in one row.
NaN: left out (it failed, was cut off, or the thing never happened). Infinite: due, but never sent. To add a metric: a
function, a line in PER_REQUEST and its name in names.py; the summary, the SLO grammar and the report read those
tables.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from perfbench.metrics.columns import NEVER, UNSENT, AnyArray, BoolArray, Columns, FloatArray, IntArray
from perfbench.metrics.names import NAMES as NAMES
from perfbench.metrics.names import RESPONSE_OF as RESPONSE_OF
from perfbench.metrics.percentile import Spread, spread


def between_ms(from_ns: IntArray, to_ns: IntArray, counted: BoolArray) -> FloatArray:
    """Milliseconds from one instant to the other where `counted` holds and both happened, else NaN. Shapes (n,)."""
    result = np.full(from_ns.shape, np.nan)
    both = counted & (from_ns != NEVER) & (to_ns != NEVER)
    result[both] = (to_ns[both] - from_ns[both]) / 1e6
    return result


def ttft_ms(columns: Columns) -> FloatArray:
    """Written to the first chunk that carries output, of successful streamed requests.

    A role-only chunk, an empty delta, a comment or a usage chunk is no output; reasoning is.
    """
    return between_ms(columns.written_ns, columns.first_output_ns, columns.ok & columns.stream)


def ttfat_ms(columns: Columns) -> FloatArray:
    """Written to the first output that is not reasoning, of successful streamed requests."""
    return between_ms(columns.written_ns, columns.first_answer_ns, columns.ok & columns.stream)


def ttst_ms(columns: Columns) -> FloatArray:
    """The first chunk with output to the second, of successful streamed requests: "time to second token".

    The step from prefill to decode, where a cache that has to be moved, or a batch that has to be joined, shows. NaN
    below two chunks, and where gaps were not kept.
    """
    result = np.full(columns.size, np.nan)
    has_gaps = columns.ok & columns.stream & (columns.itl_count > 0)
    first = np.cumsum(columns.itl_count, dtype=np.int64) - columns.itl_count
    result[has_gaps] = columns.itl_ms[first[has_gaps]]
    return result


def tpot_ms(columns: Columns) -> FloatArray:
    """(last output chunk - first) / (output tokens - 1), of successful streamed requests.

    NaN below two tokens, where there is no pace to speak of. When every token came in one chunk it is 0: a
    measurement, not a gap.
    """
    span_ms = between_ms(columns.first_output_ns, columns.last_output_ns, columns.ok & columns.stream)
    span_ms[columns.output_tokens < 2] = np.nan
    return span_ms / np.maximum(columns.output_tokens - 1, 1)


def e2e_ms(columns: Columns) -> FloatArray:
    """Written to last byte, of successful requests."""
    return between_ms(columns.written_ns, columns.finished_ns, columns.ok)


def e2e_per_token_ms(columns: Columns) -> FloatArray:
    """E2E over output tokens, of successful requests that have any: "normalised latency" (Orca, G.-I. Yu et al., OSDI
    2022, section 6), which makes replies of different lengths comparable."""
    return _per_token(e2e_ms(columns), columns)


def response_ttft_ms(columns: Columns) -> FloatArray:
    """Intended to the first chunk that carries output, of successful streamed requests.

    Infinite for streamed requests that were due and never sent.
    """
    result = between_ms(columns.intended_ns, columns.first_output_ns, columns.ok & columns.stream)
    result[(columns.outcome == UNSENT) & columns.stream] = np.inf
    return result


def response_e2e_ms(columns: Columns) -> FloatArray:
    """Intended to last byte, of successful requests. Infinite for requests that were due and never sent."""
    result = between_ms(columns.intended_ns, columns.finished_ns, columns.ok)
    result[columns.outcome == UNSENT] = np.inf
    return result


def response_e2e_per_token_ms(columns: Columns) -> FloatArray:
    """The same on the response base. Infinite for requests that were due and never sent."""
    result = _per_token(response_e2e_ms(columns), columns)
    result[columns.outcome == UNSENT] = np.inf
    return result


def _per_token(whole_ms: FloatArray, columns: Columns) -> FloatArray:
    whole_ms[columns.output_tokens < 1] = np.nan
    return whole_ms / np.maximum(columns.output_tokens, 1)


def send_lag_ms(columns: Columns) -> FloatArray:
    """Intended to the start of the first attempt, of everything that was sent: its fate comes later and elsewhere.

    Holds the wait for a limit that the user set (`--parallel` in open loop, requests/s) and our own lateness; the
    latter alone is `dispatch_lateness_ms`.
    """
    return between_ms(columns.intended_ns, columns.first_started_ns, columns.sent)


def connect_ms(columns: Columns) -> FloatArray:
    """Started to written, of successful requests that had to open their connection (DNS, TCP, TLS)."""
    return between_ms(columns.started_ns, columns.written_ns, columns.ok & ~columns.reused)


def dispatch_lateness_ms(columns: Columns) -> FloatArray:
    """Intended to handed over by the pacer, of every record that says so: purely this client's lateness."""
    everything = np.ones(columns.size, np.bool_)
    return between_ms(columns.intended_ns, columns.dispatched_ns, everything)


def itl_ms(columns: Columns) -> npt.NDArray[np.float32]:
    """Gaps between output-bearing chunks of successful streamed requests, pooled: shape (number of gaps,), float32.

    The only metric with several values a request. Empty when gaps were not kept. A chunk is not a token: a server
    that sends two tokens a chunk has half the gaps, each twice as long.
    """
    return columns.itl_ms[np.repeat(columns.ok & columns.stream, columns.itl_count)]


def itl_owners(columns: Columns) -> npt.NDArray[np.int32]:
    """How many of the gaps of `itl_ms` each of its requests has, in the same order: shape (requests with gaps,)."""
    counts = columns.itl_count[columns.ok & columns.stream]
    return counts[counts > 0]


PER_REQUEST: dict[str, Callable[[Columns], FloatArray]] = {
    "ttft": ttft_ms,
    "ttfat": ttfat_ms,
    "ttst": ttst_ms,
    "tpot": tpot_ms,
    "e2e": e2e_ms,
    "e2e_per_token": e2e_per_token_ms,
    "response_ttft": response_ttft_ms,
    "response_e2e": response_e2e_ms,
    "response_e2e_per_token": response_e2e_per_token_ms,
    "send_lag": send_lag_ms,
    "connect": connect_ms,
}


def latency_values(columns: Columns, name: str) -> tuple[AnyArray, npt.NDArray[np.int32] | None]:
    """Values of one latency (of NAMES) without NaN, in order of arrival: shape (n,); and, of ITL only, how they cluster
    by request, in the order of the file."""
    if name == "itl":
        return itl_ms(columns), itl_owners(columns)
    values = PER_REQUEST[name](columns)[arrival_order(columns)]
    return values[~np.isnan(values)], None


def latency_spread(columns: Columns, name: str) -> Spread | None:
    """Spread of one latency (of NAMES), its intervals aware of what requests that came together have in common."""
    values, clusters = latency_values(columns, name)
    if clusters is None:
        return spread(values)
    owns_gaps = columns.ok & columns.stream & (columns.itl_count > 0)
    order = arrival_order(columns)
    # The gaps stay where they are, a hundred million of them at times; only what is summed by request changes places.
    place = np.cumsum(owns_gaps) - 1
    return spread(values, clusters, place[order[owns_gaps[order]]])


def arrival_order(columns: Columns) -> IntArray:
    """Rows in the order in which their requests were due: shape (n,). The file has them in the order of their ends, and
    worker by worker."""
    return np.argsort(columns.intended_ns, kind="stable")
