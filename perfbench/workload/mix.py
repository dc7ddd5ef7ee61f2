"""Mix: several workloads in one; which of them an arrival belongs to is drawn by seed and index alone.

Each part counts its own items, so that a file of a part is read line by line and none of it is skipped.
"""

from __future__ import annotations

from array import array
from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Any

import msgspec

from perfbench.engine.flow import Heard, Pause
from perfbench.workload.base import Item, Turns, Workload
from perfbench.workload.hangups import HangUps
from perfbench.workload.words import mixed

_MASK = (1 << 64) - 1
_BLOCK = 1024  # arrivals between two marks: what an index out of order costs at most


@dataclass(frozen=True, slots=True)
class Part:
    tag: str
    weight: float
    workload: Workload
    options: Mapping[str, Any]
    """Where its requests differ from those of the run."""
    hang_ups: HangUps | None = None


class Mix(Workload):
    def __init__(self, parts: Sequence[Part], seed: int) -> None:
        self._parts = tuple(parts)
        self._salt = mixed((seed ^ 0x6D6978) & _MASK)  # "mix": a draw of its own, not that of the prompts
        total = sum(part.weight for part in parts)
        self._until = [round(reached / total * (1 << 64)) for reached in accumulate(part.weight for part in parts)]
        self._until[-1] = 1 << 64
        self.expected_tokens = round(sum(part.weight * part.workload.expected_tokens for part in parts) / total)
        self.reuse = "; ".join(f"{part.tag}: {part.workload.reuse}" for part in parts)
        self.sessions = any(part.workload.sessions for part in parts)
        self._at, self._counts = 0, [0] * len(parts)  # items of each part before `_at`
        self._marks = [array("q", self._counts)]  # the same before every _BLOCK-th index

    def item(self, index: int) -> Item | Turns:
        which, number = self._place(index)
        part = self._parts[which]
        found = part.workload.item(number)
        if isinstance(found, Item):
            return self._as_part(found, part, str(index))
        return self._turns(found, part, index)

    def which(self, index: int) -> int:
        """The part that arrival `index` belongs to."""
        return bisect_right(self._until, mixed((index ^ self._salt) & _MASK))

    def _place(self, index: int) -> tuple[int, int]:
        """The part, and which of its items. Indices in ascending order, as a run asks for them, cost least."""
        if index < self._at or index - self._at > _BLOCK:
            mark = min(index // _BLOCK, len(self._marks) - 1)
            self._at, self._counts = mark * _BLOCK, list(self._marks[mark])
        while self._at < index:
            self._counts[self.which(self._at)] += 1
            self._at += 1
            if self._at == len(self._marks) * _BLOCK:
                self._marks.append(array("q", self._counts))
        which = self.which(index)
        return which, self._counts[which]

    def _turns(self, turns: Turns, part: Part, index: int) -> Turns:
        heard: Heard = None
        turn = 0
        try:
            while True:
                step = turns.send(heard)
                if not isinstance(step, Pause):
                    turn += 1
                    step = self._as_part(step, part, f"{index}.{turn}")
                heard = yield step
        except StopIteration:
            return
        finally:
            turns.close()

    def _as_part(self, item: Item, part: Part, key: str) -> Item:
        cancel_after_s = item.cancel_after_s
        if part.hang_ups is not None and cancel_after_s is None:
            cancel_after_s = part.hang_ups.after_s(key)
        options = {**part.options, **item.options} if item.options else part.options
        if "extra" in part.options and "extra" in item.options:
            options = {**options, "extra": {**part.options["extra"], **item.options["extra"]}}
        return msgspec.structs.replace(item, tag=part.tag, options=options, cancel_after_s=cancel_after_s)
