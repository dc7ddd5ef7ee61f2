"""Lines: prompts from a file, one a line, in turn and then again from the start.

A .txt line is a prompt as it stands. A .jsonl line is an object with one of `prompt`, `messages`, `texts`, `query` with
`documents`, or `body` (a whole request body); other fields of it are left alone. The file is checked once, whole,
before anything is sent; after that only the position of every 32nd line is in memory (10 million lines: 2.5 MB), and
the lines around the last one that was asked for.
"""

from __future__ import annotations

import os
from array import array
from itertools import islice
from pathlib import Path
from typing import Any

import orjson

from perfbench.engine.dialect.base import Prompt
from perfbench.engine.errors import ScenarioError
from perfbench.settings.suggest import did_you_mean
from perfbench.workload.base import Item, Workload, estimated_tokens

FIELDS: dict[str, type] = {"prompt": str, "messages": list, "texts": list, "query": str, "body": dict}
PROBLEMS_SHOWN = 5


BLOCK = 32  # lines that are read at once


class LineFile:
    """The lines of a file that are not blank, by number; safe to read from several processes."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._begins = array("q")  # of every BLOCK-th line, and the end of the last
        self._count = self._bytes = 0
        try:
            self._file = path.open("rb")
        except OSError as error:
            raise ScenarioError(f"prompts_file {path} cannot be read: {error.strerror}") from None
        at = 0
        for line in self._file:
            if line.strip():
                if self._count % BLOCK == 0:
                    self._begins.append(at)
                self._count += 1
                self._bytes += len(line)
            at += len(line)
        if not self._count:
            raise ScenarioError(f"prompts_file {path} is empty; write a prompt a line")
        self._begins.append(at)
        self._block, self._lines = -1, list[bytes]()

    def __len__(self) -> int:
        return self._count

    def line(self, index: int) -> bytes:
        block, within = divmod(index % self._count, BLOCK)
        if block != self._block:
            begin = self._begins[block]
            data = os.pread(self._file.fileno(), self._begins[block + 1] - begin, begin)
            self._block, self._lines = block, [line for line in map(bytes.strip, data.split(b"\n")) if line]
        return self._lines[within]

    def reuse(self) -> str:
        return f"as in the file: its {len(self)} lines are sent in turn, and then again"

    def mean_tokens(self) -> int:
        return estimated_tokens(self._bytes / self._count)

    def number(self, index: int) -> int:
        """Its line number in the file, from 1: only for messages, it reads the file."""
        with self._path.open("rb") as file:
            filled = (number for number, line in enumerate(file, 1) if line.strip())
            return next(islice(filled, index, None))


class TextLines:
    """A .txt file: each line is a text."""

    def __init__(self, path: Path) -> None:
        self._lines = LineFile(path)
        self.mean_tokens, self.reuse = self._lines.mean_tokens(), self._lines.reuse()
        for index in range(len(self._lines)):
            try:
                self._lines.line(index).decode()
            except UnicodeDecodeError:
                number = self._lines.number(index)
                raise ScenarioError(f"prompts_file {path} line {number} is not UTF-8; save the file as UTF-8") from None

    def text(self, index: int) -> str:
        return self._lines.line(index).decode()


class JsonLines(Workload):
    """A .jsonl file: each line says what to ask. As `Texts` only where every line is a `prompt`."""

    def __init__(self, path: Path) -> None:
        self._lines = LineFile(path)
        self.mean_tokens = self.expected_tokens = self._lines.mean_tokens()
        self.reuse = self._lines.reuse()
        self.kinds: set[str] = set()
        problems: list[str] = []
        for index in range(len(self._lines)):
            try:
                self.kinds.add(_kind(self._lines.line(index)))
            except ValueError as error:
                problems.append(f"line {self._lines.number(index)}: {error}")
                if len(problems) == PROBLEMS_SHOWN:
                    break
        if problems:
            raise ScenarioError("\n  ".join([f"prompts_file {path} cannot be used:", *problems]))

    def item(self, index: int) -> Item:
        return Item(prompt=self._prompt(index))

    def _prompt(self, index: int) -> Prompt:
        item = orjson.loads(self._lines.line(index))
        match _kind_of(item):
            case "prompt":
                return Prompt(text=item["prompt"])
            case "query":
                return Prompt(query=item["query"], documents=item["documents"])
            case kind:
                return Prompt(**{kind: item[kind]})

    def text(self, index: int) -> str:
        text: str = orjson.loads(self._lines.line(index))["prompt"]
        return text


def _kind_of(item: dict[str, Any]) -> str:
    return next(name for name in FIELDS if name in item)


def _kind(line: bytes) -> str:
    """Which field of a line says what to ask. Raises ValueError with what is wrong."""
    try:
        item = orjson.loads(line)
    except orjson.JSONDecodeError as error:
        raise ValueError(f"not JSON ({error})") from None
    if not isinstance(item, dict):
        raise ValueError(f'is a {type(item).__name__}, not an object; write it like {{"prompt": "..."}}')
    kinds = [name for name in FIELDS if name in item]
    if len(kinds) != 1:
        fields = ", ".join(FIELDS)
        hints = "".join(did_you_mean(name, FIELDS) for name in list(item)[:1]) if not kinds else ""
        raise ValueError(f"has {' and '.join(kinds) or 'none'} of {fields}; one says what to ask{hints}")
    kind = kinds[0]
    value = item[kind]
    if not isinstance(value, FIELDS[kind]) or not value:
        raise ValueError(f"{kind} is not a {FIELDS[kind].__name__} with something in it")
    texts_in = {"query": "documents", "texts": "texts"}.get(kind)
    if texts_in is not None and not _are_texts(item.get(texts_in)):
        raise ValueError(f"{texts_in} is not a list of texts")
    if isinstance(value, list) and kind == "messages" and not all(isinstance(message, dict) for message in value):
        raise ValueError("messages is not a list of objects")
    return kind


def _are_texts(value: object) -> bool:
    return isinstance(value, list) and bool(value) and all(isinstance(text, str) for text in value)
