"""Choices: answers to multiple-choice questions, scored by several readers at once.

One answer, one score a reader: where the field disagrees on how a letter is read, the report shows each under its
name. What was read stands in `extracted`; None means that the reader found no choice, which scores 0 and is counted
apart. How letters are read is in evalcore.scoring.letters.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from evalcore.scoring import letters
from evalcore.types import Score, Scores

Reader = Callable[[str, Sequence[str]], str | None]

READERS: Mapping[str, Reader] = {
    "last_statement": letters.last_statement,
    "simple_evals": letters.simple_evals,
    "simple_evals_languages": letters.simple_evals_languages,
    "mmlu_pro": letters.mmlu_pro,
    "mmlu_pro_stage1": letters.mmlu_pro_stage1,
    "exact_letter": letters.exact_letter,
    "leading_letter": letters.leading_letter,
}


def score_choice(text: str, target: str, choices: Sequence[str], protocols: Sequence[str]) -> Scores:
    """One score a protocol, 1.0 where the letter read is the target."""
    scores = {}
    for protocol in protocols:
        extracted = READERS[protocol](text, choices)
        scores[protocol] = Score(value=float(extracted == target), extracted=extracted)
    return scores
