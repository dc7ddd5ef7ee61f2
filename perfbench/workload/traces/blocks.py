"""Blocks: traces in .jsonl that name the blocks of each prompt's prefix by hashes, so that sharing can be replayed.

    mooncake   {"timestamp": 27482, "input_length": 6955, "output_length": 52, "hash_ids": [46, 47, ...]}
               milliseconds, blocks of 512 tokens (R. Qin et al., Mooncake, FAST 2025)
    bailian    the same with chat_id and parent_chat_id; seconds, blocks of 16 tokens (J. Wang et al., KVCache Cache in
               the Wild, USENIX ATC 2025)

The last block may be a partial one.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import orjson

from perfbench.workload.traces.base import ReadRow, Row, scaled_ns, tokens


@dataclass(frozen=True, slots=True)
class Blocks:
    name: str
    unit_ns: int
    block_tokens: int
    mark: str | None
    """A field that tells this format from the others."""
    has_header: bool = False

    @property
    def like(self) -> str:
        mark = "" if self.mark is None else f'"{self.mark}": ..., '
        return f'{{{mark}"timestamp": ..., "input_length": ..., "output_length": ..., "hash_ids": [...]}}'

    def recognises(self, first: bytes) -> bool:
        row = as_object(first)
        return (
            row is not None
            and {"timestamp", "input_length", "output_length"} <= row.keys()
            and (self.mark in row if self.mark is not None else "chat_id" not in row)
        )

    def reader(self, first: bytes) -> ReadRow:
        unit_ns = self.unit_ns

        def read(line: bytes) -> Row:
            row = as_object(line)
            if row is None:
                raise ValueError("is no JSON object")
            if missing := [name for name in ("timestamp", "input_length", "output_length") if name not in row]:
                raise ValueError(f"has no {missing[0]}")
            ids = row.get("hash_ids", ())
            if not isinstance(ids, list | tuple) or not all(type(one) is int and 0 <= one < 1 << 64 for one in ids):
                raise ValueError("hash_ids is not a list of whole numbers")
            return Row(
                scaled_ns(row["timestamp"], unit_ns, "timestamp"), tokens(row["input_length"], "input_length"),
                tokens(row["output_length"], "output_length"), ids,
            )  # fmt: skip

        return read


def as_object(line: bytes) -> dict[str, Any] | None:
    try:
        row = orjson.loads(line)
    except orjson.JSONDecodeError:
        return None
    return row if isinstance(row, dict) else None


MOONCAKE = Blocks("mooncake", 1_000_000, 512, None)
BAILIAN = Blocks("bailian", 1_000_000_000, 16, "chat_id")
