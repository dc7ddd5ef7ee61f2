"""Lines: prompts from a file, one a line, in turn and then again from the start.

A .txt line is a prompt as it stands. A .jsonl line is an object with one of `prompt`, `messages`, `texts`, `query` with
`documents`, or `body` (a whole request body); other fields of it are left alone. The file is checked once, whole,
before anything is sent; after that only the position of each line is in memory.
"""

from __future__ import annotations

import os
from array import array
from pathlib import Path
from typing import Any

import orjson

from perfbench.engine.dialect.base import Prompt
from perfbench.engine.errors import ScenarioError
from perfbench.settings.suggest import did_you_mean
from perfbench.workload.base import Item, Workload, estimated_tokens

FIELDS: dict[str, type] = {"prompt": str, "messages": list, "texts": list, "query": str, "body": dict}
PROBLEMS_SHOWN = 5


class LineFile:
    """The lines of a file that are not blank, by number; safe to read from several processes."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._begins, self._ends = array("q"), array("q")
        try:
            self._file = path.open("rb")
        except OSError as error:
            raise ScenarioError(f"prompts_file {path} cannot be read: {error.strerror}") from None
        at = 0
        for line in self._file:
            if line.strip():
                self._begins.append(at)
                self._ends.append(at + len(line))
            at += len(line)
        if not self._begins:
            raise ScenarioError(f"prompts_file {path} is empty; write a prompt a line")

    def __len__(self) -> int:
        return len(self._begins)

    def line(self, index: int) -> bytes:
        at = index % len(self._begins)
        return os.pread(self._file.fileno(), self._ends[at] - self._begins[at], self._begins[at]).strip()

    def reuse(self) -> str:
        return f"as in the file: its {len(self)} lines are sent in turn, and then again"

    def mean_tokens(self) -> int:
        return estimated_tokens((sum(self._ends) - sum(self._begins)) / len(self._begins))

    def number(self, index: int) -> int:
        """Its line number in the file, from 1: only for messages, it reads the file."""
        with self._path.open("rb") as file:
            return file.read(self._begins[index]).count(b"\n") + 1


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
