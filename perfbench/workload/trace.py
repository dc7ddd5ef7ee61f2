"""Trace: requests as a trace of production traffic has them: when they came, how long they and their replies were, and
what their prompts share.

Where the trace brings the prompts, those are sent. Else they are made up (`words.py`): block by block where the trace
names the blocks of its prefixes, so that equal hashes are equal texts behind equal texts and nothing else is shared;
as the beginnings of one text for the rows of a session; and no two alike otherwise. What is in memory is a few numbers
a row (`traces.reading`).
"""

from __future__ import annotations

import os
from array import array
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import orjson

from perfbench.engine.dialect.base import Prompt
from perfbench.engine.errors import ScenarioError
from perfbench.engine.pacing import Pacer
from perfbench.workload.base import UNIQUE, Item, Workload, estimated_tokens
from perfbench.workload.traces.reading import NOT_SAID, TraceTable, plain_file
from perfbench.workload.words import Numbers, Words


@dataclass(frozen=True, slots=True)
class Replay:
    """Arrivals as a trace has them, its time running `speed` times as fast. Ends with the trace."""

    at_ns: array[int]
    speed: float = 1.0

    def __post_init__(self) -> None:
        if not 0 < self.speed < float("inf"):
            raise ScenarioError(f"speed must be above 0 and finite, got {self.speed:g}")

    def __iter__(self) -> Iterator[int]:
        return map(self.due_ns, range(len(self.at_ns)))

    def due_ns(self, position: int) -> int:
        at_ns = self.at_ns[position]
        return at_ns if self.speed == 1.0 else round(at_ns / self.speed)


@dataclass(frozen=True, slots=True)
class Sharing:
    """Of the tokens of a trace, how many a cache that forgets nothing has seen before, in whole blocks."""

    tokens: int
    repeated: int

    @property
    def share(self) -> float:
        return self.repeated / self.tokens


class Trace(Workload):
    def __init__(
        self,
        path: Path,
        table: TraceTable,
        words: Words,
        seed: int,
        speed: float | None = 1.0,
        *,
        as_texts: bool = False,
    ) -> None:
        """`speed` None: the trace's times are not used. `as_texts`: a prompt is a text to embed, without a reply."""
        self._path, self._table, self._words, self._as_texts = path, table, words, as_texts
        self._of_rows, self._of_blocks, self._of_sessions = (
            Numbers(seed, f"trace {what}") for what in ("rows", "blocks", "sessions")
        )
        self._block_tokens = table.format.block_tokens
        self.length = len(table)
        self.arrivals: Pacer | None = None
        self._speed = speed
        if speed is not None:
            if not table.at_ns:
                raise ScenarioError(
                    f"trace {path} holds lengths and no times; say trace_times: no, and give rate or parallel"
                )
            self.arrivals = Replay(table.at_ns, speed)
        self._file = plain_file(path) if table.begins else None
        said = [count for count in table.input_tokens if count != NOT_SAID]
        characters = [end - begin for begin, end in zip(table.begins, table.ends, strict=True) if begin != NOT_SAID]
        self._mean_input = sum(said) / len(said) if said else None
        self.expected_tokens = round(self._mean_input or estimated_tokens(sum(characters) / max(len(characters), 1)))
        self.reuse = self._reuse()
        self._tags = {number: name for name, number in table.tag_names.items()}

    def item(self, index: int) -> Item:
        table = self._table
        row = index % len(table)
        asked, told = table.input_tokens[row], table.output_tokens[row]
        return Item(
            prompt=self._prompt(index, row, asked),
            tag=self._tags.get(table.tags[row], "") if table.tags else "",
            wanted_input_tokens=None if asked == NOT_SAID else asked,
            wanted_output_tokens=None if told == NOT_SAID or self._as_texts else told,
        )

    def _prompt(self, index: int, row: int, tokens: int) -> Prompt:
        table = self._table
        if table.begins and table.begins[row] != NOT_SAID:
            return self._given(table.begins[row], table.ends[row])
        if table.blocks_until and len(blocks := table.blocks_of(row)):
            text = self._in_blocks(blocks, index, tokens)
        elif table.sessions and table.sessions[row] != NOT_SAID:
            text = self._words.text(self._of_sessions.number(table.sessions[row]), tokens)
        else:
            text = self._words.text(self._of_rows.number(index), tokens)
        return Prompt(texts=[text]) if self._as_texts else Prompt(text=text)

    def _in_blocks(self, blocks: array[int], index: int, tokens: int) -> str:
        size, made, number = self._block_tokens, self._words.text, self._of_blocks.number
        pieces = []
        for place, block in enumerate(blocks):
            pieces.append(made(number(block), min(size, tokens), opening=not place))
            tokens -= size
        if tokens > 0:  # the trace names no block for what is left
            pieces.append(made(self._of_rows.number(index), tokens, opening=False))
        return "".join(pieces)

    def _given(self, begin: int, end: int) -> Prompt:
        assert self._file is not None
        row = orjson.loads(os.pread(self._file.fileno(), end - begin, begin))
        if row.get("messages") is not None:
            return Prompt(messages=row["messages"])
        return Prompt(texts=[row["prompt"]]) if self._as_texts else Prompt(text=row["prompt"])

    def _reuse(self) -> str:
        kinds = []
        if self._table.blocks_until:
            kinds.append(f"as in the trace: equal hashes of blocks of {self._block_tokens} tokens are equal texts")
        if self._table.begins:
            kinds.append("the prompts that the trace brings are sent as they are")
        if self._table.sessions:
            kinds.append(f"made-up prompts of each of its {len(self._table.session_names)} sessions begin alike")
        return "; ".join(kinds) or UNIQUE

    @cached_property
    def sharing(self) -> Sharing:
        """Counted when asked for, by the parent of a run alone: a set of all blocks stands in memory meanwhile."""
        table, size = self._table, self._block_tokens
        seen: set[int] = set()
        repeated = 0
        for row in range(len(table)):
            left = table.input_tokens[row]
            for block in table.blocks_of(row):
                if block in seen:
                    repeated += min(size, left)
                seen.add(block)
                left -= size
        return Sharing(sum(table.input_tokens), repeated)

    def facts(self) -> Mapping[str, Any]:
        table = self._table
        told = [count for count in table.output_tokens if count != NOT_SAID]
        told_more = {}
        if table.blocks_until:
            told_more["reuse"] = f"{self.reuse}, and {self.sharing.share:.1%} of all tokens stand in blocks sent before"
        return {
            **told_more,
            "trace": {
                "format": table.format.name,
                "requests": len(table),
                "left_out": dict(table.left_out),
                "cut": table.cut,
                "out_of_order": table.out_of_order,
                "speed": self._speed,
                "lasts_s": table.at_ns[-1] / 1e9 if table.at_ns else None,
                "mean_input_tokens": self._mean_input,
                "mean_output_tokens": sum(told) / len(told) if told else None,
                "shared_share": self.sharing.share if table.blocks_until else None,
            },
            "prompt_tokens_source": self._words.source,
        }
