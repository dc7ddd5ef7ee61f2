"""Facts: what a report says, in words and figures for people. Shared by the console and the page; no colours here.

Scores on the scale of 0 to 1 are shown as per cent with two decimals, as published ones are; others as they are.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from evalcore.report.schema import Estimate, Integrity, Judge, Perf, Protocol, Rating, Report
from evalcore.types import REFUSALS
from perfbench.report.text import NARROW_SPACE, NOTHING, explain, grouped, harmless, number, span

LOUD_SHARE = 0.05
"""From this share on, answers that were cut, empty or unreadable are worth a warning: they move a score by as much."""
FLIPS_OFTEN = 0.5
"""Of pairs. Strong judges stay below it even where answers are close, weak ones do not (arXiv 2306.05685, table 2)."""
PLURALS = {"subset": "subsets", "category": "categories"}
FAULTS = {
    **REFUSALS,
    "unjudged": "no judge gave a verdict that could be read",
    "judge_failed": "no judge answered",
    "unreadable_likelihood": "the endpoint told no likelihood of the options that could be read and believed",
    "unknown": "no reason was recorded",
}


@dataclass(frozen=True, slots=True)
class ScoreRow:
    benchmark: str
    protocol: str
    headline: bool
    score: str
    interval: str
    se: str
    n: str
    method: str
    bracket: str


@dataclass(frozen=True, slots=True)
class CountRow:
    """One count of the integrity block."""

    label: str
    value: str
    share: str
    meaning: str
    bad: bool


def score_rows(report: Report) -> list[ScoreRow]:
    """The headline first, then other protocols, the other average, and derived figures."""
    rows: list[ScoreRow] = []
    for name, protocol in report.protocols.items():
        shares = is_share(protocol.score, protocol.bracket)
        rows.append(
            ScoreRow(
                benchmark=harmless(report.benchmark), protocol=harmless(name), headline=name == report.headline,
                score=score(protocol.score, shares), interval=interval(protocol, shares),
                se=score(protocol.se, shares), n=grouped(protocol.micro.n), method=protocol.method,
                bracket=_bracket(protocol),
            )
        )  # fmt: skip
        other = protocol.micro if protocol.average == "macro" else protocol.macro
        if other is not None and name == report.headline:
            word = (
                "micro"
                if protocol.average == "macro"
                else f"macro over {PLURALS.get(protocol.macro_over or '', 'parts')}"
            )
            rows.append(_plain(report, f"{name}, {word}", other, shares))
    rows += [_plain(report, name, figure, is_share(figure.score)) for name, figure in report.derived.items()]
    return rows


def _plain(report: Report, name: str, figure: Estimate, shares: bool) -> ScoreRow:
    return ScoreRow(
        benchmark=harmless(report.benchmark), protocol=harmless(name), headline=False,
        score=score(figure.score, shares), interval=interval(figure, shares), se=score(figure.se, shares),
        n=grouped(figure.n), method=figure.method, bracket="",
    )  # fmt: skip


def is_share(value: float, bracket: tuple[float, float] | None = None) -> bool:
    return bracket is not None or 0 <= value <= 1


def score(value: float | None, shares: bool = True) -> str:
    if value is None:
        return NOTHING
    return f"{100 * value:.2f}{NARROW_SPACE}%" if shares else f"{value:.3f}"


def interval(figure: Estimate | Protocol, shares: bool) -> str:
    if figure.low is None or figure.high is None:
        return NOTHING
    if shares:
        return f"{100 * figure.low:.2f} … {100 * figure.high:.2f}"
    return f"{figure.low:.3f} … {figure.high:.3f}"


def _bracket(protocol: Protocol) -> str:
    """Empty when everything was scored: then there is nothing that could lie elsewhere."""
    if protocol.bracket is None or protocol.bracket[1] - protocol.bracket[0] < 1e-9:
        return ""
    return f"{100 * protocol.bracket[0]:.2f} … {100 * protocol.bracket[1]:.2f}"


def integrity_rows(found: Integrity) -> list[CountRow]:
    """Every count of the block that says something; "bad" ones are those that move the score."""
    of_scored, of_planned = max(found.scored, 1), max(found.planned, 1)

    def row(label: str, count: int, of: int, meaning: str, bad: bool) -> CountRow:
        return CountRow(label, grouped(count), f"{100 * count / of:.2f}{NARROW_SPACE}%", meaning, bad and count > 0)

    rows = [
        row("scored", found.scored, of_planned, "answers on which the scores stand", False),
        row("parsed", found.parsed, of_scored, "of the scored: an answer could be read out", False),
        row("unparsed", found.unparsed, of_scored, "of the scored: nothing could be read out, so wrong", True),
        row("truncated", found.truncated, of_scored, "of the scored: cut by max_tokens", True),
        row("empty", found.empty, of_scored, "of the scored: no text at all", True),
        row("refused", found.refused, of_planned, "unscored: context length or content filter", True),
    ]
    rows += [
        row(harmless(kind, 60), n, of_planned, f"unscored: {fault(kind)}", True) for kind, n in found.errored.items()
    ]
    if found.missing:
        rows.append(row("missing", found.missing, of_planned, "planned, but without a review", True))
    rows.append(
        row("retried", found.retried, of_planned, f"took more than one request ({found.attempts} in all)", False)
    )
    return rows


def fault(kind: str) -> str:
    return FAULTS.get(kind) or explain(kind)


def warnings(report: Report) -> list[str]:
    """What a reader has to know before believing the score."""
    found, said = report.integrity, []
    if not report.protocols:
        return ["no answer could be scored, so there is no score"]
    if report.coverage < 1:
        unscored = found.planned - found.scored
        said.append(
            f"{grouped(unscored)} of {grouped(found.planned)} answers are unscored ({score(1 - report.coverage)}); "
            "they are in no score"
        )
    for count, what in (
        (found.unparsed, "could not be read"),
        (found.truncated, "were cut by max_tokens"),
        (found.empty, "were empty"),
    ):
        if count > LOUD_SHARE * max(found.scored, 1):
            said.append(f"{score(count / max(found.scored, 1))} of the answers {what}")
    judging = found.judging
    if judging is not None and judging.unparsed > LOUD_SHARE * max(judging.verdicts, 1):
        said.append(
            f"{grouped(judging.unparsed)} of {grouped(judging.verdicts)} replies of judges held no readable verdict"
        )
    if judging is not None and judging.failed > LOUD_SHARE * max(judging.verdicts + judging.failed, 1):
        said.append(f"{grouped(judging.failed)} verdicts were never given: the judge did not answer")
    if judging is not None and judging.orders is not None and judging.orders.flip_rate.score > FLIPS_OFTEN:
        said.append(f"verdicts on {score(judging.orders.flip_rate.score)} of the pairs change with the order shown")
    if report.settings.get("self_judged"):
        said.append("the model under test judged its own answers, and judges like their own; name a judge")
    return said


def judging_facts(found: Integrity) -> list[tuple[str, str]]:
    judging = found.judging
    if judging is None:
        return []
    facts = [
        ("judges", ", ".join(harmless(name, 60) for name in judging.judges)),
        ("verdicts", grouped(judging.verdicts)),
        ("unparsed", grouped(judging.unparsed)),
        ("failed", grouped(judging.failed)),
    ]
    facts += [("coverage", score(judging.coverage))] if judging.coverage is not None else []
    facts.append(("disagreed on", grouped(judging.disagreed)))
    if judging.agreement is not None:
        facts.append(("agreement", score(judging.agreement)))
    if judging.alpha is not None:
        facts.append((f"Krippendorff's alpha, {judging.alpha_metric}", f"{judging.alpha:.3f}"))
    if len(judging.per_judge) > 1:
        facts += [(harmless(one.name, 60), _said_by(one)) for one in judging.per_judge]
    for pair in judging.pairs_of_judges if len(judging.per_judge) > 2 or judging.agreement is not None else ():
        names = " and ".join(harmless(name, 60) for name in pair.judges)
        kappa = "" if pair.kappa is None else f", Cohen's kappa {pair.kappa:.3f}"
        facts.append((names, f"agree on {score(pair.agreement)} of {grouped(pair.n)}{kappa}"))
    if judging.orders is not None:
        orders = judging.orders
        facts.append(("flips with the order", f"{_with_interval(orders.flip_rate)} of {grouped(orders.pairs)}"))
        facts.append(("likes the first", f"{orders.first_favoured:+.3f}"))
    facts += [(harmless(one.model, 60), _rated(one)) for one in judging.ratings]
    return facts


def _said_by(judge: Judge) -> str:
    faults = "".join(f", {harmless(kind, 40)} {count}" for kind, count in judge.faults.items())
    return f"{grouped(judge.read)} of {grouped(judge.wanted)} verdicts read, {grouped(judge.unparsed)} unparsed{faults}"


def _rated(one: Rating) -> str:
    ends = "" if one.low is None or one.high is None else f" ({one.low:.0f} … {one.high:.0f})"
    return f"rating {one.rating:.0f}{ends}, win rate {score(one.win_rate)} of {grouped(one.games)} games"


def method_facts(settings: dict[str, Any]) -> list[tuple[str, str]]:
    """How options were chosen among, where that was not by an answer in words."""
    if "way" not in settings:
        return []
    compared = f"{harmless(settings.get('compared', ''))} compared by {harmless(settings['way'])}"
    return [(harmless(settings["method"]), compared + (", in a chat" if settings.get("chat") else ""))]


def repeat_facts(report: Report) -> list[tuple[str, str]]:
    repeats = report.repeats
    if repeats is None:
        return []
    facts = [(f"pass@{k}", _with_interval(figure)) for k, figure in repeats.pass_at.items()]
    facts += [(f"pass^{k}", _with_interval(figure)) for k, figure in repeats.pass_hat.items() if k > 1]
    if repeats.majority is not None:
        facts.append((f"majority of {repeats.k}", _with_interval(repeats.majority)))
    facts.append(("each repeat", ", ".join(score(value, is_share(value)) for value in repeats.per_repeat[:16])))
    return facts


def _with_interval(figure: Estimate) -> str:
    return f"{score(figure.score)} ({interval(figure, True)})"


def perf_facts(perf: Perf | None) -> list[tuple[str, str]]:
    if perf is None:
        return []
    facts: list[tuple[str, str]] = []
    for label, latency in (("TTFT", perf.ttft_ms), ("latency", perf.latency_ms)):
        if latency is not None:
            facts.append((f"{label} p50", f"{number(latency.p50)}{NARROW_SPACE}ms"))
            if latency.p99 is not None:
                facts.append((f"{label} p99", f"{number(latency.p99)}{NARROW_SPACE}ms"))
    if perf.tokens_per_s_each is not None:
        facts.append(("tokens/s of one answer", number(perf.tokens_per_s_each)))
    if perf.output_tokens_per_s is not None:
        facts.append(("output tokens/s", number(perf.output_tokens_per_s)))
    if perf.samples_per_s is not None:
        facts.append(("answers/s", number(perf.samples_per_s)))
    if perf.window_s is not None:
        facts.append(("lasted", span(perf.window_s)))
    facts += [(name, grouped(count)) for name, count in
              (("input tokens", perf.input_tokens), ("output tokens", perf.output_tokens)) if count]  # fmt: skip
    return facts


def setting_facts(settings: dict[str, Any]) -> list[tuple[str, str]]:
    """What was set, without what was left alone."""
    return [(harmless(name), harmless(value, 300)) for name, value in settings.items() if value is not None]


def extremes(report: Report) -> str:
    """Of many subsets: the lowest and the highest in a line."""
    scored = [(part.protocols[report.headline].score, part.name) for part in report.subsets
              if report.headline in part.protocols]  # fmt: skip
    if len(scored) < 2:
        return ""
    (low, worst), (high, best) = min(scored), max(scored)
    return (
        f"{len(report.subsets)} subsets, from {score(low, is_share(low))} ({harmless(worst, 40)}) "
        f"to {score(high, is_share(high))} ({harmless(best, 40)})"
    )
