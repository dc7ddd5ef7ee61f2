"""Replies: any workload of single requests, with the length of each reply drawn from a law."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from perfbench.settings.lengths import Lengths
from perfbench.workload.base import Item, Turns, Workload
from perfbench.workload.synthetic import Drawn


class Replies(Workload):
    def __init__(self, workload: Workload, lengths: Lengths, seed: int) -> None:
        self._workload, self._drawn, self._mean = workload, Drawn(lengths, seed, "replies"), lengths.mean
        self.expected_tokens, self.reuse = workload.expected_tokens, workload.reuse
        self.length, self.arrivals = workload.length, workload.arrivals

    def item(self, index: int) -> Item | Turns:
        item = self._workload.item(index)
        assert isinstance(item, Item)  # sessions are refused by the scenario
        return msgspec.structs.replace(item, wanted_output_tokens=self._drawn(index)[0])

    def facts(self) -> Mapping[str, Any]:
        return {**self._workload.facts(), "mean_output_tokens": self._mean}
