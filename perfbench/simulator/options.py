"""Options: what the simulated model finds likely, for questions that offer options.

Every token (a word with the space before it, as in a script) has the same likelihood, but for those of an option that
stands where a question of the answer key ends: nearly certain if it is the option that the model would choose, next to
impossible if it is not. Which one it would choose is the skill's decision, so that whoever compares likelihoods, by sum
or by length, finds the share that /skill tells. An item is counted when its right option is scored, which a comparison
does once.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from string import ascii_uppercase

from perfbench.simulator.skill import AnswerKey, Item, Skill, Verdict, Words, words_of

PLAIN, LIKELY, UNLIKELY = -1.0, -0.01, -50.0
"""Natural logarithms: of any token, of each of the chosen option's, of each of another option's."""
FIRST = -0.05
"""Of the chosen letter as the first token of an answer; of the next letters one less each."""
BLANK = "_"
_PIECE = re.compile(r"\s*\S+|\s+$")


@dataclass(frozen=True, slots=True)
class Scored:
    """A prompt, token by token."""

    tokens: tuple[tuple[str, float], ...]
    verdict: Verdict
    """Of the item, when it is the right option that was scored; else of none."""


class Options:
    """Knows which option of which item a prompt ends with."""

    def __init__(self, key: AnswerKey, skill: Skill) -> None:
        self._key, self._skill = key, skill
        self._filled = {words: (item, at) for item in key.items for at, words in _with_options_in_blank(item)}
        self._lengths = sorted({len(words) for words in self._filled}, reverse=True)

    def score(self, prompt: str, share: float) -> Scored:
        item, option, length = self._ending(prompt, words_of(prompt.casefold()))
        if item is None:
            return plainly(prompt)
        verdict = self._skill.answer(prompt, share, item=item)
        chosen = option is not None and ascii_uppercase[option] == verdict.said
        tokens = _PIECE.findall(prompt)
        tail = _tail(tokens, length)
        level = LIKELY if chosen else UNLIKELY
        scored = tuple((token, PLAIN if at < len(tokens) - tail else level) for at, token in enumerate(tokens))
        is_right = option is not None and ascii_uppercase[option] == item.answers[0]
        return Scored(scored, verdict if is_right else Verdict(None))

    def _ending(self, prompt: str, words: Words) -> tuple[Item | None, int | None, int]:
        """The item, which of its options the prompt ends with, and how many words that has."""
        for length in self._lengths:
            if found := self._filled.get(words[-length:]):
                return (*found, length)
        item = self._key.find(prompt)
        if item is None or not item.choices or len(item.answers[0]) != 1:
            return None, None, 0
        if _shows(words[:-1], item) and words and words[-1].upper() in ascii_uppercase[: len(item.choices)]:
            return item, ascii_uppercase.index(words[-1].upper()), 1
        ends = [at for at, choice in enumerate(item.choices) if words[-len(choice) :] == _folded(choice)]
        if not ends:
            return item, None, 1
        longest = max(ends, key=lambda at: len(item.choices[at]))
        return item, longest, len(item.choices[longest])


def plainly(prompt: str) -> Scored:
    """A prompt that says nothing to the model."""
    return Scored(tuple((token, PLAIN) for token in _PIECE.findall(prompt)), Verdict(None))


def first_letters(verdict: Verdict, plain: str) -> tuple[tuple[str, float], ...]:
    """The likeliest first tokens of an answer: the chosen letter and then the others; a plain word if there is none."""
    letters = ascii_uppercase[: len(verdict.item.choices)] if verdict.item is not None else "ABCD"
    if verdict.item is None or verdict.said not in letters:
        return (plain, PLAIN), *((f" {letter}", PLAIN - 1 - at) for at, letter in enumerate(letters))
    others = [letter for letter in letters if letter != verdict.said]
    return (f" {verdict.said}", FIRST), *((f" {letter}", FIRST - 3 - at) for at, letter in enumerate(others))


def _with_options_in_blank(item: Item) -> list[tuple[int, Words]]:
    if BLANK not in item.question:
        return []
    at = item.question.index(BLANK)
    before, after = item.question[:at], item.question[at + 1 :]
    return [(number, _folded((*before, *choice, *after))) for number, choice in enumerate(item.choices)]


def _shows(words: Words, item: Item) -> bool:
    """Whether the options stand in a text, in their order."""
    text, at = " ".join(words), 0
    for choice in item.choices:
        at = text.find(" ".join(_folded(choice)), at)
        if at < 0:
            return False
    return True


def _folded(words: Words) -> Words:
    return tuple(word.casefold() for word in words)


def _tail(tokens: list[str], length: int) -> int:
    """How many of the last tokens hold so many words."""
    count = words = 0
    while words < length and count < len(tokens):
        count += 1
        words += len(words_of(tokens[-count]))
    return count
