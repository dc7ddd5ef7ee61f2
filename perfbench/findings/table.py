"""The table of checks, and the one function that runs them."""

from __future__ import annotations

from perfbench.findings.answers import cut_answers, empty_answers, lengths_not_as_wanted
from perfbench.findings.base import Check, Evidence, Finding
from perfbench.findings.cache import cached_prompts, two_speeds
from perfbench.findings.chunks import glued_chunks, several_tokens_per_chunk
from perfbench.findings.client import (
    arrivals_late,
    arrivals_not_as_asked,
    client_limited,
    concurrency_not_reached,
    did_not_keep_up,
    rate_not_reached,
)
from perfbench.findings.clocks import clock_went_backwards, wall_clock_jumped
from perfbench.findings.errors import cut_at_an_age, errors_clustered, retries_hidden
from perfbench.findings.replicas import connections_die, connections_not_kept, one_replica_slow
from perfbench.findings.samples import too_few_requests
from perfbench.findings.steadiness import cold_start, drift
from perfbench.findings.tokens import (
    input_counts_differ,
    output_counts_differ,
    servers_count_differs,
    several_choices,
    usage_absent,
)

CHECKS: tuple[Check, ...] = (
    client_limited,
    clock_went_backwards,
    rate_not_reached,
    did_not_keep_up,
    concurrency_not_reached,
    arrivals_late,
    arrivals_not_as_asked,
    cached_prompts,
    two_speeds,
    several_tokens_per_chunk,
    glued_chunks,
    several_choices,
    usage_absent,
    output_counts_differ,
    input_counts_differ,
    servers_count_differs,
    empty_answers,
    cut_answers,
    lengths_not_as_wanted,
    too_few_requests,
    drift,
    cold_start,
    retries_hidden,
    errors_clustered,
    cut_at_an_age,
    one_replica_slow,
    connections_die,
    connections_not_kept,
    wall_clock_jumped,
)
"""In the order in which a reader should hear of them, within one severity. A finding has the name of its check."""
SEVERITIES = ("serious", "warning", "info")


def findings(evidence: Evidence) -> list[Finding]:
    """What the checks found, the gravest first. A run in which nothing was sent has none: it has no figures either."""
    if not evidence.records.sent.any():
        return []
    found = [finding for check in CHECKS if (finding := check(evidence)) is not None]
    return sorted(found, key=lambda finding: SEVERITIES.index(finding.severity))
