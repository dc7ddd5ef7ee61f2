"""Section: what the parts of a task have in common.

Each part is a file with a pydantic model of its fields and a function `conflicts` of the whole task: what contradicts
itself, or asks for nothing to be done, with the field it is told at. `config.SECTIONS` lists the parts.
"""

from __future__ import annotations

from typing import TypeAlias

from pydantic import BaseModel, ConfigDict

Rule: TypeAlias = tuple[bool, str, str]
"""Whether it is broken, the field, and what is wrong with it."""

MODEL, DATA, ASKING, JUDGING, RUNNING = "Model", "Data", "Asking", "Judging", "Running"
GROUPS = (MODEL, DATA, ASKING, JUDGING, RUNNING)


class Section(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", protected_namespaces=())
