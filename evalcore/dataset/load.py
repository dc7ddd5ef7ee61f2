"""Load: the rows of a benchmark's data set, from wherever they are, one at a time.

Looked for in this order, and the first place that has them is the only one: a `local_path` that the user named (a file,
or a folder); the folder of data sets (`dataset_dir`), in the layout of the hub or of the original repository; the hub.
What is read is never held whole, unless the format forces it (json).
"""

from __future__ import annotations

import glob
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal, TypeAlias

from evalcore.benchmarks.base import Source
from evalcore.dataset.formats import read
from evalcore.dataset.hub.base import Hub
from evalcore.dataset.layout import choose, natural
from evalcore.errors import DataError

HubName: TypeAlias = Literal["modelscope", "huggingface", "local"]
CACHE_VARIABLE = "EVALCORE_CACHE"


@dataclass(frozen=True, slots=True)
class Where:
    """Where a task says its data is."""

    dataset_dir: Path | None = None
    """Folder of data sets: looked through, and where hubs keep what they fetch."""
    hub: HubName = "modelscope"
    local_path: Path | None = None
    """One file or folder for this benchmark alone; then nothing else is looked at."""

    @property
    def cache(self) -> Path | None:
        """Where hubs keep their files: dataset_dir, else EVALCORE_CACHE, else (None) the hub's own cache."""
        if self.dataset_dir is not None:
            return self.dataset_dir
        named = os.environ.get(CACHE_VARIABLE)
        return Path(named).expanduser() if named else None


def rows(source: Source, subset: str, split: str, where: Where) -> Iterator[dict[str, Any]]:
    """The rows of one subset and split. A file that holds several subsets is given whole.

    The files are found (and fetched) before this returns, so that a missing data set is known at once: DataError.
    """
    files = find(source, subset, split, where)
    belongs = source.belongs or (lambda row, split: True)
    return (row for file in files for row in read(file, source.columns, source.texts) if belongs(row, split))


def find(source: Source, subset: str, split: str, where: Where) -> list[Path]:
    """The files with those rows, in order. Raises DataError that names the places looked in and what would help."""
    config = None if source.config is None else source.config.replace("{subset}", subset)
    wanted = _Wanted(source, subset, split, config)
    looked: list[str] = []
    if where.local_path is not None:
        found = _at_path(where.local_path.expanduser(), wanted, looked)
    else:
        found = [] if where.dataset_dir is None else _in_folder(where.dataset_dir.expanduser(), wanted, looked)
        if not found and where.hub != "local":
            found = _on_hub(wanted, where, looked)
    if not found:
        raise DataError(_missing(wanted, where, looked))
    return found


@dataclass(frozen=True, slots=True)
class _Wanted:
    source: Source
    subset: str
    split: str
    config: str | None

    def patterns(self) -> list[str]:
        return [
            pattern.replace("{subset}", glob.escape(self.subset)) for pattern in self.source.local.get(self.split, ())
        ]

    def repositories(self) -> list[str]:
        return [name for name in (self.source.huggingface, self.source.modelscope) if name]

    def __str__(self) -> str:
        return f"split {self.split} of subset {self.subset}"


def _at_path(path: Path, wanted: _Wanted, looked: list[str]) -> list[Path]:
    if path.is_file():
        return [path]
    found = _by_pattern(path, wanted, looked) or _as_repository(path, wanted, looked)
    if not found and path.is_dir():
        # The folder may be that of one benchmark, while patterns begin at the folder of all of them.
        inner = [pattern.partition("/")[2] for pattern in wanted.patterns() if "/" in pattern]
        found = _first_match(path, inner)
    return found


def _in_folder(folder: Path, wanted: _Wanted, looked: list[str]) -> list[Path]:
    found = _by_pattern(folder, wanted, looked)
    if found:
        return found
    for repository in wanted.repositories():
        for name in dict.fromkeys((repository, repository.rpartition("/")[2])):
            found = _as_repository(folder / name, wanted, looked)
            if found:
                return found
    return []


def _by_pattern(folder: Path, wanted: _Wanted, looked: list[str]) -> list[Path]:
    looked += [str(folder / pattern) for pattern in wanted.patterns()]
    return _first_match(folder, wanted.patterns())


def _first_match(folder: Path, patterns: Sequence[str]) -> list[Path]:
    for pattern in patterns:
        names = (path.relative_to(folder).as_posix() for path in folder.glob(pattern) if path.is_file())
        found = [folder / name for name in sorted(names, key=natural)]
        if found:
            return found
    return []


def _as_repository(folder: Path, wanted: _Wanted, looked: list[str]) -> list[Path]:
    """A copy of the hub's repository, by the names of its files."""
    looked.append(f"{folder}{os.sep} (as a copy of the hub's repository)")
    if not folder.is_dir():
        return []
    names = [path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()]
    return [folder / name for name in choose(names, wanted.config, wanted.split)]


def _on_hub(wanted: _Wanted, where: Where, looked: list[str]) -> list[Path]:
    repository = wanted.source.huggingface if where.hub == "huggingface" else wanted.source.modelscope
    if repository is None:
        looked.append(f"{where.hub} (this benchmark names no repository there)")
        return []
    hub = _hub(where.hub, where.cache)
    for listing in hub.listings(repository):
        config = wanted.config or ("default" if listing.converted else None)
        chosen = choose(listing.files, config, wanted.split, listing.configs)
        if chosen:
            return hub.fetch(repository, listing, chosen)
        looked.append(f"{where.hub}: {repository} at {listing.revision} ({len(listing.files)} files)")
    return []


@lru_cache(maxsize=16)
def _hub(name: HubName, cache: Path | None) -> Hub:
    """One of each, so that a repository is listed once for all its subsets."""
    if name == "huggingface":
        from evalcore.dataset.hub.huggingface import HuggingFace

        return HuggingFace(cache)
    from evalcore.dataset.hub.modelscope import ModelScope

    return ModelScope(cache)


def _missing(wanted: _Wanted, where: Where, looked: list[str]) -> str:
    places = "".join(f"\n  {place}" for place in dict.fromkeys(looked)) or "\n  (no folder was given)"
    return f"{wanted} is not there; looked in:{places}\nremedy: {'; or '.join(_remedies(wanted, where))}"


def _remedies(wanted: _Wanted, where: Where) -> list[str]:
    from evalcore.dataset.hub.huggingface import download_command as huggingface_command
    from evalcore.dataset.hub.modelscope import download_command as modelscope_command

    if where.local_path is not None:
        return ["let local_path name the file itself, or a folder laid out as above"]
    said: list[str] = []
    folder = where.dataset_dir
    commands = [
        command(repository, folder)
        for repository, command in (
            (wanted.source.huggingface, huggingface_command),
            (wanted.source.modelscope, modelscope_command),
        )
        if repository
    ]
    if commands:
        said.append(" or ".join(commands) + (", then give its folder as local_path" if folder is None else ""))
    if where.hub == "local" and wanted.repositories():
        hubs = [
            h for h, r in (("huggingface", wanted.source.huggingface), ("modelscope", wanted.source.modelscope)) if r
        ]
        said.append(f"dataset_hub: {' or '.join(hubs)}")
    elif where.hub == "modelscope" and wanted.source.modelscope is None and wanted.source.huggingface:
        said.append("dataset_hub: huggingface")
    elif where.hub == "huggingface" and wanted.source.huggingface is None and wanted.source.modelscope:
        said.append("dataset_hub: modelscope")
    said.append("dataset_args.NAME.local_path: a file of your own (jsonl, csv, tsv, json, parquet)")
    return said
