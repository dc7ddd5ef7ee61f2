"""Answers: replies that say nothing, that were cut, or that are not as long as was asked for."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from perfbench.findings.base import Evidence, Finding, share
from perfbench.metrics.columns import NEVER, TOKEN_SOURCES, UNKNOWN, BoolArray, IntArray

LEAST_SHARE = 0.01
FEWEST = 2
LIMITS = ("max_tokens", "max_completion_tokens", "max_output_tokens", "max_new_tokens", "n_predict")
"""Names under which a body may ask for a longest length."""
SLACK_TOKENS = 1
"""Servers count the token that ends a reply, or do not."""
CHUNKS = TOKEN_SOURCES.index("chunks")


def empty_answers(evidence: Evidence) -> Finding | None:
    """Over 1 % of the successes, and at least 2, hold no output, or reasoning and no answer. A threshold."""
    records = evidence.records
    empty = records.ok & (np.where(records.stream, records.chunks == 0, records.output_tokens == 0))
    reasoned = evidence.streamed & (records.first_answer_ns == NEVER)
    of = int(records.ok.sum())
    counts = int(empty.sum()), int(reasoned.sum())
    if sum(counts) < max(FEWEST, LEAST_SHARE * of):
        return None
    told = [f"{counts[0]} say nothing"] if counts[0] else []
    told += [f"{counts[1]} hold reasoning and no answer"] if counts[1] else []
    return Finding(
        "empty_answers", "serious" if counts[0] > 0.5 * of else "warning",
        f"of {of} successful replies {' and '.join(told)}: they are quick, and worth nothing",
        {"empty": counts[0], "reasoning_only": counts[1], "of": of, "threshold": LEAST_SHARE},
        "look at some (--keep-texts): a stop sequence, a wrong chat template, or a length too short to think in",
    )  # fmt: skip


def cut_answers(evidence: Evidence) -> Finding | None:
    """Over 1 % of the replies, and at least 2, ended by their length though nobody asked for one. A threshold."""
    records = evidence.records
    if _asked(evidence.scenario) or evidence.workload.get("name") == "lines":  # whose bodies may ask for themselves
        return None
    free = records.ok & (records.wanted_output_tokens < 0) & (records.choices > 0)
    cut = free & records.cut
    count, of = int(cut.sum()), int(free.sum())
    if count < max(FEWEST, LEAST_SHARE * of):
        return None
    known = records.output_tokens[cut & (records.output_tokens >= 0)]
    at = int(np.median(known)) if known.size else None
    return Finding(
        "cut_answers", "warning",
        f"{count} of {of} replies ({share(count / of)}) were cut at a length that nobody asked for"
        + ("" if at is None else f", at about {at} tokens"),
        {"cut": count, "of": of, "median_tokens": at, "threshold": LEAST_SHARE},
        "give --max-tokens, so that the length of the work is yours; a server's default is not the model's own length",
    )  # fmt: skip


def lengths_not_as_wanted(evidence: Evidence) -> Finding | None:
    """Over 1 % of the replies, and at least 2, are not as long as they were to be: by over one token where an exact
    length was wanted (ignore_eos), longer than the longest length otherwise. A threshold; by usage or the tokenizer.
    """
    records, scenario = evidence.records, evidence.scenario
    told = records.ok & (records.output_tokens >= 0) & (records.token_source != CHUNKS) & (records.choices <= 1)
    longest = scenario.get("max_tokens")
    wanted: IntArray = records.wanted_output_tokens.astype(np.int64)
    extra = scenario.get("extra_args") or {}
    exactly = wanted >= 0
    if isinstance(longest, int) and not isinstance(longest, bool):
        if extra.get("ignore_eos") is True:
            exactly |= wanted == UNKNOWN
        wanted = np.where(wanted >= 0, wanted, longest)
    exactly &= extra.get("ignore_eos") is not False
    over = records.output_tokens - wanted
    wrong: BoolArray = told & (wanted >= 0) & ((over > SLACK_TOKENS) | (exactly & (over < -SLACK_TOKENS)))
    count, of = int(wrong.sum()), int((told & (wanted >= 0)).sum())
    if count < max(FEWEST, LEAST_SHARE * of):
        return None
    short, long = int((wrong & (over < 0)).sum()), int((wrong & (over > 0)).sum())
    means = float(wanted[wrong].mean()), float(records.output_tokens[wrong].mean())
    return Finding(
        "lengths_not_as_wanted", "warning",
        f"{count} of {of} replies are not as long as they were to be: {short} shorter, {long} longer; those had "
        f"{means[1]:.4g} tokens on average and were to have {means[0]:.4g}",
        {"wrong": count, "of": of, "shorter": short, "longer": long, "mean_wanted": means[0], "mean_got": means[1],
         "slack_tokens": SLACK_TOKENS, "threshold": LEAST_SHARE},
        "this server does not know ignore_eos: try --extra-args min_tokens=N, or compare by TPOT and E2E per token",
    )  # fmt: skip


def _asked(scenario: Mapping[str, Any]) -> bool:
    """Whether the run asked for a longest length, of all of its requests or of some part of a mix."""
    parts = scenario.get("mix")
    some = [scenario, *(parts.values() if isinstance(parts, Mapping) else ())]
    return any(
        one.get("max_tokens") is not None or not (one.get("extra_args") or {}).keys().isdisjoint(LIMITS)
        for one in some
        if isinstance(one, Mapping)
    )
