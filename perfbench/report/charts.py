"""Charts: the figures of a report page, as plain Plotly dicts.

Plain dicts, because importing plotly's classes takes longer than all of this. Colours are names ("@blue"); the page
puts in those of the reader's theme. Plotly reads a little HTML in names, so foreign text passes `plotly_text`. To add a
chart, write a function that gives a `Chart` or None (nothing to show), and add it to `CHARTS`.
"""

from __future__ import annotations

import html
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from perfbench.engine.probe import ClientSample
from perfbench.metrics import latency
from perfbench.metrics.columns import NEVER, Columns, FloatArray
from perfbench.metrics.concurrency import in_flight, steps
from perfbench.report import series
from perfbench.report.series import Bins
from perfbench.report.text import grouped, harmless, number

Figure = dict[str, Any]
FAULT_COLOURS = ("@red", "@orange", "@purple", "@sky", "@yellow", "@grey")


@dataclass(frozen=True, slots=True)
class Chart:
    key: str
    group: str
    """Heading of the page under which it stands."""
    title: str
    figure: Figure
    note: str = ""
    wide: bool = False
    tall: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class Data:
    """Everything charts are made from."""

    columns: Columns
    samples: Sequence[ClientSample]
    latency_ms: dict[str, Any]
    """Of the summary, so that marks in charts are the very figures of the tables."""
    zero_ns: int
    """Instant zero of the schedule."""
    bins: Bins
    steady_ns: tuple[int, int] | None
    stationary: bool
    """Whether that window is a steady state, and not the second part of a load that moved to its end."""
    open_loop: bool
    arrival: str

    def measured(self) -> Columns:
        """Without the warm-up, which charts over time show and figures leave out."""
        warmup = self.columns.warmup
        return self.columns.where(~warmup) if warmup.any() else self.columns

    def seconds(self, at_ns: Any) -> FloatArray:
        shifted: FloatArray = (np.asarray(at_ns) - self.zero_ns) / 1e9
        return shifted


def plotly_text(text: object) -> str:
    return html.escape(harmless(text, 60))


def _numbers(values: Any, decimals: int = 3) -> list[float | None]:
    """For JSON: rounded, and None (a gap in the line) for what is not a number."""
    return [None if not np.isfinite(value) else round(float(value), decimals) for value in values]


def line(x: Any, y: Any, name: str, colour: str, **more: Any) -> Figure:
    shape: Figure = {"color": colour, "width": 2} | more.pop("line", {})
    trace = {"type": "scatter", "mode": "lines", "x": _numbers(x), "y": _numbers(y), "name": name, "line": shape}
    return trace | more


def over_time(data: Data, traces: list[Figure], y_title: str, **layout: Any) -> Figure:
    """A figure with seconds of the run below, and what is not steady state shaded."""
    low, high = (float(edge) for edge in data.seconds(data.bins.edges_ns[[0, -1]]))
    shapes, notes = [], []
    if data.steady_ns is not None:
        steady_from, steady_to = (float(edge) for edge in data.seconds(data.steady_ns))
        for from_s, to_s in ((low, steady_from), (steady_to, high)):
            if to_s > from_s:
                shapes.append(_band(from_s, to_s))
        notes.append(_note((steady_from + steady_to) / 2, "steady state" if data.stationary else "not steady yet"))
    return {
        "data": traces,
        "layout": {
            "xaxis": {"title": {"text": "seconds since the start"}, "range": [low, high]},
            "yaxis": {"title": {"text": y_title}, "rangemode": "tozero"},
            "shapes": shapes,
            "annotations": notes,
        }
        | layout,
    }


def _band(from_s: float, to_s: float) -> Figure:
    return {
        "type": "rect", "xref": "x", "yref": "paper", "x0": from_s, "x1": to_s, "y0": 0, "y1": 1,
        "fillcolor": "@shade", "line": {"width": 0}, "layer": "below",
    }  # fmt: skip


def _note(x: float, text: str) -> Figure:
    return {
        "x": x, "y": 1, "xref": "x", "yref": "paper", "text": text, "showarrow": False, "yanchor": "bottom",
        "font": {"size": 11, "color": "@muted"},
    }  # fmt: skip


def _distribution(name: str, title: str, what: str) -> Callable[[Data], Chart | None]:
    def make(data: Data) -> Chart | None:
        measured = data.measured()
        values = latency.itl_ms(measured) if name == "itl" else latency.PER_REQUEST[name](measured)
        x, y = series.distribution(np.asarray(values, np.float64))
        if not x.size:
            return None
        response_name = latency.RESPONSE_OF.get(name)
        traces = [line(x, y, "service" if data.open_loop and response_name else title, "@blue", line={"shape": "hv"})]
        traces[0] |= {"fill": "tozeroy", "fillcolor": "@blue-fill"}
        if data.open_loop and response_name:
            felt_x, felt_y = series.distribution(latency.PER_REQUEST[response_name](measured))
            traces.append(line(felt_x, felt_y, "response", "@orange", line={"shape": "hv", "dash": "dot"}))
        spread = data.latency_ms.get(name) or {}
        marks = [(label, value) for label in ("p50", "p99") if (value := spread.get(label)) is not None]
        logarithmic = bool(x[0] > 0 and x[-1] > 12 * np.median(values[np.isfinite(values)]))
        figure: Figure = {
            "data": traces,
            "layout": {
                "xaxis": {"title": {"text": "ms"}, "type": "log" if logarithmic else "linear"},
                "yaxis": {"title": {"text": "share at or below"}, "range": [0, 1.02], "tickformat": ".0%"},
                "shapes": [_mark(value) for _, value in marks],
                "annotations": [
                    _mark_text(label, value, logarithmic, place) for place, (label, value) in enumerate(marks)
                ],
                "showlegend": len(traces) > 1,
            },
        }
        return Chart(name, "Latency", title, figure, what)

    return make


def _mark(value: float) -> Figure:
    return {
        "type": "line", "xref": "x", "yref": "paper", "x0": value, "x1": value, "y0": 0, "y1": 1,
        "line": {"color": "@text", "width": 1, "dash": "dash"},
    }  # fmt: skip


def _mark_text(label: str, value: float, logarithmic: bool, place: int) -> Figure:
    # On a logarithmic axis annotations are placed by exponent, shapes by value.
    return {
        "x": float(np.log10(value)) if logarithmic and value > 0 else value, "xref": "x", "y": 0.06 + 0.12 * place,
        "yref": "paper", "text": f"{label} {number(value)}", "showarrow": False, "xanchor": "left", "xshift": 4,
        "bgcolor": "@panel", "font": {"size": 11, "color": "@text"},
    }  # fmt: skip


def _latency_over_time(data: Data) -> Chart | None:
    columns = data.columns
    label, values = "TTFT", latency.ttft_ms(columns)
    if np.isnan(values).all():
        label, values = "E2E", latency.e2e_ms(columns)
    known = np.flatnonzero(~np.isnan(values))
    if not known.size:
        return None
    starts_ns, values = columns.started_ns[known], values[known]
    shown = series.thinned(values)
    middles = data.bins.middles_s(data.zero_ns)
    dots = {"size": 7, "opacity": 0.8} if shown.size < 300 else {"size": 4, "opacity": 0.35}
    traces = [
        {
            "type": "scatter", "mode": "markers", "x": _numbers(data.seconds(starts_ns[shown])),
            "y": _numbers(values[shown]), "name": "request", "marker": {"color": "@blue"} | dots,
        },
        line(middles, series.quantiles_by_bin(data.bins, starts_ns, values, 0.5, 3), "p50", "@text"),
        line(middles, series.quantiles_by_bin(data.bins, starts_ns, values, 0.9, 10), "p90", "@orange"),
    ]  # fmt: skip
    note = f"Each point is a request, where it started. p50 and p90 are of bins of {number(data.bins.width_s)} s."
    if shown.size < known.size:
        note += (
            f" {grouped(shown.size)} of {grouped(known.size)} points are drawn: an even sample, and the"
            f" {series.SLOWEST_KEPT} slowest. The lines are of all."
        )
    figure = over_time(data, traces, f"{label}, ms")
    spread = float(values.max() / max(np.median(values), 1e-6))
    if spread > 50 and values.min() > 0:
        figure["layout"]["yaxis"] |= {"type": "log"}
    return Chart("over-time", "Over time", f"{label} against start time", figure, note, wide=True)


def _concurrency(data: Data) -> Chart | None:
    columns = data.columns
    middles = data.bins.middles_s(data.zero_ns)
    means, highest = series.in_flight_by_bin(in_flight(columns), data.bins)
    traces = [
        line(middles, highest, "highest", "@sky", line={"width": 1}),
        line(middles, means, "in flight, mean", "@blue"),
    ]
    note = "From the start of a request to its last byte."
    if data.open_loop:
        waited = columns.first_started_ns != NEVER
        waiting = steps(columns.intended_ns[waited], columns.first_started_ns[waited])
        held = series.in_flight_by_bin(waiting, data.bins)[0]
        traces.append(line(middles, held, "due, not yet sent", "@orange"))
        note += " Due and not yet sent: held back by a limit, or by a late client."
    return Chart("concurrency", "Over time", "Requests in flight", over_time(data, traces, "requests"), note)


def _throughput(data: Data) -> Chart | None:
    columns, middles = data.columns, data.bins.middles_s(data.zero_ns)
    done = data.bins.counts(columns.finished_ns[columns.ok]) / data.bins.width_s
    traces = [line(middles, done, "succeeded", "@green", line={"shape": "hvh"})]
    if data.open_loop:
        due = data.bins.counts(columns.intended_ns) / data.bins.width_s
        traces.append(line(middles, due, "due", "@grey", line={"shape": "hvh", "width": 1}))
    note = f"Counted where the last byte came, in bins of {number(data.bins.width_s)} s."
    return Chart("throughput", "Over time", "Requests per second", over_time(data, traces, "requests/s"), note)


def _tokens(data: Data) -> Chart | None:
    per_s = series.tokens_by_bin(data.columns, data.bins)
    if not per_s.any():
        return None
    traces = [line(data.bins.middles_s(data.zero_ns), per_s, "output tokens", "@green", line={"shape": "hvh"})]
    note = "Tokens of successful requests, spread over the time from each one's first token to its last."
    return Chart("tokens", "Over time", "Output tokens per second", over_time(data, traces, "tokens/s"), note)


def _faults(data: Data) -> Chart | None:
    found = series.faults_by_bin(data.columns, data.bins)
    if not found:
        return None
    kinds = list(found)
    shown, rest = kinds[: len(FAULT_COLOURS) - 1], kinds[len(FAULT_COLOURS) - 1 :]
    rows = [(kind, found[kind]) for kind in shown]
    if rest:
        rows.append((f"{len(rest)} more kinds", np.sum([found[kind] for kind in rest], axis=0)))
    middles = data.bins.middles_s(data.zero_ns)
    traces = [
        {
            "type": "bar", "x": _numbers(middles), "y": [int(count) for count in counts], "name": plotly_text(kind),
            "width": data.bins.width_s * 0.9, "marker": {"color": colour, "line": {"width": 0}},
        }
        for (kind, counts), colour in zip(rows, FAULT_COLOURS, strict=False)
    ]  # fmt: skip
    figure = over_time(data, traces, "requests", barmode="stack")
    note = f"Where they ended, in bins of {number(data.bins.width_s)} s."
    return Chart("faults", "Errors", "Failures and cancellations over time", figure, note, wide=True)


def _gaps(data: Data) -> Chart | None:
    """Gaps between requests as they left, against the law that was asked for."""
    columns = data.columns
    if not data.open_loop:
        return None
    left_ns = np.sort(columns.first_started_ns[columns.sent])
    gaps_ms = np.diff(left_ns) / 1e6
    if gaps_ms.size < 20:
        return None
    mean_ms = float(gaps_ms.mean())
    edges = np.linspace(0, float(np.quantile(gaps_ms, 0.995)) or 1.0, 41)
    density = np.histogram(gaps_ms, bins=edges)[0] / gaps_ms.size / np.diff(edges)
    middles = (edges[1:] + edges[:-1]) / 2
    traces = [
        {
            "type": "bar", "x": _numbers(middles), "y": _numbers(density, 6), "name": "as sent",
            "width": float(edges[1] - edges[0]) * 0.95, "marker": {"color": "@blue", "line": {"width": 0}},
        }
    ]  # fmt: skip
    note = "Gaps between the starts of requests."
    if data.arrival == "poisson":
        traces.append(line(middles, np.exp(-middles / mean_ms) / mean_ms, "exponential of that mean", "@orange"))
        traces[-1]["y"] = _numbers(np.exp(-middles / mean_ms) / mean_ms, 6)
        note += " Poisson arrivals have exponential gaps."
    layout = {"xaxis": {"title": {"text": "gap, ms"}}, "yaxis": {"title": {"text": "density, per ms"}}}
    return Chart("gaps", "Arrivals", "Gaps between arrivals", {"data": traces, "layout": layout}, note)


def _lag(data: Data) -> Chart | None:
    traces = []
    for worker, colour in zip(_workers(data), _cycle(), strict=False):
        mine = [sample for sample in data.samples if sample.worker == worker and sample.lag_ns]
        ends = data.seconds([sample.to_ns for sample in mine])
        suffix = f", worker {worker}" if len(_workers(data)) > 1 else ""
        traces.append(line(ends, [max(s.lag_ns) / 1e6 for s in mine], f"longest{suffix}", colour))
        if not suffix:
            middle = [float(np.median(s.lag_ns)) / 1e6 for s in mine]
            traces.append(line(ends, middle, "median", "@grey", line={"width": 1}))
    if not traces:
        return None
    note = "How long the event loop took to take up an event: a byte that arrives waits up to that long for its stamp."
    return Chart("lag", "The client itself", "Event-loop lag", over_time(data, traces, "ms"), note)


def _cpu(data: Data) -> Chart | None:
    traces = []
    for worker, colour in zip(_workers(data), _cycle(), strict=False):
        mine = [s for s in data.samples if s.worker == worker and s.to_ns > s.from_ns]
        shares = [s.cpu_ns / (s.to_ns - s.from_ns) for s in mine]
        name = f"worker {worker}" if len(_workers(data)) > 1 else "CPU"
        traces.append(line(data.seconds([s.to_ns for s in mine]), shares, name, colour))
    if not traces:
        return None
    figure = over_time(data, traces, "of one core")
    figure["layout"]["yaxis"] |= {"tickformat": ".0%", "range": [0, 1.05]}
    note = "Near 100 % the client is what limits the run, not the server."
    return Chart("cpu", "The client itself", "CPU of the client", figure, note)


def _workers(data: Data) -> list[int]:
    return sorted({sample.worker for sample in data.samples})


def _cycle() -> list[str]:
    return ["@blue", "@orange", "@green", "@purple", "@sky", "@red", "@yellow", "@grey"] * 8


CHARTS: tuple[Callable[[Data], Chart | None], ...] = (
    _distribution("ttft", "TTFT: time to first token", "From the request written to the first chunk with output."),
    _distribution(
        "tpot", "TPOT: time per output token", "Mean gap between tokens after the first, one value a request."
    ),
    _distribution("itl", "ITL: gaps between chunks", "Every gap between chunks with output, of all requests."),
    _distribution("e2e", "E2E: whole requests", "From the request written to the last byte."),
    _latency_over_time,
    _concurrency,
    _throughput,
    _tokens,
    _faults,
    _gaps,
    _lag,
    _cpu,
)


def charts(data: Data) -> list[Chart]:
    """Every chart that has something to show, in the order of the page."""
    return [chart for make in CHARTS if (chart := make(data)) is not None]
