"""Quality: the one seam through which perfbench reaches evalcore, and only when a scenario asks for benchmarks.

A workload `eval:gsm8k` sends items of a benchmark; its answers are scored after the run, in the parent, from
requests.jsonl, so that scoring never disturbs the client's clock. evalcore stands on perfbench and not the other way
round, so it is looked up by name, here and nowhere else; `Quality` is what is expected of it.
"""

from __future__ import annotations

import importlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Protocol, cast

import msgspec

from perfbench.engine.errors import ScenarioError
from perfbench.engine.request import Record
from perfbench.review import ItemReview
from perfbench.scenario import Scenario
from perfbench.scenario.quality import EVAL, benchmarks_of
from perfbench.workload.base import Workload

ROOM = "evalcore.underload.door"


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """Benchmarks that a scenario, or a part of its mix, sends."""

    benchmarks: tuple[str, ...]
    args: Mapping[str, Any]
    """Its eval_args."""
    api: str
    max_tokens: int | None = None
    """None: as much as each benchmark needs."""


class Quality(Protocol):
    """What evalcore is asked for. Everything raises ScenarioError, or another PerfbenchError, naming what is wrong."""

    def items(self, asked: Asked) -> Workload:
        """The items, in an order and a choice that hang on the seed in `args` alone."""

    def check(self, asked: Sequence[Asked]) -> None:
        """That answers could be scored here. Called once, before anything is sent, outside of any event loop."""

    def reviews(self, asked: Sequence[Asked], batches: Iterable[list[Record]]) -> Iterator[list[ItemReview]]:
        """What the answers are worth, batch by batch; records without an item, and those of a warm-up, have none."""

    def fall(self, points: Mapping[float, Sequence[ItemReview]]) -> dict[str, Any]:
        """Whether accuracy falls as load rises; the keys are loads."""


def evals_of(scenario: Mapping[str, Any]) -> list[Asked]:
    """The benchmarks that a resolved scenario (`Scenario.dump()`, scenario.yaml) sends, by itself or as parts of a mix;
    none for most."""
    mix = scenario.get("mix") or {}
    parts = [{**scenario, "eval_args": None, **part} for part in mix.values()] if mix else [dict(scenario)]
    return [_asked(part) for part in parts if str(part.get("workload")).partition(":")[0] == EVAL]


def eval_items(scenario: Scenario) -> Workload:
    return _evalcore().items(_asked({**scenario.dump(), "api": scenario.spoken_api}))


def check_scoring(scenario: Scenario) -> None:
    """Raises PerfbenchError when the answers that the scenario asks for could not be scored."""
    if asked := evals_of(scenario.dump()):
        _evalcore().check(asked)


def reviews_of(asked: Sequence[Asked], batches: Iterable[list[Record]]) -> Iterator[list[ItemReview]]:
    """The reviews of a run's records, in batches."""
    return _evalcore().reviews(asked, batches)


def fall_of(points: Mapping[float, Sequence[ItemReview]]) -> dict[str, Any]:
    """What several loads say together; see evalcore.underload.fall."""
    return _evalcore().fall(points)


def _asked(scenario: Mapping[str, Any]) -> Asked:
    return Asked(
        benchmarks=benchmarks_of(str(scenario["workload"])), args=scenario.get("eval_args") or {},
        api=scenario.get("api") or "chat", max_tokens=scenario.get("max_tokens"),
    )  # fmt: skip


def _evalcore() -> Quality:
    try:
        return cast("Quality", importlib.import_module(ROOM))
    except ImportError as error:
        raise ScenarioError(
            f"workload {EVAL}:... needs evalcore, which cannot be imported here ({error}); install both packages from "
            "one source, or take another workload"
        ) from None
