"""Tokens: how many a text has under a tokenizer.json, and what made-up texts must know of its vocabulary."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import cached_property
from pathlib import Path

from perfbench.engine.errors import ScenarioError

_SPACES = " \u0120\u2581"
"""A space in a vocabulary: itself, as GPT-2's byte-level alphabet writes it, and as SentencePiece does."""
_JOINS = re.compile(rf"[a-z][{_SPACES}]")


class Tokenizer:
    """A Hugging Face tokenizer file. Raises ScenarioError when it cannot be used."""

    def __init__(self, path: Path) -> None:
        try:
            import tokenizers
        except ImportError:
            raise ScenarioError("tokenizer needs a package of its own: pip install 'perfbench[tokenizers]'") from None
        try:
            self._inner = tokenizers.Tokenizer.from_file(str(path))
        except Exception as error:  # the library raises nothing more exact
            raise ScenarioError(
                f"tokenizer {path} cannot be used: {error}; give a Hugging Face tokenizer.json"
            ) from None
        self._inner.no_truncation()  # some files say to cut at a model's window; a count must not be
        self._inner.no_padding()
        self.path = path

    def count(self, text: str) -> int:
        """Tokens of the text alone: without those that a model's template puts around it."""
        return len(self._inner.encode(text, add_special_tokens=False).ids)

    @cached_property
    def joins_words(self) -> bool:
        """Whether a token may begin in one word and end behind it. Where none does, words have the tokens they have,
        whatever stands around them."""
        return any(_JOINS.search(token) is not None for token in self._inner.get_vocab(with_added_tokens=False))


def token_counter(path: Path) -> Callable[[str], int]:
    """Counts tokens by a tokenizer.json. Raises ScenarioError when it cannot be used."""
    return Tokenizer(path).count
