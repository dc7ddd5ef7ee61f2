"""YAML files with places: the mapping in a file, the line of every key, and `${NAME}` from the environment.

A key given twice is an error here (YAML readers keep the last in silence). `${NAME}` in a value is replaced by that
variable, `${NAME:-default}` falls back to the default, `$${` is a plain `${`. Only files are treated so, never
values that come over a network.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from perfbench.engine.errors import ScenarioError

Key = tuple[str, ...]
_VARIABLE = re.compile(r"\$(?P<escaped>\$)\{|\$\{(?P<name>[A-Za-z_][A-Za-z0-9_]*)(?::-(?P<default>[^}]*))?\}")


@dataclass(frozen=True, slots=True)
class YamlFile:
    path: Path
    values: dict[str, Any]
    lines: dict[Key, int]

    def place(self, key: Key) -> str:
        """Where a key is: its own line, or that of the nearest key above it."""
        while key and key not in self.lines:
            key = key[:-1]
        return f"{self.path} line {self.lines[key]}" if key else str(self.path)


def read(path: Path, environment: Mapping[str, str], overridden: Collection[str] = ()) -> YamlFile:
    """The file's mapping. Raises ScenarioError with file and line for whatever is wrong with it.

    Keys that are `overridden` count for nothing, so the variables in them need not be set.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise ScenarioError(f"{path} cannot be read: {error.strerror}; name a scenario file that exists") from None
    except UnicodeDecodeError as error:
        raise ScenarioError(f"{path} is not UTF-8 text (byte {error.start}); save it as UTF-8") from None
    try:
        loader = yaml.SafeLoader(text)
        node = loader.get_single_node()
        values = loader.construct_document(node) if node is not None else {}
    except yaml.MarkedYAMLError as error:
        line = f" line {error.problem_mark.line + 1}" if error.problem_mark else ""
        raise ScenarioError(f"{path}{line}: not YAML: {error.problem or error.context}") from None
    except (yaml.YAMLError, ValueError) as error:  # a date that is none is a plain ValueError
        raise ScenarioError(f"{path}: not YAML: {error}") from None
    if not isinstance(values, dict):
        raise ScenarioError(f"{path}: a scenario is a mapping of keys to values, but this is {type(values).__name__}")
    lines: dict[Key, int] = {}
    problems = _walk(node, (), lines)
    unset = [(key, text) for key, text in _unset(values, environment) if key[0] not in overridden]
    problems += [f"line {lines[key]}: {text}" for key, text in unset]
    if problems:
        raise ScenarioError("\n  ".join([f"{path} cannot be read:", *problems]))
    return YamlFile(path, _substituted(values, environment), lines)


def escape(value: Any) -> Any:
    """A copy in which reading back finds no variable: `${` becomes `$${` in every text."""
    if isinstance(value, str):
        return value.replace("${", "$${")
    if isinstance(value, dict):
        return {name: escape(inner) for name, inner in value.items()}
    return [escape(inner) for inner in value] if isinstance(value, list) else value


def _walk(node: yaml.Node | None, at: Key, lines: dict[Key, int]) -> list[str]:
    """Fill `lines`; returns the keys that are given twice."""
    problems: list[str] = []
    if isinstance(node, yaml.MappingNode):
        for name, value in node.value:
            key = (*at, str(name.value))
            line = name.start_mark.line + 1
            if key in lines:
                problems.append(f"line {line}: {'.'.join(key)} is given twice, first on line {lines[key]}; keep one")
            lines.setdefault(key, line)
            problems += _walk(value, key, lines)
    elif isinstance(node, yaml.SequenceNode):
        for number, value in enumerate(node.value):
            key = (*at, str(number))
            lines[key] = value.start_mark.line + 1
            problems += _walk(value, key, lines)
    return problems


def _unset(value: Any, environment: Mapping[str, str], at: Key = ()) -> list[tuple[Key, str]]:
    """Variables that are named without a default but not set, with the key they stand at."""
    if isinstance(value, str):
        names = [m["name"] for m in _VARIABLE.finditer(value) if m["name"] and m["default"] is None]
        return [
            (at, f"{'.'.join(at)}: the environment has no {name}; set it, or write ${{{name}:-default}}")
            for name in names
            if name not in environment
        ]
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [found for key, part in inner for found in _unset(part, environment, (*at, str(key)))]


def _substituted(value: Any, environment: Mapping[str, str]) -> Any:
    if isinstance(value, str):
        text = _VARIABLE.sub(lambda m: "${" if m["escaped"] else environment.get(m["name"], m["default"] or ""), value)
        return text or (None if value else "")  # a variable that is empty means: as if the key were not there
    if isinstance(value, dict):
        return {name: _substituted(inner, environment) for name, inner in value.items()}
    return [_substituted(inner, environment) for inner in value] if isinstance(value, list) else value
