"""Probe: which way of comparing options an endpoint offers. Asked once a run, before the data.

A server's word is not enough: some ignore `echo` and answer 200, some are off by one (llama-cpp-python, for models
without a token before the prompt). So the two exact ways must tell for a word, as part of the prompt, the likelihood
that generation told for the same word at the same place; a list of first tokens must hold letters where only a letter
fits; and a masked answer must be what no free answer would be.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any, Literal

from evalcore.benchmarks.base import Comparison, Pair
from evalcore.likelihood.base import Ask, Refused, Unreadable, Way
from evalcore.likelihood.echo import Echo
from evalcore.likelihood.exact import ExactWay
from evalcore.likelihood.first_token import TOPS, FirstToken, likeliest
from evalcore.likelihood.guided_choice import FORMS, GuidedChoice
from evalcore.likelihood.prompt_logprobs import PromptLogprobs

Word = tuple[Pair, float]
"""A word at its place, and its likelihood as generation told it."""
Tried = list[tuple[str, str]]
"""Ways that an endpoint does not offer, and why."""
BEGINNINGS = (
    "The sun rose over the hills, and the birds began to sing. It was going to be a long",
    "One, two, three, four, five, six, seven, eight, nine,",
    "She opened the door and looked out at the",
    "the old house and the river were",
)
APIS: tuple[Literal["completions"], Literal["chat"]] = ("completions", "chat")
CHECKS = 2
"""Words that have to agree: one might by accident."""
OFF_BY = 0.1
"""Largest difference of one likelihood told twice, in natural logarithms: what half precision in batches does to it."""
LETTERS = ("A", "B", "C", "D")
QUESTION = "Which of these is an animal?\n\nA. a stone\nB. a horse\nC. a song\nD. a river"


async def probe(ask: Ask) -> tuple[Way | None, Tried]:
    """The most exact way that works, and what does not. Every request goes through `ask`."""
    tried: Tried = []
    words = await _generated(ask)
    for exact in (Echo(), PromptLogprobs()):
        try:
            return await _exact(exact, words, ask), tried
        except (Refused, Unreadable) as error:
            tried.append((exact.name, str(error)))
    for ways in _letter_ways():
        for way in ways:
            compared = _question(way)
            try:
                answers = [await ask(way.api, body) for body in way.bodies(compared)]
                way.read(compared, answers)
                return way, tried
            except Refused as error:
                tried.append((_label(way), str(error)))
            except Unreadable as error:
                tried.append((_label(way), str(error)))
                if isinstance(way, FirstToken):
                    break  # a shorter list holds no more
    return None, tried


async def _exact(way: ExactWay, words: list[Word] | str, ask: Ask) -> Way:
    """The way, once it has been seen to tell the truth. Raises Refused and Unreadable."""
    if isinstance(words, str):
        raise Unreadable(f"it cannot be checked: {words}")
    for place, told in words:
        found = way.likelihood(place, await ask(way.api, way.body(place)))
        assert found.logprob is not None, "of every token, or it is unreadable"
        if abs(found.logprob - told) > OFF_BY:
            raise Unreadable(
                f"it tells {found.logprob:.2f} for {place.continuation!r} as part of the prompt, and {told:.2f} when "
                "that word was generated: its likelihoods stand at the wrong tokens"
            )
    alone = Pair("", words[0][0].continuation)
    try:
        way.likelihood(alone, await ask(way.api, way.body(alone)))
    except Unreadable:
        return way
    return replace(way, begins=True)


async def _generated(ask: Ask) -> list[Word] | str:
    """Words that the model goes on with, and their likelihoods as generation tells them; or why there are none."""
    words: list[Word] = []
    for beginning in BEGINNINGS:
        try:
            answer = await ask("completions", {"prompt": beginning, "max_tokens": 1, "temperature": 0, "logprobs": 1})
            word = answer.text or ""
            told = likeliest(answer).get(word)
        except (Refused, Unreadable) as error:
            return f"generation tells no likelihoods: {error}"
        if told is not None and word.startswith(" ") and word[1:].isalpha() and "\ufffd" not in word:
            words.append((Pair(beginning, word), told))
            if len(words) == CHECKS:
                break
    return words or "no word that begins with a blank was generated"


def _letter_ways() -> Iterator[list[Way]]:
    """Variants of one way, the most exact way first, the variant that tells most first."""
    plain, chat = APIS
    for api in (plain, chat):
        yield [FirstToken(api, top) for top in TOPS]
    for api in (chat, plain):
        yield [GuidedChoice(api, form) for form in FORMS]


def _question(way: Way) -> Comparison:
    """Letters where only a letter fits; or letters that no free answer would consist of."""
    if isinstance(way, GuidedChoice):
        text, letters = "Write a sentence about the sea.", ("Q", "X")
        return _compared(text, text, letters)
    return _compared(f"{QUESTION}\nAnswer:", f"{QUESTION}\n\nAnswer with the letter alone.", LETTERS)


def _compared(plain: str, asked: str, letters: tuple[str, ...]) -> Comparison:
    return Comparison(tuple(Pair(plain, f" {one}") for one in letters), ({"role": "user", "content": asked},), letters)


def _label(way: Any) -> str:
    detail = way.form if isinstance(way, GuidedChoice) else f"top {way.top}"
    return f"{way.name} ({way.api}, {detail})"
