"""Left out: which answers of a run folder the task at hand does not ask.

A folder that is gone on with may hold answers of another limit, of other settings, of repeats that are no longer
wanted. They stay, since they were paid for and may be wanted again, but a report is of its own task alone: what is left
out of it stands in reviews/MODEL/left_out.json, by the keys of the items. A folder that began empty needs no such list.
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import chain

import msgspec

from evalcore.compact import CompactMap
from evalcore.outputs import EvalFolder, keys_in
from evalcore.plan import Item, Plan


class LeftOut:
    """Sees the items of one run; `write` it when it has seen them all."""

    def __init__(self, folder: EvalFolder) -> None:
        self._folder = folder
        self._asked = CompactMap() if folder.review_files() else None

    @property
    def is_needed(self) -> bool:
        return self._asked is not None

    def see(self, item: Item) -> None:
        if self._asked is not None:
            self._asked[item.key] = 1

    def write(self, plans: Iterable[Plan]) -> None:
        """The reviews of these benchmarks whose items were not seen. What is known of other benchmarks stays."""
        from perfbench.runfolder import write_whole

        if self._asked is None:
            return
        left_out = self._folder.read_left_out()
        for plan in plans:
            files = dict.fromkeys(self._folder.reviews(plan.name, subset) for subset in plan.subsets)
            keys = chain.from_iterable(keys_in(file) for file in files if file.is_file())
            left_out[plan.name] = list(dict.fromkeys(key for key in keys if self._asked.get(key) is None))
        write_whole(self._folder.left_out(), msgspec.json.encode(left_out))
