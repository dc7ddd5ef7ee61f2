"""Series: the same run several times, to tell the service from the day (`repeat`).

    outputs/STAMP/run_1 ... run_N     whole run folders, each with a seed of its own: other prompts and arrivals of the
                                      same kind, so that no cache flatters the later ones
    outputs/STAMP/series.json         per figure the mean over runs with Student's t interval, and how its variance
                                      parts into between and within runs

One run's interval says how sure it is of itself; only runs side by side say how far the next one will lie. A series
that is cut short is summarised with the runs it has.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson

from perfbench.engine.errors import ExitCode
from perfbench.run import RunResult, new_folder, run_scenario
from perfbench.runfolder import SERIES, write_whole
from perfbench.scenario import Scenario
from perfbench.statistics.means import repeats, student

SCHEMA = 1
LATENCIES = ("ttft", "tpot", "itl", "e2e", "response_ttft", "response_e2e")
STATISTICS = ("mean", "p50", "p90", "p99")
WORST = (
    ExitCode.INTERRUPTED, ExitCode.BUG, ExitCode.TARGET, ExitCode.GATE_MISSED, ExitCode.INCONCLUSIVE, ExitCode.DONE,
)  # fmt: skip
"""What the shell learns of a series: the worst of its runs."""


@dataclass(frozen=True, slots=True)
class SeriesResult:
    folder: Path
    series: dict[str, Any]
    exit_code: ExitCode


def run_series(scenario: Scenario, *, live: bool | None = None, quiet: bool = False) -> SeriesResult:
    """Carry the scenario out `repeat` times, one after the other. Raises what `run_scenario` raises; runs that are over
    by then are kept and summarised.

    No run lowers the priority of this process: the engine processes of the next one would inherit that.
    """
    folder = new_folder(scenario)
    results: list[RunResult] = []
    try:
        for number in range(scenario.repeat):
            seed = (scenario.seed or 0) + number
            one = scenario.model_copy(update={"seed": seed, "repeat": 1})
            place = folder / f"run_{number + 1}"
            results.append(run_scenario(one, live=live, quiet=quiet, folder=place))
            if results[-1].exit_code == ExitCode.INTERRUPTED:
                break
    finally:
        series = summarise([result.summary for result in results], [result.folder.name for result in results])
        write_whole(folder / SERIES, orjson.dumps(series, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE))
    code = next(code for code in WORST if any(result.exit_code == code for result in results))
    return SeriesResult(folder, series, code)


def summarise(summaries: Sequence[Mapping[str, Any]], names: Sequence[str]) -> dict[str, Any]:
    """series.json: {schema, runs: [{folder, ended, succeeded, seed}], figures: {name: {unit, runs, mean, low, high,
    between, within, values}}}.

    A figure that a run lacks is left out altogether: a mean over the runs that have it would be over the lucky ones.
    """
    runs = [
        {
            "folder": name, "ended": summary["run"]["ended"], "succeeded": summary["requests"]["succeeded"],
            "seed": summary["scenario"].get("seed"),
        } for name, summary in zip(names, summaries, strict=True)
    ]  # fmt: skip
    figures: dict[str, Any] = {}
    tables = [_figures(summary) for summary in summaries]
    for name in tables[0] if tables else ():
        found = [table[name] for table in tables if name in table]
        if len(found) < len(tables):
            continue
        unit, values, errors = found[0][0], [value for _, value, _ in found], [error for _, _, error in found]
        about = repeats(values, errors)
        figures[name] = {
            "unit": unit, "runs": about.runs, "mean": about.mean, "low": about.low, "high": about.high,
            "between": about.between, "within": about.within, "values": values,
        }  # fmt: skip
    return {"schema": SCHEMA, "runs": runs, "figures": figures}


def _figures(summary: Mapping[str, Any]) -> dict[str, tuple[str, float, float | None]]:
    """Unit, value and standard error (None where the run could not tell) of every figure that a summary has."""
    found: dict[str, tuple[str, float, float | None]] = {}

    def add(name: str, unit: str, part: Mapping[str, Any] | None, key: str) -> None:
        if part is not None and (value := part.get(key)) is not None:
            ends = part.get(f"{key}_ci")
            told = ends is not None and None not in ends
            error = (ends[1] - ends[0]) / 2 / student(1_000_000) if ends is not None and told else None
            found[name] = unit, float(value), error

    for latency in LATENCIES:
        for statistic in STATISTICS:
            add(f"{statistic} {latency}", "ms", summary["latency_ms"].get(latency), statistic)
    for rate in ("requests_per_s", "output_tokens_per_s"):
        add(rate, "/s", summary["throughput"], rate)
    add("error_rate", "share", summary["requests"], "error_rate")
    add("goodput", "share", summary["goodput"], "share")
    return found


def text(result: SeriesResult) -> str:
    """For the terminal."""
    series = result.series
    lines = [
        "", f"{len(series['runs'])} runs, one after the other",
        f"{'':<24}{'mean':>10}{'95 % sure':>24}{'between runs':>15}{'within a run':>15}",
    ]  # fmt: skip
    for name, about in series["figures"].items():
        low, high = about["low"], about["high"]
        sure = "n/a" if low is None else f"{low:.4g} to {high:.4g}"
        within = "n/a" if about["within"] is None else f"{about['within']:.3g}"
        label = f"{name}, {about['unit']}" if about["unit"] == "ms" else name
        lines.append(f"{label:<24}{about['mean']:>10.4g}{sure:>24}{about['between']:>15.3g}{within:>15}")
    lines += [
        "", "between runs: how far runs lie apart (standard deviation) beyond what each run's own uncertainty explains",
        f"results in  {result.folder}", "",
    ]  # fmt: skip
    return "\n".join(lines)
