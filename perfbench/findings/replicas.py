"""Replicas and connections: several servers that are not alike, and connections that do not last."""

from __future__ import annotations

import numpy as np
from scipy import stats

from perfbench.findings.base import RISK, Evidence, Finding, share
from perfbench.metrics.columns import NEVER, AnyArray, BoolArray, FloatArray
from perfbench.metrics.latency import connect_ms, e2e_ms

BLOCKS, FEWEST_BLOCKS = 20, 12
"""Of the run. With 12, two replicas of which the same is always the slower one are one chance in 2 000."""
SLOWER = 1.2
FEWEST_DEAD, DEAD_SHARE = 3, 0.01
OPENED_TIMES, OPENED_MORE, OPENED_SHARE = 3.0, 10, 0.2
"""Connections opened, by those ever needed at once, and of all requests."""


def one_replica_slow(evidence: Evidence) -> Finding | None:
    """Of several URLs one answers more slowly than another (TTFT; E2E without a stream).

    The run is cut into blocks of time, in each of which the replicas are ranked by their medians (M. Friedman, JASA 32,
    1937; two of them by sign), so that what all of them go through together plays no part. One false alarm in a
    thousand, and the slowest has to be 1.2 times the fastest.
    """
    records = evidence.records
    values = evidence.ttft_ms if np.isfinite(evidence.ttft_ms).any() else e2e_ms(records)
    rows = evidence.order[np.isfinite(values[evidence.order])]
    codes = [code for code in np.unique(records.url[rows]) if records.urls[code]]
    fewest = min((int((records.url[rows] == code).sum()) for code in codes), default=0)
    blocks = min(BLOCKS, fewest)
    if len(codes) < 2 or blocks < FEWEST_BLOCKS:
        return None
    medians = _block_medians(values[rows], records.url[rows], codes, blocks)
    medians = medians[~np.isnan(medians).any(axis=1)]
    if medians.shape[0] < FEWEST_BLOCKS:
        return None
    middles = [float(np.median(values[rows][records.url[rows] == code])) for code in codes]
    p = _p(medians)
    slow, fast = int(np.argmax(middles)), int(np.argmin(middles))
    if p >= RISK or middles[slow] < SLOWER * middles[fast]:
        return None
    return Finding(
        "one_replica_slow", "warning",
        f"{records.urls[codes[slow]]} answers {middles[slow] / middles[fast]:.2g} times as slowly as "
        f"{records.urls[codes[fast]]}: the figures are a mixture of both",
        {"median_ms": {records.urls[code]: middle for code, middle in zip(codes, middles, strict=True)}, "p": p,
         "blocks": int(medians.shape[0]), "risk": RISK, "least_ratio": SLOWER},
        "measure them one by one; look for other work, heat, or a different configuration on the slow one",
    )  # fmt: skip


def _block_medians(values: FloatArray, urls: AnyArray, codes: list[int], blocks: int) -> FloatArray:
    """Median of each replica in each block: shape (blocks, replicas), NaN where it had no request."""
    parts = np.array_split(np.arange(values.size), blocks)
    return np.array(
        [[np.median(some) if (some := values[part][urls[part] == code]).size else np.nan for code in codes]
         for part in parts]
    )  # fmt: skip


def _p(medians: FloatArray) -> float:
    if medians.shape[1] > 2:
        return float(stats.friedmanchisquare(*medians.T).pvalue)
    above, below = int((medians[:, 0] > medians[:, 1]).sum()), int((medians[:, 0] < medians[:, 1]).sum())
    return float(stats.binomtest(above, above + below).pvalue) if above + below else 1.0


def connections_die(evidence: Evidence) -> Finding | None:
    """Kept connections were dead when they were used again: over 1 % of the requests, and 3 at the least. A threshold;
    servers close idle connections after a while, and a few of them cost nobody more than a handshake."""
    records = evidence.records
    count, sent = int(records.reconnects.sum()), int(records.sent.sum())
    if count < max(FEWEST_DEAD, DEAD_SHARE * sent):
        return None
    each_time = count > 0.5 * sent
    return Finding(
        "connections_die", "info" if each_time else "warning",
        f"{count} kept connections were dead when the next of {sent} requests took them, and were replaced"
        + (": the server closes after each reply and does not say so" if each_time else ""),
        {"reconnects": count, "requests": sent, "threshold": DEAD_SHARE},
        "the handshakes are in the response latencies alone; a server or proxy that keeps connections saves them"
        if each_time
        else "its keep-alive limit, or a proxy's, is shorter than the pauses here (uvicorn: --timeout-keep-alive)",
    )  # fmt: skip


def connections_not_kept(evidence: Evidence) -> Finding | None:
    """Most requests open a connection of their own: over a fifth of them, and three times as many connections and 10
    more as requests were ever in flight. A threshold; those that replaced a dead one are `connections_die`'s. Of the
    wire transport, which knows."""
    records = evidence.records
    if evidence.scenario.get("transport", "wire") != "wire":
        return None
    wrote = records.sent & (records.written_ns != NEVER)
    opened: BoolArray = wrote & ~records.reused & (records.reconnects == 0)
    count, of = int(opened.sum()), int(wrote.sum())
    most = float(evidence.part("concurrency", "max") or 0.0)
    if not of or count <= OPENED_SHARE * of or count <= OPENED_TIMES * most + OPENED_MORE:
        return None
    waits_ms = connect_ms(records)
    known = waits_ms[np.isfinite(waits_ms)]
    each_ms = float(np.median(known)) if known.size else None
    return Finding(
        "connections_not_kept", "info",
        f"{count} of {of} requests ({share(count / of)}) had to open a connection, though at most {most:.0f} were ever "
        "needed at once" + ("" if each_ms is None else f": {each_ms:.3g} ms each, in the response latencies alone"),
        {"opened": count, "of": of, "most_in_flight": most, "connect_p50_ms": each_ms, "threshold": OPENED_SHARE},
        "the server or a proxy closes after each reply (Connection: close); keep-alive there saves the handshakes",
    )  # fmt: skip
