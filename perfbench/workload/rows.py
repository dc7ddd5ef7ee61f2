"""Rows: the JSON objects of a file, by number: one a line (.jsonl), or the elements of one array (.json).

Only where each row begins and ends is in memory (16 bytes a row). Rows are read by position, which is safe from
several processes. A .gz is unpacked once, into a temporary file without a name.
"""

from __future__ import annotations

import gzip
import mmap
import os
import re
import shutil
import tempfile
import zlib
from array import array
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

import orjson

from perfbench.engine.errors import ScenarioError

_TOKENS = re.compile(
    rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"|[{}\[\]]', re.DOTALL
)  # strings whole, so that no bracket in one counts


class Rows:
    """`key` is the setting that named the file, for messages."""

    def __init__(self, path: Path, key: str) -> None:
        self.path, self.key = path, key
        suffixes = [suffix for suffix in path.suffixes[-2:] if suffix != ".gz"]
        kind = suffixes[-1] if suffixes else ""
        if kind not in (".json", ".jsonl"):
            raise ScenarioError(
                f"{key} {path} is neither .jsonl nor .json (nor one of them with .gz); rename or convert it"
            )
        self._begins, self._ends = array("q"), array("q")
        self._file = self._opened()
        for begin, end in self._array() if kind == ".json" else self._lines():
            self._begins.append(begin)
            self._ends.append(end)
        if not self._begins:
            raise ScenarioError(f"{key} {path} is empty; write a row a line, or an array of them")

    def __len__(self) -> int:
        return len(self._begins)

    def __getitem__(self, number: int) -> Any:
        """Row `number`, from 0. Raises ScenarioError when it is not JSON."""
        begin = self._begins[number]
        try:
            return orjson.loads(os.pread(self._file.fileno(), self._ends[number] - begin, begin))
        except orjson.JSONDecodeError as error:
            raise ScenarioError(f"{self.place(number)}: not JSON ({error})") from None

    def place(self, number: int) -> str:
        return f"{self.key} {self.path} row {number + 1}"

    def _opened(self) -> IO[bytes]:
        try:
            if self.path.suffix != ".gz":
                return self.path.open("rb")
            plain = tempfile.TemporaryFile()  # noqa: SIM115 - open as long as the workload is
            with gzip.open(self.path, "rb") as packed:
                shutil.copyfileobj(packed, plain, 1 << 20)
            plain.flush()
            plain.seek(0)
            return plain
        except (gzip.BadGzipFile, EOFError, zlib.error) as error:
            raise ScenarioError(f"{self.key} {self.path} is no whole gzip file ({error}); pack it again") from None
        except OSError as error:
            raise ScenarioError(f"{self.key} {self.path} cannot be read: {error.strerror or error}") from None

    def _lines(self) -> Iterator[tuple[int, int]]:
        at = 0
        for line in self._file:
            if line.strip():
                yield at, at + len(line)
            at += len(line)

    def _array(self) -> Iterator[tuple[int, int]]:
        """Where the elements of the outermost array are, without parsing them."""
        if os.fstat(self._file.fileno()).st_size == 0:
            return
        depth = begin = 0
        with mmap.mmap(self._file.fileno(), 0, access=mmap.ACCESS_READ) as whole:
            if whole[:64].lstrip(b"\xef\xbb\xbf \t\r\n")[:1] != b"[":
                raise ScenarioError(f"{self.key} {self.path} is not an array of objects; a row a line is .jsonl")
            for found in _TOKENS.finditer(whole):
                match found[0]:
                    case b"{" | b"[":
                        if depth == 1:
                            begin = found.start()
                        depth += 1
                    case b"}" | b"]":
                        depth -= 1
                        if depth == 1:
                            yield begin, found.end()
        if depth:
            raise ScenarioError(f"{self.key} {self.path} ends in the middle of a row; is it whole?")
