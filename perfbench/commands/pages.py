"""Pages: how commands write the report page of a sweep, a search or a plan, from the file that it left behind."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import orjson

from perfbench.engine.errors import ScenarioError
from perfbench.runfolder import REPORT, write_whole

SCHEMA = 1
PLAN_PAGE = "plan.html"
"""Beside the report.html of the runs that were planned from."""


def write_page(file: Path) -> Path:
    """Write the page of a sweep.json, slo.json or plan.json into its folder.

    Raises ScenarioError where the file cannot be read, SinkFailed where the page cannot be written."""
    from perfbench.report.page import render

    try:
        found = orjson.loads(file.read_bytes())
    except orjson.JSONDecodeError as error:
        raise ScenarioError(f"{file} is not whole: {error}; run what made it once more, with --resume") from None
    if not isinstance(found, dict) or found.get("schema") != SCHEMA:
        raise ScenarioError(f"{file} is not of schema {SCHEMA}; it was written by another version, or by hand")
    page = render(_maker(file.name)(found, file.parent))
    place = file.parent / (PLAN_PAGE if file.name == "plan.json" else REPORT)
    write_whole(place, page.encode())
    return place


def _maker(name: str) -> Callable[[Any, Path], Any]:
    from perfbench.capacity.folder import PLAN, SLO, SWEEP
    from perfbench.report.pages.plan import plan_page
    from perfbench.report.pages.search import search_page
    from perfbench.report.pages.sweep import sweep_page

    makers: dict[str, Callable[[Any, Path], Any]] = {
        SWEEP: sweep_page, SLO: lambda found, _: search_page(found), PLAN: lambda found, _: plan_page(found),
    }  # fmt: skip
    return makers[name]
