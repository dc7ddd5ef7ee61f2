"""Shaped: texts as the prompts of an API: one text to answer, a batch to embed, a query with documents to rank."""

from __future__ import annotations

from perfbench.engine.dialect.base import Prompt
from perfbench.workload.base import Texts


class Single:
    """One text a request."""

    def __init__(self, texts: Texts) -> None:
        self._texts = texts
        self.expected_tokens = texts.mean_tokens

    def prompt(self, index: int) -> Prompt:
        return Prompt(text=self._texts.text(index))


class Batches:
    """`batch` consecutive texts a request, to be embedded."""

    def __init__(self, texts: Texts, batch: int) -> None:
        self._texts = texts
        self._batch = batch
        self.expected_tokens = batch * texts.mean_tokens

    def prompt(self, index: int) -> Prompt:
        first = index * self._batch
        return Prompt(texts=[self._texts.text(at) for at in range(first, first + self._batch)])


class Rankings:
    """A query and the `documents` texts that follow it, to be ranked."""

    def __init__(self, texts: Texts, documents: int) -> None:
        self._texts = texts
        self._documents = documents
        self.expected_tokens = 2 * documents * texts.mean_tokens  # the query is read once with each document

    def prompt(self, index: int) -> Prompt:
        first = index * (self._documents + 1)
        query, *documents = (self._texts.text(at) for at in range(first, first + self._documents + 1))
        return Prompt(query=query, documents=documents)
