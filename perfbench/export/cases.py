"""Cases: what a gate asks and what became of it, as test cases for CI.

A case passes, fails, is an error or is skipped, so that no failure and no error means that the command ended with 0:

    met                              passed
    missed, a regression             failed    the service is not what was asked for
    inconclusive, client saturated   error     nobody knows: a gate must not be green because it could not look
    a figure that could not be told  skipped   of a comparison, where others could

A sweep is no gate: it looks for limits, and reaching them is no failure.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from perfbench.report.facts import slo_rows
from perfbench.report.text import explain, grouped, harmless, number, share

Json = Mapping[str, Any]
Result = Literal["passed", "failed", "error", "skipped"]
OF_OUTCOME: dict[str, Result] = {"met": "passed", "missed": "failed", "inconclusive": "error"}
MAX_ERROR_RATE = 0.5
"""The default of the scenario key max_error_rate, for a summary whose scenario does not name it."""


@dataclass(frozen=True, slots=True)
class Case:
    name: str
    result: Result
    said: str
    """What was observed, or why there is no answer. One line, harmless."""


@dataclass(frozen=True, slots=True)
class Suite:
    """All cases of one gate."""

    name: str
    cases: tuple[Case, ...]
    seconds: float | None = None
    started_at: str | None = None
    """ISO 8601."""
    facts: tuple[tuple[str, str], ...] = ()
    """(name, value) of what a reader may want to know of the whole."""

    def count(self, result: Result) -> int:
        return sum(case.result == result for case in self.cases)


def run_suite(summary: Json, name: str) -> Suite:
    """Of a run: that it came to its end, that requests succeed, and each condition of its SLO."""
    scenario, requests = summary["scenario"], summary["requests"]
    failed, succeeded = requests["failed"], requests["succeeded"]
    cases = [_ended(summary), _succeed(scenario, requests)]
    verdict, reasons = summary["client"]["verdict"], summary["client"]["reasons"]
    for row in slo_rows(summary["slo"]):
        result, said = OF_OUTCOME[row.outcome], f"observed {row.observed}" + (f" ({row.why})" if row.why else "")
        if not succeeded:
            result, said = "error", "not one request succeeded, so nothing was observed"
        elif verdict == "saturated":
            result, said = "error", f"this client was the limit ({harmless('; '.join(reasons), 300)}); {said}"
        cases.append(Case(f"slo: {row.condition}", result, said))
    environment = summary.get("environment") or {}
    facts = [
        ("model", harmless(scenario.get("model") or "")), ("requests", grouped(failed + succeeded)),
        ("requests/s", number(summary["throughput"]["requests_per_s"])), ("client", harmless(verdict)),
    ]  # fmt: skip
    return Suite(name, tuple(cases), summary["window_s"], environment.get("started_at"), tuple(facts))


def _ended(summary: Json) -> Case:
    ended = summary["run"]["ended"]
    if ended in ("number", "duration", "watched"):
        return Case("the run came to its end", "passed", f"ended by {ended}")
    return Case("the run came to its end", "error", f"it was {harmless(ended) if ended else 'killed'}")


def _succeed(scenario: Json, requests: Json) -> Case:
    failed, succeeded = requests["failed"], requests["succeeded"]
    allowed = scenario.get("max_error_rate")
    allowed = MAX_ERROR_RATE if allowed is None else float(allowed)
    kinds = ", ".join(f"{count} x {harmless(kind, 40)}: {explain(kind)}" for kind, count in requests["errors"].items())
    said = f"{grouped(failed)} of {grouped(failed + succeeded)} requests failed" + (f" ({kinds})" if kinds else "")
    name = f"at most {share(allowed)} of the requests fail"
    if failed + succeeded == 0:
        return Case(name, "error", "no request was over, so nobody knows")
    beyond = failed > allowed * (failed + succeeded) or not succeeded
    return Case(name, "failed" if beyond else "passed", said)


def search_suite(record: Json, name: str) -> Suite:
    """Of a search: one case, whether there is a load that meets the SLO and whether it is known."""
    answer, wishes = record["answer"], record["wishes"]
    title = f"there is a largest {wishes['search']} that meets: {harmless(wishes['slo'], 400)}"
    if answer is None:
        case = Case(title, "error", "not one probe has ended")
    elif record["ended"] == "interrupted":
        case = Case(title, "error", "the search was interrupted")
    else:
        load = "no load" if answer["load"] is None else f"{answer['load']:.4g}"
        ends = answer["interval"]
        sure = "" if ends is None else f", 95 % sure {ends[0]:.4g} to {ends[1]:.4g}"
        case = Case(title, OF_OUTCOME[answer["outcome"]], f"{load}{sure}; {harmless(answer['why'], 300)}")
    return Suite(
        name, (case,), record["elapsed_s"], record["started_at"], (("probes", grouped(len(record["probes"]))),)
    )


def plan_suite(plan: Json, name: str) -> Suite:
    """Of a plan: whether some number of replicas holds the SLO and is known."""
    title = f"replicas for {harmless(plan['target'])} within {harmless(plan['slo'], 400)} are known"
    count = "no number" if plan["replicas"] is None else f"{plan['replicas']} replicas"
    low, high = plan["interval"]
    said = f"{count}, 95 % sure {low} to {'more' if high is None else high}; {harmless(plan['why'], 300)}"
    return Suite(name, (Case(title, OF_OUTCOME[plan["outcome"]], said),))


def comparison_suite(found: Json, regressions: Sequence[str], name: str) -> Suite:
    """Of a comparison: one case a figure. `regressions` are those that are worse by more than is allowed."""
    cases = []
    for each in found["differences"]:
        result: Result = "passed"
        if each["metric"] in regressions:
            result = "failed"
        elif each["p_value"] is None:
            result = "skipped"
        cases.append(Case(f"no regression of {harmless(each['metric'], 60)}", result, _difference(each)))
    if all(case.result == "skipped" for case in cases):
        said = "nothing could be tested: too few requests, or runs that were still changing"
        cases.append(Case("the runs can be told apart at all", "error", said))
    facts = tuple((side, harmless(found[side]["name"], 200)) for side in ("first", "second"))
    return Suite(name, tuple(cases), facts=facts)


def _difference(each: Json) -> str:
    values = [each[side]["value"] for side in ("first", "second")]
    shown = ["n/a" if value is None else f"{value:.4g}" for value in values]
    unit = "" if each["unit"] == "share" else each["unit"]
    change = "" if each["relative"] is None else f" ({each['relative']:+.1%}"
    if change:
        known = each["relative_low"] is not None and each["relative_high"] is not None
        change += f", 95 % sure {each['relative_low']:+.1%} to {each['relative_high']:+.1%})" if known else ")"
    why = f": {harmless(each['why'], 200)}" if each["why"] else ""
    return f"{shown[0]} to {shown[1]} {unit}{change}, {harmless(each['verdict'])}{why}"
