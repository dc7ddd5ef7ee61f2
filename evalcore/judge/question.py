"""Question: what judges are asked about one answer, and what their verdicts are worth."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from evalcore.judge.form import Form
from evalcore.judge.settings import JudgeSettings
from evalcore.types import Answer, Message, Sample, Scores, Verdict


@dataclass(frozen=True, slots=True)
class Showing:
    """One way to put the question to a judge."""

    messages: tuple[Message, ...]
    order: str = ""
    contender: str = ""
    opponent: str = ""
    """As in a Verdict."""


class Question(Protocol):
    @property
    def protocols(self) -> tuple[str, ...]:
        """Names of the scores that come of it, headline first; more may come."""

    @property
    def form(self) -> Form | None:
        """What a verdict may be; None: only the benchmark can tell."""

    def check(self, samples: Iterable[Sample]) -> None:
        """Raise TaskError when one of these cannot be asked about. Reads no further than it has to."""

    def showings(self, sample: Sample, answer: Answer, repeat: int, judge: JudgeSettings) -> list[Showing]:
        """All that a judge has to be asked. Wording may be the judge's own."""

    def read(self, sample: Sample, answer: Answer, order: str, reply: str) -> str | None:
        """Pure: the verdict of a reply, None when it has none that is clear."""

    def scores(self, sample: Sample, answer: Answer, verdicts: Sequence[Verdict]) -> Scores:
        """Pure: what the verdicts of all judges come to; empty when none could be read."""

    def describe(self) -> Mapping[str, Any]:
        """What shapes its verdicts, beside the judges."""


def conversation(judge: JudgeSettings, user: str) -> tuple[Message, ...]:
    system: tuple[Message, ...] = ()
    if judge.system_prompt is not None:
        system = ({"role": "system", "content": judge.system_prompt},)
    return (*system, {"role": "user", "content": user})


def question_text(sample: Sample) -> str:
    """The question as its model saw it: passage before, options after."""
    options = [f"{chr(ord('A') + place)}) {text}" for place, text in enumerate(sample.choices)]
    return "\n\n".join(part for part in (sample.context, sample.question, "\n".join(options)) if part)


def reference_text(sample: Sample) -> str:
    """What is right, in words; empty when the target is none that could be shown."""
    target = sample.target
    if isinstance(target, str) and sample.choices and len(target) == 1:
        place = ord(target) - ord("A")
        return f"{target}) {sample.choices[place]}" if 0 <= place < len(sample.choices) else target
    if isinstance(target, list | tuple):
        texts = [_joined(one) for one in target]
        return " | ".join(texts) if all(texts) else ""
    return _joined(target)


def _joined(one: object) -> str:
    """A text, a number, or several of them that belong together."""
    if isinstance(one, list | tuple) and all(isinstance(part, str) for part in one):
        return ", ".join(one)
    return str(one) if isinstance(one, str | int | float) and not isinstance(one, bool) else ""
