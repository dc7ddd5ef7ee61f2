"""perfbench sweep: one run at each of several loads."""

from __future__ import annotations

import sys
from typing import Annotated, Any

from cyclopts import Parameter

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
from perfbench.settings.flags import flags_of, with_flags


def sweep(
    scenario_file: ScenarioFile = None,
    /,
    *,
    resume: Resume = None,
    order: Annotated[
        str, Parameter(group=SERIES, metavar="ORDER", help="ascending, or shuffled against drift.")
    ] = "ascending",
    stop_early: Annotated[
        bool,
        Parameter(group=SERIES, help="End at collapse, too many failures, or when this client is the limit."),
    ] = True,
    as_json: AsJson = False,
    live: Live = None,
    quiet: Quiet = False,
    **flags: Any,
) -> int:
    """Measure one load after the other: --parallel 1,2,4,8 or --rate 1,2,5,10.

    Each point sends --number 20x (20 requests per unit of load), --number 500, --number 10,40,80 (one for each load),
    or --duration 30s, after a warm-up. With --workload eval:BENCHMARK each point asks every item once, and whether
    accuracy falls as load rises is tested.
    """
    from perfbench.capacity import sweep as series
    from perfbench.capacity.folder import SWEEP
    from perfbench.capacity.show import show_sweep
    from perfbench.capacity.talk import Talk

    talk = Talk(sys.stderr, quiet)
    if resume is not None:
        given = said(flags)
        refuse_beside_resume(given, scenario_file)
        ended = series.resume(resume, given, talk, live=bool(live))
    else:
        given, asked = taken(flags, scenario_file, "parallel", "rate", "number", "duration")
        over = _over(asked)
        loads = series.parse_loads(_text(asked[over]), over)
        amount = series.parse_amount(_text(asked["number"]), _text(asked["duration"]), _text(asked[over]), over)
        if order not in series.ORDERS:
            raise ScenarioError(f"--order {order!r}: there are {' and '.join(series.ORDERS)}")
        # The load of each point comes later; what is checked now is all the rest.
        at = {over: loads[0], "number": amount.requests(loads[0]), "duration": amount.duration_s}
        base = scenario(scenario_file, {**given, **{name: value for name, value in at.items() if value is not None}})
        if asked["number"] is None and asked["duration"] is None:
            amount = series.whole_exam(base, amount)
        refuse_in_series(base, over, "sweep")
        ended = series.begin(base, over, loads, amount, order, stop_early, talk, live=bool(live))
    page = write_page(ended.folder / SWEEP)
    with on_stdout() as out:
        if as_json:
            out.write((ended.folder / SWEEP).read_text(encoding="utf-8"))
        else:
            show_sweep(ended.sweep, ended.folder, out)
            out.write(f"page: {page}\n")
    return ended.exit_code


def _over(asked: dict[str, Any]) -> Any:
    given = [name for name in ("rate", "parallel") if asked[name] is not None]
    if not given:
        raise ScenarioError("a sweep needs loads: --parallel 1,2,4,8,16 (in flight) or --rate 1,2,5,10 (a second)")
    if len(given) == 2 and "," in str(asked["parallel"]) + str(asked["rate"]):
        raise ScenarioError("--parallel and --rate are both given, and a sweep goes over one of them; keep one")
    return given[0]


def _text(value: Any) -> Any:
    """A list of a scenario file as the text that a flag would carry."""
    if value is None:
        return None
    return ",".join(map(str, value)) if isinstance(value, list | tuple) else str(value)


with_flags(sweep, flags_of(Scenario, GROUPS))
