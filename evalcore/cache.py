"""Cache: answers kept across runs, so that the same request is never paid for twice.

A row is one whole, successful answer, by the content of its request (model, messages, generation settings, repeat) and
the endpoint it went to; so repeats with a temperature stay apart, and nothing that failed or was cut off is kept.
SQLite, because several runs may read and write at a time and a kill must not spoil what is there. Beside it stands how
long the answer to a sample was, whoever gave it: the next run knows which samples take long (evalcore.order).
"""

from __future__ import annotations

import hashlib
import os
import sqlite3
from pathlib import Path

import msgspec

from evalcore.dataset.load import CACHE_VARIABLE
from evalcore.errors import TaskError
from evalcore.plan import Item
from evalcore.task import TaskConfig
from evalcore.types import Prediction, Sample
from perfbench.engine.dialect.urls import request_url

FILE = "responses.sqlite"
FOLDER = "responses"
BUSY_S = 30.0  # longest wait for another run that writes
TABLES = """
CREATE TABLE IF NOT EXISTS answers (key BLOB PRIMARY KEY, prediction BLOB NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS lengths (sample BLOB PRIMARY KEY, tokens INTEGER NOT NULL) WITHOUT ROWID;
"""
_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(Prediction).decode


def relabelled(prediction: Prediction, item: Item) -> Prediction:
    """An answer that was given to the same request, as this item's. No request was made for it, so it took no time."""
    return msgspec.structs.replace(
        prediction, key=item.key, benchmark=item.plan.name, sample=item.sample, repeat=item.repeat,
        messages=tuple(item.messages), attempts=0, ttft_ms=None, latency_ms=None,
    )  # fmt: skip


class ResponseCache:
    """Answers in a folder. Raises TaskError when it cannot be opened."""

    def __init__(self, folder: Path, url: str) -> None:
        self._endpoint = request_url(url, "").encode()
        try:
            folder.mkdir(parents=True, exist_ok=True)
            self._rows = sqlite3.connect(folder / FILE, timeout=BUSY_S, isolation_level=None)
            self._rows.execute("PRAGMA journal_mode=WAL")
            self._rows.execute("PRAGMA synchronous=NORMAL")  # a power failure may lose the last rows, never spoil any
            self._rows.executescript(TABLES)
        except (OSError, sqlite3.Error) as error:
            raise TaskError(
                f"cache {str(folder)!r} cannot be used: {error}; name a folder that can be written"
            ) from None

    def get(self, item: Item) -> Prediction | None:
        """The answer to the same request, as this item's."""
        row = self._rows.execute("SELECT prediction FROM answers WHERE key = ?", (self._key(item),)).fetchone()
        return None if row is None else relabelled(_decode(row[0]), item)

    def put(self, item: Item, prediction: Prediction) -> None:
        """Keep it, if it is one."""
        if prediction.fault or prediction.attempts == 0:
            return
        kept = _encode(msgspec.structs.replace(prediction, messages=()))
        self._rows.execute("INSERT OR REPLACE INTO answers VALUES (?, ?)", (self._key(item), kept))
        if prediction.output_tokens:
            whose = _whose(prediction.benchmark, prediction.sample)
            self._rows.execute("INSERT OR REPLACE INTO lengths VALUES (?, ?)", (whose, prediction.output_tokens))

    def length_of(self, benchmark: str, sample: Sample) -> int | None:
        """Tokens that the last answer to this sample had."""
        row = self._rows.execute("SELECT tokens FROM lengths WHERE sample = ?", (_whose(benchmark, sample),)).fetchone()
        return None if row is None else int(row[0])

    def knows_lengths(self) -> bool:
        return self._rows.execute("SELECT 1 FROM lengths LIMIT 1").fetchone() is not None

    def close(self) -> None:
        self._rows.close()

    def _key(self, item: Item) -> bytes:
        return hashlib.blake2b(self._endpoint + b"\0" + item.content.encode(), digest_size=16).digest()


def _whose(benchmark: str, sample: Sample) -> bytes:
    name = f"{benchmark}\0{sample.subset}\0{sample.id}".encode("utf-8", "surrogatepass")
    return hashlib.blake2b(name, digest_size=12).digest()


def open_cache(task: TaskConfig, url: str) -> ResponseCache | None:
    """The task's cache, if it wants one."""
    if task.cache is None:
        return None
    return ResponseCache(cache_folder(task), url)


def cache_folder(task: TaskConfig) -> Path:
    """The folder that `cache` names; for true, one beside the data sets."""
    if isinstance(task.cache, str):
        return Path(task.cache).expanduser()
    below = task.dataset_dir or os.environ.get(CACHE_VARIABLE)
    base = Path(below).expanduser() if below else Path("~/.cache/evalcore").expanduser()
    return base / FOLDER
