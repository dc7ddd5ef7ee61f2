"""Forecast, for a terminal: layout only."""

from __future__ import annotations

from typing import TextIO

from rich import box
from rich.console import Console
from rich.table import Table

from evalcore.forecast import Forecast
from perfbench.report.console import PIPE_WIDTH
from perfbench.report.text import grouped, harmless, span

UNKNOWN = "unknown"


def print_forecast(found: Forecast, file: TextIO) -> None:
    """What would be asked, a line a benchmark, and what that takes."""
    console = Console(file=file, highlight=False, emoji=False, markup=False)
    if not console.is_terminal:
        console = Console(file=file, width=PIPE_WIDTH, highlight=False, emoji=False, markup=False, color_system=None)
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False, header_style="dim")
    table.add_column("benchmark", overflow="fold")
    for head in ("answers", "known", "requests", "prompt tokens", "output expected", "output at most"):
        table.add_column(head, justify="right", no_wrap=True)
    for part in found.parts:
        table.add_row(
            harmless(part.name), grouped(part.answers), grouped(part.known), grouped(part.asked),
            grouped(part.prompt_tokens), _count(part.expected_output_tokens), _count(part.most_output_tokens),
        )  # fmt: skip
    console.print(table)
    for line in lines(found):
        console.print(line)


def lines(found: Forecast) -> list[str]:
    """What holds for all of it, in words."""
    how = "by the tokenizer, without what a chat template adds"
    if found.counted_by == "estimate":
        how = "estimated at 4 characters a token; give tokenizer to have them counted"
    said = [
        f"requests  {grouped(found.asked)}, and none was sent",
        f"prompt tokens  {grouped(found.prompt_tokens)} ({how})",
        f"output tokens  expected {_count(found.expected_output_tokens)}, at most {_count(found.most_output_tokens)}",
        f"time  {UNKNOWN if found.eta_s is None else 'about ' + span(found.eta_s)} ({found.eta_by})",
    ]
    if found.expected_cost is None and found.most_cost is None:
        said.append("price  unknown (give price_in and price_out, per million tokens)")
    else:
        said.append(f"price  expected {_money(found.expected_cost)}, at most {_money(found.most_cost)}")
    if found.budget:
        said.append(f"budget  {found.budget}; the run asks no more once that is spent")
    judged = [part.name for part in found.parts if part.judged]
    if judged:
        said.append(f"judges  their requests come on top, at least one for each answer of {', '.join(judged)}")
    compared = [part.name for part in found.parts if part.may_compare]
    if compared:
        said.append(f"options  if they are compared by likelihood, other requests are made for {', '.join(compared)}")
    return said


def _count(count: int | None) -> str:
    return UNKNOWN if count is None else grouped(count)


def _money(amount: float | None) -> str:
    return UNKNOWN if amount is None else f"{amount:,.2f}" if amount >= 1 else f"{amount:.4f}"
