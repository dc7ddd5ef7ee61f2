"""Baseline: answers of other runs to the same samples, to compare with. Read from their predictions, one at a time."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from evalcore.answers import answer_of
from evalcore.errors import TaskError
from evalcore.outputs import EvalFolder, read_predictions, safe
from evalcore.types import Prediction, Sample
from perfbench.settings.suggest import did_you_mean

KEYS = ("baseline", "opponents", "all_pairs")


@dataclass(frozen=True, slots=True)
class Opposition:
    """dataset_args.NAME.extra of a benchmark that is judged in pairs."""

    baseline: Mapping[str, Path]
    """Run folders by the name of the opponent; "" takes the names of the models in it."""
    opponents: tuple[str, ...] | None
    """Only these, of all there are; None: all."""
    all_pairs: bool
    """Opponents are also compared with each other, for ratings."""


def opposition(extra: Mapping[str, Any], benchmark: str) -> Opposition:
    """Raises TaskError naming the key."""
    place = f"dataset_args.{benchmark}.extra"
    for name in extra:
        if name not in KEYS:
            raise TaskError(f"{place} has {name!r}, which is no key of it{did_you_mean(name, KEYS)}")
    given = extra.get("baseline") or {}
    if isinstance(given, str | Path):
        given = [given]
    folders = dict(given) if isinstance(given, Mapping) else {f"#{n}": path for n, path in enumerate(given)}
    found = {name: Path(str(path)).expanduser() for name, path in folders.items()}
    for path in found.values():
        if not (path / "predictions").is_dir():
            raise TaskError(f"{place}.baseline: {str(path)!r} is not the folder of a run; it has no predictions/")
    wanted = extra.get("opponents")
    if isinstance(wanted, str):
        wanted = [wanted]
    if wanted is not None and (not isinstance(wanted, Sequence) or not wanted):
        raise TaskError(f"{place}.opponents is {wanted!r}; name at least one, or leave it out")
    return Opposition(found, None if wanted is None else tuple(map(str, wanted)), bool(extra.get("all_pairs", False)))


class Baselines:
    """Answers of other runs by sample. Holds where each stands, not the texts: 150 bytes an answer."""

    def __init__(self, of: Opposition, benchmark: str) -> None:
        self._places: dict[str, dict[tuple[str, str, int], tuple[Path, int]]] = {}
        self._decode = msgspec.json.Decoder(Prediction).decode
        for given, folder in of.baseline.items():
            found = {path.name: list(_files(path, benchmark)) for path in sorted((folder / "predictions").iterdir())}
            models = {model: files for model, files in found.items() if files}
            if not models:
                raise TaskError(
                    f"dataset_args.{benchmark}.extra.baseline: {str(folder)!r} holds no predictions of {benchmark}; "
                    "name a run of this benchmark"
                )
            for model, files in models.items():
                name = model if given.startswith("#") else given if len(models) == 1 else f"{given} {model}"
                if name in self._places:
                    name = f"{name} ({folder.name})"
                left_out = frozenset(EvalFolder(folder, model).read_left_out().get(benchmark, ()))
                self._places[name] = self._index(files, left_out)

    def answers(self, sample: Sample, repeat: int) -> dict[str, str]:
        """By opponent; who gave no answer to it is left out. The same repeat if there is one, else the first."""
        found = {}
        for name, places in self._places.items():
            place = places.get((sample.subset, sample.id, repeat)) or places.get((sample.subset, sample.id, 0))
            if place is not None:
                with place[0].open("rb") as lines:
                    lines.seek(place[1])
                    found[name] = answer_of(self._decode(lines.readline())).text
        return found

    def _index(self, files: Sequence[Path], left_out: frozenset[str]) -> dict[tuple[str, str, int], tuple[Path, int]]:
        places: dict[tuple[str, str, int], tuple[Path, int]] = {}
        for file in files:
            at = 0
            with file.open("rb") as lines:
                for line in lines:
                    if line.endswith(b"\n"):
                        one = self._decode(line)
                        if not one.fault and one.key not in left_out:
                            places[one.sample.subset, one.sample.id, one.repeat] = (file, at)
                    at += len(line)
        return places


def _files(folder: Path, benchmark: str) -> Iterator[Path]:
    """Prediction files of that benchmark: names may begin alike, so each is opened."""
    for file in sorted(folder.glob(f"{safe(benchmark)}_*.jsonl")):
        first = next(read_predictions(file), None)
        if first is not None and first.benchmark == benchmark:
            yield file
