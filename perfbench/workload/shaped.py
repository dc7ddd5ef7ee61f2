"""Shaped: texts as the prompts of an API: one text to answer, a batch to embed, a query with documents to rank."""

from __future__ import annotations

from perfbench.engine.dialect.base import Prompt
from perfbench.workload.base import Texts


class Single:
    """One text a request."""

    def __init__(self, texts: Texts) -> None:
        self._texts = texts

    def prompt(self, index: int) -> Prompt:
        return Prompt(text=self._texts.text(index))

    def expected_tokens(self, index: int) -> int:
        return self._texts.tokens(index)


class Batches:
    """`batch` consecutive texts a request, to be embedded."""

    def __init__(self, texts: Texts, batch: int) -> None:
        self._texts = texts
        self._batch = batch

    def prompt(self, index: int) -> Prompt:
        return Prompt(texts=[self._texts.text(at) for at in self._places(index)])

    def expected_tokens(self, index: int) -> int:
        return sum(self._texts.tokens(at) for at in self._places(index))

    def _places(self, index: int) -> range:
        return range(index * self._batch, (index + 1) * self._batch)


class Rankings:
    """A query and the `documents` texts that follow it, to be ranked."""

    def __init__(self, texts: Texts, documents: int) -> None:
        self._texts = texts
        self._documents = documents

    def prompt(self, index: int) -> Prompt:
        query, *documents = (self._texts.text(at) for at in self._places(index))
        return Prompt(query=query, documents=documents)

    def expected_tokens(self, index: int) -> int:
        """A ranking model reads the query once with each document."""
        query, *documents = (self._texts.tokens(at) for at in self._places(index))
        return query * len(documents) + sum(documents)

    def _places(self, index: int) -> range:
        return range(index * (self._documents + 1), (index + 1) * (self._documents + 1))
