"""Words: texts of so many tokens, and the words that they are made of. All made-up prompts come from here.

A text is eight words that spell a 64-bit number one to one, then a stretch of a long random text at a place that also
depends on it: texts of two numbers differ from their first words on, and a text of fewer tokens is the beginning of one
of more. The stretch costs one copy, whatever its length: a prompt of 128 tokens takes 2 to 3 us, with a drawn length
about 8 us, and one of 12 000 tokens in blocks of 512 about 45 us, with a tokenizer or without.

With a tokenizer the number of tokens is exact, by construction: it is counted once how many tokens each word has, at
the beginning of a text and behind a space, and where no token of the vocabulary reaches from one word into the next,
the tokens of a text are those of its words (a tokenizer's merges and pieces are entries of its vocabulary). Where some
do, each text is counted and mended, at about 1 us a token. Without a tokenizer a word counts as a token, which is what
it is under the vocabularies of GPT-2, SmolLM2 and BERT, but for the first of a text, which has no space before it.
"""

from __future__ import annotations

import random
from array import array
from bisect import bisect_right

from perfbench.engine.errors import ScenarioError
from perfbench.workload.tokens import Tokenizer

WORDS = tuple(
    """
    actor airport ancient answer apple baby baker banana basket beer blue border bottle bottom bread breakfast brick
    bridge bright brother brown bucket butcher butter camera candle carrot castle cattle center century chair cheese
    cherry child church circle clean closed cloud coffee common complex cotton courage cousin dance dancer dark deep
    desk dinner direction dirty distance doctor doubt dream drum dust eagle early earth east elephant empty ending
    energy engine evening factory famous farmer father fear film fire floor force forest fresh friend future gentle
    glass global gold grape green guitar hammer harbor heavy height holiday horse hospital hotel journey joy judge
    juice kindness king kitchen ladder late lawyer left lemon length letter library line lion local loud lunch
    market memory metal middle midnight minute mirror moment monkey month morning mother mountain museum music
    narrow north notebook novel number nurse ocean office open orange painter painting palace path patience pattern
    peach pencil pepper piano picture pillow pilot planet plastic poem point potato power present private problem
    public queen question quick quiet rabbit rain rare reason red restaurant result right river roof rough salad
    salmon salt sand secret shadow shark sharp sheep signal silk silver simple singer sky slow smoke smooth snake
    soldier song soup south speed spider square station statue steel storm street strong sugar summer sun surface
    surprise table tailor teacher temple theater ticket tiger tomato tower track triangle trust tunnel turtle valley
    village violin voice wall weak weather week west whale wheel whisper white width wind window wine winter wisdom
    wood wool writer year yellow
    """.split()  # noqa: SIM905 - quoted one by one they would fill a page
)
SPELT = 8  # words that spell one 64-bit number, a byte each
ESTIMATE = "estimate: a word counts as a token, as under GPT-2, SmolLM2 and BERT; with a tokenizer the count is exact"
_STRETCH_WORDS = 1 << 14
_MOST_STRETCH = 1 << 17  # a longer text begins the stretch anew: what repeats lies beyond any common window
_MASK = (1 << 64) - 1
_TRIES = 12  # to mend a text whose words do not simply add up


class Words:
    """`most` is about how many tokens the longest text has; a longer one can still be made."""

    def __init__(self, seed: int, most: int, tokenizer: Tokenizer | None = None) -> None:
        """Raises ScenarioError when no text of an exact length can be made for the tokenizer."""
        tail = min(max(0, most - SPELT), _MOST_STRETCH)
        drawn = random.Random(f"prompts {seed}").choices(range(len(WORDS)), k=_STRETCH_WORDS + tail)
        self._stretch = " " + " ".join([WORDS[word] for word in drawn])
        begins, at = array("q"), 0
        for word in drawn:
            begins.append(at)
            at += len(WORDS[word]) + 1
        begins.append(at)
        self._begins, self._length = begins, len(drawn)
        self._opening = self._within = (1,) * len(WORDS)
        self._until: array[int] | None = None
        """Tokens of the stretch before each of its words; None where each is one."""
        self._openers = self._fillers = WORDS
        self._mended: Tokenizer | None = None
        self.source = ESTIMATE
        if tokenizer is not None:
            self._measure(tokenizer, drawn)

    def text(self, number: int, tokens: int, *, opening: bool = True) -> str:
        """The text of that number: `tokens` tokens, 1 or more. `opening`: it begins a prompt; else it begins with a
        space, and goes on where another text ended."""
        if self._mended is not None:
            return self._counted(self._mended, number, tokens, opening)
        spelling = number.to_bytes(8)
        if self._until is None:
            tail = tokens - SPELT - (self._opening[spelling[0]] - 1 if opening else 0)
            if 0 <= tail <= self._length - _STRETCH_WORDS:
                first = number % _STRETCH_WORDS
                begins = self._begins
                spelt = " ".join([WORDS[byte] for byte in spelling])
                rest = self._stretch[begins[first] : begins[first + tail]]
                return spelt + rest if opening else f" {spelt}{rest}"
        return self._fitted(number, tokens, opening)

    def _fitted(self, number: int, tokens: int, opening: bool) -> str:
        """The same word by word, where they are few, or many, or of several tokens."""
        spelling, at = number.to_bytes(8), number % _STRETCH_WORDS
        pieces: list[str] = []
        costs = self._opening if opening else self._within
        for byte in spelling:
            if costs[byte] > tokens:
                break
            tokens -= costs[byte]
            pieces.append(f" {WORDS[byte]}")
            costs = self._within
        if not pieces:  # even the first word is too long
            single = self._openers if opening else self._fillers
            pieces.append(f" {single[at % len(single)]}")
            tokens -= 1
        while tokens:
            end = self._reach(at, tokens)
            if end == at:
                pieces += [f" {self._fillers[(at + step) % len(self._fillers)]}" for step in range(tokens)]
                break
            pieces.append(self._stretch[self._begins[at] : self._begins[end]])
            tokens -= self._tokens_between(at, end)
            at = end % self._length
        text = "".join(pieces)
        return text[1:] if opening else text

    def _reach(self, at: int, tokens: int) -> int:
        """How far the stretch goes with so many tokens, from that word on."""
        if self._until is None:
            return min(at + tokens, self._length)
        return bisect_right(self._until, self._until[at] + tokens) - 1

    def _tokens_between(self, at: int, end: int) -> int:
        return end - at if self._until is None else self._until[end] - self._until[at]

    def _counted(self, tokenizer: Tokenizer, number: int, tokens: int, opening: bool) -> str:
        asked = tokens
        for _ in range(_TRIES):
            text = self._fitted(number, asked, opening)
            found = tokenizer.count(text)
            if found == tokens:
                return text
            asked = max(1, asked + tokens - found)
        raise ScenarioError(
            f"tokenizer {tokenizer.path}: no text of {tokens} tokens was found in {_TRIES} tries, because its tokens "
            "reach over spaces; leave the tokenizer out, and lengths are estimates"
        )

    def _measure(self, tokenizer: Tokenizer, drawn: list[int]) -> None:
        anchor = tokenizer.count(WORDS[0])
        self._opening = tuple(tokenizer.count(word) for word in WORDS)
        self._within = tuple(tokenizer.count(f"{WORDS[0]} {word}") - anchor for word in WORDS)
        self._openers = tuple(word for word, cost in zip(WORDS, self._opening, strict=True) if cost == 1)
        self._fillers = tuple(word for word, cost in zip(WORDS, self._within, strict=True) if cost == 1)
        if not self._openers or not self._fillers:
            raise ScenarioError(
                f"tokenizer {tokenizer.path}: no common English word is a single token of it, so prompts of an exact "
                "length cannot be made up; leave it out, and lengths are estimates"
            )
        if any(cost != 1 for cost in self._within):
            self._until = array("q", [0])
            for word in drawn:
                self._until.append(self._until[-1] + self._within[word])
        self.source = f"tokenizer {tokenizer.path.name}: exact, without the chat template"
        if tokenizer.joins_words or not self._adds_up(tokenizer, drawn):
            self._mended = tokenizer
            self.source += "; each prompt is counted"

    def _adds_up(self, tokenizer: Tokenizer, drawn: list[int]) -> bool:
        """Whether a long piece has as many tokens as its words: the vocabulary says so, and this makes sure."""
        piece = drawn[:2048]
        wanted = self._opening[piece[0]] + sum(self._within[word] for word in piece[1:])
        return tokenizer.count(" ".join([WORDS[word] for word in piece])) == wanted


class Numbers:
    """Numbers for the i-th of something, by seed and purpose: 64 bits, or evenly between 0 and 1."""

    def __init__(self, seed: int, purpose: str) -> None:
        self._salt = random.Random(f"{purpose} {seed}").getrandbits(64)

    def number(self, index: int) -> int:
        """Another one for each index below 2^64."""
        return mixed((index ^ self._salt) & _MASK)

    def share(self, index: int) -> float:
        """Above 0 and below 1."""
        return ((self.number(index) >> 12) + 0.5) * 2.0**-52


def mixed(number: int) -> int:
    """A one-to-one map of 64-bit numbers that leaves no pattern: the finalizer of SplitMix64 (Steele et al., 2014)."""
    number = (number + 0x9E3779B97F4A7C15) & _MASK
    number = ((number ^ (number >> 30)) * 0xBF58476D1CE4E5B9) & _MASK
    number = ((number ^ (number >> 27)) * 0x94D049BB133111EB) & _MASK
    return number ^ (number >> 31)
