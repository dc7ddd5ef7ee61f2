"""Choose: which benchmarks of a task are compared by likelihood, and by which way.

What the task wants is its `choice_method` and `dataset_args.NAME.method`; what the endpoint offers the probe finds out,
once a run, or the run folder remembers.
"""

from __future__ import annotations

import itertools
import logging
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from evalcore.asked import Asked
from evalcore.benchmarks.base import Compares
from evalcore.endpoint import lane_of, options_of
from evalcore.errors import TaskError
from evalcore.likelihood.base import Ask, Refused, Way
from evalcore.likelihood.probe import Tried, probe
from evalcore.likelihood.ways import way_of, written
from evalcore.plan import Plan
from evalcore.scoring.likelihood import LETTER_ACC, LETTER_CHOICE
from evalcore.task import TaskConfig
from perfbench.engine.dialect.base import Options, Prompt, dialect
from perfbench.engine.errors import TargetUnreachable
from perfbench.engine.lane import Lane
from perfbench.engine.request import Answer, Record, Request
from perfbench.engine.retry import RetryPolicy
from perfbench.engine.scheduler import Scheduler

log = logging.getLogger("evalcore")
PROBE_LANE = "probe"
PROBE_TRIES = 3  # a server answers 500 to what it cannot do, too
DENIED = (401, 403)


class RunOver(Exception):
    """The run was told to end before the probe did."""


def method_of(task: TaskConfig, plan: Plan) -> str:
    """generate, likelihood or auto. Raises TaskError for a benchmark that has no options."""
    asked = plan.args.method
    if isinstance(plan.benchmark, Compares):
        return asked or task.choice_method
    if asked in ("likelihood", "auto"):
        raise TaskError(
            f"dataset_args.{plan.name}.method: {asked} compares options, and {plan.name} has none; take method generate"
        )
    return "generate"


def probe_lane(task: TaskConfig, plans: Sequence[Plan], url: str) -> dict[str, Lane]:
    """The lane of the probe, if there will be one: patient with a busy server, not with one that cannot."""
    if all(method_of(task, plan) == "generate" for plan in plans):
        return {}
    return {PROBE_LANE: replace(lane_of(task, url), retry=RetryPolicy(attempts=PROBE_TRIES, budget_share=PROBE_TRIES))}


async def choose(
    task: TaskConfig, plans: Sequence[Plan], before: Mapping[str, Asked], scheduler: Scheduler
) -> dict[str, tuple[Way, Asked]]:
    """The way of each benchmark whose options are compared; the others are not in it.

    Raises TaskError when an endpoint offers none and the task insists, TargetUnreachable when it does not answer, and
    RunOver.
    """
    wanted = {plan.name: method for plan in plans if (method := method_of(task, plan)) != "generate"}
    if not wanted:
        return {}
    way, tried = _remembered(task, before), list[tuple[str, str]]()
    if way is None:
        way, tried = await probe(_through(task, plans[0], scheduler))
        for name, why in tried:
            log.info("compare options by %s: no: %s", name, why)
    insists = next((name for name, method in wanted.items() if method == "likelihood"), None)
    if way is None and insists is not None:
        raise TaskError(_offers_none(insists, task, tried))
    chosen: dict[str, tuple[Way, Asked]] = {}
    for plan in plans:
        if plan.name not in wanted or way is None or not isinstance(plan.benchmark, Compares):
            continue
        if wanted[plan.name] == "auto" and way.name == "guided_choice":
            continue  # no likelihoods in it; an answer in words says more
        chosen[plan.name] = (way, _asked(task, plan, plan.benchmark, way))
    for name, method in wanted.items():
        if method == "auto" and name not in chosen:
            log.warning("%s: method auto: the endpoint tells no likelihoods, so it is answered in words", name)
    if chosen and task.repeats > 1:
        log.warning(
            "repeats %d: likelihoods do not change, so %s asked once", task.repeats, " and ".join(chosen) + " is"
        )
    return chosen


def _asked(task: TaskConfig, plan: Plan, benchmark: Compares, way: Way) -> Asked:
    letters = way.letters_only or benchmark.compares == "letters"
    protocols = ((LETTER_CHOICE if way.name == "guided_choice" else LETTER_ACC),) if letters else None
    settings: dict[str, Any] = {
        "method": "likelihood", "way": way.name, "compared": "letters" if letters else "texts", **way.facts(),
        "max_tokens": None, "temperature": None, "repeats": 1,
    }  # fmt: skip
    return Asked(
        model=task.model, api_url=task.api_url, protocols=protocols or benchmark.likelihood_protocols,
        way=written(way), settings=settings,
    )  # fmt: skip


def _remembered(task: TaskConfig, before: Mapping[str, Asked]) -> Way | None:
    """The way that this folder's run of the same model at the same place found."""
    for asked in before.values():
        if asked.way is not None and (asked.model, asked.api_url) == (task.model, task.api_url):
            return way_of(asked.way)
    return None


def _through(task: TaskConfig, plan: Plan, scheduler: Scheduler) -> Ask:
    """Probing requests as the scheduler sends them."""
    given = options_of(task, plan.benchmark)
    options = Options(model=given.model, stream=False, extra=given.extra)
    numbers = itertools.count(1)

    async def ask(api: str, body: dict[str, Any]) -> Answer:
        speak = dialect(api)
        encoded = speak.encode(Prompt(body=body), options)
        request = Request(key=f"probe/{next(numbers)}", body=encoded, dialect=speak, stream=False, model=options.model)
        record, answer = await scheduler.ask(request, PROBE_LANE)
        if record.outcome == "ok":
            return answer
        if record.outcome in ("unsent", "cancelled"):
            raise RunOver
        said = f"{record.error}: {record.error_detail}" if record.error_detail else record.error
        if record.status is None or record.status in DENIED:
            raise TargetUnreachable(_unreachable(task, record, said))
        raise Refused(said[:200])

    return ask


def _unreachable(task: TaskConfig, record: Record, said: str) -> str:
    return f"the endpoint {task.api_url or record.url} was asked how it can compare options, and did not answer: {said}"


def _offers_none(name: str, task: TaskConfig, tried: Tried) -> str:
    lines = [f"  {way}: {why}" for way, why in tried]
    return "\n".join(
        [
            f"{name}: method likelihood: the endpoint tells no likelihoods of options; tried:", *lines,
            f"take method generate (dataset_args.{name}.method or choice_method), or a server that echoes logprobs",
        ]
    )  # fmt: skip
