"""Form: what a verdict may be, how a judge is told to give it, and how it is read out of the reply."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from evalcore.scoring.verdict import FIELD, grade_on, word_of


class Form(Protocol):
    @property
    def reasoned(self) -> bool:
        """Whether the judge says why before it decides."""

    def value_schema(self) -> dict[str, Any]:
        """JSON schema of the verdict itself."""

    def choices(self) -> str:
        """What a verdict may be, in words."""

    def read(self, reply: str) -> str | None:
        """The verdict of a reply, in its one spelling; None when it has none that is clear."""


@dataclass(frozen=True, slots=True)
class Words:
    """One of several words."""

    words: tuple[str, ...]
    aliases: Mapping[str, str] = field(default_factory=dict)
    reasoned: bool = True

    def value_schema(self) -> dict[str, Any]:
        return {"type": "string", "enum": list(self.words)}

    def choices(self) -> str:
        return ", ".join(self.words[:-1]) + f" or {self.words[-1]}"

    def read(self, reply: str) -> str | None:
        return word_of(reply, self.words, self.aliases)


@dataclass(frozen=True, slots=True)
class Scale:
    """A grade from `low` to `high`."""

    low: int
    high: int
    reasoned: bool = True

    def value_schema(self) -> dict[str, Any]:
        return {"type": "integer", "minimum": self.low, "maximum": self.high}

    def choices(self) -> str:
        return f"a whole number from {self.low} to {self.high}"

    def read(self, reply: str) -> str | None:
        grade = grade_on(reply, self.low, self.high)
        return None if grade is None else f"{grade:g}"

    def share(self, grade: float) -> float:
        """The grade on the scale of 0 to 1."""
        return (grade - self.low) / (self.high - self.low)


def response_format(form: Form, *, reasoned: bool = True) -> dict[str, Any]:
    """The request field that makes an endpoint with structured outputs reply in this form, the reason first if any."""
    reason = {"reason": {"type": "string"}} if reasoned and form.reasoned else {}
    properties = {**reason, FIELD: form.value_schema()}
    schema = {"type": "object", "properties": properties, "required": list(properties), "additionalProperties": False}
    return {"type": "json_schema", "json_schema": {"name": FIELD, "strict": True, "schema": schema}}


def instruction(form: Form) -> str:
    """How the reply has to end. True of replies in JSON too, which have the same two parts."""
    return (
        'Say in a few sentences what decides it (in JSON: as "reason"). Then end with one line that holds nothing but '
        f'"Verdict: " and {form.choices()} (in JSON: as "verdict").'
    )
