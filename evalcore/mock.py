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

from evalcore.benchmarks.base import Benchmark, Phrased
from evalcore.errors import TaskError
from evalcore.types import Sample
from perfbench.simulator.config import SimulatorConfig
from perfbench.simulator.process import SimulatorProcess

WRONG = "I do not know."
DEFAULTS: Mapping[str, Any] = {"ttft_ms": 5.0, "itl_ms": 1.0, "skill": 0.8}


@contextmanager
def simulator(samples: Iterable[tuple[Benchmark, Sample]], settings: Mapping[str, Any]) -> Iterator[SimulatorProcess]:
    """A simulator that knows these samples' answers. Raises TaskError for a target it cannot say."""
    with tempfile.TemporaryDirectory() as folder:
        answer_key = Path(folder) / "answers.jsonl"
        with answer_key.open("wb") as lines:
            known: set[int] = set()
            for benchmark, sample in samples:
                asked = hash((" ".join(sample.question.split()), sample.choices))
                # Without a target nobody knows a right answer, and the simulator just says something. Of two samples
                # that ask the same it can only tell one answer; in BBH there are two with different ones.
                if sample.target != "" and asked not in known:
                    known.add(asked)
                    lines.write(orjson.dumps(_item(benchmark, sample)) + b"\n")
        key = {"answer_key": answer_key} if answer_key.stat().st_size else {"skill": None}
        try:
            config = SimulatorConfig.model_validate({**DEFAULTS, **settings, **key})
        except ValueError as error:
            raise TaskError(f"mock: {error}") from None
        with SimulatorProcess(config) as process:
            yield process


def _item(benchmark: Benchmark, sample: Sample) -> dict[str, Any]:
    choices = {"choices": list(sample.choices)} if sample.choices else {}
    named = {"id": f"{sample.subset}/{sample.id}", "question": sample.question, **choices}
    if isinstance(benchmark, Phrased):
        return {**named, "answer": benchmark.right_answer(sample), "answer_format": "{answer}", "wrong": WRONG}
    target = sample.target
    if not isinstance(target, str | int | float) and not (isinstance(target, list) and all(map(_is_text, target))):
        raise TaskError(
            f"eval_type mock cannot answer {benchmark.name} (sample {sample.id!r}): its data holds no right answer in "
            f"words; take {benchmark.name} out, or name an endpoint"
        )
    answers = target if isinstance(target, list) else str(target)
    return {**named, "answer": answers}


def _is_text(value: object) -> bool:
    return isinstance(value, str)
