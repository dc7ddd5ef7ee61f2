"""Formats: the one table of what can be exported, and into what.

Each format takes what a folder holds and a binary file. `tables` are formats of rows, of requests or of figures.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, BinaryIO, Literal

from perfbench.engine.errors import ScenarioError
from perfbench.export import cases, markdown
from perfbench.export.csv import write_csv
from perfbench.export.figures import figures_table
from perfbench.export.held import Held, Kind, summary_of
from perfbench.export.json import write_json
from perfbench.export.junit import junit
from perfbench.export.openmetrics import write_openmetrics, write_prometheus
from perfbench.export.parquet import write_parquet
from perfbench.export.requests import requests_parts, requests_table
from perfbench.export.table import Table
from perfbench.settings.suggest import nearest

What = Literal["requests", "figures"]
WHAT: tuple[What, ...] = ("requests", "figures")


@dataclass(frozen=True, slots=True)
class Format:
    write: Callable[[Held, What, BinaryIO], None]
    what: What | None
    """Rows of what, where nobody says; None: it has no rows."""
    binary: bool = False


def _in_parts(write: Callable[[Iterable[Table], BinaryIO], None]) -> Callable[[Held, What, BinaryIO], None]:
    return lambda held, what, file: write(requests_parts(held) if what == "requests" else [figures_table(held)], file)


def _table(held: Held, what: What) -> Table:
    return requests_table(held) if what == "requests" else figures_table(held)


def _json(held: Held, what: What, file: BinaryIO) -> None:
    write_json(_table(held, what), file, f"{held.kind} {what}", held.folder.name)


def suites(held: Held) -> list[cases.Suite]:
    """The cases of a gate. Raises ScenarioError for what is none."""
    name = held.folder.name
    if held.kind == "run":
        return [cases.run_suite(held.found, name)]
    if held.kind == "series":
        return [cases.run_suite(summary_of(folder), f"{name}.{run}") for run, _, folder in held.runs()]
    if held.kind == "slo":
        return [cases.search_suite(held.found, name)]
    if held.kind == "plan":
        return [cases.plan_suite(held.found, name)]
    raise ScenarioError(
        f"{held.folder} holds a sweep, which is no gate: it looks for limits. perfbench slo, or perfbench run with "
        "--slo, are gates; of one of its runs: perfbench export SWEEP/points/NAME --format junit"
    )


MARKDOWN: dict[Kind, Callable[[Mapping[str, Any], str], str]] = {
    "run": markdown.run_markdown, "sweep": markdown.sweep_markdown, "slo": markdown.search_markdown,
    "plan": markdown.plan_markdown, "series": markdown.series_markdown,
}  # fmt: skip


def markdown_of(held: Held) -> str:
    return MARKDOWN[held.kind](held.found, held.folder.name)


FORMATS: dict[str, Format] = {
    "csv": Format(_in_parts(write_csv), "requests"),
    "json": Format(_json, "figures"),
    "parquet": Format(_in_parts(write_parquet), "requests", binary=True),
    "openmetrics": Format(lambda held, _, file: write_openmetrics(held, file), None),
    "prometheus": Format(lambda held, _, file: write_prometheus(held, file), None),
    "junit": Format(lambda held, _, file: _write(file, junit(suites(held))), None),
    "markdown": Format(lambda held, _, file: _write(file, markdown_of(held).encode()), None),
}


def _write(file: BinaryIO, data: bytes) -> None:
    file.write(data)


def choose(name: str, what: str | None) -> tuple[Format, What]:
    """The format of that name, and rows of what. Raises ScenarioError naming what there is."""
    found = FORMATS.get(name)
    if found is None:
        near = nearest(name, list(FORMATS))
        guess = f"did you mean {near!r}? " if near else ""
        raise ScenarioError(f"--format {name!r}: {guess}there are {', '.join(FORMATS)}")
    if what is None:
        return found, found.what or "figures"
    for known in WHAT:
        if what == known:
            if found.what is None:
                raise ScenarioError(f"--what {what} beside --format {name}, which has no rows; leave it out")
            return found, known
    raise ScenarioError(f"--what {what!r}: there are {' and '.join(WHAT)}")
