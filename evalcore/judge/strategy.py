"""Strategy: whether models judge a benchmark's answers under a task, and what they are asked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from evalcore.benchmarks.base import Benchmark, Judged, Opposed, RunsPrograms
from evalcore.errors import TaskError
from evalcore.judge import pairwise, single
from evalcore.judge.baseline import Baselines, Opposition, opposition
from evalcore.judge.prompts import check_template
from evalcore.judge.question import Question
from evalcore.judge.settings import JudgeSettings
from evalcore.task import TaskConfig
from evalcore.types import Sample


def question_of(task: TaskConfig, by: Benchmark, judges: Sequence[JudgeSettings]) -> Question | None:
    """What judges are asked about this benchmark's answers; None: rules score them.

    auto: rules where a rule is right, a judge where none is; rule: rules; llm: judges, in the way that fits the
    benchmark (pairs where it is of pairs, else its own rubric, else a comparison with the right answer); single: one
    answer at a time; pairwise: beside another answer. Raises TaskError when the strategy does not fit, or a template.
    """
    strategy, opposed = task.judge_strategy, isinstance(by, Opposed)
    has_rule = not opposed and not (isinstance(by, Judged) and by.judge_by_default)
    if strategy == "rule" or (strategy == "auto" and has_rule):
        if opposed:
            raise TaskError(f"judge_strategy rule: no rule can score {by.name}; take auto, pairwise or single")
        return None
    if isinstance(by, RunsPrograms):
        raise TaskError(f"judge_strategy {strategy}: programs are run, not judged, in {by.name}; take auto")
    grades = judges[0].grades
    if strategy == "pairwise" or (opposed and strategy != "single"):
        if grades is not None:
            raise TaskError(f"judge_model_args.grades: {by.name} is judged in pairs, which have no grades; take it out")
        return _checked(_pairs(task, by), judges, pairwise.PLACES, pairwise.NEEDED)
    if grades is not None or (opposed and not isinstance(by, Judged)):
        question: Question = single.Graded(grades)
    elif isinstance(by, Judged):
        question = single.Own(by)
    else:
        question = single.AgainstReference(by.name)
    return _checked(question, judges, single.PLACES, single.NEEDED)


def _pairs(task: TaskConfig, by: Benchmark) -> Question:
    of = opposition(task.args_of(by.name).extra, by.name)
    if not of.baseline and not isinstance(by, Opposed):
        raise TaskError(
            f"judge_strategy pairwise: {by.name} holds no answers to compare with; give "
            f"dataset_args.{by.name}.extra.baseline = the folder of another run, or take single"
        )
    found = _Opponents(by, of)
    return pairwise.Pairs(by.name, found, all_pairs=of.all_pairs)


class _Opponents:
    """Answers to compare with, from the data and from other runs. Those runs are opened when they are first needed."""

    def __init__(self, by: Benchmark, of: Opposition) -> None:
        self._by, self._of = by, of
        self._baselines: Baselines | None = None

    def __call__(self, sample: Sample, repeat: int) -> Mapping[str, str]:
        if self._baselines is None:
            self._baselines = Baselines(self._of, self._by.name)
        own = self._by.opponents(sample) if isinstance(self._by, Opposed) else {}
        found = {**own, **self._baselines.answers(sample, repeat)}
        wanted = self._of.opponents
        return found if wanted is None else {name: text for name, text in found.items() if name in wanted}


def _checked(
    question: Question, judges: Sequence[JudgeSettings], places: tuple[str, ...], needed: tuple[str, ...]
) -> Question:
    for number, judge in enumerate(judges):
        if judge.prompt_template is not None:
            where = f"judge_model_args{f'[{number}]' if len(judges) > 1 else ''}.prompt_template"
            check_template(judge.prompt_template, places, needed, where)
    return question
