"""Dashboard: the run on a terminal, redrawn in place a few times a second, gone when the run is over.

`draw` makes a frame out of figures and a size, nothing else; `Dashboard` owns the terminal. A frame is a list of blocks
with a rank each: what does not fit in the height is left out, least important first, so that it is useful at 80x24,
rich at 120x40 and still right in six lines. Foreign text is `harmless` and put in as `Text`, never as markup.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TextIO

from rich.console import Console, RenderableType
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from perfbench.live.base import RunStart
from perfbench.live.plain import fraction_done, headline, last_line, seconds_left, seconds_of_grace
from perfbench.live.snapshot import Snapshot
from perfbench.live.tally import SLOT_S, Figures, Percentiles, Tally
from perfbench.report.text import explain, grouped, harmless, number, share, span

FRAMES_PER_S = 2
"""Faster than anybody reads; a frame costs this process some 7 ms."""
BARS = " ▁▂▃▄▅▆▇█"
VERDICT_STYLES = {"ok": "green", "suspect": "bold yellow", "saturated": "bold white on red"}
WIDE = 108
"""Columns from which latencies and throughput stand side by side."""
TALL = 32
"""Lines from which history gets charts instead of sparklines."""
CHART_ROWS = 6
LATENCY_NAMES = {
    "ttft": "TTFT",
    "itl": "ITL",
    "tpot": "TPOT",
    "e2e": "E2E",
    "response_ttft": "response TTFT",
    "response_e2e": "response E2E",
}


class Dashboard:
    def __init__(self, stream: TextIO) -> None:
        self._console = Console(file=stream, force_terminal=True, highlight=False, emoji=False, markup=False)
        self._live: Live | None = None
        self._tally: Tally | None = None
        self._info: RunStart | None = None
        self._now_ns = self._drawn_ns = 0

    def start(self, info: RunStart) -> None:
        self._info, self._tally = info, Tally(info.began_ns)
        self._now_ns = info.began_ns
        self._live = Live(
            self._frame(),
            console=self._console,
            auto_refresh=False,
            transient=True,
            redirect_stdout=False,
            redirect_stderr=False,
        )
        self._live.start(refresh=True)

    def update(self, snapshots: Sequence[Snapshot], now_ns: int) -> None:
        if self._tally is None or self._live is None:
            return
        self._tally.add(snapshots, now_ns)
        self._now_ns = now_ns
        if now_ns - self._drawn_ns >= 0.98e9 / FRAMES_PER_S:
            self._drawn_ns = now_ns
            self._live.update(self._frame(), refresh=True)

    def note(self, text: str) -> None:
        self._console.print(Text(harmless(text, 1000), "yellow"))

    def stop(self) -> None:
        live, self._live = self._live, None
        if live is None or self._tally is None or self._info is None:
            return
        live.stop()
        self._console.print(Text(headline(self._info), "dim"), soft_wrap=True)
        self._console.print(Text(last_line(self._tally.figures(self._now_ns)), "dim"), soft_wrap=True)

    def _frame(self) -> RenderableType:
        assert self._tally is not None and self._info is not None
        width, height = self._console.size
        return draw(self._info, self._tally.figures(self._now_ns), width, height)


@dataclass(frozen=True, slots=True)
class Block:
    rank: int
    """The smaller, the longer it stays when the terminal is short."""
    height: int
    content: RenderableType


def draw(info: RunStart, figures: Figures, width: int, height: int) -> RenderableType:
    """One frame, less than `height` lines high."""
    wide, tall = width >= WIDE, height >= TALL
    inner = width - 2
    latencies = latency_table(figures, ("ttft", "e2e") if height < 16 else tuple(LATENCY_NAMES), width)
    rates = _rates(figures, 0 if tall else inner // 2 - 2 if wide else inner, 2 if wide else 1)
    blocks = [
        Block(1, 1, _title(info, inner)),
        Block(0, 1, _bar(info, figures, inner)),
        Block(0, 1, _counters(info, figures)),
        gap(5),
    ]
    if wide:
        both = Table.grid(padding=(0, 4, 0, 0))
        both.add_row(latencies, rates)
        blocks += [Block(2, max(latencies.row_count, rates.row_count), both), gap(6)]
    else:
        blocks += [Block(2, latencies.row_count, latencies), gap(6), Block(4, rates.row_count, rates), gap(6)]
    if tall:
        blocks += [Block(7, CHART_ROWS + 1, _charts(figures, inner)), gap(7)]
    blocks.append(Block(1, 1, client_line(figures, inner)))
    blocks += [
        Block((1, 3, 3)[place] if place < 3 else 8, 1, line) for place, line in enumerate(_errors(figures, inner))
    ]
    frame = Table.grid(padding=(0, 1))
    for block in fitting(blocks, height - 1):
        frame.add_row(block.content)
    return frame


def fitting(blocks: list[Block], height: int) -> list[Block]:
    """As many as fit, most important first, in the order they came; a less important one never jumps the queue."""
    kept: set[int] = set()
    for place in sorted(range(len(blocks)), key=lambda place: blocks[place].rank):
        if blocks[place].height > height:
            break
        kept.add(place)
        height -= blocks[place].height
    return [block for place, block in enumerate(blocks) if place in kept]


def gap(rank: int) -> Block:
    return Block(rank, 1, Text(""))


def _title(info: RunStart, width: int) -> RenderableType:
    workers = f", {info.workers} workers" if info.workers > 1 else ""
    shape = Text(harmless(info.shape) + workers, "cyan", no_wrap=True, overflow="ellipsis")
    shape.truncate(width // 2, overflow="ellipsis")
    title = Text.assemble((harmless(info.model), "bold"), ("  ", ""), (harmless(info.target), "dim"))
    title.truncate(width - shape.cell_len - 2, overflow="ellipsis")
    title.pad_right(width - title.cell_len - shape.cell_len)
    return title.append_text(shape)


def _bar(info: RunStart, figures: Figures, width: int) -> RenderableType:
    done, left_s = fraction_done(info, figures), seconds_left(info, figures)
    words = span(figures.elapsed_s)
    if done is not None:
        words = f"{done:.0%}  {words}" + (f"  ETA {span(left_s)}" if left_s is not None else "")
    if (drain_s := seconds_of_grace(info, figures)) is not None:
        words = f"time is up  {span(figures.elapsed_s)}  rest cut off in {span(drain_s)}"
    text = Text(words, no_wrap=True)
    text.pad_left(max(0, 24 - text.cell_len))
    bar = ProgressBar(
        total=None if done is None else 1.0,
        completed=done or 0.0,
        width=width - text.cell_len - 1,
        complete_style="cyan",
        finished_style="green",
        animation_time=figures.elapsed_s,
    )
    line = Table.grid(padding=(0, 1, 0, 0))
    line.add_row(bar, text)
    return line


def _counters(info: RunStart, figures: Figures) -> Text:
    planned = f"{grouped(info.planned)}" if info.planned is not None else ""
    parts = [
        (f"{grouped(figures.in_flight)}", "bold", "in flight"),
        (f"{grouped(figures.over)}" + (f" of {planned}" if planned else ""), "bold", "done"),
        (f"{grouped(figures.ok)}", "green", "ok"),
        (f"{grouped(figures.failed)}", "bold red" if figures.failed else "dim", "failed"),
    ]
    if figures.waiting or info.open_loop:
        parts.insert(1, (grouped(figures.waiting), "bold yellow" if figures.waiting else "dim", "waiting"))
    if figures.cancelled:
        parts.append((grouped(figures.cancelled), "yellow", "cancelled"))
    if figures.unsent:
        parts.append((grouped(figures.unsent), "yellow", "unsent"))
    line = Text(no_wrap=True, overflow="ellipsis")
    for value, style, word in parts:
        line.append("   " if line else "").append(value, style).append(f" {word}", "dim")
    return line


def latency_table(figures: Figures, names: Sequence[str], width: int) -> Table:
    heads = ("p50", "p90", "p99") if width >= 72 else ("p50", "p99")
    table = Table.grid(padding=(0, 2, 0, 0))
    table.add_column(min_width=6, no_wrap=True)
    for _ in range(2 * len(heads)):
        table.add_column(justify="right", min_width=7, no_wrap=True)
    recent_head, run_head = Text("last 5 s", "bold cyan"), Text("run", "bold")
    before, after = [""] * (len(heads) // 2), [""] * ((len(heads) - 1) // 2)
    table.add_row("", *before, recent_head, *after, *before, run_head, *after)
    table.add_row(Text("ms", "dim"), *[Text(head, "cyan") for head in heads], *[Text(head, "dim") for head in heads])
    for name in names:
        if figures.run[name].count or name == "e2e":
            recent, run = _chosen(figures.recent[name], heads, "bold"), _chosen(figures.run[name], heads, "")
            table.add_row(Text(LATENCY_NAMES[name]), *recent, *run)
    return table


def _chosen(found: Percentiles, names: Sequence[str], style: str) -> list[Text]:
    values: list[float | None] = [getattr(found, name) for name in names]
    return [Text(number(value), style if value is not None else "dim") for value in values]


@dataclass(frozen=True, slots=True)
class _Series:
    label: str
    now: float | None
    run: float | None
    past: list[float | None]
    style: str


def _series(figures: Figures) -> list[_Series]:
    recent, run, points = figures.rates_recent, figures.rates_run, figures.history
    found = [
        _Series("req/s", recent.requests_per_s, run.requests_per_s, [p.requests_per_s for p in points], "green"),
        _Series(
            "tok/s",
            recent.output_tokens_per_s,
            run.output_tokens_per_s,
            [p.output_tokens_per_s for p in points],
            "cyan",
        ),
    ]
    if not figures.output_tokens:
        found.pop()
    latency, past = ("ttft", [p.ttft_ms for p in points])
    if not figures.run["ttft"].count:
        latency, past = ("e2e", [p.e2e_ms for p in points])
    found.append(
        _Series(f"{LATENCY_NAMES[latency]} p50", figures.recent[latency].p50, figures.run[latency].p50, past, "magenta")
    )
    found.append(_Series("in flight", figures.in_flight, None, [p.in_flight for p in points], "blue"))
    return found


def _rates(figures: Figures, width: int, head_rows: int) -> Table:
    """How fast, and how that came about if there is room (`width` 0: none) for it."""
    spark_width = max(min(width - 30, 60), 8) if width else 0
    table = Table.grid(padding=(0, 2, 0, 0))
    table.add_column(min_width=9, no_wrap=True)
    table.add_column(justify="right", min_width=8, no_wrap=True)
    table.add_column(justify="right", min_width=8, no_wrap=True)
    table.add_column(no_wrap=True)
    for _ in range(head_rows - 1):
        table.add_row()
    past = Text(_past(figures, spark_width) if spark_width else "", "dim")
    table.add_row("", Text("last 5 s", "bold cyan"), Text("run", "bold"), past)
    for series in _series(figures):
        exact = series.label == "in flight"
        now = grouped(figures.in_flight) if exact else number(series.now)
        spark = sparkline(series.past, spark_width) if spark_width else ""
        table.add_row(
            Text(series.label),
            Text(now, "bold"),
            Text("" if exact else number(series.run)),
            Text(spark, series.style),
        )
    return table


def _past(figures: Figures, points: int) -> str:
    if not figures.history:
        return ""
    return f"past {span(min(points, len(figures.history)) * SLOT_S)}"


def _charts(figures: Figures, width: int) -> Table:
    """What a sparkline shows, in several lines, for three series side by side."""
    series = [one for one in _series(figures) if one.label != "tok/s"]
    each = (width - 4) // 3
    table = Table.grid(padding=(0, 2, 0, 0))
    for _ in series:
        table.add_column(width=each, no_wrap=True)
    past = _past(figures, each)
    heads = []
    for one in series:
        top = max((value for value in one.past[-each:] if value is not None), default=None)
        unit = " ms" if one.label.endswith("p50") else ""
        heads.append(
            Text.assemble((one.label, one.style), (f"  top {number(top)}{unit}, {past}" if past else "", "dim"))
        )
    table.add_row(*heads)
    charts = [chart(one.past, each, CHART_ROWS) for one in series]
    for row in range(CHART_ROWS):
        table.add_row(*[Text(lines[row], one.style) for lines, one in zip(charts, series, strict=True)])
    return table


def sparkline(values: Sequence[float | None], width: int) -> str:
    """The last `width` values as bars between 0 and their largest; a value that is missing leaves a blank."""
    return chart(values, width, 1)[0]


def chart(values: Sequence[float | None], width: int, rows: int) -> list[str]:
    """The same over several lines, top line first."""
    shown = values[-width:]
    top = max((value for value in shown if value is not None), default=0.0) or 1.0
    steps = len(BARS) - 1
    heights = [0 if value is None else max(1, round(value / top * rows * steps)) for value in shown]
    return [
        "".join(BARS[min(max(height - row * steps, 0), steps)] for height in heights) for row in reversed(range(rows))
    ]


def client_line(figures: Figures, width: int) -> Text:
    client = figures.client
    line = Text("client  ", "dim", no_wrap=True, overflow="ellipsis")
    line.append(
        f" {client.verdict} " if client.verdict == "saturated" else client.verdict, VERDICT_STYLES[client.verdict]
    )
    if client.verdict == "saturated":
        line.append("  what is shown may be this machine", "bold yellow")
    line.append(
        f"   loop lag {number(client.loop_lag_ms)} ms  send lag {number(client.send_lag_ms)} ms"
        f"  CPU {share(client.cpu_share)}",
        "dim",
    )
    if figures.silent_workers:
        line.append(f"   no word from worker {', '.join(map(str, figures.silent_workers))}", "bold red")
    line.truncate(width, overflow="ellipsis")
    return line


def _errors(figures: Figures, width: int) -> list[Text]:
    lines = []
    ended = max(figures.over, 1)
    for kind, count in figures.errors.items():
        style = "yellow" if kind in ("cancelled", "unsent") else "red"
        line = Text.assemble(
            (f"{grouped(count):>6}", f"bold {style}"),
            (f" {harmless(kind, 32)}", style),
            (f"  {share(count / ended)}  {explain(kind)}", "dim"),
        )
        line.truncate(width, overflow="ellipsis")
        lines.append(line)
    return lines
