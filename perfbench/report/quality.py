"""Quality: what a run that sent benchmarks says of its answers, for summary, console and page."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from perfbench.metrics.columns import BoolArray
from perfbench.metrics.quality import quality
from perfbench.report.facts import NO_VALUE, Answer, Fact
from perfbench.report.text import explain, grouped, harmless, number, share
from perfbench.runfolder import RunFolder

OUR_OWN = ("cancelled", "hung_up")
"""Faults that say nothing of the endpoint: the run was over, or the workload hung up."""
QUALITY_HEADS = ("accuracy", "95 % sure", "correct/s", "scored", "unscored", "cut")


@dataclass(frozen=True, slots=True)
class QualityRow:
    label: str
    cells: tuple[str, ...]
    """One for each of QUALITY_HEADS."""


def quality_section(
    folder: RunFolder, met: BoolArray | None, window_s: float | None, warnings: list[str]
) -> dict[str, Any] | None:
    """`quality` of the summary; None for a run whose answers nobody scored.

    `met`: which records, warm-up included and in the order of their file, met every limit of an SLO.
    """
    reviews = folder.reviews(warnings)
    if reviews is None:
        return None
    in_slo = None
    if met is not None:
        keys = (record.key for batch in folder.records() for record in batch)
        in_slo = {key for key, good in zip(keys, met.tolist(), strict=True) if good}
    return quality(reviews, window_s, in_slo)


def quality_notes(found: Mapping[str, Any] | None, scenario: Mapping[str, Any]) -> list[str]:
    """What a reader of an accuracy must know."""
    if found is None:
        parts = [scenario, *(scenario.get("mix") or {}).values()]
        asked = any(str(part.get("workload")).startswith("eval:") for part in parts)
        return ["the answers of the benchmarks are not scored yet; `perfbench report` does it"] if asked else []
    faults = {kind: count for kind, count in found["faults"].items() if kind not in OUR_OWN}
    missing = sum(faults.values())
    notes, of = [], found["scored"] + missing
    if missing:
        kinds = ", ".join(f"{count} {harmless(kind, 40)}" for kind, count in faults.items())
        notes.append(
            f"{missing} of {of} items got no answer ({kinds}) and are in no accuracy; were they all wrong, "
            f"it would be {found['correct'] / of:.1%}"
        )
    if found["cut"]:
        notes.append(
            f"{found['cut']} of {found['scored']} answers ended at max_tokens and were scored as far as they went; "
            "with more room they might be right"
        )
    return notes


def quality_rows(summary: Mapping[str, Any]) -> list[QualityRow]:
    """One row for all, and one for each benchmark where there are several; none without benchmarks."""
    found = summary.get("quality")
    if not found:
        return []
    parts = [(f"{name}, {part['protocol'] or NO_VALUE}", part) for name, part in found["by_benchmark"].items()]
    return [_row(label, part) for label, part in (parts if len(parts) == 1 else [("all", found), *parts])]


def quality_facts(summary: Mapping[str, Any]) -> list[Fact]:
    """What came of the answers besides being right or wrong; correct ones that met the SLO."""
    found = summary.get("quality")
    if not found:
        return []
    facts = []
    if found["correct_in_slo"] is not None:
        of = f"{number(found['correct_in_slo'])} of {grouped(found['scored'] + found['unscored'])}"
        facts.append(Fact("correct and within the SLO", f"{per_s(found['correct_in_slo_per_s'])}/s", of))
    if found["unread"]:
        facts.append(Fact("nothing to read in", grouped(found["unread"])))
    return facts + [Fact(harmless(kind, 40), grouped(count), explain(kind)) for kind, count in found["faults"].items()]


def quality_answers(summary: Mapping[str, Any]) -> list[Answer]:
    """How right were the answers? In a sentence; none without benchmarks."""
    found = summary.get("quality")
    if not found:
        return []
    if found["accuracy"] is None:
        return [Answer("nothing scored", "inconclusive", f"not one of {grouped(found['unscored'])} items was answered")]
    return [
        Answer(
            f"accuracy {share(found['accuracy'])}", "",
            f"95 % sure {between(found['accuracy_ci'])}, of {grouped(found['scored'])} answers; "
            f"{per_s(found['correct_per_s'])} correct a second",
        )
    ]  # fmt: skip


def quality_sentence(found: Mapping[str, Any], over: str) -> str:
    """The verdict of a sweep's `quality`, with its p-value and where it begins, or what would have been seen."""
    if found["p_value"] is None:
        return str(found["verdict"])
    is_ = "≤" if found["p_value"] <= found["p_least"] else "="
    words = f"{found['verdict']} (p {is_} {found['p_value']:.2g}, {found['units']} {found['unit']} paired)"
    begins = found["begins"]
    if begins is not None:
        low, high = begins["between"]
        sure = "" if [low, high] == [begins["after"], begins["at"]] else f"; 95 % sure: between {low:g} and {high:g}"
        return f"{words}: it begins between {over} {begins['after']:g} and {begins['at']:g}{sure}"
    beyond = found["excluded_beyond"]
    return words if beyond is None else f"{words}; a fall of more than {beyond:.1%} would have shown"


def _row(label: str, part: Mapping[str, Any]) -> QualityRow:
    cells = (
        NO_VALUE if part["accuracy"] is None else share(part["accuracy"]), between(part["accuracy_ci"]),
        per_s(part["correct_per_s"]), grouped(part["scored"]), grouped(part["unscored"]), grouped(part["cut"]),
    )  # fmt: skip
    return QualityRow(harmless(label, 60), cells)


def between(interval: Sequence[float] | None) -> str:
    return NO_VALUE if interval is None else f"{share(interval[0])} – {share(interval[1])}"


def per_s(value: float | None) -> str:
    return NO_VALUE if value is None else number(value)
