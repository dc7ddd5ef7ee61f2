"""Script: the words of one reply, cut into tokens.

Plain words in a fixed order (those of truthd), or a sentence of the skill. A token is a word with the space before
it. All pieces are bytes that may stand inside a JSON string as they are, so that nothing is encoded while streaming.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

import orjson

WORDS = (
    b" the", b" of", b" and", b" to", b" in", b" a", b" is", b" that",
    b" for", b" it", b" as", b" was", b" with", b" be", b" by", b" on",
)  # fmt: skip

_PIECE = re.compile(r"\s*\S+|\s+$")


@dataclass(frozen=True, slots=True)
class Script:
    """`length` tokens, the first `reasoning` of them thought rather than said."""

    length: int
    reasoning: int = 0
    pieces: tuple[bytes, ...] | None = None  # None: plain words
    cut: bool = False  # a maximum of the request ended it

    def text(self, start: int, count: int) -> bytes:
        """Tokens start to start + count, as the inside of a JSON string."""
        if self.pieces is None:
            return _plain(start % len(WORDS), count)
        return b"".join(self.pieces[start : start + count])

    def thought(self) -> bytes:
        return self.text(0, self.reasoning)

    def said(self) -> bytes:
        return self.text(self.reasoning, self.length - self.reasoning)


@lru_cache(maxsize=4096)
def _plain(start: int, count: int) -> bytes:
    turns = -(-(start + count) // len(WORDS))
    return b"".join((WORDS * turns)[start : start + count])


def plain_words(length: int, reasoning: int, *, cut: bool) -> Script:
    return Script(length, min(reasoning, length), cut=cut)


def sentence(text: str, reasoning: int, most: int | None) -> Script:
    """A reply that says `text`, after so many tokens of thought, and is cut when it is longer than `most`."""
    pieces = [WORDS[i % len(WORDS)] for i in range(reasoning)]
    pieces += [orjson.dumps(piece)[1:-1] for piece in _PIECE.findall(text)]
    length = len(pieces) if most is None else min(most, len(pieces))
    return Script(length, min(reasoning, length), tuple(pieces[:length]), cut=length < len(pieces))
