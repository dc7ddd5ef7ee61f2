"""Child: how a module of ours is started as a Python process of its own (engine processes, the simulator)."""

from __future__ import annotations

import os
import sys


def child_command(module: str) -> list[str]:
    """What to execute. With -P nothing is imported from the folder that the user happens to be in."""
    return [sys.executable, "-P", "-m", module]


def child_environment() -> dict[str, str]:
    """It imports from where this process does."""
    return {**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
