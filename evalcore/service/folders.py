"""Folders: what a folder below the outputs is, as a row of the index. Runs in a helper process."""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Iterator, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

import orjson
import yaml

from evalcore.service.models import Form
from evalcore.service.store import RunRow

PLAIN_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.+=@-]{0,120}")
LOOKED_AT = (
    "summary.json", "run.json", "sweep.json", "slo.json", "plan.json", "series.json", "configs", "logs/run.json",
    "reports", "reviews",
)  # fmt: skip
"""Whose times say whether a folder has changed."""
FORMS: dict[str, Form] = {"sweep.json": "sweep", "slo.json": "search", "plan.json": "plan", "series.json": "series"}
INSIDE = {"sweep": "points/*", "search": "probes/*", "series": "run_*"}
UNREADABLE = (OSError, ValueError, KeyError, TypeError, AttributeError, IndexError, yaml.YAMLError)
"""What a file may be that something else has written, or that a kill has cut off."""
LATENCIES = ("ttft", "e2e")


def scan(outputs: Path, known: Mapping[str, str]) -> tuple[list[RunRow], list[str]]:
    """(rows of folders that are new or have changed since their known stamp, paths that are gone)."""
    rows: list[RunRow] = []
    seen: set[str] = set()
    try:
        entries = list(os.scandir(outputs))
    except FileNotFoundError:
        entries = []
    for entry in entries:
        if entry.name.startswith(".") or not entry.is_dir(follow_symlinks=False):
            continue
        stamp = stamp_of(Path(entry.path))
        if not stamp:
            continue
        seen.add(entry.name)
        if known.get(entry.name) == stamp:
            continue
        row = row_of(outputs, entry.name, stamp, None)
        if row is None:
            continue
        rows.append(row)
        rows += _inside(outputs, row, known)
    gone = [path for path in known if path.partition("/")[0] not in seen]
    return rows, gone


def _inside(outputs: Path, parent: RunRow, known: Mapping[str, str]) -> Iterator[RunRow]:
    for folder in sorted((outputs / parent.path).glob(INSIDE.get(parent.form, "-"))):
        path = str(folder.relative_to(outputs))
        stamp = stamp_of(folder)
        if stamp and known.get(path) != stamp and not folder.is_symlink():
            row = row_of(outputs, path, stamp, parent.id)
            if row is not None:
                yield row


def stamp_of(folder: Path) -> str:
    """Empty: it is no run."""
    found = []
    for name in LOOKED_AT:
        try:
            found.append(f"{name}:{(folder / name).stat().st_mtime_ns}")
        except OSError:
            continue
    reports = folder / "reports"
    if reports.is_dir():
        found += [f"{file.name}:{file.stat().st_mtime_ns}" for file in sorted(reports.glob("*/*.json"))]
    return hashlib.sha256(" ".join(found).encode()).hexdigest()[:24] if found else ""


def id_of(path: str, parent: str | None) -> str:
    name = Path(path).name
    if PLAIN_ID.fullmatch(name) is None:
        name = "x" + hashlib.sha256(name.encode("utf-8", "surrogateescape")).hexdigest()[:16]
    return name if parent is None else f"{parent}~{name}"


def row_of(outputs: Path, path: str, stamp: str, parent: str | None) -> RunRow | None:
    """None: it is no run of ours. Files that are none of ours under our names make a run of which nothing is known."""
    folder, id = outputs / path, id_of(path, parent)
    try:
        return _row_of(folder, path, id, stamp, parent)
    except UNREADABLE:
        kind = "eval" if (folder / "configs").is_dir() else "perf"
        return _row(id, path, stamp, parent, kind, "run", False, "unreadable", "", _began(folder), {})


def _row_of(folder: Path, path: str, id: str, stamp: str, parent: str | None) -> RunRow | None:
    if (folder / "configs").is_dir():
        return _eval_row(folder, path, id, stamp, parent)
    for file, form in FORMS.items():
        if (folder / file).is_file():
            return _series_row(folder, file, form, path, id, stamp, parent)
    if (folder / "run.json").is_file() or (folder / "summary.json").is_file():
        return _perf_row(folder, path, id, stamp, parent)
    return None


def _eval_row(folder: Path, path: str, id: str, stamp: str, parent: str | None) -> RunRow:
    task, course = task_of(folder), _json(folder / "logs" / "run.json")
    scores = [_score(report) for report in reports_of(folder)]
    model = str(task.get("model_id") or str(task.get("model") or "sim").rstrip("/").rpartition("/")[2])
    benchmarks = [str(name) for name in task.get("datasets", [])]
    finished = bool(course) and course.get("ended") != "interrupted" and bool(scores)
    target = str(task.get("api_url") or "the built-in simulator")
    told = {"target": target, "benchmarks": benchmarks, "scores": [score for score in scores if score is not None]}
    return _row(
        id, path, stamp, parent, "eval", "run", finished, ", ".join(benchmarks), model, _began(folder), told
    )  # fmt: skip


def _perf_row(folder: Path, path: str, id: str, stamp: str, parent: str | None) -> RunRow:
    summary, info = _json(folder / "summary.json"), _json(folder / "run.json")
    scenario = summary.get("scenario") or description_of(folder)
    told = {
        "target": _target(scenario), "figures": figures_of(summary),
        "verdict": (summary.get("client") or {}).get("verdict"),
    }  # fmt: skip
    finished = bool(summary) and info.get("ended", "number") not in (None, "interrupted", "died")
    began = str(info.get("started_at") or _began(folder))
    return _row(
        id, path, stamp, parent, "perf", "run", finished, str(scenario.get("name") or "run"),
        str(scenario.get("model") or ""), began, told,
    )  # fmt: skip


def _series_row(folder: Path, file: str, form: Form, path: str, id: str, stamp: str, parent: str | None) -> RunRow:
    said = _json(folder / file)
    scenario = said.get("scenario") or description_of(folder)
    if form == "series" and not scenario:
        scenario = description_of(folder / "run_1")
    finished = said.get("ended", "done") in ("done", "stopped") if form in ("sweep", "search") else bool(said)
    return _row(
        id, path, stamp, parent, "perf", form, finished, str(scenario.get("name") or form),
        str(scenario.get("model") or ""), str(said.get("started_at") or _began(folder)),
        {"target": _target(scenario)},
    )  # fmt: skip


def _row(
    id: str, path: str, stamp: str, parent: str | None, kind: Any, form: Form, finished: bool, name: str, model: str,
    started_at: str, told: dict[str, Any],
) -> RunRow:  # fmt: skip
    words = " ".join((id, name, model, str(told.get("target", "")), kind, form)).casefold()
    return RunRow(
        id=id, path=path, stamp=stamp, parent=parent, kind=kind, form=form, finished=finished, name=name[:300],
        model=model[:300], started_at=started_at, words=words, told=told,
    )  # fmt: skip


def reports_of(folder: Path) -> list[dict[str, Any]]:
    """The reports of an evaluation, by name."""
    found = [_json(file) for file in sorted((folder / "reports").glob("*/*.json"))]
    return [report for report in found if "benchmark" in report and "protocols" in report]


def _score(report: Mapping[str, Any]) -> dict[str, Any] | None:
    try:
        quoted = report["protocols"].get(report["headline"]) or {}
        return {
            "benchmark": str(report["benchmark"]), "protocol": str(report["headline"]),
            "score": quoted.get("score"), "low": quoted.get("low"), "high": quoted.get("high"),
            "n": int(report["n"]), "coverage": float(report["coverage"]),
        }  # fmt: skip
    except UNREADABLE:
        return None


def scores_of(folder: Path) -> list[dict[str, Any]]:
    return [score for score in map(_score, reports_of(folder)) if score is not None]


def figures_of(summary: Mapping[str, Any]) -> dict[str, float | None]:
    """Those of a list of runs."""
    if not summary:
        return {}
    requests, rates = summary.get("requests") or {}, summary.get("throughput") or {}
    found: dict[str, Any] = {name: requests.get(name) for name in ("succeeded", "failed", "error_rate")}
    found |= {name: rates.get(name) for name in ("requests_per_s", "output_tokens_per_s")}
    for name in LATENCIES:
        of_latency = (summary.get("latency_ms") or {}).get(name) or {}
        found |= {f"{statistic}_{name}_ms": of_latency.get(statistic) for statistic in ("p50", "p99")}
    return {name: float(value) if isinstance(value, int | float) else None for name, value in found.items()}


def task_of(folder: Path) -> dict[str, Any]:
    """What an evaluation was asked, secrets left out when it was written."""
    try:
        files = sorted((folder / "configs").glob("task_config_*.yaml"), key=lambda file: file.stat().st_mtime)
        return _yaml(files[-1])
    except UNREADABLE:
        return {}


def description_of(folder: Path) -> dict[str, Any]:
    """The task or the scenario of a run."""
    return task_of(folder) if (folder / "configs").is_dir() else _yaml(folder / "scenario.yaml")


def summary_file(folder: Path, form: str) -> Path:
    """Of perf: the file that says what came of it."""
    return folder / next((file for file, other in FORMS.items() if other == form), "summary.json")


def has(folder: Path, kind: str, form: str) -> list[str]:
    """What can be asked of a run."""
    found = []
    if reports_of(folder) if kind == "eval" else summary_file(folder, form).is_file():
        found.append("summary")
    if page_of(folder, kind, form).is_file():
        found.append("report")
    if kind == "eval" and any((folder / "reviews").glob("*/*.jsonl")):
        found.append("samples")
    if any(folder.glob("requests*.jsonl")):
        found.append("requests")
    return found


def page_of(folder: Path, kind: str, form: str) -> Path:
    if kind == "eval":
        return folder / "reports" / "report.html"
    return folder / ("plan.html" if form == "plan" else "report.html")


def _yaml(file: Path) -> dict[str, Any]:
    try:
        found = yaml.load(file.read_text(encoding="utf-8"), getattr(yaml, "CSafeLoader", yaml.SafeLoader))
    except UNREADABLE:
        return {}
    return found if isinstance(found, dict) else {}


def _json(file: Path) -> dict[str, Any]:
    try:
        found = orjson.loads(file.read_bytes())
    except UNREADABLE:
        return {}
    return found if isinstance(found, dict) else {}


def _target(scenario: Mapping[str, Any]) -> str:
    url = scenario.get("url") or ""
    return ", ".join(map(str, url)) if isinstance(url, list) else str(url)


def _began(folder: Path) -> str:
    """By its name, as our commands name folders; else when it was last changed."""
    try:
        at = datetime.strptime(folder.name[:15], "%Y%m%d_%H%M%S")
    except ValueError:
        at = datetime.fromtimestamp(folder.stat().st_mtime)
    return at.astimezone().isoformat(timespec="seconds")
