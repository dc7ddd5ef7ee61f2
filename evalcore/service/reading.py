"""Reading: pages of samples and of requests, and comparisons. Runs in a helper process (readers.py), and may take long.

Queries are plain mappings of values that the API has checked; answers are JSON, encoded here, so that the event loop
passes bytes on. What the asker did wrong, or the folder lacks, is raised as `Lacking`.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import orjson

from evalcore.service.heads import KEYS, RECORDS, VERDICTS, reviews
from evalcore.service.lines import Array, Index, Indexes, lines_at, short_hash

MOST_POINTS = 20_000
HEAVY = ("itl_ns",)
"""Of a record: what a page of many does not show."""


class Lacking(Exception):
    """There is no such thing in that folder; says what."""


# -- pages -----------------------------------------------------------------------------------------------------------


class Pages:
    """What a helper process answers from."""

    def __init__(self, kept: Path) -> None:
        self._indexes = Indexes(kept)

    def requests(self, folder: Path, query: Mapping[str, Any]) -> bytes:
        parts = self._records(folder)
        masks = [_wanted(index, query, ("error", "tag", "lane")) for _, index, _ in parts]
        for mask, (_, index, _) in zip(masks, parts, strict=True):
            if query.get("http_status") is not None:
                mask &= index.columns["status"] == query["http_status"]
            if query.get("warmup") is not None:
                mask &= index.columns["warmup"] == query["warmup"]
            for name in ("ttft_ms", "e2e_ms"):
                if query.get(f"{name}_min") is not None:
                    mask &= index.columns[name] >= query[f"{name}_min"]
        counts: dict[str, int] = {}
        for mask, (_, index, _) in zip(masks, parts, strict=True):
            _count_words(counts, index, "outcome", mask)
            if query.get("outcome") is not None:
                mask &= index.columns["outcome"] == index.code("outcome", query["outcome"])
        total, rows = _page(parts, masks, query, {"n": None, "start": "start_ns"})
        began_ns = _first(parts)
        found = []
        for part, row in rows:
            file, index, base = parts[part]
            record = orjson.loads(next(lines_at(file, [int(index.offsets[row])])))
            for name in HEAVY:
                record.pop(name, None)
            found.append(record | {
                "n": base + row, "start_s": (int(index.columns["start_ns"][row]) - began_ns) / 1e9,
                **{name: _number(index.columns[name][row]) for name in ("ttft_ms", "e2e_ms")},
            })  # fmt: skip
        return orjson.dumps({"total": total, "offset": query["offset"], "counts": counts, "requests": found})

    def request(self, folder: Path, number: int) -> bytes:
        for file, index, base in self._records(folder):
            if base <= number < base + len(index):
                line = next(lines_at(file, [int(index.offsets[number - base])]))
                return orjson.dumps({"n": number, "record": orjson.Fragment(line.strip())})
        raise Lacking(f"request {number}: the run has {sum(len(index) for _, index, _ in self._records(folder))}")

    def points(self, folder: Path, query: Mapping[str, Any]) -> bytes:
        """One figure over time. Of more than are wanted: an even choice, and the slowest of each stretch, which is what
        one looks for in such a picture."""
        parts, name = self._records(folder), query["y"]
        start_ns = np.concatenate([index.columns["start_ns"] for _, index, _ in parts])
        value = np.concatenate([index.columns[name] for _, index, _ in parts]).astype(float)
        warm = np.concatenate([index.columns["warmup"] for _, index, _ in parts])
        known = np.flatnonzero(~np.isnan(value) & ~warm & (value >= 0))
        known = known[np.argsort(start_ns[known], kind="stable")]
        chosen = known
        if known.size > query["most"]:
            stretches = np.array_split(known, query["most"] // 2)
            slowest = [stretch[np.argmax(value[stretch])] for stretch in stretches]
            evenly = known[np.linspace(0, known.size - 1, query["most"] // 2).astype(int)]
            chosen = np.unique(np.concatenate([np.array(slowest), evenly]))
            chosen = chosen[np.argsort(start_ns[chosen], kind="stable")]
        return orjson.dumps(
            {"total": known.size, "start_s": ((start_ns[chosen] - _first(parts)) / 1e9).round(4).tolist(),
             "value": value[chosen].round(3).tolist(), "n": chosen.tolist()}
        )  # fmt: skip

    def _records(self, folder: Path) -> list[tuple[Path, Index, int]]:
        """(file, index, number of its first line)."""
        from perfbench.engine.errors import ScenarioError
        from perfbench.runfolder import RunFolder

        try:
            files = RunFolder(folder).record_files()
        except ScenarioError:
            raise Lacking("the run has no requests") from None
        found, base = [], 0
        for file in files:
            index = self._indexes.of(file, RECORDS)
            found.append((file, index, base))
            base += len(index)
        return found

    def samples(self, folder: Path, query: Mapping[str, Any]) -> bytes:
        parts, names = [], []
        for benchmark, file, protocol in _review_files(folder, query.get("benchmark")):
            index = self._indexes.of(file, reviews(protocol))
            parts.append((file, index, 0))
            names.append(benchmark)
        masks = [
            _wanted(index, query, ("subset", "category", "fault")) & _last_of_key(index, _left_out(file, name))
            for (file, index, _), name in zip(parts, names, strict=True)
        ]
        for mask, (file, index, _) in zip(masks, parts, strict=True):
            if query.get("repeat") is not None:
                mask &= index.columns["repeat"] == query["repeat"]
            if query.get("q"):
                _narrow(mask, file, index, query["q"])
        counts = dict.fromkeys(VERDICTS, 0)
        for mask, (_, index, _) in zip(masks, parts, strict=True):
            of_verdict = np.bincount(index.columns["verdict"][mask], minlength=len(VERDICTS))
            for name, count in zip(VERDICTS, of_verdict, strict=True):
                counts[name] += int(count)
            if query.get("verdict") is not None:
                mask &= index.columns["verdict"] == VERDICTS.index(query["verdict"])
        total, rows = _page(parts, masks, query, {"n": None})
        found = []
        for part, row in rows:
            file, index, _ = parts[part]
            review = orjson.loads(next(lines_at(file, [int(index.offsets[row])])))
            verdict = VERDICTS[int(index.columns["verdict"][row])]
            found.append(review | {"n": row, "benchmark": names[part], "verdict": verdict})
        return orjson.dumps({"total": total, "offset": query["offset"], "counts": counts, "samples": found})

    def sample(self, folder: Path, key: str) -> bytes:
        wanted = short_hash(key)
        for benchmark, file, protocol in _review_files(folder, None):
            index = self._indexes.of(file, reviews(protocol))
            review = _line_of_key(file, index, wanted, key)
            if review is None:
                continue
            prediction = folder / "predictions" / file.parent.name / file.name
            said = None
            if prediction.is_file():
                said = _line_of_key(prediction, self._indexes.of(prediction, KEYS), wanted, key)
            verdict = VERDICTS[int(index.columns["verdict"][np.flatnonzero(index.columns["key"] == wanted)[-1]])]
            return orjson.dumps({"review": review | {"benchmark": benchmark, "verdict": verdict}, "prediction": said})
        raise Lacking(f"the run has no sample with key {key[:100]!r}")


def _page(
    parts: list[tuple[Path, Index, int]], masks: list[Array], query: Mapping[str, Any], orders: Mapping[str, str | None]
) -> tuple[int, list[tuple[int, int]]]:
    """(how many rows are wanted, (part, row) of those of the page)."""
    chosen = [np.flatnonzero(mask) for mask in masks]
    part = np.concatenate([np.full(rows.size, number) for number, rows in enumerate(chosen)] or [np.zeros(0, int)])
    row = np.concatenate(chosen or [np.zeros(0, int)])
    total, offset, limit = int(row.size), query["offset"], query["limit"]
    by = orders.get(query["sort"], query["sort"])
    order = np.arange(total)
    if by is not None:
        columns = [index.columns[by][rows] for (_, index, _), rows in zip(parts, chosen, strict=True)]
        values = np.concatenate(columns).astype(float) if columns else np.zeros(0)
        # What has no value comes last, whichever way it goes.
        values = np.where(np.isnan(values), np.inf, -values if query["descending"] else values)
        order = np.argsort(values, kind="stable")
    elif query["descending"]:
        order = order[::-1]
    picked = order[offset : offset + limit].astype(int)
    return total, [(int(part[at]), int(row[at])) for at in picked]


def _wanted(index: Index, query: Mapping[str, Any], words: Iterable[str]) -> Array:
    mask = np.ones(len(index), bool)
    for name in words:
        if query.get(name) is not None:
            mask &= index.columns[name] == index.code(name, query[name])
    return mask


def _count_words(counts: dict[str, int], index: Index, column: str, mask: Array) -> None:
    table = index.tables[column]
    for word, count in zip(table, np.bincount(index.columns[column][mask], minlength=len(table)), strict=True):
        counts[word] = counts.get(word, 0) + int(count)


def _first(parts: list[tuple[Path, Index, int]]) -> int:
    return min((int(index.columns["start_ns"].min()) for _, index, _ in parts if len(index)), default=0)


def _number(value: Any) -> float | None:
    return None if math.isnan(value) else round(float(value), 6)


def _review_files(folder: Path, benchmark: str | None) -> list[tuple[str, Path, str]]:
    """(benchmark, file, the protocol that its report quotes)."""
    from evalcore.benchmarks.table import BENCHMARKS

    found = []
    names = sorted(BENCHMARKS, key=len, reverse=True)  # files are BENCHMARK_SUBSET: the longest name that fits
    for file in sorted((folder / "reviews").glob("*/*.jsonl")):
        name = next((one for one in names if file.stem.startswith(f"{one}_")), file.stem)
        if benchmark is None or benchmark == name:
            found.append((name, file, _headline(folder / "reports" / file.parent.name / f"{name}.json")))
    if not found and benchmark is None:
        raise Lacking("the run has no samples")
    return found


def _headline(report: Path) -> str:
    try:
        return str(orjson.loads(report.read_bytes())["headline"])
    except (OSError, ValueError, KeyError, TypeError):  # none yet: each line's own first protocol
        return ""


def _left_out(file: Path, benchmark: str) -> Array:
    """Hashes of the keys that reports leave out."""
    from evalcore.outputs import EvalFolder

    keys = EvalFolder(file.parents[2], file.parent.name).read_left_out().get(benchmark, [])
    return np.array([short_hash(key) for key in keys], np.int64)


def _last_of_key(index: Index, left_out: Array) -> Array:
    """The lines that count: the last of each key."""
    keys = index.columns["key"]
    mask = np.zeros(len(index), bool)
    _, first_from_end = np.unique(keys[::-1], return_index=True)
    mask[len(index) - 1 - first_from_end] = True
    return mask & ~np.isin(keys, left_out) if left_out.size else mask


def _narrow(mask: Array, file: Path, index: Index, q: str) -> None:
    """Keep the lines in which every word of q stands, as it stands in the file, in either case."""
    needles = [orjson.dumps(word)[1:-1].lower() for word in q.split()]
    rows = np.flatnonzero(mask)
    for row, line in zip(rows, lines_at(file, [int(at) for at in index.offsets[rows]]), strict=True):
        text = line.lower()
        if not all(needle in text for needle in needles):
            mask[row] = False


def _line_of_key(file: Path, index: Index, wanted: int, key: str) -> dict[str, Any] | None:
    rows = np.flatnonzero(index.columns["key"] == wanted)
    for line in lines_at(file, [int(at) for at in index.offsets[rows[::-1]]]):
        found: dict[str, Any] = orjson.loads(line)
        if found["key"] == key:
            return found
    return None


# -- comparisons -----------------------------------------------------------------------------------------------------


def compare(kind: str, a: Path, b: Path, names: tuple[str, str]) -> bytes:
    """Raises PerfbenchError for what cannot be compared."""
    told: dict[str, Any] = {"kind": kind, "a": names[0], "b": names[1]}
    if kind == "eval":
        from evalcore.report.compare import compare as compare_evals

        told["benchmarks"] = [one.as_json() for one in compare_evals(a, b)]
    else:
        from perfbench.comparison.pair import compare_paths

        told["figures"] = compare_paths(a, b).as_json()
    return orjson.dumps(told, option=orjson.OPT_SERIALIZE_NUMPY)
