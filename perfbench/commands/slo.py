"""perfbench slo: the largest load that meets an SLO."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import Parameter

from perfbench.commands.gates import STDOUT, Junit, Markdown, check, leave
from perfbench.commands.given import (
    SERIES,
    AsJson,
    Live,
    Quiet,
    Resume,
    ScenarioFile,
    refuse_beside_resume,
    refuse_in_series,
    said,
    scenario,
    taken,
)
from perfbench.commands.pages import write_page
from perfbench.commands.results import on_stdout
from perfbench.engine.errors import ScenarioError
from perfbench.scenario import GROUPS, Scenario
from perfbench.settings import units
from perfbench.settings.flags import flags_of, with_flags

if TYPE_CHECKING:
    from perfbench.capacity.slo import Wishes

MAX_TIME, PROBE_TIME, PRECISION = "5m", "20s", "4%"


def slo(
    scenario_file: ScenarioFile = None,
    /,
    *,
    search: Annotated[
        str | None,
        Parameter(group=SERIES, metavar="rate|parallel", help="What to find the largest of (default: rate)."),
    ] = None,
    max_time: Annotated[
        str | None, Parameter(group=SERIES, metavar="TIME", help=f"End the search after so long (default: {MAX_TIME}).")
    ] = None,
    probe_time: Annotated[
        str | None,
        Parameter(group=SERIES, metavar="TIME", help=f"How long a load is looked at (default: {PROBE_TIME})."),
    ] = None,
    precision: Annotated[
        str | None,
        Parameter(
            group=SERIES, metavar="SHARE", help=f"How narrow the answer is to be (default: {PRECISION} each way)."
        ),
    ] = None,
    max_load: Annotated[
        str | None, Parameter(group=SERIES, metavar="LOAD", help="Largest load to put on the endpoint.")
    ] = None,
    warm_start: Annotated[
        Path | None,
        Parameter(name="--from", group=SERIES, metavar="FOLDER", help="Begin where that sweep or search suggests."),
    ] = None,
    resume: Resume = None,
    as_json: AsJson = False,
    live: Live = None,
    quiet: Quiet = False,
    junit: Junit = None,
    markdown: Markdown = None,
    **flags: Any,
) -> int:
    """Find the largest load that meets --slo.

    Exit 0: found. 3: not even the smallest load meets it. 5: the time was over before it was known as narrowly as
    asked. --rate or --parallel, if given, is where to begin. In open loop latencies count from the instant a request
    was due.
    """
    from perfbench.capacity import slo as series
    from perfbench.capacity.folder import SLO
    from perfbench.capacity.show import show_search
    from perfbench.capacity.talk import Talk

    if as_json and markdown == STDOUT:
        raise ScenarioError("--json and --markdown - are both for stdout; give one of them a file")
    check(junit, markdown)
    talk = Talk(sys.stderr, quiet)
    longest_s = None if max_time is None else _read("--max-time", units.duration_s, max_time)
    if resume is not None:
        given = said(flags)
        own = {"search": search, "probe_time": probe_time, "precision": precision, "max_load": max_load}
        refuse_beside_resume({**given, **said({**own, "from": warm_start})}, scenario_file)
        ended = series.resume(resume, given, longest_s, talk, live=bool(live))
    else:
        base, wishes = _asked(
            scenario_file, flags, search or "rate", max_load=max_load, warm_start=warm_start,
            longest_s=units.duration_s(MAX_TIME) if longest_s is None else longest_s,
            probe_s=_read("--probe-time", units.duration_s, probe_time or PROBE_TIME),
            precision=_read("--precision", units.share, precision or PRECISION),
        )  # fmt: skip
        ended = series.begin(base, wishes, talk, live=bool(live))
    page = write_page(ended.folder / SLO)
    told = leave(ended.folder, junit, markdown)
    with on_stdout() as out:
        if told is not None:
            out.write(told)
        elif as_json:
            out.write((ended.folder / SLO).read_text(encoding="utf-8"))
        else:
            show_search(ended.record, ended.folder, out)
            out.write(f"page: {page}\n")
    return ended.exit_code


def _asked(
    scenario_file: Path | None, flags: dict[str, Any], kind: Any, *, max_load: str | None, warm_start: Path | None,
    longest_s: float, probe_s: float, precision: float,
) -> tuple[Scenario, Wishes]:  # fmt: skip
    """What every probe is like, and what is searched for. Raises ScenarioError."""
    from perfbench.capacity import slo as series
    from perfbench.capacity.objective import parse_objective
    from perfbench.capacity.search import FIRST_STEP, WARM_STEP

    if kind not in ("rate", "parallel"):
        raise ScenarioError(f"--search {kind!r}: there are rate and parallel")
    given, asked = taken(flags, scenario_file, "rate", "parallel", "number", "duration", "slo")
    if beside := [name for name in ("number", "duration") if flags.get(name) is not None]:
        raise ScenarioError(
            f"--{beside[0]} says how long a run is, and a search decides that; give --probe-time or --max-time"
        )
    if asked["slo"] is None:
        raise ScenarioError("--slo is missing; give what must hold, e.g. 'p99 ttft < 500ms and error_rate < 1%'")
    parse_objective(str(asked["slo"]), open_loop=kind == "rate")
    first = asked[kind]
    if first is None:
        first = series.FIRST[kind] if warm_start is None else series.first_load(warm_start, kind)
    first = _read(f"--{kind}", units.rate_per_s if kind == "rate" else units.count, first)
    most = series.MOST[kind] if max_load is None else _read("--max-load", units.rate_per_s, max_load)
    if not 0 < first <= most:
        raise ScenarioError(f"--{kind} {first:g}, where the search begins, must be above 0 and at most {most:g}")
    if not (probe_s > 0 and precision > 0 and longest_s > 0):
        raise ScenarioError("--probe-time, --precision and --max-time must be above 0")
    if probe_s > longest_s:
        raise ScenarioError(
            f"--probe-time {probe_s:g} s is more than --max-time {longest_s:g} s leaves for a whole search; it takes "
            "ten probes or so"
        )
    at = {kind: first, "duration": 1.0, "slo": asked["slo"]}
    at |= {"parallel": asked["parallel"]} if kind == "rate" and asked["parallel"] is not None else {}
    base = scenario(scenario_file, {**given, **at}).model_copy(update={"number": None})
    refuse_in_series(base, kind, "search")
    if base.until is not None:
        raise ScenarioError("until ends a run by itself, and a search by --precision; take it out")
    return base, series.Wishes(
        search=kind, slo=str(asked["slo"]), first=first, most=most, least=min(series.LEAST[kind], first),
        longest_s=longest_s, probe_s=probe_s, precision=precision, seed=base.seed or 0,
        step=FIRST_STEP if warm_start is None else WARM_STEP,
    )  # fmt: skip


def _read(place: str, reader: Any, value: Any) -> float:
    try:
        return float(reader(value))
    except ValueError as error:
        raise ScenarioError(f"{place} {error}") from None


with_flags(slo, flags_of(Scenario, GROUPS))
