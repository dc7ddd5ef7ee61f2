"""Skill: a simulated model that knows the answer to a chosen share of questions, so that an eval has a known truth.

The answer key is JSONL. One line is one item:

    question (or prompt)   the text by which a request is recognised
    answer                 a letter, a number, a word or a sentence; a list means any of them; in a long answer that
                           ends with "#### 18", 18
    id                     optional; the line number otherwise
    choices                optional list of texts; they tell apart items with the same question, and bound the letters
    answer_format          optional; how this item is answered, with {answer} in it
    wrong                  optional; what a wrong answer says

Whether an item is answered rightly is decided by a hash of (seed, id, repeat) and the whole key: not by the order of
requests, not by retries. Of the key's items the share with the lowest hashes is answered rightly, so that whoever asks
all of them finds exactly that share, rounded to whole items. A lower share (`busyskill`, of a batch that is too large)
loses some of these and gains none. Counting happens when an answer has been written whole, so what a fault kept from
the client is not in the counts.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeGuard

import orjson

from perfbench.engine.errors import ScenarioError

ANSWER_FORMAT = "The answer is {answer}."
_HASH_RANGE = 1 << 64
MOST_BOUNDS = 64  # of pairs of a share and a repeat that are remembered
_GRAM = 6  # words that begin a question and find its candidates; longer ones hardly tell more questions apart
_OPPOSITES = {"yes": "no", "no": "yes", "true": "false", "false": "true"}
_NUMBER = re.compile(r"([^\d-]*)(-?(?:\d{1,3}(?:,\d{3})+|\d+))(\.\d+)?(\D*)")
_WIDE = "\u2e80-\u9fff\uac00-\ud7af\uf900-\ufaff"  # scripts written without spaces: each character is a word
_WORD = re.compile(rf"[{_WIDE}]|[^\W{_WIDE}]+|[^\w\s]")

Words = tuple[str, ...]


def words_of(text: str) -> Words:
    """What a text is compared by: spaces and line breaks do not matter, all else does."""
    return tuple(_WORD.findall(text))


@dataclass(frozen=True, slots=True)
class Item:
    """One question of the answer key."""

    id: str
    question: Words
    answers: tuple[str, ...]
    choices: tuple[Words, ...] = ()
    answer_format: str | None = None
    wrong: str | None = None


@dataclass(frozen=True, slots=True)
class Verdict:
    """How one request is answered; handed back to `Skill.count` once the answer has been written."""

    item: Item | None
    """None: the question is not in the key."""
    right: bool = False
    text: str = ""
    said: str = ""
    """The answer in it."""


class AnswerKey:
    """The items, and the way from a message to the item it asks for."""

    def __init__(self, items: list[Item], source: str = "the answer key") -> None:
        """Raises ScenarioError when there are none, or when two of them could not be told apart."""
        if not items:
            raise ScenarioError(f"{source} holds no item; give one JSON object with question and answer per line")
        self.items = items
        self._by_start: dict[Words, dict[Words, list[Item]]] = {}
        for item in items:
            same_start = self._by_start.setdefault(item.question[:_GRAM], {})
            same_question = same_start.setdefault(item.question, [])
            for other in same_question:
                if other.choices == item.choices and other.answers != item.answers:
                    raise ScenarioError(
                        f"{source}: items {other.id} and {item.id} ask the same and answer differently "
                        f"({other.answers[0]!r}, {item.answers[0]!r}); remove one or give them different choices"
                    )
            if not any(other.choices == item.choices for other in same_question):
                same_question.append(item)
                same_question.sort(key=lambda other: not other.choices)  # without choices an item fits every message
        self._start_lengths = sorted({len(start) for start in self._by_start}, reverse=True)

    @classmethod
    def load(cls, path: Path) -> AnswerKey:
        """Raises ScenarioError naming the file, the line and what is wrong with it."""
        try:
            lines = path.read_bytes().splitlines()
        except OSError as error:
            raise ScenarioError(f"answer key {path}: {error.strerror}; give a JSONL file that can be read") from None
        return cls([_item(path, number, line) for number, line in enumerate(lines, 1) if line.strip()], str(path))

    def find(self, message: str) -> Item | None:
        """The item whose question stands in the message, with its choices behind it if it has any.

        Where several stand, a question that is part of a longer one does not count, and of the rest the last is meant:
        examples come before what is asked. Choices count in their order, then in any; when no item finds its own (a
        prompt need not show them), the last question is taken without.
        """
        words = words_of(message)
        matches: list[tuple[list[Item], int]] = []
        at = 0
        while at < len(words):
            candidates = self._longest_at(words, at)
            if candidates is None:
                at += 1
                continue
            at += len(candidates[0].question)
            matches.append((candidates, at))
        for shows in (_in_order, _in_any_order):
            for candidates, end in reversed(matches):
                for item in candidates:
                    if shows(words[end:], item.choices):
                        return item
        return matches[-1][0][0] if matches else None

    def _longest_at(self, words: Words, at: int) -> list[Item] | None:
        best: Words = ()
        items = None
        for length in self._start_lengths:
            for question, same_question in self._by_start.get(words[at : at + length], {}).items():
                if len(question) > len(best) and words[at : at + len(question)] == question:
                    best, items = question, same_question
        return items


class Skill:
    """Answers by a key, with a seeded share of right answers, and keeps count."""

    def __init__(self, key: AnswerKey, seed: int = 0, answer_format: str = ANSWER_FORMAT) -> None:
        self._key, self._seed, self._format = key, seed, answer_format
        self._bounds: dict[tuple[float, int], int] = {}
        self.forget()

    def forget(self) -> None:
        self._asked = self._right = self._cut = self._unknown = 0
        self._counts: dict[str, list[int]] = {}

    def answer(self, message: str, share: float, repeat: int = 0, item: Item | None = None) -> Verdict:
        item = item or self._key.find(message)
        if item is None:
            return Verdict(None)
        right = self._hash(item, repeat, "right") < self._bound(share, repeat)
        said = item.answers[0] if right else self._wrong(item, repeat)
        return Verdict(item, right, (item.answer_format or self._format).replace("{answer}", said), said)

    def count(self, verdict: Verdict, *, cut: bool) -> None:
        """An answer has been written; one that a maximum of tokens cut short does not count as right."""
        if verdict.item is None:
            self._unknown += 1
            return
        right = verdict.right and not cut
        counts = self._counts.setdefault(verdict.item.id, [0, 0])
        counts[0] += 1
        counts[1] += right
        self._asked += 1
        self._right += right
        self._cut += cut

    def truth(self) -> dict[str, Any]:
        """GET /skill: `asked` counts answers about items of the key, `unknown` those about anything else."""
        return {
            "asked": self._asked,
            "right": self._right,
            "cut": self._cut,
            "unknown": self._unknown,
            "items": [{"id": id_, "asked": asked, "right": right} for id_, (asked, right) in self._counts.items()],
        }

    def _bound(self, share: float, repeat: int) -> int:
        """The lowest hash of an item that is not answered rightly."""
        if (share, repeat) not in self._bounds:
            hashes = sorted(self._hash(item, repeat, "right") for item in self._key.items)
            self._bounds[share, repeat] = [*hashes, _HASH_RANGE][round(share * len(hashes))]
            while len(self._bounds) > MOST_BOUNDS:
                del self._bounds[next(iter(self._bounds))]
        return self._bounds[share, repeat]

    def _hash(self, item: Item, repeat: int, purpose: str) -> int:
        text = f"{self._seed}\0{item.id}\0{repeat}\0{purpose}".encode()
        return int.from_bytes(hashlib.blake2b(text, digest_size=8).digest(), "big")

    def _wrong(self, item: Item, repeat: int) -> str:
        if item.wrong is not None:
            return item.wrong
        answer, draw = item.answers[0], self._hash(item, repeat, "wrong")
        near = _other_letter(item, draw) or _OPPOSITES.get(answer.casefold()) or _other_number(answer, draw)
        if near is not None and near not in item.answers:
            return near.capitalize() if answer.istitle() else near
        return self._other_answer(item, draw)

    def _other_answer(self, item: Item, draw: int) -> str:
        """Right for another item, and neither part of this item's answer nor around it."""
        taken = [answer.casefold() for answer in item.answers]
        for step in range(min(len(self._key.items), 50)):
            other = self._key.items[(draw + step) % len(self._key.items)].answers[0]
            folded = other.casefold()
            if not any(folded in answer or answer in folded for answer in taken):
                return other
        return "unknown"


def _in_order(words: Words, parts: tuple[Words, ...]) -> bool:
    at = 0
    for part in parts:
        found = _position(words, part, at)
        if found is None:
            return False
        at = found + len(part)
    return True


def _in_any_order(words: Words, parts: tuple[Words, ...]) -> bool:
    return all(_position(words, part, 0) is not None for part in parts)


def _position(words: Words, part: Words, start: int) -> int | None:
    return next((at for at in range(start, len(words) - len(part) + 1) if words[at : at + len(part)] == part), None)


def _other_letter(item: Item, draw: int) -> str | None:
    answer = item.answers[0]
    if len(answer) != 1 or not ("A" <= answer.upper() <= "Z"):
        return None
    first = "A" if answer.isupper() else "a"
    count = max(len(item.choices) or 4, ord(answer) - ord(first) + 1, 2)
    letters = [chr(ord(first) + i) for i in range(count) if chr(ord(first) + i) not in item.answers]
    return letters[draw % len(letters)] if letters else None


def _other_number(answer: str, draw: int) -> str | None:
    """The number with its last whole digits changed by 1 to 9; sign, decimals, currency and unit stay."""
    match = _NUMBER.fullmatch(answer)
    if match is None:
        return None
    before, whole, decimals, after = match.groups()
    off = draw % 9 + 1
    value = int(whole.replace(",", ""))
    value += off if value >= 0 else -off
    return f"{before}{value:,}{decimals or ''}{after}" if "," in whole else f"{before}{value}{decimals or ''}{after}"


def _item(path: Path, number: int, line: bytes) -> Item:
    where = f"answer key {path} line {number}"
    try:
        fields = orjson.loads(line)
    except orjson.JSONDecodeError as error:
        raise ScenarioError(f"{where} is not JSON: {error}") from None
    if not isinstance(fields, dict):
        raise ScenarioError(f"{where} is not a JSON object; give question and answer")
    question = fields.get("question", fields.get("prompt"))
    if not isinstance(question, str) or not words_of(question):
        raise ScenarioError(f"{where} has no question; give a text under question or prompt (it has {_names(fields)})")
    given = fields.get("answer")
    several = given if isinstance(given, list) else [given]
    answers = tuple(_text(one) for one in several if _is_plain(one))
    if not answers or len(answers) < len(several) or not all(answers):
        raise ScenarioError(f"{where} has no answer; give a text, a number or a list of them (it has {_names(fields)})")
    answer_format = fields.get("answer_format")
    if answer_format is not None:
        check_answer_format(answer_format, where)
    wrong = fields.get("wrong")
    if wrong is not None:
        wrong = _text(wrong) if _is_plain(wrong) else ""
        if not wrong or wrong in answers:
            raise ScenarioError(f"{where}: wrong is {fields['wrong']!r}; give a text or number that is not the answer")
    return Item(
        id=str(fields.get("id", number)), question=words_of(question), answers=answers,
        choices=_choices(fields.get("choices"), where), answer_format=answer_format,
        wrong=wrong,
    )  # fmt: skip


def check_answer_format(answer_format: object, where: str) -> None:
    """Raises ScenarioError unless it is a text with {answer} in it."""
    if not isinstance(answer_format, str) or "{answer}" not in answer_format:
        raise ScenarioError(
            f"{where}: answer_format {answer_format!r} has no {{answer}} in it; example {ANSWER_FORMAT!r}"
        )


def _choices(given: Any, where: str) -> tuple[Words, ...]:
    if given is None:
        return ()
    texts = given.get("text") if isinstance(given, dict) else given
    if not isinstance(texts, list) or not all(_is_plain(text) for text in texts):
        raise ScenarioError(f"{where}: choices is {given!r}; give a list of texts")
    return tuple(words_of(_text(text)) for text in texts)


def _is_plain(value: object) -> TypeGuard[str | int | float]:
    return isinstance(value, str | int | float)


def _text(value: str | int | float) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    text = str(value).strip()
    return text.rpartition("####")[2].strip() if "####" in text else text


def _names(fields: dict[str, Any]) -> str:
    return ", ".join(fields) or "no field"
