"""Asked: the load that a resolved scenario asked for, as arithmetic: its shape, its warm-up, where it held still."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from perfbench.engine.errors import ScenarioError
from perfbench.engine.pacing import Curve
from perfbench.runfolder import SCENARIO
from perfbench.settings import units
from perfbench.settings.shape import parse_shape
from perfbench.settings.warmup import Warmup, parse_warmup


def warmup_of(scenario: Mapping[str, Any]) -> Warmup:
    """What was sent before; nothing, where none was asked for. Raises ScenarioError."""
    given = scenario.get("warmup")
    try:
        return Warmup() if given is None else parse_warmup(given)
    except ValueError as error:
        raise ScenarioError(f"{SCENARIO}: warmup {error}") from None


def curve_of(scenario: Mapping[str, Any]) -> Curve | None:
    """Arrivals a second, or open slots, over time, the warm-up before it; None where the load had no shape.

    Raises ScenarioError for a shape, or a rate that it is a share of, that cannot be read.
    """
    if scenario.get("shape") is None:
        return None
    try:
        rate, parallel = scenario.get("rate"), scenario.get("parallel")
        base = units.rate_per_s(rate) if rate is not None else None if parallel is None else units.count(parallel)
        curve = parse_shape(scenario["shape"]).level_curve(base)
    except ValueError as error:
        raise ScenarioError(f"{SCENARIO}: shape: {error}") from None
    return curve.after(warmup_of(scenario).seconds)


def held_ns(scenario: Mapping[str, Any], curve: Curve, zero_ns: int) -> tuple[int, int] | None:
    """From when to when, after the warm-up, the load was longest held at one level; None if it never was."""
    hold = curve.longest_hold(warmup_of(scenario).seconds)
    return None if hold is None else (zero_ns + round(hold[0] * 1e9), zero_ns + round(hold[1] * 1e9))
