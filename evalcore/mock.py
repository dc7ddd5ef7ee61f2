"""Mock: an evaluation against the built-in simulator, which is given the answers and a skill.

What share it answers rightly is then known to the item, so that the whole way from data set to report can be checked.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import orjson

from evalcore.errors import TaskError
from evalcore.types import Sample
from perfbench.simulator.config import SimulatorConfig
from perfbench.simulator.process import SimulatorProcess

DEFAULTS: Mapping[str, Any] = {"ttft_ms": 5.0, "itl_ms": 1.0, "skill": 0.8}


@contextmanager
def simulator(samples: Iterable[Sample], settings: Mapping[str, Any]) -> Iterator[SimulatorProcess]:
    """A simulator that knows these samples' answers. Raises TaskError for a target it cannot say."""
    with tempfile.TemporaryDirectory() as folder:
        answer_key = Path(folder) / "answers.jsonl"
        with answer_key.open("wb") as lines:
            for sample in samples:
                if sample.target != "":  # else nobody knows a right answer, and the simulator just says something
                    lines.write(orjson.dumps(_item(sample)) + b"\n")
        known = {"answer_key": answer_key} if answer_key.stat().st_size else {"skill": None}
        try:
            config = SimulatorConfig.model_validate({**DEFAULTS, **settings, **known})
        except ValueError as error:
            raise TaskError(f"mock: {error}") from None
        with SimulatorProcess(config) as process:
            yield process


def _item(sample: Sample) -> dict[str, Any]:
    target = sample.target
    if not isinstance(target, str | int | float) and not (isinstance(target, list) and all(map(_is_text, target))):
        raise TaskError(f"eval_type mock cannot answer {sample.id!r}: its target is a {type(target).__name__}")
    choices = {"choices": list(sample.choices)} if sample.choices else {}
    answers = target if isinstance(target, list) else str(target)
    return {"id": f"{sample.subset}/{sample.id}", "question": sample.question, "answer": answers, **choices}


def _is_text(value: object) -> bool:
    return isinstance(value, str)
