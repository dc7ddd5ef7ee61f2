"""Console: the summary of a run as a table to read in a terminal or a log.

Layout only: what is said comes from `facts`. The meaning never hangs on colour, and texts go in as `Text`, never as
markup.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, TextIO

from rich import box
from rich.console import Console, RenderableType
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from perfbench.report import facts
from perfbench.report.facts import Answer, Fact
from perfbench.report.found import console_rows
from perfbench.report.parts import PART_HEADS, PartTable, part_tables, session_facts, workload_sentence
from perfbench.report.quality import QUALITY_HEADS, quality_facts, quality_rows
from perfbench.report.server import server_facts
from perfbench.report.steadiness import steady_method, steady_rows, warmup_sentence
from perfbench.report.text import harmless, load_shape, open_loop, target

PIPE_WIDTH = 120
"""Columns when no terminal says how many there are."""
COLUMNS_FROM = (
    (100, facts.COLUMNS),
    (76, ("count", "p50", "p90", "p99", "p99_ci", "max")),
    (60, ("count", "p50", "p90", "p99", "max")),
    (0, ("p50", "p99")),
)
"""Columns of the terminal, and what has room in them: a figure is never cut short."""
HEADS = {"p99_ci": "p99, 95 % sure"}
VERDICT_STYLES = {"ok": "green", "suspect": "yellow", "saturated": "red", "unknown": "yellow"}
OUTCOME_STYLES = {"met": "bold green", "missed": "bold red", "inconclusive": "bold yellow"}


def print_summary(summary: dict[str, Any], folder: Path | None, file: TextIO) -> None:
    """Print what `summary` says; `folder` is named at the end, if there is one."""
    console = _Console(file=file, highlight=False, emoji=False, markup=False)
    if not console.is_terminal:
        console = _Console(file=file, width=PIPE_WIDTH, highlight=False, emoji=False, markup=False, color_system=None)
    for block in _blocks(summary, folder, console.width):
        console.print(block)


class _Console(Console):
    def on_broken_pipe(self) -> None:
        """Whoever read has enough: that is for the caller to hear; rich would end the process here, with exit 1."""
        raise


def _blocks(summary: dict[str, Any], folder: Path | None, width: int) -> list[RenderableType]:
    scenario, requests, client = (summary.get(part) or {} for part in ("scenario", "requests", "client"))
    title = Text.assemble(
        (harmless(scenario.get("model") or scenario.get("name") or ""), "bold"), "  ", target(scenario)
    )
    loud = client.get("verdict") == "saturated"
    blocks: list[RenderableType] = [Text(), title, Text(load_shape(scenario), "cyan"), Text()]
    blocks += [_client(client), Text()] if loud else []
    if sent := workload_sentence(summary):
        blocks.append(Text.assemble((f"{'workload':<12}", "bold"), sent))
    if before := warmup_sentence(summary):
        blocks.append(Text.assemble((f"{'warm-up':<12}", "bold"), before))
    blocks += [_facts("requests", facts.count_facts(requests)), _facts("throughput", facts.throughput_facts(summary))]
    blocks += [_facts("sessions", told)] if (told := session_facts(summary.get("sessions"))) else []
    blocks += [] if not open_loop(scenario) else [_carried(facts.answers(summary)[0])]
    blocks += [Text(), *_latencies(summary.get("latency_ms") or {}, width)]
    blocks += [block for table in part_tables(summary) for block in (Text(), _parts(table))]
    blocks += _quality(summary)
    blocks += _steady(summary)
    blocks += _errors(requests)
    blocks += _slo(summary)
    blocks += _audit(summary.get("arrivals"))
    blocks += [Text(), *_server(summary)] if summary.get("server") else []
    blocks += [] if loud or not requests.get("succeeded") else [Text(), _client(client)]
    blocks += _found(summary)
    blocks += [Text.assemble(("note  ", "bold yellow"), harmless(note, 1000)) for note in summary.get("notes") or ()]
    blocks += [] if folder is None else [Text(), Text.assemble(("results in  ", "dim"), str(folder), overflow="fold")]
    return blocks


def _facts(title: str, found: Sequence[Fact]) -> Text:
    line = Text(f"{title:<12}", "bold")
    for fact in found:
        bad = fact.label in ("failed", "cancelled", "unsent") and fact.value != "0"
        line.append(f"{fact.label} ", "dim").append(fact.value, "bold red" if bad else "bold").append("   ")
    line.rstrip()
    return line


def _carried(answer: Answer) -> Text:
    return Text.assemble(
        ("load        ", "bold"), (answer.word, OUTCOME_STYLES.get(answer.outcome, "bold")), f"  {answer.text}"
    )


def _latencies(latency_ms: dict[str, Any], width: int) -> list[RenderableType]:
    rows = facts.latency_rows(latency_ms)
    if not any(row.name == "e2e" for row in rows):
        return [Text("no latencies: not one request succeeded", "bold red")]
    columns = next(columns for least, columns in COLUMNS_FROM if width >= least)
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False, header_style="dim")
    table.add_column("latency, ms", no_wrap=True)
    for column in columns:
        table.add_column(HEADS.get(column, column), justify="right", no_wrap=True)
    for row in rows:
        cells = [Text(row.cells[column], "bold" if column in ("p50", "p99") else "") for column in columns]
        for cell in cells:
            if cell.plain == facts.NO_VALUE:
                cell.stylize("dim")
        table.add_row(Text(row.label), *cells)
    shown: list[RenderableType] = [table]
    if facts.lacks_data(rows):
        shown.append(Text("n/a: not enough data for that percentile (p50 needs 6 requests, p99 needs 299)", "dim"))
    return shown


def _parts(found: PartTable) -> Table:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False, header_style="dim")
    table.add_column(found.title, no_wrap=True)
    for head in PART_HEADS:
        table.add_column(head, justify="right")
    for row in found.rows:
        table.add_row(Text(row.label), *(Text(cell, "dim" if cell == facts.NO_VALUE else "") for cell in row.cells))
    return table


def _errors(requests: dict[str, Any]) -> list[RenderableType]:
    rows = facts.error_rows(requests)
    if not rows:
        return []
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False, header_style="dim")
    table.add_column("failures", style="red", no_wrap=True)
    table.add_column("count", justify="right", no_wrap=True)
    table.add_column("of sent", justify="right", no_wrap=True)
    table.add_column("")
    for row in rows:
        meaning = Text(row.meaning)
        meaning.append("".join(f"\n{text}" for text in row.said), "dim")
        table.add_row(Text(row.kind), Text(row.count), Text(row.share), meaning)
    return [Text(), table]


def _slo(summary: dict[str, Any]) -> list[RenderableType]:
    slo = summary.get("slo") or {}
    word = facts.slo_word(slo)
    if word is None:
        return []
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False, header_style="dim")
    table.add_column(Text.assemble("SLO ", (word.upper(), OUTCOME_STYLES[word])), no_wrap=True)
    for head in ("condition", "observed", ""):
        table.add_column(head)
    for row in facts.slo_rows(slo):
        table.add_row(
            Text(row.outcome, OUTCOME_STYLES.get(row.outcome, "")),
            row.condition,
            Text(row.observed),
            Text(row.why, "dim"),
        )
    good = facts.goodput_facts(summary.get("goodput"))
    return [Text(), table, *([_facts("goodput", good)] if good else [])]


def _quality(summary: dict[str, Any]) -> list[RenderableType]:
    rows = quality_rows(summary)
    if not rows:
        return []
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False, header_style="dim")
    table.add_column("answers", no_wrap=True)
    for head in QUALITY_HEADS:
        table.add_column(head, justify="right", no_wrap=True)
    for row in rows:
        table.add_row(
            Text(row.label), *(Text(cell, "bold" if place == 0 else "") for place, cell in enumerate(row.cells))
        )
    told = quality_facts(summary)
    return [Text(), table, *([_facts("answers", told)] if told else [])]


def _steady(summary: dict[str, Any]) -> list[RenderableType]:
    rows = steady_rows(summary)
    if not rows:
        return []
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False, header_style="dim")
    table.add_column("steady state", no_wrap=True)
    for head in ("whole run", "steady", "change"):
        table.add_column(head, justify="right", no_wrap=True)
    for row in rows:
        table.add_row(Text(row.label), Text(row.whole), Text(row.steady, "bold"), Text(row.change, "dim"))
    return [Text(), table, Text(steady_method(summary), "dim")]


def _server(summary: dict[str, Any]) -> list[RenderableType]:
    """What the servers said of themselves, an address a line."""
    lines = []
    for title, told in server_facts(summary.get("server")):
        line = Text.assemble((title, "bold"))
        for fact in told:
            line.append("\n  ").append(f"{fact.label} ", "dim").append(fact.value, "bold")
            line.append(f" ({fact.hint})" if fact.hint else "", "dim")
        lines.append(line)
    return list(lines)


def _found(summary: dict[str, Any]) -> list[RenderableType]:
    """A finding a line: what was found, and what to do about it."""
    rows = console_rows(summary)
    lines = [
        Text.assemble(("found  ", OUTCOME_STYLES.get(row.outcome, "bold")), (f"{row.name}: ", "bold"), row.text)
        .append(f". {row.remedy}", "dim")
        for row in rows
    ]  # fmt: skip
    return [Text(), *lines] if lines else []


def _audit(audit: dict[str, Any] | None) -> list[RenderableType]:
    if not audit:
        return []
    good = audit.get("as_asked")
    style = "yellow" if good is None else "green" if good else "bold red"
    return [Text(), Text.assemble(("arrivals    ", "bold"), (harmless(audit.get("verdict")), style))]


def _client(client: dict[str, Any]) -> RenderableType:
    """The verdict: a line when all is well, a box when the reader must not miss it."""
    verdict = harmless(client.get("verdict") or "unknown")
    style = VERDICT_STYLES.get(verdict, "yellow")
    reasons = [harmless(reason, 400) for reason in client.get("reasons") or ()]
    meaning = facts.VERDICT_MEANINGS.get(verdict, "")
    if verdict == "ok":
        return Text.assemble(
            ("client      ", "bold"), ("ok", "bold green"), f"  {meaning}", (f" ({'; '.join(reasons)})", "dim")
        )
    if verdict == "unknown":
        return Text.assemble(("client      ", "bold"), (verdict, f"bold {style}"), f"  {'; '.join(reasons) or meaning}")
    said = Text(f"{meaning[:1].upper()}{meaning[1:]}.", "bold")
    said.append("".join(f"\n- {reason}" for reason in reasons), "not bold")
    title = Text(f" CLIENT {verdict.upper()} ", f"bold white on {style}" if verdict == "saturated" else f"bold {style}")
    return Panel(
        said,
        title=title,
        title_align="left",
        border_style=style,
        box=box.HEAVY if verdict == "saturated" else box.ROUNDED,
    )
