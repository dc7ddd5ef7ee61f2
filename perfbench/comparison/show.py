"""Show: a comparison as a table for the terminal, and as GitHub-flavoured markdown. Layout only."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TextIO

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from perfbench.comparison.compare import Comparison, Difference, Side
from perfbench.report.text import grouped, harmless

PIPE_WIDTH = 140
STYLES = {"better": "green", "worse": "bold red", "same": "", "undecided": "yellow"}
HEADS = ("figure", "first", "second", "difference", "95 % sure", "p (corrected)", "verdict", "")
LABELS = {"requests_per_s": "requests/s", "output_tokens_per_s": "output tokens/s", "error_rate": "error rate"}


def print_comparison(comparison: Comparison, threshold: float | None, file: TextIO) -> None:
    console = Console(file=file, highlight=False, emoji=False, markup=False)
    if not console.is_terminal:
        console = Console(
            file=file, width=PIPE_WIDTH, highlight=False, emoji=False, markup=False, color_system=None
        )  # fmt: skip
    console.print(Text.assemble(("first   ", "bold"), _about(comparison, first=True)))
    console.print(Text.assemble(("second  ", "bold"), _about(comparison, first=False)))
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False, header_style="dim")
    for number, head in enumerate(HEADS):
        table.add_column(head, justify="right" if 0 < number < 6 else "left", no_wrap=number < 7)
    for each in comparison.differences:
        cells = _cells(each)
        table.add_row(*cells[:6], Text(cells[6], STYLES[each.verdict]), Text(cells[7], "dim"))
    console.print()
    console.print(table)
    console.print()
    for reason in comparison.refused:
        console.print(Text.assemble(("not comparable  ", "bold red"), harmless(reason, 400)))
    for note in comparison.notes:
        console.print(Text.assemble(("note  ", "bold yellow"), harmless(note, 400)))
    console.print(Text.assemble(("result  ", "bold"), said(comparison, threshold)))


def markdown(comparison: Comparison, threshold: float | None) -> str:
    """The same as a section for a pull request or a job summary."""
    lines = [
        f"### perfbench compare: {said(comparison, threshold)}", "",
        f"- first: `{_about(comparison, first=True)}`", f"- second: `{_about(comparison, first=False)}`", "",
        "| " + " | ".join((*HEADS[:-1], "why")) + " |", "|" + "---|" * len(HEADS),
    ]  # fmt: skip
    for each in comparison.differences:
        cells = [cell.replace("|", "\\|") for cell in _cells(each)]
        if each.verdict == "worse":
            cells[6] = f"**{cells[6]}**"
        lines.append("| " + " | ".join(cells) + " |")
    notes = [*(f"not comparable: {reason}" for reason in comparison.refused), *comparison.notes]
    lines += ["", *(f"- {harmless(note, 400)}" for note in notes)]
    return "\n".join(lines) + "\n"


def said(comparison: Comparison, threshold: float | None) -> str:
    """The whole in a sentence."""
    worse = _named(comparison.differences, "worse")
    better = _named(comparison.differences, "better")
    if not comparison.decided:
        return "nothing could be tested: too few requests, or runs that were still changing"
    if threshold is not None:
        beyond = comparison.regressions(threshold)
        if beyond:
            return f"worse by more than {threshold * 100:.3g} %: {', '.join(_label(each) for each in beyond)}"
        if worse:
            return f"worse, but by no more than {threshold * 100:.3g} %: {worse}"
    parts = [f"worse: {worse}" if worse else "", f"better: {better}" if better else ""]
    return "; ".join(part for part in parts if part) or "no difference that chance could not have made"


def _named(differences: Sequence[Difference], verdict: str) -> str:
    return ", ".join(_label(each) for each in differences if each.verdict == verdict)


def _label(each: Difference) -> str:
    return LABELS.get(each.metric, each.metric)


def _about(comparison: Comparison, *, first: bool) -> str:
    run = comparison.first if first else comparison.second
    tool = "" if run.tool == "perfbench" else f" ({run.tool})"
    runs = "" if run.runs == 1 else f" in {run.runs} runs"
    return f"{harmless(run.name, 200)}{tool}, {grouped(run.requests)} requests{runs}"


def _cells(each: Difference) -> tuple[str, ...]:
    label = _label(each) + (" (response)" if each.base == "response" else "")
    return (
        label, _value(each.first, each.unit), _value(each.second, each.unit), _change(each), _reach(each),
        "n/a" if each.p_holm is None else f"{each.p_holm:.4f}", each.verdict, _remark(each),
    )  # fmt: skip


def _number(value: float, unit: str) -> str:
    return f"{value * 100:.2f} %" if unit == "share" else f"{value:.4g}"


def _value(side: Side, unit: str) -> str:
    return "n/a" if side.value is None else _number(side.value, unit) + (f" {unit}" if unit == "ms" else "")


def _change(each: Difference) -> str:
    if each.difference is None:
        return "n/a"
    if each.unit == "share":
        return f"{each.difference * 100:+.2f} points"
    return "n/a" if each.relative is None else f"{each.relative * 100:+.1f} %"


def _reach(each: Difference) -> str:
    if each.low is None or each.high is None:
        return "n/a"
    if each.unit == "share":
        return f"{each.low * 100:+.2f} to {each.high * 100:+.2f}"
    if each.relative_low is None or each.relative_high is None:
        return "n/a"
    return f"{each.relative_low * 100:+.1f} to {each.relative_high * 100:+.1f} %"


def _remark(each: Difference) -> str:
    if each.verdict != "undecided":
        return ""
    told = each.why or ""
    if each.more:
        return f"{told}; {grouped(each.more)} more requests in each run would tell"
    if each.for_margin is not None and each.difference is not None:
        return f"{told}; {grouped(each.for_margin)} in each run would show one that matters"
    return told
