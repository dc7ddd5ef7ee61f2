"""Dashboard: an evaluation on a terminal, redrawn in place twice a second, gone when the run is over.

`draw` makes a frame out of figures and a size, nothing else; `Dashboard` owns the terminal. Of the benchmarks those
that are being asked come first when not all fit; what else does not fit is left out, least important first.
"""

from __future__ import annotations

from collections import Counter
from types import TracebackType
from typing import TextIO

from rich.console import Console, RenderableType
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from evalcore.live import busy, counts, line, score
from evalcore.progress import Progress, Tally
from evalcore.report.facts import fault
from perfbench.live.dashboard import FRAMES_PER_S, Block, client_line, fitting, gap, latency_table
from perfbench.live.tally import Figures
from perfbench.report.text import grouped, harmless, number, span

NAME_WIDTH = 18
WIDE = 96
"""Columns from which every benchmark has a bar and the faults of its unscored answers have a column."""
REST = 12
"""Lines that everything but the benchmarks takes."""


class Dashboard:
    """`with Dashboard(...) as screen:`; the last figures stay on the terminal as a line."""

    def __init__(self, headline: str, stream: TextIO) -> None:
        self._headline = headline
        self._console = Console(file=stream, force_terminal=True, highlight=False, emoji=False, markup=False)
        self._live = Live(
            Text(headline, "dim"), console=self._console, auto_refresh=False, transient=True, redirect_stdout=False,
            redirect_stderr=False,
        )  # fmt: skip
        self._last: tuple[Progress, Figures] | None = None
        self._drawn_ns = 0

    def __enter__(self) -> Dashboard:
        self._live.start(refresh=True)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._live.stop()
        if self._last is not None:
            self._console.print(Text(f"{self._headline}: {line(*self._last)}", "dim"), soft_wrap=True)

    def update(self, progress: Progress, figures: Figures) -> None:
        self._last = progress, figures
        if figures.now_ns - self._drawn_ns >= 0.98e9 / FRAMES_PER_S:
            self._drawn_ns = figures.now_ns
            width, height = self._console.size
            self._live.update(draw(self._headline, progress, figures, width, height), refresh=True)


def draw(headline: str, progress: Progress, figures: Figures, width: int, height: int) -> RenderableType:
    """One frame, less than `height` lines high."""
    inner = width - 2
    title = Text(headline, "bold", no_wrap=True, overflow="ellipsis")
    benchmarks, rows = _benchmarks(progress, inner, most=max(height - REST, 1))
    latencies = latency_table(figures, ("ttft", "tpot", "e2e") if height >= 24 else ("ttft", "e2e"), inner)
    blocks = [
        Block(1, 1, title),
        Block(0, 1, _bar(progress, figures, inner)),
        gap(7),
        Block(0, rows, benchmarks),
        gap(6),
        Block(1, 1, _speed(progress, figures)),
        Block(1, 1, _engine(progress, figures)),
        gap(6),
        Block(3, latencies.row_count, latencies),
        gap(6),
        Block(2, 1, client_line(figures, inner)),
    ]
    blocks += [Block(2 if place == 0 else 4, 1, text) for place, text in enumerate(_faults(progress, inner))]
    frame = Table.grid(padding=(0, 1))
    for block in fitting(blocks, height - 1):
        frame.add_row(block.content)
    return frame


def _bar(progress: Progress, figures: Figures, width: int) -> RenderableType:
    whole, left_s = progress.all, progress.all.seconds_left()
    share = None if not whole.planned else min(whole.done / whole.planned, 1.0)
    words = counts(whole) + (f"  {share:.0%}" if share is not None else "") + f"  {span(figures.elapsed_s)}"
    words += f"  ETA {span(left_s)}" if left_s is not None else ""
    text = Text(words, no_wrap=True)
    text.pad_left(max(0, 32 - text.cell_len))
    bar = ProgressBar(
        total=None if share is None else 1.0, completed=share or 0.0, width=max(width - text.cell_len - 1, 4),
        complete_style="cyan", finished_style="green", animation_time=figures.elapsed_s,
    )  # fmt: skip
    both = Table.grid(padding=(0, 1, 0, 0))
    both.add_row(bar, text)
    return both


def _benchmarks(progress: Progress, width: int, most: int) -> tuple[Table, int]:
    """The table and its height: `most` rows beside the head, and a line for those that did not fit."""
    wide = width >= WIDE
    table = Table.grid(padding=(0, 2, 0, 0))
    judged = any(tally.judged for tally in progress.tallies.values())
    heads = ["data set", *[""] * wide, "done", "ETA", "score so far, 95 %", "unscored", *["judged"] * judged]
    for place, _ in enumerate(heads):
        table.add_column(justify="left" if place <= wide else "right", no_wrap=True)
    table.add_row(*[Text(head, "dim") for head in heads])
    shown = sorted(progress.tallies.items(), key=lambda item: _rank(item[1]))[:most]
    names = {name for name, _ in shown}
    for name, tally in progress.tallies.items():
        if name in names:
            table.add_row(*_row(name, tally, wide, judged))
    hidden = len(progress.tallies) - len(shown)
    if hidden:
        over = sum(_rank(tally) == 2 for name, tally in progress.tallies.items() if name not in names)
        table.add_row(Text(f"and {hidden} more, {over} of them done", "dim"))
    return table, len(shown) + 1 + bool(hidden)


def _rank(tally: Tally) -> int:
    """What is under way first, then what waits, then what is over."""
    if tally.planned is not None and tally.done >= tally.planned:
        return 2
    return 0 if tally.done else 1


def _row(name: str, tally: Tally, wide: bool, judged: bool) -> list[RenderableType]:
    left_s = tally.seconds_left()
    label = Text(harmless(name), "bold" if _rank(tally) == 0 else "dim" if _rank(tally) == 1 else "green")
    label.truncate(NAME_WIDTH, overflow="ellipsis")
    bars: list[RenderableType] = []
    if wide:
        share = min(tally.done / tally.planned, 1.0) if tally.planned else 0.0
        bars.append(ProgressBar(total=1.0, completed=share, width=16, complete_style="cyan", finished_style="green"))
    eta = "" if left_s is None or not left_s else span(left_s)
    unscored = Text(grouped(tally.unscored), "bold red" if tally.unscored else "dim")
    said = Text(score(tally), "bold" if tally.scored else "dim")
    return [label, *bars, Text(counts(tally)), Text(eta), said, unscored, *[Text(grouped(tally.judged))] * judged]


def _speed(progress: Progress, figures: Figures) -> Text:
    recent = figures.rates_recent
    parts = [(number(recent.requests_per_s), "req/s"), (number(recent.output_tokens_per_s), "output tokens/s")]
    if progress.all.reused:
        parts.append((grouped(progress.all.reused), "from the cache"))
    if progress.judge_requests:
        parts.append((grouped(progress.judge_requests), "judge requests"))
    return _words(parts)


def _engine(progress: Progress, figures: Figures) -> Text:
    return _words(
        [
            (busy(progress), "slots busy"), (grouped(figures.in_flight), "on the wire"),
            (grouped(figures.waiting), "waiting for limits"), (grouped(progress.retries), "retries"),
        ]
    )  # fmt: skip


def _words(parts: list[tuple[str, str]]) -> Text:
    text = Text(no_wrap=True, overflow="ellipsis")
    for value, word in parts:
        text.append("   " if text else "").append(value, "bold").append(f" {word}", "dim")
    return text


def _faults(progress: Progress, width: int) -> list[Text]:
    """Why answers are unscored, the commonest first, with the benchmarks that have it."""
    whole: Counter[str] = progress.all.faults
    lines = []
    for kind, count in whole.most_common():
        owners = [name for name, tally in progress.tallies.items() if tally.faults[kind]]
        text = Text.assemble(
            (f"{grouped(count):>6}", "bold red"), (f" {harmless(kind, 32)}", "red"),
            (f"  {harmless(', '.join(owners), 40)}: {fault(kind)}", "dim"),
        )  # fmt: skip
        text.truncate(width, overflow="ellipsis")
        lines.append(text)
    return lines
