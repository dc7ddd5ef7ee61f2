"""Compare: two runs, sample by sample.

The same questions were asked of both, so what differs is looked for within each question, which finds differences that
two intervals side by side would hide. Only samples that both scored are compared; how many are left out is said.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TextIO, TypeAlias

from pydantic import ValidationError
from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from evalcore import statistics
from evalcore.errors import DataError, TaskError
from evalcore.outputs import EvalFolder
from evalcore.report import facts
from evalcore.report.schema import SCHEMA, Report, read_report
from evalcore.statistics import CONFIDENCE, Paired
from evalcore.types import Review
from perfbench.report.console import PIPE_WIDTH
from perfbench.report.text import harmless

Key: TypeAlias = tuple[str, str]
"""Subset and id of a sample."""
FLIPS_PRINTED = 20


@dataclass(frozen=True, slots=True)
class Flip:
    """A sample on which the two runs differ. Values are means over repeats; the texts are those of the last repeat."""

    subset: str
    sample_id: str
    first: float
    second: float
    first_said: str | None
    second_said: str | None
    target: str


@dataclass(frozen=True, slots=True)
class Comparison:
    """One benchmark in both runs, under one protocol."""

    benchmark: str
    protocol: str
    models: tuple[str, str]
    scores: tuple[float, float]
    """Means over the samples that both scored, which may differ from those of the reports."""
    paired: Paired
    p_adjusted: float
    """Holm's, over all benchmarks compared: twenty comparisons of equals would show one at 0.05 by chance."""
    alone: tuple[int, int]
    """Samples that only the first, only the second scored."""
    settings: Mapping[str, tuple[Any, Any]]
    """What was set differently."""
    flips: tuple[Flip, ...]

    @property
    def real(self) -> bool:
        return self.p_adjusted < 1 - CONFIDENCE

    def as_json(self) -> dict[str, Any]:
        """Plain figures."""
        paired = self.paired
        return {
            "benchmark": self.benchmark, "protocol": self.protocol, "models": list(self.models),
            "scores": list(self.scores), "difference": paired.difference, "se": paired.se, "low": paired.low,
            "high": paired.high, "p_value": paired.p_value, "p_adjusted": self.p_adjusted, "real": self.real,
            "method": paired.method, "n": paired.n, "gained": paired.gained, "lost": paired.lost,
            "alone": list(self.alone), "settings": {name: list(both) for name, both in self.settings.items()},
            "flips": [
                {"subset": flip.subset, "sample_id": flip.sample_id, "first": flip.first, "second": flip.second,
                 "first_said": flip.first_said, "second_said": flip.second_said, "target": flip.target}
                for flip in self.flips
            ],
        }  # fmt: skip


def compare(first: Path, second: Path) -> list[Comparison]:
    """Every benchmark that both run folders report. Raises TaskError when there is none, or nothing to pair."""
    ours, theirs = _reports(first), _reports(second)
    both = [name for name in ours if name in theirs]
    if not both:
        raise TaskError(
            f"{str(first)!r} and {str(second)!r} have no benchmark in common: "
            f"{', '.join(ours)} against {', '.join(theirs)}"
        )
    found = [_compared(ours[name], theirs[name]) for name in both]
    adjusted = holm([one.paired.p_value for one in found])
    return [replace(one, p_adjusted=p_value) for one, p_value in zip(found, adjusted, strict=True)]


def holm(p_values: list[float]) -> list[float]:
    """p-values adjusted for their number (S. Holm, Scand. J. Statistics 6, 1979), in the order given."""
    adjusted, highest = [0.0] * len(p_values), 0.0
    for rank, place in enumerate(sorted(range(len(p_values)), key=p_values.__getitem__)):
        highest = max(highest, min(1.0, (len(p_values) - rank) * p_values[place]))
        adjusted[place] = highest
    return adjusted


@dataclass(frozen=True, slots=True)
class _Run:
    folder: EvalFolder
    report: Report

    def reviews(self) -> Iterator[Review]:
        return self.folder.reviews_of(self.report.benchmark, (part.name for part in self.report.subsets))


def _reports(path: Path) -> dict[str, _Run]:
    """The reports of a run folder by benchmark. Raises TaskError when it has none, or two models' of one benchmark."""
    found: dict[str, _Run] = {}
    for file in sorted((path / "reports").glob("*/*.json")):
        try:
            report = read_report(file)
        except ValidationError:
            raise DataError(f"{file} is not a report of schema {SCHEMA}; run `evalcore report` on its folder") from None
        if report.benchmark in found:
            raise TaskError(
                f"{str(path)!r} has {report.benchmark} of two models, {found[report.benchmark].report.model} and "
                f"{report.model}; compare folders of one model each"
            )
        found[report.benchmark] = _Run(EvalFolder(path, file.parent.name), report)
    if not found:
        raise TaskError(f"{str(path)!r} has no reports/MODEL/BENCHMARK.json; run `evalcore report` on it first")
    return found


def _compared(first: _Run, second: _Run) -> Comparison:
    name, protocol = first.report.benchmark, first.report.headline
    if protocol not in second.report.protocols or protocol not in first.report.protocols:
        raise TaskError(f"{name}: {protocol} is not scored in both runs; nothing can be compared")
    ours, theirs = _values(first.reviews(), protocol), _values(second.reviews(), protocol)
    shared = [key for key in ours if key in theirs]
    if not shared:
        raise TaskError(
            f"{name}: the runs share no scored sample; did they ask other items (limit, seed, subset_list)?"
        )
    a, b = [ours[key].value for key in shared], [theirs[key].value for key in shared]
    result = statistics.paired(a, b, [ours[key].group for key in shared])
    changed = {key: (x, y) for key, x, y in zip(shared, a, b, strict=True) if x != y}
    settings = {
        key: (first.report.settings.get(key), second.report.settings.get(key))
        for key in {**first.report.settings, **second.report.settings}
        if first.report.settings.get(key) != second.report.settings.get(key)
    }
    return Comparison(
        benchmark=name, protocol=protocol, models=(first.report.model, second.report.model),
        scores=(sum(a) / len(a), sum(b) / len(b)), paired=result, p_adjusted=result.p_value,
        alone=(len(ours) - len(shared), len(theirs) - len(shared)), settings=settings,
        flips=tuple(_flips(changed, first, second, protocol)),
    )  # fmt: skip


@dataclass(slots=True)
class _Value:
    total: float
    count: int
    group: str

    @property
    def value(self) -> float:
        return self.total / self.count


def _values(reviews: Iterable[Review], protocol: str) -> dict[Key, _Value]:
    """By sample, the scores under that protocol."""
    found: dict[Key, _Value] = {}
    for review in reviews:
        score = review.scores.get(protocol)
        if review.status == "scored" and score is not None:
            of_it = found.setdefault((review.subset, review.sample_id), _Value(0.0, 0, review.group))
            of_it.total += score.value
            of_it.count += 1
    return found


def _flips(changed: Mapping[Key, tuple[float, float]], first: _Run, second: _Run, protocol: str) -> Iterator[Flip]:
    """What was said where values differ: reviews are read again, so that only these are held."""
    ours, theirs = _said(first.reviews(), changed, protocol), _said(second.reviews(), changed, protocol)
    for key, (before, after) in changed.items():
        (first_said, target), (second_said, _) = ours[key], theirs[key]
        yield Flip(*key, before, after, first_said, second_said, target)


def _said(reviews: Iterable[Review], wanted: Mapping[Key, Any], protocol: str) -> dict[Key, tuple[str | None, str]]:
    found: dict[Key, tuple[str | None, str]] = {}
    for review in reviews:
        key = (review.subset, review.sample_id)
        if key in wanted and review.status == "scored" and protocol in review.scores:
            found[key] = (review.scores[protocol].extracted, str(review.target))
    return found


def print_comparison(found: list[Comparison], file: TextIO) -> None:
    """The verdicts as a table, then the flips of each benchmark."""
    console = Console(file=file, highlight=False, emoji=False, markup=False)
    if not console.is_terminal:
        console = Console(file=file, width=PIPE_WIDTH, highlight=False, emoji=False, markup=False, color_system=None)
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False, header_style="dim")
    table.add_column("benchmark", overflow="fold")
    for head in ("first", "second", "difference", "95 % interval", "n", "gained", "lost", "p"):
        table.add_column(head, justify="right", no_wrap=True)
    table.add_column("verdict")
    for one in found:
        paired, shares = one.paired, all(map(facts.is_share, one.scores))
        scale = 100 if shares else 1
        ends = "–" if paired.low is None or paired.high is None else (
            f"{scale * paired.low:+.2f} … {scale * paired.high:+.2f}")  # fmt: skip
        verdict = Text("real", "bold green" if paired.difference > 0 else "bold red") if one.real else Text("chance")
        table.add_row(
            Text.assemble((harmless(one.benchmark), "bold"), f" {harmless(one.protocol)}"),
            Text(facts.score(one.scores[0], shares)), Text(facts.score(one.scores[1], shares)),
            Text(f"{scale * paired.difference:+.2f}", "bold"), Text(ends), Text(str(paired.n)),
            Text(str(paired.gained)), Text(str(paired.lost)), Text(f"{one.p_adjusted:.2g}"), verdict,
        )  # fmt: skip
    models = found[0].models
    console.print(Text.assemble("\nfirst  ", (harmless(models[0]), "bold"), "\nsecond ", (harmless(models[1]), "bold")))
    console.print(table)
    for one in found:
        _print_notes(console, one)
    for one in found:
        _print_flips(console, one)


def _print_notes(console: Console, one: Comparison) -> None:
    name = harmless(one.benchmark)
    meaning = "more than chance would show" if one.real else "no more than chance would show"
    console.print(Text(f"{name}: {one.paired.method}, p = {one.p_adjusted:.2g}: {meaning}"))
    if any(one.alone):
        console.print(Text(f"{name}: left out, scored by one run only: {one.alone[0]} and {one.alone[1]}", "yellow"))
    for setting, (ours, theirs) in one.settings.items():
        console.print(
            Text(f"{name}: set differently: {harmless(setting)} {harmless(ours)} and {harmless(theirs)}", "yellow")
        )


def _print_flips(console: Console, one: Comparison) -> None:
    if not one.flips:
        return
    console.print(Text(f"\n{harmless(one.benchmark)}: {len(one.flips)} samples differ", "bold"))
    table = Table(box=None, pad_edge=False, show_edge=False, header_style="dim")
    for head in ("sample", "first", "second", "reference", "first read", "second read"):
        table.add_column(head, overflow="fold")
    for flip in one.flips[:FLIPS_PRINTED]:
        cells = (f"{flip.subset}/{flip.sample_id}", f"{flip.first:g}", f"{flip.second:g}", flip.target,
                 flip.first_said, flip.second_said)  # fmt: skip
        table.add_row(*(Text("–" if cell is None else harmless(cell, 40)) for cell in cells))
    console.print(table)
    if len(one.flips) > FLIPS_PRINTED:
        console.print(Text(f"and {len(one.flips) - FLIPS_PRINTED} more; --json lists them all", "dim"))
