"""perfbench plan: how many replicas a target needs."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from perfbench.commands.pages import write_page
from perfbench.commands.results import on_stdout
from perfbench.engine.errors import ExitCode, ScenarioError
from perfbench.settings import units


def plan(
    folder: Annotated[Path, Parameter(name="FOLDER", help="Of a run, a sweep or a search of one replica.")],
    /,
    *,
    target: Annotated[
        str | None, Parameter(metavar="RATE|FILE", help="Traffic: '40 req/s', or a trace (.csv, .jsonl, .gz).")
    ] = None,
    slo: Annotated[
        str | None, Parameter(metavar="TEXT", help="What must hold (default: that of the runs).", show_default=False)
    ] = None,
    headroom: Annotated[str, Parameter(metavar="SHARE", help="How much more than the target must still hold.")] = "20%",
    balancer: Annotated[
        str, Parameter(metavar="NAME", help="How replicas share: least_in_flight, round_robin, random.")
    ] = "least_in_flight",
    price_per_hour: Annotated[
        float | None, Parameter(metavar="NUMBER", help="Of one replica; gives cost.", show_default=False)
    ] = None,
    as_json: Annotated[
        bool, Parameter(name="--json", negative="", show_default=False, help="Print plan.json on stdout, nothing else.")
    ] = False,
) -> int:
    """Say how many replicas a target needs, with an interval, what they cost, and what happens when one fails.

    Exit 0: known. 3: no number of replicas holds the SLO. 5: what was measured does not say it.
    """
    from perfbench.capacity.folder import PLAN, write
    from perfbench.capacity.objective import parse_objective
    from perfbench.capacity.plan import Wanted, variants_of
    from perfbench.capacity.plan import plan as make
    from perfbench.capacity.queueing import fit, misfits
    from perfbench.capacity.read import slo_of, traces_in
    from perfbench.capacity.show import show_plan
    from perfbench.capacity.simulate import BALANCERS
    from perfbench.capacity.traffic import parse_traffic

    if target is None:
        raise ScenarioError("--target is missing; give the traffic to plan for, e.g. '40 req/s', or name a trace")
    if balancer not in BALANCERS:
        raise ScenarioError(f"--balancer {balancer!r}: there are {', '.join(BALANCERS)}")
    if price_per_hour is not None and not price_per_hour > 0:
        raise ScenarioError(f"--price-per-hour {price_per_hour}: must be above 0")
    try:
        more = units.share(headroom)
    except ValueError as error:
        raise ScenarioError(f"--headroom {error}") from None
    traces = traces_in(folder)
    text = slo or slo_of(folder)
    if text is None:
        raise ScenarioError("--slo is missing, and the runs had none; give what must hold, e.g. 'p99 ttft < 500ms'")
    objective = parse_objective(text, open_loop=True)
    model = fit(traces)
    if model is None:
        raise ScenarioError(f"{folder} holds too few successful requests to fit a model to; measure more")
    wanted = Wanted(parse_traffic(target), objective, more, balancer, price_per_hour)
    found = make(model, variants_of(model, misfits(model, traces)), wanted, len(traces), str(folder))
    write(folder / PLAN, found)
    page = write_page(folder / PLAN)
    with on_stdout() as out:
        if as_json:
            out.write((folder / PLAN).read_text(encoding="utf-8"))
        else:
            show_plan(found, folder / PLAN, out)
            out.write(f"page: {page}\n")
    codes = {"met": ExitCode.DONE, "missed": ExitCode.GATE_MISSED, "inconclusive": ExitCode.INCONCLUSIVE}
    return codes[found.outcome]
