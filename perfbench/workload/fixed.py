"""Fixed: the prompts that the user wrote, in turn. With one prompt, a server's prefix cache answers most of it."""

from __future__ import annotations

from collections.abc import Sequence

from perfbench.workload.base import estimated_tokens


class FixedTexts:
    def __init__(self, texts: Sequence[str]) -> None:
        self._texts = tuple(texts)
        self._tokens = tuple(estimated_tokens(text) for text in self._texts)

    def text(self, index: int) -> str:
        return self._texts[index % len(self._texts)]

    def tokens(self, index: int) -> int:
        return self._tokens[index % len(self._tokens)]
