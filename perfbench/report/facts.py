"""Facts: what a summary says, as short texts, for the console table and for the report page alike.

Reads the summary that `perfbench.report.summary` makes and knows no layout. A figure that is null is "n/a", or "∞"
where the summary names it as infinite; nothing is ever shown as 0 that is not. Everything foreign passes `harmless`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from perfbench.report.text import explain, grouped, harmless, number, open_loop, share, span

NO_VALUE, INFINITE = "n/a", "∞"
LATENCIES = {
    "ttft": ("TTFT", "to the first token"),
    "ttfat": ("TTFAT", "to the first token of the answer"),
    "ttst": ("TTST", "first token to the second"),
    "itl": ("ITL", "between chunks"),
    "tpot": ("TPOT", "per output token"),
    "e2e": ("E2E", "whole request"),
    "e2e_per_token": ("E2E/token", "whole request, over its output tokens"),
    "response_ttft": ("TTFT response", "from when it was due"),
    "response_e2e": ("E2E response", "from when it was due"),
    "connect": ("connect", "opening connections"),
    "send_lag": ("send lag", "due to sent"),
}
"""Label and meaning, in reading order."""
COLUMNS = ("count", "mean", "p50", "p90", "p95", "p99", "p99_ci", "max")
VERDICT_MEANINGS = {
    "ok": "the figures are the server's, within 5 ms or 5 %",
    "suspect": "some of what is shown may be this client's own delay",
    "saturated": "this client was the limit: these figures are its own, not the server's",
    "unknown": "this client did not watch itself, so nobody knows how much of the figures is its own",
}


@dataclass(frozen=True, slots=True)
class LatencyRow:
    name: str
    label: str
    meaning: str
    cells: dict[str, str]
    """By name in COLUMNS."""


@dataclass(frozen=True, slots=True)
class ErrorRow:
    kind: str
    count: str
    share: str
    meaning: str
    said: tuple[str, ...]
    """What servers said, commonest first."""


@dataclass(frozen=True, slots=True)
class Answer:
    """One of the first questions of a reader, answered."""

    word: str
    outcome: str
    """met, missed, inconclusive, or nothing where there is no good and bad."""
    text: str


@dataclass(frozen=True, slots=True)
class Fact:
    label: str
    value: str
    hint: str = ""


def latency_rows(latency_ms: Mapping[str, Any]) -> list[LatencyRow]:
    """The latencies that have a value; the rest did not happen. TTFAT without reasoning is TTFT once more."""
    rows = []
    for name, (label, meaning) in LATENCIES.items():
        spread = latency_ms.get(name)
        if spread and spread.get("count") and not (name == "ttfat" and spread == latency_ms.get("ttft")):
            rows.append(LatencyRow(name, label, meaning, {column: cell(spread, column) for column in COLUMNS}))
    return rows


def cell(spread: Mapping[str, Any], column: str) -> str:
    """One figure of a spread; "n/a" for one that it does not have."""
    value = spread.get(column)
    if column == "count":
        return grouped(int(value or 0))
    if column == "p99_ci":
        if not value:
            return NO_VALUE
        ends = [INFINITE if end is None else number(end, 4) for end in value]
        return f"{ends[0]} – {ends[1]}"
    if value is None:
        return INFINITE if column in spread.get("infinite", ()) else NO_VALUE
    return number(value, 4)


def lacks_data(rows: list[LatencyRow]) -> bool:
    return any(NO_VALUE in row.cells.values() for row in rows)


def error_rows(requests: Mapping[str, Any]) -> list[ErrorRow]:
    """Failures by kind, most frequent first; the share is of the requests that were sent."""
    sent, said = requests.get("sent") or 0, requests.get("error_details") or {}
    kinds = sorted((requests.get("errors") or {}).items(), key=lambda pair: -pair[1])
    return [
        ErrorRow(
            harmless(kind, 40),
            grouped(count),
            share(count / sent) if sent else NO_VALUE,
            explain(kind),
            tuple(harmless(text, 300) for text in said.get(kind) or ()),
        )
        for kind, count in kinds
    ]


def count_facts(requests: Mapping[str, Any]) -> list[Fact]:
    """planned, sent, ok, failed, cancelled; and, where there were any, unsent, retried, reconnects."""
    planned, arrivals = requests.get("planned"), requests.get("planned_arrivals")
    plan = "by duration" if planned is None else grouped(planned)
    facts = [
        Fact("planned", plan if arrivals is None else f"{grouped(arrivals)} arrivals"),
        Fact("sent", grouped(requests.get("sent") or 0)),
        Fact("ok", grouped(requests.get("succeeded") or 0)),
        Fact("failed", grouped(requests.get("failed") or 0)),
        Fact("cancelled", grouped(requests.get("cancelled") or 0)),
    ]
    rare = {
        "unsent": "due, but never left",
        "retried": "tried more than once",
        "reconnects": "dead connections replaced",
    }
    return facts + [Fact(name, grouped(requests[name]), hint) for name, hint in rare.items() if requests.get(name)]


def throughput_facts(summary: Mapping[str, Any]) -> list[Fact]:
    throughput, window_s = summary.get("throughput") or {}, summary.get("window_s")
    facts = [Fact("requests/s", _or_none(throughput.get("requests_per_s")))]
    facts += [
        Fact(label, number(value))
        for name, label in (("output_tokens_per_s", "output tokens/s"), ("total_tokens_per_s", "all tokens/s"))
        if (value := throughput.get(name)) is not None
    ]
    return [*facts, Fact("over", NO_VALUE if window_s is None else _length(window_s))]


def _or_none(value: float | None) -> str:
    return NO_VALUE if value is None else number(value)


def client_facts(client: Mapping[str, Any]) -> list[Fact]:
    """Event-loop lag, send lag, CPU, workers: those that are known."""
    facts = []
    for name, label in (("loop_lag_ms", "loop lag"), ("send_lag_ms", "sent late by")):
        if figures := client.get(name):
            shown = [f"{at} {number(figures[at])}" for at in ("p50", "p99", "max") if figures.get(at) is not None]
            facts.append(Fact(label, f"{', '.join(shown)} ms"))
    if client.get("cpu_share") is not None:
        facts.append(Fact("CPU", f"{share(client['cpu_share'])} of a core"))
    if client.get("workers"):
        facts.append(Fact("workers", str(client["workers"])))
    return facts


@dataclass(frozen=True, slots=True)
class SloRow:
    outcome: str
    """met, missed or inconclusive."""
    condition: str
    observed: str
    why: str
    """Base, certainty, what was missing."""


def slo_rows(slo: Mapping[str, Any] | None) -> list[SloRow]:
    """One row a condition; none when there was no SLO."""
    return [_slo_row(result) for result in (slo or {}).get("observed") or ()]


def _slo_row(result: Mapping[str, Any]) -> SloRow:
    value, is_latency = result.get("observed"), result.get("limit_ms") is not None
    if result.get("infinite"):
        observed = INFINITE
    elif value is None:
        observed = "not enough data"
    elif is_latency:
        observed = f"{'≥ ' if result.get('at_least') else ''}{number(value)} ms"
    else:
        shares = ("error_rate", "goodput", "fluidity")
        observed = share(value) if result.get("metric") in shares else f"{number(value)}/s"
    remarks = [f"{result['base']} base"] if result.get("base") else []
    if result.get("count") is not None:
        remarks.append(f"of {grouped(result['count'])} {'gaps' if result.get('metric') == 'itl' else 'requests'}")
    if result.get("certain") is False:
        remarks.append("could be chance")
    if result.get("why"):
        remarks.append(harmless(result["why"]))
    return SloRow(harmless(result.get("outcome")), harmless(result.get("condition")), observed, ", ".join(remarks))


def slo_word(slo: Mapping[str, Any] | None) -> str | None:
    """met, missed, inconclusive; None without an SLO."""
    if not slo or slo.get("expression") is None:
        return None
    return {True: "met", False: "missed", None: "inconclusive"}[slo.get("met")]


def audit_facts(audit: Mapping[str, Any] | None) -> list[Fact]:
    """The figures of the arrival audit; none in closed loop."""
    if not audit:
        return []
    rows = (
        ("rate", "rate_per_s", "rate_asked_per_s", "arrivals a second"),
        ("CV of gaps", "cv", "cv_asked", "0 constant, 1 Poisson"),
        ("dispersion", "dispersion", None, "of counts; 1 Poisson"),
        ("lag-1 correlation", "lag1", None, "of neighbouring gaps; 0 independent"),
        ("KS p", "ks_p", None, "gaps at least so far from the law, by chance"),
    )
    facts = []
    for label, name, asked, hint in rows:
        if (value := audit.get(name)) is not None:
            wanted = audit.get(asked) if asked else None
            facts.append(Fact(label, number(value) + ("" if wanted is None else f" (asked {number(wanted)})"), hint))
    return facts


def goodput_facts(goodput: Mapping[str, Any] | None) -> list[Fact]:
    """Requests that met every limit of the SLO by themselves; none without an SLO."""
    if not goodput or goodput.get("good") is None:
        return []
    of = f"{grouped(goodput['good'])} of {grouped(goodput['of'])}"
    facts = [Fact("good", share(goodput.get("share")), of)]
    return facts + ([Fact("good requests/s", number(goodput["per_s"]))] if goodput.get("per_s") is not None else [])


def answers(summary: Mapping[str, Any]) -> list[Answer]:
    """What did it carry, did it hold what was asked for, and is that true? In a sentence each."""
    found = [_carried(summary)]
    slo = summary.get("slo") or {}
    if (word := slo_word(slo)) is not None:
        rows = [row for row in slo_rows(slo) if row.outcome == word]
        told = "; ".join(f"{row.condition}: {row.observed}" for row in rows)
        found.append(Answer(f"SLO {word}", word, told))
    verdict = harmless((summary.get("client") or {}).get("verdict") or "unknown")
    outcome = {"ok": "met", "saturated": "missed"}.get(verdict, "inconclusive")
    found.append(Answer(f"client {verdict}", outcome, VERDICT_MEANINGS.get(verdict, "")))
    return found


def _carried(summary: Mapping[str, Any]) -> Answer:
    requests, throughput = summary.get("requests") or {}, summary.get("throughput") or {}
    sent, succeeded, backlog = requests.get("sent") or 0, requests.get("succeeded") or 0, summary.get("backlog")
    if not succeeded:
        return Answer("nothing carried", "missed", f"not one of {grouped(sent)} requests succeeded")
    rate = f"{_or_none(throughput.get('requests_per_s'))} requests"
    if throughput.get("output_tokens_per_s"):
        rate += f" and {number(throughput['output_tokens_per_s'])} output tokens"
    rate += " a second"
    failed = f", {share(requests['error_rate'])} failed" if requests.get("error_rate") else ""
    if not open_loop(summary.get("scenario") or {}):
        mean = (summary.get("concurrency") or {}).get("mean")
        within = "" if mean is None else f" with {number(mean)} in flight"
        return Answer("carried", "", f"{rate}{within}{failed}")
    if not backlog:
        return Answer("carried", "inconclusive", f"{rate}{failed}; too short a run to say whether it kept up")
    came = f"{number(backlog['arrived_per_s'])} requests a second came"
    if backlog["growing"]:
        over, rest = number(backlog["over_per_s"]), grouped(backlog["at_end"])
        return Answer("did not keep up", "missed", f"{came}, {over} were over, {rest} were waiting at the end{failed}")
    return Answer("kept up", "met", f"{came}, and as many were over{failed}")


def tiles(summary: Mapping[str, Any]) -> list[Fact]:
    """The few figures that a reader wants first."""
    requests, throughput = summary.get("requests") or {}, summary.get("throughput") or {}
    latency_ms, concurrency = summary.get("latency_ms") or {}, summary.get("concurrency") or {}
    sent, planned = requests.get("sent") or 0, requests.get("planned")
    of = f"of {grouped(sent)} sent" + ("" if planned in (None, sent) else f", {grouped(planned)} planned")
    found = [
        Fact("succeeded", grouped(requests.get("succeeded") or 0), of),
        Fact(
            "error rate",
            NO_VALUE if requests.get("error_rate") is None else share(requests["error_rate"]),
            f"{grouped(requests.get('failed') or 0)} failed, {grouped(requests.get('cancelled') or 0)} cancelled",
        ),
        Fact("requests/s", _or_none(throughput.get("requests_per_s")), _over(summary)),
    ]
    if throughput.get("output_tokens_per_s") is not None:
        source = (summary.get("tokens") or {}).get("source")
        hint = f"counted by {harmless(source)}" if source else ""
        found.append(Fact("output tokens/s", number(throughput["output_tokens_per_s"]), hint))
    # What users felt, where that is known; the other base is in the table below.
    for name in ("response_ttft" if latency_ms.get("response_ttft") else "ttft", "tpot",
                 "response_e2e" if latency_ms.get("response_e2e") else "e2e"):  # fmt: skip
        spread = latency_ms.get(name)
        if spread and spread.get("count"):
            found.append(Fact(f"{LATENCIES[name][0]} p50", _ms(spread, "p50"), f"p99 {_ms(spread, 'p99')}"))
    found += [
        Fact("goodput", fact.value, f"{fact.hint} met the SLO") for fact in goodput_facts(summary.get("goodput"))[:1]
    ]
    if concurrency.get("max") is not None:
        mean = concurrency.get("mean")
        found.append(
            Fact("most in flight", grouped(round(concurrency["max"])), "" if mean is None else f"mean {number(mean)}")
        )
    return found


def _ms(spread: Mapping[str, Any], column: str) -> str:
    shown = cell(spread, column)
    return shown if shown in (NO_VALUE, INFINITE) else f"{shown} ms"


def _over(summary: Mapping[str, Any]) -> str:
    window_s = summary.get("window_s")
    return "" if window_s is None else f"over {_length(window_s)}"


def _length(seconds: float) -> str:
    return span(seconds) if seconds >= 1 else f"{number(seconds * 1e3)} ms"


def steady_sentence(steady: Mapping[str, Any] | None) -> str:
    """The steady-state window in a sentence, or that there was none."""
    if not steady:
        return "There was no steady state: the load rose and fell without a plateau."
    moving = not steady.get("stationary", True)
    throughput, latency_ms = steady.get("throughput") or {}, steady.get("latency_ms") or {}
    said = [
        ("No steady state, the number in flight was still moving; " if moving else "Steady state ")
        + f"from {number(steady['from_s'])} s to {number(steady['to_s'])} s:"
        f" {grouped(steady.get('requests') or 0)} requests started in it"
    ]
    if throughput.get("requests_per_s") is not None:
        said.append(f"{number(throughput['requests_per_s'])} requests/s")
    for name in ("ttft", "e2e"):
        spread = latency_ms.get(name)
        if spread and spread.get("count"):
            said.append(f"{LATENCIES[name][0]} p50 {_ms(spread, 'p50')}, p99 {_ms(spread, 'p99')}")
    return "; ".join(said) + "."


def flat(mapping: Mapping[str, Any], prefix: str = "") -> list[tuple[str, str]]:
    """Nested mappings as (dotted name, value) rows."""
    rows: list[tuple[str, str]] = []
    for name, value in mapping.items():
        where = f"{prefix}{harmless(name, 60)}"
        if isinstance(value, Mapping):
            rows += flat(value, f"{where}.")
        elif value is not None:
            rows.append(
                (where, harmless(", ".join(map(str, value)) if isinstance(value, list | tuple) else value, 300))
            )
    return rows
