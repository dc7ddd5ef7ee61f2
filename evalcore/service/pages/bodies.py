"""Bodies: what a page says of a run: tables and charts, made in a reader from the very parts of the report pages.

A body is kept beside the outputs until the run's folder changes: charts of a million requests take seconds to make.
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cache, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

import msgspec
import orjson
from aiohttp import web
from jinja2 import ChoiceLoader, DictLoader, Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from evalcore.service.endpoints import Call
from evalcore.service.folders import UNREADABLE, id_of
from evalcore.service.models import RunDetail
from evalcore.service.pages.rendering import page, shown, what
from evalcore.service.problems import Refused
from evalcore.service.store import RunRow
from perfbench import __version__
from perfbench.report.charts import Chart
from perfbench.report.page import TEMPLATES as PERF_REPORT
from perfbench.report.page import script_json
from perfbench.runfolder import write_whole

if TYPE_CHECKING:
    from perfbench.report.page import Cell, Page

log = logging.getLogger("evalcore.service")
OWN = Path(__file__).parent / "templates"
EVAL_REPORT = Path(__file__).parents[2] / "report/templates"
FRAME = "{% block body %}{% endblock %}"
"""What stands in for the frame of a report page: nothing."""
MOST_KEPT = 500
"""Bodies, of some 200 kB each; the oldest go."""
MOST_RUNS = 200
"""Of a series, shown."""


class Body(msgspec.Struct, frozen=True):
    """Markup that templates have escaped, and the figures of its charts as JSON for a script block."""

    markup: str
    figures: str


@dataclass(frozen=True, slots=True)
class Made:
    """What a body is made of: a template of the reports or of ours, its charts, its values."""

    template: str
    drawn: Sequence[Chart]
    values: dict[str, Any]


@cache
def environment() -> Environment:
    return Environment(
        loader=ChoiceLoader([DictLoader({"base.html": FRAME}), FileSystemLoader([PERF_REPORT, OWN, EVAL_REPORT])]),
        autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True, finalize=shown,
    )  # fmt: skip


def body(make: Callable[..., Made], folder: Path, kept: Path, stamp: str, *arguments: Any) -> Body:
    """A body as it was kept, or made anew. Runs in a reader. Without a stamp it is not kept: its run still grows."""
    name = hashlib.sha256(f"{__version__} {make.__name__} {folder} {stamp}".encode()).hexdigest()[:32]
    file = kept / f"{name}.json"
    if stamp:
        try:
            return msgspec.json.decode(file.read_bytes(), type=Body)
        except (OSError, msgspec.DecodeError):  # none yet, or one of another version
            pass
    made = make(folder, *arguments)
    markup = environment().get_template(made.template).render(**made.values)
    found = Body(markup, str(script_json({chart.key: chart.figure for chart in made.drawn})))
    if stamp:
        kept.mkdir(parents=True, exist_ok=True)
        write_whole(file, msgspec.json.encode(found))
        for old in sorted(kept.glob("*.json"), key=_made_s)[:-MOST_KEPT]:
            old.unlink(missing_ok=True)
    return found


def _made_s(file: Path) -> float:
    try:
        return file.stat().st_mtime
    except OSError:  # another reader has removed it
        return 0.0


Pending: TypeAlias = dict[tuple[Any, ...], asyncio.Task[Body]]
PENDING: web.AppKey[Pending] = web.AppKey("pending bodies", dict)
"""Bodies that are being made: one that several ask for is made once."""
PATIENCE_S = 1.5
"""That a browser waits for a body; after that it is shown that one is being made, and asks again."""
HELD_S = 30.0


async def read(
    call: Call, row: RunRow, make: Callable[..., Made], *arguments: Any, stamp: str | None = None
) -> Body | None:
    """The body; None: it is not made yet. Raises Refused, and PerfbenchError for what cannot be made.

    `stamp`: of all that it is made of, where that is more than the run's folder.
    """
    service, pending = call.service, call.request.app[PENDING]
    kept_as = (stamp or row.stamp) if row.finished else ""
    wanted = (make, service.runs.folder(row), service.settings.state / "pages", kept_as, *arguments)
    task = pending.get(wanted)
    if task is None:
        task = pending[wanted] = asyncio.ensure_future(service.readers.call(body, *wanted))
        task.add_done_callback(partial(_hold, pending, wanted))
    await asyncio.wait((task,), timeout=PATIENCE_S)
    if not task.done():
        return None
    if not row.finished:
        pending.pop(wanted, None)
    try:
        return task.result()
    except UNREADABLE as error:
        log.warning("page of %s", row.path, exc_info=error)
        raise Refused(
            409, f"what run {row.id} has left cannot be read ({type(error).__name__}: {str(error)[:300]}); it was cut "
            "off, or written by another version"
        ) from None  # fmt: skip


def _hold(pending: Pending, wanted: tuple[Any, ...], done: asyncio.Task[Body]) -> None:
    """A browser that was told to wait asks for it once more, and must then find what was made meanwhile."""
    if not done.cancelled():
        done.exception()  # looked at, so that nobody is told who has gone away meanwhile
        asyncio.get_running_loop().call_later(HELD_S, pending.pop, wanted, None)


def waiting(call: Call, title: str) -> web.StreamResponse:
    response = page(call, "waiting.html", title=title)
    response.headers["Refresh"] = "1"
    return response


# -- load tests ------------------------------------------------------------------------------------------------------


async def perf(call: Call, run: RunDetail) -> web.StreamResponse:
    row = await call.service.runs.get(run.id)
    found = await read(call, row, MAKERS[run.form], run.id)
    if found is None:
        return waiting(call, run.id)
    return page(
        call, "run.html", run=run, what=what(run.kind, run.form), body=Markup(found.markup),
        figures=Markup(found.figures), draws=True,
    )  # fmt: skip


def load_test(folder: Path, id: str) -> Made:
    """From the records; of a run that has no summary, a summary is made for the page alone."""
    from perfbench.metrics.columns import columns
    from perfbench.report.html import contents
    from perfbench.report.summary import read_scenario, summarise
    from perfbench.runfolder import SUMMARY, RunFolder

    run = RunFolder(folder)
    file = folder / SUMMARY
    summary = orjson.loads(file.read_bytes()) if file.is_file() else summarise(run, read_scenario(run))
    drawn, values = contents(summary, columns(run.records()), run)
    return Made("report.html", drawn, values)


def sweep(folder: Path, id: str) -> Made:
    from perfbench.report.pages.sweep import sweep_page

    return _capacity(sweep_page(_json(folder / "sweep.json"), folder), id)


def search(folder: Path, id: str) -> Made:
    from perfbench.report.pages.search import search_page

    return _capacity(search_page(_json(folder / "slo.json")), id)


def plan(folder: Path, id: str) -> Made:
    from perfbench.report.pages.plan import plan_page

    return _capacity(plan_page(_json(folder / "plan.json")), id)


def _json(file: Path) -> Any:
    return orjson.loads(file.read_bytes())


def _capacity(told: Page, id: str) -> Made:
    from perfbench.report.page import contents

    drawn, linked = contents(_linked(told, id))
    return Made("pages.html", drawn, {"page": linked})


def _linked(page: Page, id: str) -> Page:
    """Its links, which lead to report pages below the run's folder, as links to the pages of those runs."""
    return replace(page, sections=tuple(
        replace(section, tables=tuple(
            replace(table, rows=tuple(tuple(_link(cell, id) for cell in row) for row in table.rows))
            for table in section.tables
        )) for section in page.sections
    ))  # fmt: skip


def _link(cell: Cell, id: str) -> Cell:
    if cell.href is None:
        return cell
    return replace(cell, href=f"/runs/{id_of(str(Path(cell.href).parent), id)}")


def series(folder: Path, id: str) -> Made:
    found = _json(folder / "series.json")
    runs = [{**one, "href": f"/runs/{id_of(str(one['folder']), id)}"} for one in found["runs"][:MOST_RUNS]]
    return Made("series_body.html", [], {"runs": runs, "figures_of": _figures(found["figures"].items())})


def _figures(found: Iterable[tuple[str, Any]]) -> list[dict[str, Any]]:
    from perfbench.report.text import number

    return [
        {"name": name, "unit": one["unit"], **{key: number(one[key]) for key in ("mean", "low", "high")},
         "values": ", ".join(number(value) for value in one["values"][:MOST_RUNS])}
        for name, one in found
    ]  # fmt: skip


MAKERS: dict[str, Callable[[Path, str], Made]] = {
    "run": load_test, "sweep": sweep, "search": search, "plan": plan, "series": series,
}  # fmt: skip
