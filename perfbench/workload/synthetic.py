"""Synthetic: made-up prompts of about N tokens, no two alike from their first words on.

A prompt is eight words that spell (seed, index) one to one, then a stretch of a long random text at a place that also
depends on both. Servers reuse a cached prefix block by block from the start, so no cache can flatter a run; the stretch
costs one copy, whatever its length. The length is an estimate: every word is a single token (with the space before it)
under the GPT-2, SmolLM2 and BERT vocabularies, but a server's own tokenizer and its chat template have the last word.
"""

from __future__ import annotations

import random
from array import array

from perfbench.engine.errors import ScenarioError
from perfbench.workload.base import UNIQUE

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
_STRETCH_WORDS = 1 << 14
_MASK = (1 << 64) - 1


class SyntheticTexts:
    """Texts of `words` words. With fewer than eight, later texts may repeat: so few words have no room for more."""

    def __init__(self, seed: int, words: int) -> None:
        if words < 1:
            raise ScenarioError(f"prompt_tokens must be at least 1, got {words}")
        self._words = self.mean_tokens = words
        self.reuse = UNIQUE if words >= SPELT else f"possible: {words} words have no room for prompts that all differ"
        self._salt = mixed(seed & _MASK)
        tail = max(0, words - SPELT)
        drawn = random.Random(f"prompts {seed}").choices(WORDS, k=_STRETCH_WORDS + tail)
        self._stretch = " " + " ".join(drawn)
        begins, at = array("q"), 0
        for word in drawn:
            begins.append(at)
            at += len(word) + 1
        begins.append(at)
        self._begins = begins
        self._tail = tail

    def text(self, index: int) -> str:
        number = mixed((index ^ self._salt) & _MASK)
        spelt = " ".join([WORDS[byte] for byte in number.to_bytes(8)[: self._words]])
        first = number % _STRETCH_WORDS
        return spelt + self._stretch[self._begins[first] : self._begins[first + self._tail]]


def mixed(number: int) -> int:
    """A one-to-one map of 64-bit numbers that leaves no pattern: the finalizer of SplitMix64 (Steele et al., 2014)."""
    number = (number + 0x9E3779B97F4A7C15) & _MASK
    number = ((number ^ (number >> 30)) * 0xBF58476D1CE4E5B9) & _MASK
    number = ((number ^ (number >> 27)) * 0x94D049BB133111EB) & _MASK
    return number ^ (number >> 31)
