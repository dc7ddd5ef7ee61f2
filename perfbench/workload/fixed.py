"""Fixed: the prompts that the user wrote, in turn. With one prompt, a server's prefix cache answers most of it."""

from __future__ import annotations

from collections.abc import Sequence

from perfbench.workload.base import estimated_tokens


class FixedTexts:
    def __init__(self, texts: Sequence[str]) -> None:
        self._texts = tuple(texts)
        self.reuse = f"intended: {len(self._texts)} given prompts in turn, so a prefix cache answers most of it"
        self.mean_tokens = estimated_tokens(sum(map(len, self._texts)) / len(self._texts))

    def text(self, index: int) -> str:
        return self._texts[index % len(self._texts)]
