"""Arrows: which room may import from which. A new arrow is a decision: make it here first."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
MAY_USE = {
    "engine": set(),
    "settings": {"engine"},
    "statistics": {"engine"},
    "metrics": {"engine", "settings", "statistics", "review"},
    "findings": {"engine", "settings", "statistics", "metrics"},
    "simulator": {"engine", "settings"},
    "scenario": {"engine", "settings", "simulator", "fieldtypes"},
    "telemetry": {"engine", "settings", "scenario", "metrics"},
    "workload": {"engine", "settings", "scenario", "review"},
    "report": {"engine", "settings", "statistics", "metrics", "findings", "telemetry", "runfolder"},
    "comparison": {"engine", "settings", "statistics", "metrics", "runfolder", "report"},
    "export": {"engine", "settings", "metrics", "report", "runfolder"},
    "live": {"engine", "metrics", "report"},
    "capacity": {
        "engine",
        "settings",
        "statistics",
        "metrics",
        "scenario",
        "workload",
        "report",
        "live",
        "run",
        "runfolder",
    },
    "commands": None,  # the shell may call whatever it likes
}
"""Rooms of perfbench, and the rooms and files of it that each may import from besides its own."""


def imported(file: Path) -> set[str]:
    """Names of modules that a file imports from, anywhere in it."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module is not None:
            found |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    return found


@pytest.mark.parametrize("room", [room for room, others in MAY_USE.items() if others is not None])
def test_a_room_imports_only_from_those_below_it(room):
    allowed = {room, *(MAY_USE[room] or ())}
    files = list((ROOT / "perfbench" / room).rglob("*.py"))
    assert files
    inner = {path.stem if path.suffix == ".py" else path.name for path in (ROOT / "perfbench").iterdir()}
    crossed = [
        f"{file.relative_to(ROOT)} imports {name}"
        for file in files
        for name in sorted(imported(file))
        if name.startswith("perfbench.") and (part := name.split(".")[1]) in inner and part not in allowed
    ]
    assert crossed == []


def test_every_room_is_in_the_table():
    rooms = {path.parent.name for path in (ROOT / "perfbench").glob("*/__init__.py")}
    assert rooms == MAY_USE.keys()


def test_perfbench_knows_nothing_of_evalcore():
    files = [*(ROOT / "perfbench").rglob("*.py")]
    assert [file for file in files if any(name.split(".")[0] == "evalcore" for name in imported(file))] == []
