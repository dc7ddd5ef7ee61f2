"""Section: what the parts of a scenario have in common.

Each part is a file with a pydantic model of its fields and two functions of the whole scenario: `conflicts` (fields
that contradict each other, or that ask for nothing to be done; each message names both) and `defaults` (those that
depend on other fields). `scenario.SECTIONS` lists the parts.
"""

from __future__ import annotations

from typing import TypeAlias

from pydantic import BaseModel, ConfigDict

Rule: TypeAlias = tuple[bool, str, str]
"""Whether it is broken, the field, and what is wrong with it."""

TARGET, LOAD, WAITS, BODY = "Target", "Load", "Deadlines", "Request body"
PROMPTS, USERS, GATES, OUTPUT = "What to send", "Sessions and users", "Gates", "Output and client"
GROUPS = (TARGET, LOAD, WAITS, BODY, PROMPTS, USERS, GATES, OUTPUT)


class Section(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", protected_namespaces=(), allow_inf_nan=False)
