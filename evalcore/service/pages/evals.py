"""Evals: the page of an evaluation, its samples, and one of them with its whole conversation."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import orjson
from aiohttp import web
from markupsafe import Markup

from evalcore.report.browser import shortened
from evalcore.service.api import runs as api
from evalcore.service.endpoints import Call
from evalcore.service.folders import reports_of
from evalcore.service.models import RunDetail
from evalcore.service.pages import bodies
from evalcore.service.pages.differing import differing
from evalcore.service.pages.rendering import Chip, Pager, given, link, page, what

PER_PAGE = 20
VERDICTS = ("right", "partly", "wrong", "unscored")
ROW_STEPS = (6, 12, 20, 40, 80)
"""Rows of a chart of bars, for which style sheets have heights."""


async def run(call: Call, found: RunDetail) -> web.StreamResponse:
    row = await call.service.runs.get(found.id)
    made = await bodies.read(call, row, evaluation, found.id)
    if made is None:
        return bodies.waiting(call, found.id)
    return page(
        call, "run.html", run=found, what=what(found.kind, found.form), body=Markup(made.markup),
        figures=Markup(made.figures), draws=True,
    )  # fmt: skip


def evaluation(folder: Path, id: str) -> bodies.Made:
    """From the reports of the folder. Runs in a reader."""
    from evalcore.report import facts
    from evalcore.report.charts import charts
    from evalcore.report.html import section, tile
    from evalcore.report.schema import read_report

    reports = [read_report(file) for file in sorted((folder / "reports").glob("*/*.json"))]
    drawn = charts(reports)
    rows = [row for report in reports for row in facts.score_rows(report)]
    values = {
        "id": id, "models": ", ".join(dict.fromkeys(report.model for report in reports)),
        "warnings": [(report.benchmark, said) for report in reports for said in facts.warnings(report)],
        "tiles": [tile(report) for report in reports], "rows": rows, "brackets": any(row.bracket for row in rows),
        "sections": [section(report, drawn) for report in reports],
        "top": [chart for chart in drawn if chart.group == "Scores"],
        "heights": {chart.key: _step(len(chart.figure["data"][0]["y"])) for chart in drawn},
    }  # fmt: skip
    return bodies.Made("eval_body.html", drawn, values)


def _step(rows: int) -> int:
    return next((step for step in ROW_STEPS if rows <= step), ROW_STEPS[-1])


async def samples(call: Call) -> web.StreamResponse:
    wanted = call.query.model_copy(update={"limit": PER_PAGE})
    found = await api.run(call)
    assert isinstance(found, RunDetail)
    data = await api.samples(Call(call.service, call.request, wanted))
    assert isinstance(data, bytes)
    told = orjson.loads(data)
    path, values = f"/runs/{found.id}/samples", given(call)
    counts = told["counts"]
    chips = [Chip("all", link(path, values, verdict=None), wanted.verdict is None, sum(counts.values()))]
    chips += [
        Chip(name, link(path, values, verdict=name), wanted.verdict == name, counts[name])
        for name in VERDICTS if counts[name] or wanted.verdict == name
    ]  # fmt: skip
    subsets, headlines = await asyncio.to_thread(_parts, Path(found.folder), wanted.benchmark)
    return page(
        call, "samples.html", run=found, what=what(found.kind, found.form), query=wanted, chips=chips, subsets=subsets,
        benchmarks=list(headlines), page=Pager(told["total"], told["offset"], PER_PAGE, path, values),
        samples=[_sample(one, headlines, whole=False) for one in told["samples"]],
    )  # fmt: skip


def _parts(folder: Path, benchmark: str | None) -> tuple[list[str], dict[str, str]]:
    """(subsets of the benchmark or of all, headline by benchmark)."""
    reports = reports_of(folder)
    subsets = {
        str(part["name"]) for report in reports if benchmark in (None, report["benchmark"])
        for part in report.get("subsets", [])
    }  # fmt: skip
    return sorted(subsets), {str(report["benchmark"]): str(report.get("headline", "")) for report in reports}


async def sample(call: Call) -> web.StreamResponse:
    found = await api.run(call)
    assert isinstance(found, RunDetail)
    data = await api.sample(call)
    assert isinstance(data, bytes)
    told = orjson.loads(data)
    _, headlines = await asyncio.to_thread(_parts, Path(found.folder), None)
    review, prediction = told["review"], told["prediction"] or {}
    shown = _sample(review, headlines, whole=True) | {
        "reasoning": prediction.get("reasoning", ""),
        "calls": [_plain(one) for one in prediction.get("tool_calls", [])],
        "options": prediction.get("likelihoods", []), "answer": prediction.get("text") or review.get("text", ""),
    }  # fmt: skip
    if prediction.get("messages"):
        shown["messages"] = [_message(one, whole=True) for one in prediction["messages"]]
    return page(call, "sample.html", run=found, what=what(found.kind, found.form), sample=shown)


def _sample(review: Mapping[str, Any], headlines: Mapping[str, str], *, whole: bool) -> dict[str, Any]:
    """A review as the templates take it."""

    def text(value: Any, most: int = 6000) -> str:
        plain = _plain(value)
        return plain if whole else shortened(plain, most)

    scores, headline = review.get("scores", {}), headlines.get(review["benchmark"], "")
    quoted = scores.get(headline) or next(iter(scores.values()), None)
    target = _plain(review.get("target"))
    read = None if quoted is None else quoted.get("extracted")
    return {
        "key": review["key"], "id": review["sample_id"], "benchmark": review["benchmark"],
        "verdict": review["verdict"], "said": (read if read is not None else review.get("text", ""))[:160],
        "read": read, "target": text(target), "has_target": review.get("target") is not None,
        "differs": differing(read, target) if read is not None and target else None,
        "messages": [_message(one, whole=whole) for one in review.get("prompt", [])],
        "answer": text(review.get("text", "")), "reasoning": "", "calls": [], "options": [],
        "scores": [
            {"name": name, "value": one["value"], "read": one.get("extracted"),
             "detail": text(one["detail"], 1500) if one.get("detail") else ""} for name, one in scores.items()
        ],
        "verdicts": [
            {"judge": one["judge"], "word": one.get("verdict") or one.get("fault") or "no verdict",
             "order": one.get("order", ""), "text": text(one.get("text", ""), 1500)}
            for one in review.get("verdicts", [])
        ],
        "fault": review.get("fault", ""), "detail": text(review.get("detail", ""), 1500), "facts": _facts(review),
        "finish": review.get("finish_reason", ""),
    }  # fmt: skip


def _facts(review: Mapping[str, Any]) -> list[tuple[str, Any]]:
    latency, first = review.get("latency_ms"), review.get("ttft_ms")
    found = [
        ("subset", review.get("subset", "main")), ("category", review.get("category")),
        ("repeat", review.get("repeat")), ("finished by", review.get("finish_reason")),
        ("input tokens", review.get("input_tokens")), ("output tokens", review.get("output_tokens")),
        ("reasoning characters", review.get("reasoning_chars")),
        ("latency", None if latency is None else f"{latency:.0f} ms"),
        ("first token", None if first is None else f"{first:.0f} ms"),
        ("requests", review.get("attempts", 1) if review.get("attempts", 1) > 1 else None),
    ]  # fmt: skip
    return [(name, value) for name, value in found if value not in (None, "", 0)]


def _message(message: Mapping[str, Any], *, whole: bool) -> dict[str, str]:
    """Of content in parts, the texts, and the kind of what is no text."""
    content = message.get("content")
    if isinstance(content, list):
        parts = (part if isinstance(part, dict) else {"text": str(part)} for part in content)
        content = "\n".join(str(part.get("text") or f"[{part.get('type', 'part')}]") for part in parts)
    text = "" if content is None else str(content)
    return {"role": str(message.get("role", "")), "text": text if whole else shortened(text)}


def _plain(value: Any) -> str:
    if value is None:
        return ""
    return value if isinstance(value, str) else orjson.dumps(value, option=orjson.OPT_SORT_KEYS).decode()
