"""Tokens: counts that come from somewhere else than they seem to, or that do not agree."""

from __future__ import annotations

import numpy as np
from scipy import stats

from perfbench.findings.base import Evidence, Finding
from perfbench.metrics.columns import TOKEN_SOURCES, FloatArray

LEAST_SHARE = 0.01
USAGE, TOKENIZER, CHUNKS = range(len(TOKEN_SOURCES))
FEWEST = 10
"""Replies, or prompts, that two counts are compared by."""
SLOPE_TOLERANCE = 0.05
TEMPLATE_TOKENS, TEMPLATE_SHARE = 150, 0.1
"""What a chat template may add to a prompt of one length: the larger of the two."""
ESTIMATE_TOLERANCE = 0.25
"""Lengths that nobody counted before they were sent are taken for what they are: estimates."""
SPREAD = 1.5
"""Longest tenth of the prompts over shortest tenth, from which a slope can be told."""
FITTED = 400
OUTPUT_TOLERANCE = 0.05
MORE_CHUNKS = 1.1


def usage_absent(evidence: Evidence) -> Finding | None:
    """Over 1 % of the replies with output did not say how many tokens they had. A threshold."""
    records = evidence.records
    wrote = records.ok & ((records.chunks > 0) | (records.token_source >= 0))
    silent = wrote & (records.token_source != USAGE)
    count, of = int(silent.sum()), int(wrote.sum())
    if not of or count <= LEAST_SHARE * of:
        return None
    by_chunks = int((silent & (records.token_source == CHUNKS)).sum())
    how = "by their chunks" if by_chunks else "by the tokenizer"
    return Finding(
        "usage_absent", "warning" if by_chunks else "info",
        f"{count} of {of} replies came without usage: their output tokens are counted {how}",
        {"replies": count, "of": of, "by_chunks": by_chunks,
         "by_tokenizer": int((silent & (records.token_source == TOKENIZER)).sum()), "threshold": LEAST_SHARE},
        "have the server or the proxy send it (stream_options.include_usage is asked for), or give --tokenizer",
    )  # fmt: skip


def several_choices(evidence: Evidence) -> Finding | None:
    """Replies with more than one choice (n > 1): usage counts the tokens of all of them. A fact, not a test."""
    records = evidence.records
    count = int((records.ok & (records.choices > 1)).sum())
    if not count:
        return None
    most = int(records.choices.max())
    return Finding(
        "several_choices", "info",
        f"{count} replies hold several choices (up to {most}): output tokens, TPOT and chunk gaps are those of all of "
        "them together",
        {"replies": count, "most": most}, "for the pace of one answer ask for n: 1",
    )  # fmt: skip


def output_counts_differ(evidence: Evidence) -> Finding | None:
    """The server's output tokens are not those that came: against the tokenizer, where texts were kept and one is given
    (over 5 % in sum); else fewer tokens than chunks with output (over 10 % in sum). Thresholds, on 10 replies or more.
    """
    if evidence.recounted is not None and evidence.recounted[0].size >= FEWEST:
        server, counted = (int(counts.sum()) for counts in evidence.recounted)
        if not counted or abs(server / counted - 1) <= OUTPUT_TOLERANCE:
            return None
        return Finding(
            "output_counts_differ", "warning",
            f"the server counts {server} output tokens where the tokenizer counts {counted}: tokens a second and TPOT "
            f"are off by as much",
            {"server": server, "tokenizer": counted, "replies": int(evidence.recounted[0].size),
             "tolerance": OUTPUT_TOLERANCE},
            "is it the tokenizer of this model? hidden reasoning and stop tokens are counted by servers alone",
        )  # fmt: skip
    records = evidence.records
    counted_ = evidence.streamed & (records.token_source == USAGE) & (records.choices <= 1)
    tokens, chunks = int(records.output_tokens[counted_].sum()), int(records.chunks[counted_].sum())
    if int(counted_.sum()) < FEWEST or chunks <= MORE_CHUNKS * tokens:
        return None
    return Finding(
        "output_counts_differ", "warning",
        f"usage names {tokens} output tokens, and {chunks} chunks with output came: the server leaves some out",
        {"server": tokens, "chunks": chunks, "replies": int(counted_.sum()), "threshold": MORE_CHUNKS},
        "servers leave reasoning or tool calls out at times; give --tokenizer and --keep-texts to have them counted",
    )  # fmt: skip


def input_counts_differ(evidence: Evidence) -> Finding | None:
    """The server's count of prompt tokens is not that of the prompts as they were made.

    With a tokenizer lengths are exact, and a template may add the same to each: prompts of several lengths are held to
    a slope of 1 within 5 % (Theil-Sen), those of one length to no fewer tokens and at most 10 % or 150 more. Without
    one, to the estimate within 25 % and 150. Thresholds, on 10 prompts or more.
    """
    records = evidence.records
    rows = np.flatnonzero(records.ok & (records.wanted_input_tokens > 0) & (records.input_tokens > 0))
    if rows.size < FEWEST:
        return None
    wanted, told = (counts[rows].astype(np.float64) for counts in (records.wanted_input_tokens, records.input_tokens))
    exact = evidence.scenario.get("tokenizer") is not None
    found = _slope(wanted, told) if exact else None
    excess, middle = float(np.median(told - wanted)), float(np.median(wanted))
    if found is not None:
        if abs(found - 1) <= SLOPE_TOLERANCE:
            return None
        off = f"{found:.2f} of the server's for each of the tokenizer's"
    else:
        part = TEMPLATE_SHARE if exact else ESTIMATE_TOLERANCE
        most = max(TEMPLATE_TOKENS, part * middle) if exact else TEMPLATE_TOKENS + part * middle
        least = -0.02 * middle if exact else -part * middle
        if least <= excess <= most:
            return None
        off = f"{abs(excess):.0f} {'more' if excess > 0 else 'fewer'} of the server's than the {middle:.0f} meant"
    return Finding(
        "input_counts_differ", "warning" if exact else "info",
        f"prompt tokens as the server counts them are not those asked for: {off}",
        {"slope": found, "median_excess": excess, "median_wanted": middle, "prompts": int(rows.size), "exact": exact,
         "slope_tolerance": SLOPE_TOLERANCE if exact else None},
        "is it the tokenizer of this model?" if exact
        else "lengths were estimated: give --tokenizer for exact ones, and go by the server's count",
    )  # fmt: skip


def _slope(wanted: FloatArray, told: FloatArray) -> float | None:
    """Tokens told for each one wanted; None where all prompts are about as long."""
    low, high = np.quantile(wanted, [0.1, 0.9])
    if high < SPREAD * low:
        return None
    some = np.linspace(0, wanted.size - 1, min(FITTED, wanted.size)).astype(int)
    return float(stats.theilslopes(told[some], wanted[some])[0])


def servers_count_differs(evidence: Evidence) -> Finding | None:
    """The servers' own counters of tokens are over 1 % off what their replies told (`telemetry.figures.AGREES`)."""
    compared = evidence.part("server", "compared") or {}
    off = {name: counts for name, counts in compared.items() if counts.get("agrees") is False}
    if not off:
        return None
    told = "; ".join(
        f"{name.replace('_', ' ')}: {counts['server']:.0f} by the servers, {counts['client']} here"
        for name, counts in off.items()
    )
    return Finding(
        "servers_count_differs", "info", f"the servers' counters do not agree with their replies: {told}", off,
        "others were served at the same time, replies were cut off, or not every server was asked for its metrics",
    )  # fmt: skip
