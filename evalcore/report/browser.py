"""Browser: which samples the page shows, and what of them.

A page that held 200 000 prompts would not open, so each benchmark shows an even sample of its right, its wrong and its
unscored answers, drawn by their keys; the page says how many there are of each. Long texts keep both ends.
"""

from __future__ import annotations

import hashlib
import heapq
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias

import msgspec

from evalcore.types import Message, Review

State: TypeAlias = Literal["right", "wrong", "partly", "unscored"]
STATES: tuple[State, ...] = ("right", "wrong", "partly", "unscored")
PAGE_SAMPLES = 3000
"""On a page, over all benchmarks: some 10 MB with ordinary prompts."""
FEWEST = 20
"""Of each state of each benchmark, however many benchmarks there are."""
TEXT_KEPT = 6000
"""Characters of a text; the answer's end counts most, so half of it is kept."""
VERDICT_KEPT = 1500


@dataclass(slots=True)
class Samples:
    """Samples of one benchmark as the page takes them."""

    benchmark: str
    headline: str
    counts: dict[State, int] = field(default_factory=lambda: dict.fromkeys(STATES, 0))
    shown: list[dict[str, Any]] = field(default_factory=list)


def state(review: Review, headline: str) -> State:
    """Right is the whole of the headline's score, wrong is nothing of it."""
    found = review.scores.get(headline)
    if review.status == "unscored" or found is None:
        return "unscored"
    return "right" if found.value >= 1 else "wrong" if found.value <= 0 else "partly"


def browse(reviews: Iterable[Review], benchmark: str, headline: str, most: int) -> Samples:
    """Read reviews once and keep at most `most` of each state. Order: by subset, then id."""
    found = Samples(benchmark, headline)
    kept: dict[State, list[tuple[int, int, dict[str, Any]]]] = {word: [] for word in STATES}
    for place, review in enumerate(reviews):
        word = state(review, headline)
        found.counts[word] += 1
        # The smallest of keys that are hashes of contents: an even draw, and the same one each time.
        rank = -int.from_bytes(hashlib.blake2b(review.key.encode(), digest_size=8).digest(), "big")
        if len(kept[word]) < most:
            heapq.heappush(kept[word], (rank, place, entry(review, word)))
        elif rank > kept[word][0][0]:
            heapq.heapreplace(kept[word], (rank, place, entry(review, word)))
    chosen = sorted((one for of_state in kept.values() for one in of_state), key=lambda one: one[1])
    found.shown = [one[2] for one in chosen]
    return found


def most_each(benchmarks: int) -> int:
    """How many samples of each state a benchmark may show."""
    return max(FEWEST, PAGE_SAMPLES // (max(benchmarks, 1) * len(STATES)))


def entry(review: Review, word: State) -> dict[str, Any]:
    """A sample for the page: plain JSON, texts shortened, nothing that is empty."""
    whole: dict[str, Any] = {
        "state": word, "id": review.sample_id, "subset": review.subset, "repeat": review.repeat,
        "prompt": [{"role": str(message.get("role", "")), "text": shortened(_text(message))}
                   for message in review.prompt],
        "answer": shortened(review.text), "reasoning": review.reasoning_chars,
        "target": shortened(_plain(review.target)), "choices": [shortened(choice, 500) for choice in review.choices],
        "scores": [{"name": name, "value": score.value, "extracted": _shown(score.extracted),
                    "detail": shortened(_plain(score.detail), VERDICT_KEPT) if score.detail else ""}
                   for name, score in review.scores.items()],
        "verdicts": [{"judge": one.judge, "verdict": one.verdict, "order": one.order, "fault": one.fault,
                      "pair": [name for name in (one.contender, one.opponent) if name],
                      "text": shortened(one.text, VERDICT_KEPT)} for one in review.verdicts],
        "fault": review.fault, "detail": shortened(review.detail, VERDICT_KEPT), "attempts": review.attempts,
        "finish": review.finish_reason, "input": review.input_tokens, "output": review.output_tokens,
        "latency_ms": review.latency_ms, "ttft_ms": review.ttft_ms,
    }  # fmt: skip
    return {name: value for name, value in whole.items() if value not in (None, "", [], ())}


def shortened(text: str, most: int = TEXT_KEPT) -> str:
    if len(text) <= most:
        return text
    half = most // 2
    return f"{text[:half]}\n[… {len(text) - 2 * half} characters left out …]\n{text[-half:]}"


def _shown(extracted: str | None) -> str | None:
    return None if extracted is None else shortened(extracted, 500)


def _text(message: Message) -> str:
    """Of content in parts, the texts, and the kind of what is no text."""
    content = message.get("content")
    if isinstance(content, list):
        parts = (part if isinstance(part, dict) else {"text": str(part)} for part in content)
        return "\n".join(str(part.get("text") or f"[{part.get('type', 'part')}]") for part in parts)
    return "" if content is None else str(content)


def _plain(value: Any) -> str:
    """A target or a detail as text: JSON, unless it is a text already."""
    return value if isinstance(value, str) else msgspec.json.encode(value, order="sorted").decode()
