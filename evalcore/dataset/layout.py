"""Layout: which files of a repository hold the rows of a configuration and split.

Names only, no I/O; the same rules for a repository on a hub and for a copy of it on disk. First what the card declares
(`configs` with `data_files`), then what names say: data/test-00000-of-00001.parquet, main/test.jsonl, test_0.csv.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from evalcore.dataset.formats import READERS, format_of

SYNONYMS: tuple[tuple[str, ...], ...] = (
    ("train", "training"),
    ("validation", "valid", "val", "dev"),
    ("test", "testing", "eval", "evaluation"),
)
DEFAULT_CONFIGS = ("default", "main")


def choose(
    files: Iterable[str], config: str | None, split: str, declared: Sequence[Mapping[str, Any]] = ()
) -> list[str]:
    """Paths of the files to read, in order; empty when none is theirs. `declared` are the configs of the card."""
    data = [name for name in sorted(files, key=natural) if format_of(name) and not _hidden(name)]
    card = _declared(data, config, split, declared)
    return _one_format(card if card else _by_name(data, config, split))


def _declared(data: list[str], config: str | None, split: str, declared: Sequence[Mapping[str, Any]]) -> list[str]:
    entry = _entry(config, declared)
    if entry is None or not entry.get("data_files"):
        return []
    prefix = f"{str(entry['data_dir']).strip('/')}/" if entry.get("data_dir") else ""
    given = entry["data_files"]
    if isinstance(given, str) or (isinstance(given, list) and all(isinstance(each, str) for each in given)):
        patterns = _listed(given)
        return _of_split([name for name in data if _matches_any(name, patterns, prefix)], split, lambda name: name)
    splits: dict[str, list[str]] = {}
    for part in given if isinstance(given, list) else [{"split": k, "path": v} for k, v in given.items()]:
        splits.setdefault(str(part.get("split", "train")), []).extend(_listed(part.get("path", [])))
    for name in _same_split(split):
        if name in splits:
            return [file for file in data if _matches_any(file, splits[name], prefix)]
    return []


def _entry(config: str | None, declared: Sequence[Mapping[str, Any]]) -> Mapping[str, Any] | None:
    named = {str(entry.get("config_name", "default")): entry for entry in declared}
    if config is not None:
        return named.get(config)
    default = next((entry for entry in declared if entry.get("default")), None)
    known = next((named[name] for name in DEFAULT_CONFIGS if name in named), None)
    return default or known or (declared[0] if len(declared) == 1 else None)


def _by_name(data: list[str], config: str | None, split: str) -> list[str]:
    """By the words in their paths. A file that names another configuration's folder is not the default's."""
    if config is not None:
        return _of_config(data, config, split)
    found = _of_split(data, split, lambda name: name)
    shallow = [name for name in found if _folder(name) in ("", "data", split)]
    mains = [name for name in found if _folder(name).split("/")[0] in DEFAULT_CONFIGS]
    return shallow or mains or (found if len({_folder(name) for name in found}) == 1 else [])


def _of_config(data: list[str], config: str, split: str) -> list[str]:
    """Its own folder or file (anatomy/test-0.parquet, test/anatomy.csv), or its name before the split's
    (anatomy_test.csv). A name that only ends in it is another's: college_anatomy."""
    own = re.compile(rf"(^|/){re.escape(config)}(?=/|\.)")
    found = _of_split([name for name in data if own.search(name)], split, lambda name: own.sub("/", name))
    for word in _same_split(split) if not found else ():
        before = re.compile(rf"(^|/){re.escape(config)}[_.-]{re.escape(word)}(?=[/_.\d-]|$)", re.IGNORECASE)
        found = [name for name in data if before.search(name)]
        if found:
            break
    return found


def _of_split(data: list[str], split: str, told_by: Callable[[str], str]) -> list[str]:
    for name in _same_split(split):
        word = re.compile(rf"(^|[/_.-]){re.escape(name)}(?=[/_.\d-]|$)", re.IGNORECASE)
        found = [file for file in data if word.search(told_by(file))]
        if found:
            return found
    return []


def _same_split(split: str) -> list[str]:
    """The name itself first: a repository may have both dev and validation."""
    group = next((group for group in SYNONYMS if split in group), ())
    return [split, *(name for name in group if name != split)]


def _one_format(files: list[str]) -> list[str]:
    """Rows that are there in several formats are read once."""
    for ending in READERS:
        same = [name for name in files if format_of(name) == ending]
        if same:
            return same
    return []


def _matches_any(name: str, patterns: Sequence[str], prefix: str) -> bool:
    return any(_as_regex(prefix + pattern.removeprefix("./")).fullmatch(name) for pattern in patterns)


def _as_regex(pattern: str) -> re.Pattern[str]:
    """`**` crosses folders, `*` and `?` do not; a folder stands for all in it."""
    parts = re.split(r"(\*\*/?|\*|\?)", pattern.rstrip("/"))
    known = {"**/": "(?:.*/)?", "**": ".*", "*": "[^/]*", "?": "[^/]"}
    return re.compile("".join(known.get(part, re.escape(part)) for part in parts) + "(?:/.*)?")


def _listed(value: Any) -> list[str]:
    return [value] if isinstance(value, str) else [str(each) for each in value]


def _folder(name: str) -> str:
    return name.rpartition("/")[0]


def _hidden(name: str) -> bool:
    """Not data: dot files, and what describes a repository."""
    parts = name.split("/")
    return any(part.startswith((".", "__")) for part in parts) or parts[-1].lower() in (
        "dataset_infos.json",
        "dataset_info.json",
        "dataset_dict.json",
        "state.json",
        "configuration.json",
        "config.json",
    )


def natural(name: str) -> list[tuple[int, int | str]]:
    """Sort key under which part 10 comes after part 9."""
    return [(0, int(part)) if part.isdecimal() else (1, part) for part in re.split(r"(\d+)", name)]
