"""Comparing: options of a multiple-choice benchmark that are compared by likelihood, and not answered in words.

What the field does with a data set is its `compares`: the options' texts after the bare question, or letters after a
question that shows them. The prompt is plain text, worked examples before it, a blank line apart; a system prompt is
its first paragraph. Where an endpoint tells no more, letters take the place of texts.

A data set overrides `statement` (what stands before the options' texts) or `endings` (when that differs by option).
"""

from __future__ import annotations

from abc import ABC
from collections.abc import Iterator, Sequence
from string import ascii_uppercase
from typing import Literal

from evalcore.benchmarks.base import Comparison, Pair, PromptOptions, filled, letter, pair, with_options
from evalcore.benchmarks.fewshot import turns
from evalcore.errors import TaskError
from evalcore.scoring.likelihood import LETTERS_ONLY, TEXTS, score_chosen, score_letters, score_texts
from evalcore.types import Answer, Likelihood, Message, Sample, Scores


class Comparing(ABC):
    """Satisfies `Compares`."""

    name: str
    compares: Literal["texts", "letters"] = "letters"
    likelihood_protocols: tuple[str, ...] = TEXTS
    before_letter = "Answer:"
    letter_alone = "Answer with the letter of the right option alone."

    def about(self, sample: Sample) -> str:
        """A line before the question; empty: none."""
        return ""

    def statement(self, sample: Sample) -> str:
        """The question in plain text, up to where the text of an option goes on."""
        return "\n".join(part for part in (sample.context, f"Question: {sample.question}\nAnswer:") if part)

    def endings(self, sample: Sample) -> list[Pair]:
        """What goes on with which text: every option, the right one at the target's place."""
        said = self.statement(sample)
        return [pair(said, f" {choice}") for choice in sample.choices]

    def lettered_endings(self, sample: Sample) -> list[Pair]:
        """The same with letters, after a question that shows the options."""
        shown = "\n".join(f"{letter(at)}. {text}" for at, text in enumerate(sample.choices))
        parts = (self.about(sample), sample.context, f"{sample.question}\n{shown}\n{self.before_letter}")
        said = "\n\n".join(part for part in parts if part)
        return [pair(said, f" {letter(at)}") for at in range(len(sample.choices))]

    def comparison(
        self, sample: Sample, shots: Sequence[Sample], options: PromptOptions, *, letters: bool
    ) -> Comparison:
        by_letter = letters or self.compares == "letters"
        return Comparison(
            pairs=tuple(self._pairs(sample, shots, options, letters=by_letter)),
            messages=tuple(self._conversation(sample, shots, options)),
            letters=tuple(ascii_uppercase[: len(sample.choices)]),
            priors=not by_letter and "acc_mutual_info" in self.likelihood_protocols,
        )

    def score_compared(self, sample: Sample, answer: Answer) -> Scores:
        """Pure."""
        if not answer.likelihoods:
            return score_chosen(answer.text, sample.target)
        if answer.way in LETTERS_ONLY or self.compares == "letters":
            return score_letters(answer.likelihoods, sample.target)
        return self.score_texts(sample, answer.likelihoods)

    def score_texts(self, sample: Sample, likelihoods: Sequence[Likelihood]) -> Scores:
        """Of the pairs that `endings` gives."""
        return score_texts(likelihoods, sample.target, self.likelihood_protocols)

    def _pairs(
        self, sample: Sample, shots: Sequence[Sample], options: PromptOptions, *, letters: bool
    ) -> Iterator[Pair]:
        """The sample's endings behind its worked examples."""
        ended = self.lettered_endings if letters else self.endings
        parts = [] if options.system_prompt is None else [options.system_prompt]
        for shot in shots:
            right = ended(shot)[ascii_uppercase.index(shot.target)]
            parts.append(right.context + right.continuation)
        before = "".join(f"{part}\n\n" for part in parts)
        endings = ended(sample)
        template = options.prompt_template
        if template is not None and len({one.context for one in endings}) > 1:
            raise TaskError(
                f"dataset_args.{self.name}.prompt_template: the text before the end holds the option here, so there "
                "is no question to put into a template; leave it out, or take method generate"
            )
        for one in endings:
            said = one.context if template is None else filled(template, sample)
            yield pair(before + said, one.continuation)

    def _conversation(self, sample: Sample, shots: Sequence[Sample], options: PromptOptions) -> list[Message]:
        """The question as a conversation in which nothing but a letter is an answer."""

        def ask(one: Sample) -> str:
            return f"{self.lettered_endings(one)[0].context.removesuffix(self.before_letter)}\n{self.letter_alone}"

        return with_options(ask(sample), sample, options, turns(shots, ask, lambda shot: str(shot.target)))
