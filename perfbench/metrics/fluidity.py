"""Fluidity: how often the text that a user reads was there when the user got to it.

A reader who takes a token every `tbt` begins once `ttft` has passed. A token meets its deadline when it comes before
the reader wants it: what earlier tokens came too soon is slack that later ones may use, and a token that is late sets
the reader back to where the stream is. The fluidity index is the share of tokens that met theirs (A. Agrawal et al.,
Etalon: Holistic Performance Evaluation Framework for LLM Inference Systems, arXiv 2407.07000, section 4). It sees a
stream that stalls, which a TPOT averages away, and forgives a pause that nobody had to wait for, which the tail of ITL
does not.

With D the time allowed for a token and y the time it took, slack after it is max(0, slack + D - y) and it is late when
that would be below 0. That is Lindley's recursion: a token is late where the running sum of D - y reaches a new lowest
value below 0, which needs no loop over tokens.

A chunk of several tokens may take as much longer: the reader takes as many at a time as a chunk of that reply has, on
average.
"""

from __future__ import annotations

import numpy as np

from perfbench.metrics.columns import BoolArray, Columns, FloatArray, IntArray
from perfbench.metrics.latency import response_ttft_ms, ttft_ms
from perfbench.metrics.slo import TokenDeadlines

CELLS = 1_000_000
"""Of gaps that are worked on at once: 8 MB for each of a handful of arrays."""


def tokens_in_time(columns: Columns, deadlines: TokenDeadlines, *, open_loop: bool) -> tuple[IntArray, IntArray]:
    """Chunks that met their deadline, and chunks that there were, of each request: shapes (n,).

    Of successful streamed requests whose gaps were kept; both are 0 for all others. In open loop the first deadline
    counts from when the request was due, in closed loop from when it was written.
    """
    first_ms = (response_ttft_ms if open_loop else ttft_ms)(columns)
    kept = (columns.itl_count >= columns.chunks - 1) & ((columns.itl_count > 0) | (columns.chunks == 1))
    judged: BoolArray = columns.ok & columns.stream & np.isfinite(first_ms) & kept
    total = np.where(judged, columns.itl_count + 1, 0).astype(np.int64)
    late = np.zeros(columns.size, np.int64)
    each = _tokens_per_chunk(columns)
    starts = np.cumsum(columns.itl_count, dtype=np.int64) - columns.itl_count
    # Requests of about the same length side by side, so that a table of their gaps has few empty cells.
    rows = np.flatnonzero(judged)
    rows = rows[np.argsort(columns.itl_count[rows], kind="stable")]
    at = 0
    while at < rows.size:
        width = int(columns.itl_count[rows[at]]) + 1
        end = at + max(1, CELLS // width)
        some = rows[at:end]
        width = int(columns.itl_count[some[-1]]) + 1
        some = some[: max(1, CELLS // width)]
        late[some] = _late(columns, deadlines, some, starts, first_ms, each)
        at += some.size
    return total - late, total


def fluidity_index(columns: Columns, deadlines: TokenDeadlines, *, open_loop: bool) -> FloatArray:
    """The index of each request: shape (n,), NaN where there is none."""
    met, total = tokens_in_time(columns, deadlines, open_loop=open_loop)
    index = np.full(columns.size, np.nan)
    known: BoolArray = total > 0
    index[known] = met[known] / total[known]
    return index


def _late(
    columns: Columns,
    deadlines: TokenDeadlines,
    rows: IntArray,
    starts: IntArray,
    first_ms: FloatArray,
    each: FloatArray,
) -> IntArray:
    """How many chunks of each of the rows were late: shape (rows,)."""
    counts = columns.itl_count[rows].astype(np.int64)
    place = np.arange(int(counts.max(initial=0)))
    exists = place < counts[:, None]
    gaps_ms = np.zeros(exists.shape)
    gaps_ms[exists] = columns.itl_ms[(starts[rows][:, None] + place)[exists]]
    early_ms = np.where(exists, deadlines.tbt_ms * each[rows][:, None] - gaps_ms, 0.0)
    early_ms = np.concatenate(((deadlines.ttft_ms - first_ms[rows])[:, None], early_ms), axis=1)
    sums = np.round(np.cumsum(early_ms, axis=1), 3)  # to the microsecond: just in time is in time
    before = np.minimum(np.minimum.accumulate(np.pad(sums, ((0, 0), (1, 0)))[:, :-1], axis=1), 0.0)
    found: IntArray = (sums < before).sum(axis=1).astype(np.int64)
    return found


def _tokens_per_chunk(columns: Columns) -> FloatArray:
    """At least 1; of replies with one choice, because several share their chunks."""
    chunks = columns.itl_count + 1
    known = (columns.output_tokens > chunks) & (columns.choices <= 1)
    ratio: FloatArray = np.where(known, columns.output_tokens / chunks, 1.0)
    return ratio
