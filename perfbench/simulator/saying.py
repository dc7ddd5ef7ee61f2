"""Saying: what is said to one request, choice by choice, and what it tells of likelihoods.

An answer by the skill, where the question is in the key; plain words else. A prompt that is to be scored is not a
question: it is scored, and one word is added. An answer that may only be one of a list is one of it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from string import ascii_uppercase

import orjson

from perfbench.simulator.ask import Ask, Wanted
from perfbench.simulator.options import PLAIN, Options, first_letters, plainly
from perfbench.simulator.plan import Plan
from perfbench.simulator.script import Script, plain_words, sentence
from perfbench.simulator.shapes.base import Alternatives, Told, text_of
from perfbench.simulator.skill import Skill, Verdict


@dataclass(frozen=True, slots=True)
class Said:
    """One choice."""

    script: Script
    verdict: Verdict
    told: Told | None = None
    """None: nothing was asked of likelihoods, or nothing is told."""


class Saying:
    def __init__(self, skill: Skill | None, options: Options | None, offered: Sequence[str]) -> None:
        """`offered`: names of perfbench.simulator.config.Likelihoods."""
        self._skill, self._options, self._offered = skill, options, frozenset(offered)

    def say(self, ask: Ask, plan: Plan) -> list[Said]:
        wanted = self._granted(ask)
        return [
            self._one(question, ask, plan, wanted, _repeat(ask.seed, number % ask.choices))
            for number, question in enumerate(ask.questions)
        ]

    def _granted(self, ask: Ask) -> Wanted:
        """What is wanted, as far as it is offered."""
        wanted, offered = ask.likelihoods, self._offered
        told = not ask.stream
        return Wanted(
            logprobs=told and wanted.logprobs and "logprobs" in offered, top=wanted.top,
            echo=told and wanted.echo and "echo" in offered,
            prompt=told and wanted.prompt and "prompt_logprobs" in offered,
            only=wanted.only if "guided_choice" in offered else (), only_in_json=wanted.only_in_json,
        )  # fmt: skip

    def _one(self, question: str, ask: Ask, plan: Plan, wanted: Wanted, repeat: int) -> Said:
        if wanted.prompt or (wanted.echo and wanted.logprobs):
            return self._scored(question, plan, wanted)
        verdict = Verdict(None)
        if self._skill is not None and plan.skill is not None:
            verdict = self._skill.answer(question, plan.skill, repeat)
        if wanted.only:
            return _one_of(wanted, verdict)
        if not wanted.logprobs:
            return Said(_script(ask, plan, verdict), verdict)
        if ask.max_tokens == 1 and verdict.item is not None and verdict.said in set(ascii_uppercase):
            return Said(
                sentence(f" {verdict.said}", 0, None), verdict, Told((first_letters(verdict, ""),), wanted.top)
            )  # fmt: skip
        script = _script(ask, plan, verdict)
        pieces = [text_of(script.text(at, 1)) for at in range(script.length)]
        generated: list[Alternatives] = [((piece, PLAIN),) for piece in pieces]
        if generated:
            generated[0] = first_letters(Verdict(None), pieces[0])
        return Said(script, verdict, Told(tuple(generated), wanted.top))

    def _scored(self, prompt: str, plan: Plan, wanted: Wanted) -> Said:
        script = plain_words(1, 0, cut=True)
        word = text_of(script.text(0, 1))
        share = plan.skill
        scored = plainly(prompt) if self._options is None or share is None else self._options.score(prompt, share)
        generated = (((word, PLAIN),),) if wanted.logprobs else None
        told = Told(generated, wanted.top, scored.tokens, echo=wanted.echo, in_field=wanted.prompt)
        return Said(script, scored.verdict, told)


def _one_of(wanted: Wanted, verdict: Verdict) -> Said:
    if verdict.said not in wanted.only:
        verdict = Verdict(None)
    said = verdict.said or wanted.only[0]
    text = orjson.dumps({"answer": said}).decode() if wanted.only_in_json else said
    return Said(sentence(text, 0, None), verdict)


def _script(ask: Ask, plan: Plan, verdict: Verdict) -> Script:
    # An event is reasoning or it is not, so reasoning ends where an event does; completions have no place for it.
    reasoning = 0 if ask.api == "completions" else -(-plan.reason // plan.multi) * plan.multi
    if verdict.item is not None:
        return sentence(verdict.text, reasoning, ask.max_tokens)
    return plain_words(ask.max_tokens or plan.n, reasoning, cut=ask.max_tokens is not None)


def _repeat(seed: int, choice: int) -> int:
    """One number for each try at a question; the first choice of a request without a seed is 0."""
    return seed * 1000 + choice  # there are fewer than 1000 choices
