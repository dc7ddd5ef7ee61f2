"""Server: what servers and GPUs said of themselves, in the summary, in texts and in charts.

The figures are those of perfbench.telemetry; all instants are on the run's clock, so that the charts lie under those of
the requests.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from perfbench.metrics.columns import Columns
from perfbench.report.charts import Chart, Data, line, over_time
from perfbench.report.facts import Fact
from perfbench.report.text import grouped, harmless, number, share
from perfbench.telemetry.engines import COMMON
from perfbench.telemetry.figures import address_figures, by_address, compared, rates, series
from perfbench.telemetry.sample import ServerSample

COLOURS = ("@blue", "@orange", "@green", "@purple", "@sky", "@red")


def server_section(
    samples: Sequence[ServerSample], whole: Columns, span: tuple[int, int] | None, zero_ns: int
) -> dict[str, Any] | None:
    """`server` of the summary: {addresses: [...], compared}; None when nobody was asked.

    The window is that of everything that was sent, a warm-up included, because a server counts that too.
    """
    if not samples:
        return None
    from_ns, to_ns = span if span is not None else (zero_ns, zero_ns)
    sent = whole.sent
    if sent.any():
        from_ns = int(whole.first_started_ns[sent].min())
    addresses = [address_figures(mine, from_ns, to_ns, zero_ns) for mine in by_address(samples).values()]
    by_usage = _sum(whole.output_tokens), _sum(whole.input_tokens)
    return {"addresses": addresses, "compared": compared(addresses, *by_usage)}


def _sum(counts: Any) -> int | None:
    known = counts[counts >= 0]
    return int(known.sum(dtype=np.int64)) if known.size else None


def server_notes(section: Mapping[str, Any] | None) -> list[str]:
    """What a reader must know of it: who did not answer, and counts that are not ours."""
    notes = []
    for address in (section or {}).get("addresses") or ():
        failed, asked = address["failed"], address["failed"] + address["samples"]
        if failed:
            why = ", ".join(f"{count} x {error}" for error, count in address["errors"].items())
            notes.append(f"{address['url']} failed {failed} of the {asked} times it was asked ({why})")
    for name, counts in ((section or {}).get("compared") or {}).items():
        if counts["agrees"] is False:
            theirs, ours = grouped(round(counts["server"])), grouped(counts["client"])
            notes.append(
                f"the servers counted {theirs} {COMMON[name].label} and this client {ours}: others were served too, "
                "replies were cut off, or the two count differently"
            )
    return notes


def server_facts(section: Mapping[str, Any] | None) -> list[tuple[str, list[Fact]]]:
    """For each address its engine and what it said, in a few figures."""
    return [
        (harmless(f"{address['engine'] or address['kind']} at {address['url']}", 120),
         [_fact(name, figure) for name, figure in address["figures"].items()])
        for address in (section or {}).get("addresses") or ()
    ]  # fmt: skip


def _fact(name: str, figure: Mapping[str, Any]) -> Fact:
    common = COMMON[name]
    if "increase" in figure:
        per_s = "" if figure.get("per_s") is None else f"{number(figure['per_s'])}/s"
        return Fact(common.label, grouped(round(figure["increase"])), per_s)
    most = "" if figure.get("max") is None else f"at most {_shown(common.unit, figure['max'])}"
    return Fact(common.label, _shown(common.unit, figure["mean"]), most)


def _shown(unit: str, value: float) -> str:
    if unit == "share":
        return share(value)
    if unit == "bytes":
        return f"{number(value / 2**30)} GiB"
    return f"{number(value)} {unit}" if unit in ("W", "°C") else number(value)


def server_charts(data: Data, samples: Sequence[ServerSample]) -> list[Chart]:
    """Requests at the server, its cache, its tokens, and the GPUs: those that it said anything of."""
    drawn = [
        _chart(data, samples, "server-requests", "Requests at the server", ("running", "waiting"), "requests"),
        _chart(data, samples, "server-cache", "KV cache of the server", ("kv_cache",), "in use"),
        _chart(data, samples, "server-tokens", "Tokens by the server's count", ("generated_tokens", "prompt_tokens"),
               "tokens/s"),
        _chart(data, samples, "server-preemptions", "Requests thrown out of the batch", ("preemptions",), "a second"),
        _chart(data, samples, "gpu-busy", "GPU", ("gpu_busy", "tensor_busy"), "busy"),
        _chart(data, samples, "gpu-power", "GPU power", ("gpu_power",), "W"),
    ]  # fmt: skip
    return [chart for chart in drawn if chart is not None]


def _chart(
    data: Data, samples: Sequence[ServerSample], key: str, title: str, names: tuple[str, ...], unit: str
) -> Chart | None:
    traces: list[dict[str, Any]] = []
    addresses = by_address(samples)
    low_ns, high_ns = int(data.bins.edges_ns[0]), int(data.bins.edges_ns[-1])
    for url, mine in addresses.items():
        for name in names:
            at_ns, values = (rates if COMMON[name].counter else series)(mine, name)
            inside = (at_ns >= low_ns) & (at_ns <= high_ns)
            if not inside.any():
                continue
            label = COMMON[name].label + (f", {harmless(url, 40)}" if len(addresses) > 1 else "")
            colour = COLOURS[len(traces) % len(COLOURS)]
            traces.append(line(data.seconds(at_ns[inside]), values[inside], label, colour))
    if not traces or (key == "server-preemptions" and not any(any(trace["y"]) for trace in traces)):
        return None
    figure = over_time(data, traces, unit)
    if all(COMMON[name].unit == "share" for name in names):
        figure["layout"]["yaxis"] |= {"tickformat": ".0%", "range": [0, 1.05]}
    return Chart(key, "The server's own account", title, figure, "As it said at /metrics, on this run's clock.")
