"""Chunks: where the gaps between chunks are not the gaps between tokens."""

from __future__ import annotations

import numpy as np

from perfbench.findings.base import Evidence, Finding, share
from perfbench.metrics.columns import TOKEN_SOURCES

FEWEST_CHUNKS = 20
MOST_TOKENS = 1.2
"""Tokens a chunk. One is the rule; detokenisers hold a piece of a character back now and then, a few in a hundred."""
FEWEST_GAPS, TOGETHER_MS, MOST_TOGETHER = 50, 0.1, 0.2
MOST_OWN = 0.5
"""Where this client was late by as much as a gap at times, and may have glued some itself."""
LEAST_MEAN_MS = 1.0
"""Of all gaps: below it, gaps of a tenth of a millisecond are the pace and not an artefact."""
USAGE = TOKEN_SOURCES.index("usage")


def several_tokens_per_chunk(evidence: Evidence) -> Finding | None:
    """Over 1.2 output tokens a chunk, by usage, of whole streams with one choice. A threshold.

    The last token is allowed to carry no text (it ends the reply), and reasoning that was never streamed is left out.
    """
    records = evidence.records
    counted = evidence.streamed & (records.token_source == USAGE) & (records.choices <= 1)
    hidden = np.where(records.first_answer_ns == records.first_output_ns, np.maximum(records.reasoning_tokens, 0), 0)
    tokens = int(np.maximum(records.output_tokens - hidden - 1, 0)[counted].sum(dtype=np.int64))
    chunks = int(records.chunks[counted].sum(dtype=np.int64))
    if chunks < FEWEST_CHUNKS or tokens <= MOST_TOKENS * chunks:
        return None
    ratio = tokens / chunks
    return Finding(
        "several_tokens_per_chunk", "warning",
        f"a chunk holds {ratio:.2g} tokens on average: gaps between chunks (ITL, TTST) are not gaps between tokens",
        {"tokens_per_chunk": ratio, "tokens": tokens, "chunks": chunks, "replies": int(counted.sum()),
         "threshold": MOST_TOKENS},
        "go by TPOT, which counts tokens; a server setting (stream interval), speculative decoding or a proxy does it",
    )  # fmt: skip


def glued_chunks(evidence: Evidence) -> Finding | None:
    """Over a fifth of the gaps between chunks is nothing: they came together, in one read or a tenth of a millisecond.

    A threshold, on 50 gaps or more of streams with one choice; half of the gaps where the event loop of this client was
    late by a mean gap 1 % of the time.
    """
    records = evidence.records
    single = evidence.streamed & (records.choices <= 1)
    gaps_ms = records.itl_ms[np.repeat(single, records.itl_count)]
    if gaps_ms.size < FEWEST_GAPS:
        return None
    mean_ms = float(gaps_ms.mean(dtype=np.float64))
    limit_ms = TOGETHER_MS if mean_ms >= LEAST_MEAN_MS else 0.0
    together = gaps_ms <= limit_ms
    part = float(together.mean())
    lag_ms = evidence.part("client", "loop_lag_ms", "p99")
    own = lag_ms is not None and 0 < mean_ms < lag_ms
    threshold = MOST_OWN if own else MOST_TOGETHER
    if part <= threshold:
        return None
    several = single & (records.chunks > 1)
    whole = int((records.last_output_ns == records.first_output_ns)[several].sum())
    return Finding(
        "glued_chunks", "warning",
        f"{share(part)} of the chunks came together with the one before: ITL is that of deliveries, not of tokens"
        + (", and this client, whose event loop is late by as much, may have glued them itself" if own else ""),
        {"share": part, "gaps": int(gaps_ms.size), "mean_gap_ms": mean_ms, "replies_in_one_piece": whole,
         "replies": int(several.sum()), "together_ms": limit_ms, "client_lag_p99_ms": lag_ms,
         "threshold": threshold},
        "ask the server without the proxy (nginx: proxy_buffering off), and without compression; speculative decoding "
        "does it too, and then it is the truth",
    )  # fmt: skip
