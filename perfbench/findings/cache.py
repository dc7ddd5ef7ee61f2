"""Cache: answers that came quickly because the server had seen the prompt before, where none was to be like another."""

from __future__ import annotations

import numpy as np

from perfbench.findings.base import Evidence, Finding, is_unique, share
from perfbench.metrics.columns import BoolArray, Columns, FloatArray, IntArray
from perfbench.metrics.concurrency import in_flight

BLOCKS_TOKENS = 32
"""Two blocks of the usual 16: what a chat template and the beginning of a prompt may share by chance."""
REUSED_SHARE = 0.25
"""Of the prompt beyond the template: less of it in the cache speeds nothing up that would matter."""
FEWEST_REUSED, LEAST_SHARE = 3, 0.01
FEWEST, LEAST_GROUP, APART = 60, 0.1, 1.5
"""Two speeds: requests; share of each group; slowest twentieth of the fast over fastest twentieth of the slow."""
SAME_LOAD = 0.15
"""How far from one half the chance may be that a slow request met more load, or a longer prompt, than a fast one."""


def cached_prompts(evidence: Evidence) -> Finding | None:
    """Prompts were to be unlike each other, and were found in the prefix cache all the same.

    By `cached_tokens` of usage: over 1 % of the requests, and at least 3, with over 25 % of their prompt cached beyond
    what a template and two cache blocks explain. Where usage does not say it, by the servers' counters: the same share
    of all prompt tokens. Thresholds, which unique prompts do not reach.
    """
    if not is_unique(evidence):
        return None
    records = evidence.records
    # A second attempt finds its own prompt in the cache, and has a right to.
    told = records.ok & (records.cached_tokens >= 0) & (records.input_tokens > 0) & (records.attempts == 1)
    if told.any():
        return _by_usage(evidence, records.where(told))
    return _by_counters(evidence)


def _by_usage(evidence: Evidence, records: Columns) -> Finding | None:
    prompts = records.input_tokens.astype(np.int64)
    wanted = np.where(records.wanted_input_tokens > 0, records.wanted_input_tokens, prompts)
    template = np.maximum(prompts - wanted, 0)
    beyond = records.cached_tokens - template - BLOCKS_TOKENS
    reused: BoolArray = beyond > REUSED_SHARE * wanted
    count = int(reused.sum())
    if count < max(FEWEST_REUSED, LEAST_SHARE * records.size):
        return None
    part = count / records.size
    cached, tokens = int(records.cached_tokens.sum()), int(prompts.sum())
    return Finding(
        "cached_prompts", "serious" if part > 0.5 else "warning",
        f"{count} of {records.size} prompts were in the server's prefix cache, though no two were to begin alike: "
        f"{share(cached / tokens)} of all prompt tokens cost it nothing",
        {"by": "cached_tokens of usage", "requests": count, "of": records.size, "cached_tokens": cached,
         "prompt_tokens": tokens, "threshold_share": LEAST_SHARE, **_speeds(records, reused)},
        "the server has seen these prompts in an earlier run: leave --seed out, or restart it or flush its cache",
    )  # fmt: skip


def _speeds(records: Columns, reused: BoolArray) -> dict[str, float]:
    """What the cache was worth, where both kinds of requests had a first token."""
    both = records.first_output_ns > records.written_ns
    waits_ms = (records.first_output_ns - records.written_ns) / 1e6
    fast, slow = waits_ms[both & reused & records.stream], waits_ms[both & ~reused & records.stream]
    if not fast.size or not slow.size:
        return {}
    return {"ttft_p50_cached_ms": float(np.median(fast)), "ttft_p50_others_ms": float(np.median(slow))}


def _by_counters(evidence: Evidence) -> Finding | None:
    addresses = [a for a in evidence.part("server", "addresses") or () if a.get("kind") == "server"]
    figures = [address.get("figures") or {} for address in addresses]
    hits = [f["prefix_hits"]["increase"] for f in figures if "prefix_hits" in f and "prefix_queries" in f]
    queries = [f["prefix_queries"]["increase"] for f in figures if "prefix_hits" in f and "prefix_queries" in f]
    sent = int(evidence.records.sent.sum())
    if not hits or not sent or sum(queries) <= 0:
        return None
    part, each = sum(hits) / sum(queries), sum(hits) / sent
    if part <= REUSED_SHARE or each <= 2 * BLOCKS_TOKENS:  # short prompts are mostly template
        return None
    return Finding(
        "cached_prompts", "warning",
        f"the servers found {share(part)} of the prompt tokens in their prefix cache, though no two prompts were to "
        "begin alike",
        {"by": "counters of the servers", "prefix_hits": sum(hits), "prefix_queries": sum(queries),
         "hits_per_request": each, "threshold": REUSED_SHARE},
        "leave --seed out, restart the server or flush its cache; or others with prompts of their own were served too",
    )  # fmt: skip


def two_speeds(evidence: Evidence) -> Finding | None:
    """First tokens come at two speeds that nothing explains which is known of the requests.

    TTFT is split in two where the groups are tightest (N. Otsu, IEEE Trans. SMC 9, 1979, of the logarithms). It speaks
    when both groups are a tenth of the requests or more, stand 1.5 times apart (5th percentile of the slow over the
    95th of the fast: no law with a single peak does), and differ neither in load met, prompt length, time in the run,
    replica nor part of a mix. Only of unique prompts whose usage says nothing of a cache: a hint at one, or at machines
    of two kinds behind one address.
    """
    records = evidence.records
    if not is_unique(evidence) or (records.ok & (records.cached_tokens >= 0)).any():
        return None
    rows = evidence.order[np.isfinite(evidence.ttft_ms[evidence.order])]
    values = evidence.ttft_ms[rows]
    if rows.size < FEWEST or (values <= 0).any():
        return None
    slow = _split(np.log(values))
    part = float(slow.mean())
    if not LEAST_GROUP <= part <= 1 - LEAST_GROUP:
        return None
    high, low = float(np.quantile(values[slow], 0.05)), float(np.quantile(values[~slow], 0.95))
    if high < APART * low or _explained(records, rows, slow):
        return None
    medians = float(np.median(values[~slow])), float(np.median(values[slow]))
    return Finding(
        "two_speeds", "info",
        f"first tokens come at two speeds: {share(1 - part)} of them after about {medians[0]:.4g} ms, {share(part)} "
        f"after about {medians[1]:.4g} ms, and neither load nor length nor time tells them apart",
        {"fast_p50_ms": medians[0], "slow_p50_ms": medians[1], "fast_p95_ms": low, "slow_p05_ms": high,
         "slow_share": part, "requests": int(rows.size), "threshold": APART},
        "ask the server for its cached tokens (vLLM: --enable-prompt-tokens-details), and whether one address hides "
        "several machines",
    )  # fmt: skip


def _split(values: FloatArray) -> BoolArray:
    """Which values belong to the upper of two groups, where these vary least within themselves: shape (n,)."""
    ordered = np.sort(values)
    count = np.arange(1, ordered.size)
    sums = np.cumsum(ordered)[:-1]
    between = (ordered.sum() * count / ordered.size - sums) ** 2 / (count * (ordered.size - count))
    found: BoolArray = values > ordered[int(np.argmax(between))]
    return found


def _explained(records: Columns, rows: IntArray, slow: BoolArray) -> bool:
    """Whether the slow ones met another load, were longer, came at another time, or from another place."""
    flight = in_flight(records)
    at_ns = records.first_started_ns[rows]
    places = np.maximum(np.searchsorted(flight.at_ns, at_ns, side="right") - 1, 0)
    traits = [flight.level[places], records.input_tokens[rows].astype(np.float64), np.arange(rows.size, dtype=float)]
    if any(abs(_chance_above(trait, slow) - 0.5) > SAME_LOAD for trait in traits):
        return True
    for codes in (records.url[rows], records.tag[rows], np.minimum(records.turn[rows], 8), records.reused[rows]):
        shares = [float(slow[codes == code].mean()) for code in np.unique(codes) if (codes == code).sum() >= 5]
        if len(shares) > 1 and max(shares) - min(shares) > 0.5:
            return True
    return False


def _chance_above(trait: FloatArray, slow: BoolArray) -> float:
    """That a slow request has more of it than a fast one, ties shared: the area under the ROC curve."""
    _, places, counts = np.unique(trait, return_inverse=True, return_counts=True)
    ranks = (np.cumsum(counts) - (counts - 1) / 2)[places]
    many, few = int(slow.sum()), int((~slow).sum())
    return float((ranks[slow].sum() - many * (many + 1) / 2) / (many * few))
