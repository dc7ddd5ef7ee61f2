"""Benchmark: one data set, how it is asked, and how its answers are scored.

A benchmark is one file with one class (or instance) that satisfies `Benchmark`, and one line in
`evalcore.benchmarks.table.BENCHMARKS`. Its docstring gives paper, licence, official item count, prompt, few-shot
default, extraction and metric. It holds no I/O: rows come in as mappings, messages and scores go out. Prompts are our
own words; protocols are the published ones, under their names, several side by side where the field disagrees.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol, runtime_checkable

from evalcore.sandbox.base import Program, Result
from evalcore.types import Answer, Message, Sample, Scores


@dataclass(frozen=True, slots=True)
class Source:
    """Where the rows of a benchmark are found.

    `local` maps a split to glob patterns below a data folder, first match wins; "{subset}" in a pattern is replaced.
    They name both the hub's layout and that of the original repository.
    """

    local: Mapping[str, tuple[str, ...]]
    eval_split: str = "test"
    shots_split: str | None = None
    huggingface: str | None = None
    modelscope: str | None = None
    config: str | None = None
    """The hub's configuration name; "{subset}" is replaced; None: the default one."""
    columns: tuple[str, ...] | None = None
    """Names for csv and tsv files that begin without a line of names; a file that has one keeps its own."""
    texts: Callable[[str], Iterable[dict[str, Any]]] | None = None
    """The rows of a .txt file, for a data set that has some of its rows in running text; a pure function."""
    belongs: Callable[[Mapping[str, Any], str], bool] | None = None
    """Whether a row is of that split, for a file that holds several splits; None: all rows are."""


@dataclass(frozen=True, slots=True)
class Info:
    """What `evalcore list` and `show` tell."""

    title: str
    paper: str
    licence: str
    items: int
    """Official number of scored items."""
    tags: tuple[str, ...]


class Benchmark(Protocol):
    name: str
    info: Info
    source: Source
    subsets: tuple[str, ...]
    few_shot: int
    """Default number of worked examples before the question."""
    protocols: tuple[str, ...]
    """Names of the scores, the headline first."""
    average: Literal["micro", "macro"]
    """How subsets make the headline."""
    max_tokens: int | None
    """Length that an answer needs, when it is not the task's own; None: the task's."""
    cpu_bound: bool
    """Scoring takes long enough to be moved off the event loop."""

    def sample(self, row: Mapping[str, Any], subset: str) -> Sample:
        """One row of the source as a sample. Raises DataError naming the row when it does not fit."""

    def messages(self, sample: Sample, shots: Sequence[Sample], options: PromptOptions) -> list[Message]:
        """What is sent. `shots` are samples of the shots split, with their targets."""

    def score(self, sample: Sample, answer: Answer) -> Scores:
        """Pure. A wrong or unreadable answer is a 0 with `extracted` telling; raising is a bug of ours."""


@runtime_checkable
class RunsPrograms(Protocol):
    """What a benchmark adds whose answers are programs: the pipeline runs them in the sandbox, between these two.

    Its `score` is never called, for no score of a program is pure; it raises TypeError.
    """

    def program(self, sample: Sample, answer: Answer) -> Program:
        """What is run, tests included. Pure; an answer without code gives a program that fails."""

    def verdict(self, sample: Sample, answer: Answer, result: Result) -> Scores:
        """Pure: what the outcome of that program is worth."""


@runtime_checkable
class Judged(Protocol):
    """What a benchmark adds whose answers a model can judge; the pipeline asks the judge between these two.

    `protocols` are the names that `score` gives, by rule; `judge_protocols` those that `judged` gives, headline first.
    """

    judge_protocols: tuple[str, ...]
    judge_words: tuple[str, ...]
    """What the judge may say, for endpoints that can be held to it. `judged` of one of them gives its scores."""
    judge_by_default: bool
    """What judge_strategy auto does: True where no rule is right, so that a task without a judge is refused."""

    def judge_prompt(self, sample: Sample, answer: Answer) -> list[Message]:
        """What the judge is sent."""

    def judged(self, sample: Sample, answer: Answer, reply_text: str) -> Scores:
        """Pure: the verdict read out of the judge's reply. `extracted` is None in every score when there is none in it:
        the pipeline asks again, then counts the sample as unjudged, which is not wrong."""


@runtime_checkable
class Opposed(Protocol):
    """What a benchmark adds whose answers are judged beside those of others, because no rule and no reference fits."""

    def opponents(self, sample: Sample) -> Mapping[str, str]:
        """Answers of others that the data holds, by the name of who gave them."""


@dataclass(frozen=True, slots=True)
class Pair:
    """A text and one way to go on with it. What is scored is the continuation; see `pair`."""

    context: str
    continuation: str


def pair(context: str, continuation: str) -> Pair:
    """Blanks at the context's end belong to the continuation: tokenizers write them at the beginning of a word."""
    bare = context.rstrip()
    return Pair(bare, context[len(bare) :] + continuation)


@dataclass(frozen=True, slots=True)
class Comparison:
    """The options of one sample, ready to be compared by their likelihoods."""

    pairs: tuple[Pair, ...]
    """One per option; in plain text, worked examples and all."""
    messages: tuple[Message, ...]
    """The same question, options lettered, as a conversation: for endpoints that only chat."""
    letters: tuple[str, ...]
    """Of the options that the messages show."""
    priors: bool = False
    """The continuations' likelihoods without their context are wanted too."""


@runtime_checkable
class Compares(Protocol):
    """What a benchmark adds whose options can be compared by likelihood, instead of answered in words."""

    compares: Literal["texts", "letters"]
    """What the field compares: the options' texts after the question, or letters after a question that shows them."""
    likelihood_protocols: tuple[str, ...]
    """Names that the scores have when texts are compared, headline first. Of letters there is one; see
    evalcore.scoring.likelihood."""

    def comparison(
        self, sample: Sample, shots: Sequence[Sample], options: PromptOptions, *, letters: bool
    ) -> Comparison:
        """What is compared. With `letters`, letters are, whatever the field does: the endpoint tells no more."""


@runtime_checkable
class CallsFunctions(Protocol):
    """What a benchmark adds that offers functions to call."""

    def tools(self, sample: Sample, options: PromptOptions) -> list[dict[str, Any]]:
        """The request's field `tools`, as chat completions have it; empty: none are offered that way."""


@runtime_checkable
class Phrased(Protocol):
    """What a benchmark adds whose right answers do not read like their targets, for --eval-type mock to say them."""

    def right_answer(self, sample: Sample) -> str:
        """A whole answer that scores 1."""


@runtime_checkable
class Derives(Protocol):
    """What a benchmark adds whose authors report figures that are no means of scores, but functions of such means."""

    def derived(self, means: Mapping[str, float]) -> Mapping[str, float]:
        """Pure: figures by name, from the mean of each protocol. Left out where it is not defined (0 / 0)."""


@dataclass(frozen=True, slots=True)
class PromptOptions:
    """What a task may change of a benchmark's prompt (dataset_args)."""

    prompt_template: str | None = None
    """With {question}, {choices}, {context}: stands for the benchmark's own user message."""
    system_prompt: str | None = None
    extra: Mapping[str, Any] = field(default_factory=dict)


def with_options(user: str, sample: Sample, options: PromptOptions, turns: Sequence[Message] = ()) -> list[Message]:
    """The messages around a user text: system prompt, earlier turns (shots), then the text or the template's."""
    if options.prompt_template is not None:
        user = filled(options.prompt_template, sample)
    system = [] if options.system_prompt is None else [{"role": "system", "content": options.system_prompt}]
    return [*system, *turns, {"role": "user", "content": user}]


def filled(template: str, sample: Sample) -> str:
    """A user's template with the sample in it."""
    return template.format(question=sample.question, context=sample.context, choices=lettered(sample.choices))


def lettered(choices: Sequence[str]) -> str:
    """One option a line: "A) text"."""
    return "\n".join(f"{letter(i)}) {text}" for i, text in enumerate(choices))


def letter(position: int) -> str:
    """A for 0, B for 1, ... Z for 25."""
    return chr(ord("A") + position)
