"""Shaped: texts as the prompts of an API: one text to answer, a batch to embed, a query with documents to rank."""

from __future__ import annotations

from perfbench.engine.dialect.base import Prompt
from perfbench.workload.base import Item, Texts, Workload


class Single(Workload):
    """One text a request."""

    def __init__(self, texts: Texts) -> None:
        self._texts = texts
        self.expected_tokens = texts.mean_tokens
        self.reuse = texts.reuse

    def item(self, index: int) -> Item:
        return Item(prompt=Prompt(text=self._texts.text(index)))


class Batches(Workload):
    """`batch` consecutive texts a request, to be embedded."""

    def __init__(self, texts: Texts, batch: int) -> None:
        self._texts = texts
        self._batch = batch
        self.expected_tokens = batch * texts.mean_tokens
        self.reuse = texts.reuse

    def item(self, index: int) -> Item:
        first = index * self._batch
        return Item(prompt=Prompt(texts=[self._texts.text(at) for at in range(first, first + self._batch)]))


class Rankings(Workload):
    """A query and the `documents` texts that follow it, to be ranked."""

    def __init__(self, texts: Texts, documents: int) -> None:
        self._texts = texts
        self._documents = documents
        self.expected_tokens = 2 * documents * texts.mean_tokens  # the query is read once with each document
        self.reuse = texts.reuse

    def item(self, index: int) -> Item:
        first = index * (self._documents + 1)
        query, *documents = (self._texts.text(at) for at in range(first, first + self._documents + 1))
        return Item(prompt=Prompt(query=query, documents=documents))
