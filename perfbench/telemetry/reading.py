"""Reading: the text of a /metrics address, in the common names. Pure; the format itself is prometheus_client's."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from prometheus_client.parser import text_string_to_metric_families

from perfbench.telemetry.engines import COMMON, ENGINES, Series

COUNTING = frozenset({"counter", "histogram", "summary", "unknown", "untyped"})
"""Types under which something that only grows may stand; a gauge of that name is another thing."""


@dataclass(frozen=True, slots=True)
class Reading:
    engine: str
    """A key of ENGINES; empty when no name was known."""
    values: dict[str, float]


def read_metrics(text: str) -> Reading:
    """What the text says in common names; empty when it speaks of no engine in `ENGINES`.

    Where several engines speak at one address, the one that says most is taken. Raises ValueError for a text that is
    not Prometheus's format.
    """
    found = _by_name(text)
    best = Reading("", {})
    for name, engine in ENGINES.items():
        if not any(given.startswith(engine.prefix) for given in found):
            continue
        values = {common: value for common, series in engine.series.items()
                  if (value := _folded(found, series, counter=COMMON[common].counter)) is not None}  # fmt: skip
        if values and "gpu_busy" in engine.series:
            values["gpus"] = float(max(len(found.get(series.names[0], ())) for series in engine.series.values()))
        if len(values) > len(best.values):
            best = Reading(name, values)
    return best


def _by_name(text: str) -> dict[str, list[tuple[str, float]]]:
    """Type and value of every sample, by its name without `_total`; those that are not a number are left out."""
    found: dict[str, list[tuple[str, float]]] = {}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            if math.isfinite(sample.value):
                found.setdefault(sample.name.removesuffix("_total"), []).append((family.type, sample.value))
    return found


def _folded(found: Mapping[str, Sequence[tuple[str, float]]], series: Series, *, counter: bool) -> float | None:
    for name in series.names:
        values = [value for kind, value in found.get(name, ()) if kind in COUNTING or not counter]
        if values:
            values += [value for more in series.plus for _, value in found.get(more, ())]
            whole = max(values) if series.fold == "max" else math.fsum(values)
            return (whole / len(values) if series.fold == "mean" else whole) * series.scale
    return None
