"""Synthetic: made-up prompts of the lengths that were asked for, no two alike from their first words on.

Servers reuse a cached prefix block by block from the start, so no cache can flatter a run. What the texts are made of,
and how exact their lengths are, is in `words.py`; the lengths are drawn by seed and index alone.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from perfbench.engine.dialect.base import Prompt
from perfbench.settings.laws import Fixed
from perfbench.settings.lengths import Lengths, Part
from perfbench.workload.base import UNIQUE, Item, Workload
from perfbench.workload.words import SPELT, WORDS, Numbers, Words, mixed

__all__ = ["SPELT", "WORDS", "Drawn", "Synthetic", "SyntheticTexts", "mixed"]


class Drawn:
    """The lengths of the i-th prompt and its reply."""

    def __init__(self, lengths: Lengths, seed: int, purpose: str = "lengths") -> None:
        self._lengths = lengths
        self._always = None if lengths.fixed is None else (lengths.fixed, None)
        self._which, self._prompt, self._reply = (
            Numbers(seed, f"{purpose} {what}") for what in ("parts", "prompts", "replies")
        )

    def __call__(self, index: int) -> tuple[int, int | None]:
        if self._always is not None:
            return self._always
        return self._lengths.draw(self._which.share(index), self._prompt.share(index), self._reply.share(index))


class SyntheticTexts:
    """Texts by number. Those of fewer than eight words may repeat: so few words have no room for more."""

    def __init__(self, seed: int, lengths: Lengths | int, words: Words | None = None) -> None:
        """Raises ValueError for a length that is none."""
        law = Lengths((Part(Fixed(lengths), None, 1.0),)) if isinstance(lengths, int) else lengths
        self.drawn = Drawn(law, seed)
        self.mean_tokens = round(law.mean)
        self.reuse = UNIQUE
        if law.least < SPELT:
            self.reuse = f"possible: {law.least} words have no room for prompts that all differ"
        self._number = Numbers(seed, "synthetic").number
        words = words or Words(seed, law.most)
        self._made = words.text
        self.told: dict[str, Any] = {"prompt_tokens_source": words.source, "mean_input_tokens": law.mean}
        """What the summary says of them."""
        if law.mean_reply is not None:
            self.told["mean_output_tokens"] = law.mean_reply

    def text(self, index: int) -> str:
        return self._made(self._number(index), self.drawn(index)[0])

    def of(self, index: int, tokens: int) -> str:
        return self._made(self._number(index), tokens)


class Synthetic(Workload):
    """One text a request, with the length of its reply where the law says that too."""

    def __init__(self, texts: SyntheticTexts) -> None:
        self._drawn, self._of = texts.drawn, texts.of
        self.expected_tokens = texts.mean_tokens
        self.reuse = texts.reuse
        self._told = texts.told

    def facts(self) -> Mapping[str, Any]:
        return self._told

    def item(self, index: int) -> Item:
        prompt, reply = self._drawn(index)
        text = self._of(index, prompt)
        return Item(prompt=Prompt(text=text), wanted_input_tokens=prompt, wanted_output_tokens=reply)
