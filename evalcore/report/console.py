"""Console: reports as tables to read in a terminal or a log.

Layout only: what is said comes from `facts`. The meaning never hangs on colour, and texts go in as `Text`, never as
markup.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TextIO

from rich import box
from rich.console import Console, RenderableType
from rich.table import Table
from rich.text import Text

from evalcore.report import facts
from evalcore.report.schema import Integrity, Report
from perfbench.report.console import PIPE_WIDTH
from perfbench.report.text import harmless

SUBSETS_SHOWN = 12
"""With more of them the report page is the better place."""

PLAIN = frozenset({"planned", "scored", "retried"})
"""Counts that are no cause for alarm."""
ALWAYS_SHOWN = frozenset({"planned", "scored", "unparsed", "truncated", "errored", "missing"})


def print_reports(reports: Sequence[Report], folder: Path | None, file: TextIO) -> None:
    """Print what the reports say; `folder` is named at the end, if there is one."""
    console = Console(file=file, highlight=False, emoji=False, markup=False)
    if not console.is_terminal:
        console = Console(file=file, width=PIPE_WIDTH, highlight=False, emoji=False, markup=False, color_system=None)
    for block in _blocks(reports, folder):
        console.print(block)


def _blocks(reports: Sequence[Report], folder: Path | None) -> list[RenderableType]:
    models = list(dict.fromkeys(report.model for report in reports))
    blocks: list[RenderableType] = [Text(), Text(", ".join(harmless(model) for model in models), "bold"), Text()]
    blocks.append(_scores(reports))
    for report in reports:
        blocks += _parts(report)
    blocks += [Text(), _integrity(reports)]
    for report in reports:
        blocks += _lines(report)
    for report in reports:
        for warning in facts.warnings(report):
            blocks.append(
                Text.assemble(("warning  ", "bold yellow"), (f"{harmless(report.benchmark)}: ", "bold"), warning)
            )
    blocks += [] if folder is None else [Text(), Text.assemble(("results in  ", "dim"), str(folder), overflow="fold")]
    return blocks


def _table() -> Table:
    return Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False, header_style="dim")


def _scores(reports: Sequence[Report]) -> Table:
    rows = [row for report in reports for row in facts.score_rows(report)]
    brackets = any(row.bracket for row in rows)
    table = _table()
    for head in ("benchmark", "protocol"):
        table.add_column(head, overflow="fold")
    for head in ("score", "95 % interval", "n", *(("could be",) if brackets else ())):
        table.add_column(head, justify="right", no_wrap=True)
    table.add_column("interval by", style="dim")
    for row in rows:
        style = "bold" if row.headline else ""
        cells = [Text(row.benchmark if row.headline else "", style), Text(row.protocol, style), Text(row.score, style)]
        cells += [Text(row.interval), Text(row.n), *([Text(row.bracket)] if brackets else []), Text(row.method)]
        table.add_row(*cells)
    for report in reports:
        if not report.protocols:
            table.add_row(Text(harmless(report.benchmark), "bold"), Text("no score", "bold red"))
    return table


def _parts(report: Report) -> list[RenderableType]:
    if len(report.subsets) < 2:
        return []
    if len(report.subsets) > SUBSETS_SHOWN:
        return [Text.assemble((f"{harmless(report.benchmark)}  ", "bold"), facts.extremes(report))]
    table = _table()
    table.add_column(f"{harmless(report.benchmark)}, by subset", overflow="fold")
    for head in (harmless(report.headline), "95 % interval", "scored"):
        table.add_column(head, justify="right", no_wrap=True)
    for part in report.subsets:
        figure = part.protocols.get(report.headline)
        shares = figure is not None and facts.is_share(figure.score)
        table.add_row(
            Text(harmless(part.name, 60)),
            Text(facts.score(None if figure is None else figure.score, shares)),
            Text("–" if figure is None else facts.interval(figure, shares)),
            Text(f"{part.scored}" if part.scored == part.planned else f"{part.scored} of {part.planned}"),
        )
    return [Text(), table]


def _integrity(reports: Sequence[Report]) -> Table:
    """What happened to no answer at all leaves its room to the names, which 80 columns are few for."""
    table = _table()
    table.add_column("answers", overflow="fold")
    counts = [_counts(report.integrity) for report in reports]
    heads = (
        [head for head in counts[0] if head in ALWAYS_SHOWN or any(found[head] for found in counts)] if counts else []
    )
    for head in heads:
        table.add_column(head, justify="right", no_wrap=True)
    for report, found in zip(reports, counts, strict=True):
        table.add_row(
            Text(harmless(report.benchmark)),
            *(Text(str(found[head]), "" if head in PLAIN else "bold red" if found[head] else "dim") for head in heads),
        )
    return table


def _counts(found: Integrity) -> dict[str, int]:
    return {
        "planned": found.planned, "scored": found.scored, "unparsed": found.unparsed, "truncated": found.truncated,
        "empty": found.empty, "refused": found.refused, "errored": sum(found.errored.values()),
        "missing": found.missing, "retried": found.retried,
    }  # fmt: skip


def _lines(report: Report) -> list[RenderableType]:
    """Faults, repeats, judges and speed, a line each."""
    lines: list[RenderableType] = []
    for kind, count in report.integrity.errored.items():
        lines.append(
            Text.assemble(
                (f"{harmless(report.benchmark)}, unscored  ", "bold"),
                (f"{harmless(kind)} {count}  ", "red"),
                facts.fault(kind),
            )
        )
    if report.integrity.refused:
        lines.append(
            Text.assemble(
                (f"{harmless(report.benchmark)}, unscored  ", "bold"),
                (f"refused {report.integrity.refused}  ", "red"),
                "by the endpoint: the context's length, or a content filter; the report page shows each",
            )
        )
    for title, found in (
        ("method", facts.method_facts(report.settings)),
        ("repeats", facts.repeat_facts(report)),
        ("judging", facts.judging_facts(report.integrity)),
        ("speed", facts.perf_facts(report.perf)),
    ):
        if found:
            line = Text(f"{harmless(report.benchmark)}, {title}  ", "bold")
            for label, value in found:
                line.append(f"{label} ", "dim").append(value).append("   ")
            line.rstrip()
            lines.append(line)
    return lines
