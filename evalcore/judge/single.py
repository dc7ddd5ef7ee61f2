"""Single: one answer at a time, put into a class or graded on a scale.

`Own` is a benchmark's own rubric, `AgainstReference` the general one for whatever has a right answer in words, `Graded`
the grade of an answer for which nobody wrote one down (or the grades that a task names). Of several judges the
commonest class stands, equally common ones with the mean of what they are worth, as if drawn by lot; of grades the mean
does.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import islice
from typing import Any

from evalcore.benchmarks.base import Judged
from evalcore.errors import TaskError
from evalcore.judge.form import Form, Scale, Words, instruction
from evalcore.judge.opinion import majority, opinions
from evalcore.judge.prompts import COMPARE, GRADE, filled
from evalcore.judge.question import Showing, conversation, question_text, reference_text
from evalcore.judge.settings import JudgeSettings
from evalcore.scoring.grade import CLASSES, graded
from evalcore.types import Answer, Sample, Score, Scores, Verdict

PLACES = ("question", "reference", "answer")
NEEDED = ("answer",)
TEN = Scale(1, 10)


class _Single:
    """What the three have in common: one showing, and classes by majority."""

    form: Form | None
    template = ""

    def check(self, samples: Iterable[Sample]) -> None:
        pass

    def showings(self, sample: Sample, answer: Answer, repeat: int, judge: JudgeSettings) -> list[Showing]:
        texts = {"question": question_text(sample), "reference": reference_text(sample), "answer": answer.text}
        ending = "" if self.form is None else instruction(self.form)
        return [Showing(conversation(judge, filled(judge.prompt_template or self.template, texts, ending)))]

    def read(self, sample: Sample, answer: Answer, order: str, reply: str) -> str | None:
        return None if self.form is None else self.form.read(reply)

    def scores(self, sample: Sample, answer: Answer, verdicts: Sequence[Verdict]) -> Scores:
        found = opinions(verdicts)
        if not found:
            return {}
        decided = [one.word for one in found if one.word is not None]
        # Judges whose votes are split say nothing, unless all are: then their votes are counted one by one.
        words = decided or [one.verdict for one in verdicts if one.verdict is not None]
        winners = majority(words)
        return mean_scores([self.worth(sample, answer, word) for word in winners], " = ".join(winners))

    def worth(self, sample: Sample, answer: Answer, word: str) -> Scores:
        raise NotImplementedError

    def describe(self) -> Mapping[str, Any]:
        return {"question": type(self).__name__, "template": self.template}


class Own(_Single):
    """A benchmark's own rubric and reader."""

    def __init__(self, by: Judged) -> None:
        self._by = by
        self.protocols = by.judge_protocols
        self.form: Form | None = Words(by.judge_words, reasoned=False) if by.judge_words else None

    def showings(self, sample: Sample, answer: Answer, repeat: int, judge: JudgeSettings) -> list[Showing]:
        if judge.prompt_template is not None:
            return super().showings(sample, answer, repeat, judge)
        own = self._by.judge_prompt(sample, answer)
        system = [{"role": "system", "content": judge.system_prompt}] if judge.system_prompt is not None else []
        return [Showing((*system, *own))]

    def read(self, sample: Sample, answer: Answer, order: str, reply: str) -> str | None:
        in_form = None if self.form is None else self.form.read(reply)
        if in_form is not None:
            return in_form
        return next(iter(self._by.judged(sample, answer, reply).values())).extracted

    def worth(self, sample: Sample, answer: Answer, word: str) -> Scores:
        return self._by.judged(sample, answer, word)


class AgainstReference(_Single):
    """Correct, incorrect, not attempted: by the right answer that the data holds."""

    protocols = tuple(CLASSES)
    form: Form | None = Words(tuple(CLASSES.values()))
    template = COMPARE

    def __init__(self, benchmark: str) -> None:
        self._benchmark = benchmark

    def check(self, samples: Iterable[Sample]) -> None:
        for sample in islice(samples, 1):
            if not reference_text(sample):
                raise TaskError(
                    f"judge_strategy: {self._benchmark} has no right answer in words that a judge could compare with "
                    f"(sample {sample.id}); take auto, or rule"
                )

    def worth(self, sample: Sample, answer: Answer, word: str) -> Scores:
        return graded(word)


class Graded(_Single):
    """A grade: on a scale, put onto 0 to 1, or one of several words with their worth."""

    protocols = ("grade",)
    template = GRADE

    def __init__(self, grades: Mapping[str, float] | tuple[int, int] | None = None) -> None:
        self._worth = dict(grades) if isinstance(grades, Mapping) else None
        self._scale = Scale(*grades) if isinstance(grades, tuple) else TEN
        self.form: Form | None = self._scale if self._worth is None else Words(tuple(self._worth))

    def scores(self, sample: Sample, answer: Answer, verdicts: Sequence[Verdict]) -> Scores:
        if self._worth is not None:
            return super().scores(sample, answer, verdicts)
        means = [sum(share * float(grade) for grade, share in one.shares.items()) for one in opinions(verdicts)]
        if not means:
            return {}
        grade = sum(means) / len(means)
        return {"grade": Score(value=self._scale.share(grade), extracted=f"{grade:.4g}")}

    def worth(self, sample: Sample, answer: Answer, word: str) -> Scores:
        assert self._worth is not None
        return {"grade": Score(value=self._worth[word], extracted=word)}

    def describe(self) -> Mapping[str, Any]:
        return {**super().describe(), "grades": self._worth or [self._scale.low, self._scale.high]}


def mean_scores(several: Sequence[Scores], extracted: str) -> Scores:
    """Score by score, the mean."""
    return {
        name: Score(value=sum(scores[name].value for scores in several) / len(several), extracted=extracted)
        for name in several[0]
    }
