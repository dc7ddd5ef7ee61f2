"""DROP: exact match and F1 over answers that are numbers, dates, or several spans.

Protocol: Dua et al., "DROP: A Reading Comprehension Benchmark Requiring Discrete Reasoning Over Paragraphs", 2019
(arXiv 1903.00161), and its evaluator (allenai/allennlp-reading-comprehension, drop_eval.py), quirks kept: a number
keeps its punctuation and becomes a float's spelling; whatever Python's float() reads is a number; F1 is rounded to two
decimals; the best gold answer counts, those whose first span is blank are passed over.
"""

from __future__ import annotations

import re
import string
from collections.abc import Sequence
from typing import TypeAlias

import numpy as np

ARTICLES = re.compile(r"\b(?:a|an|the)\b")
BETWEEN_TOKENS = re.compile("[ -]")
PUNCTUATION = {ord(sign): None for sign in string.punctuation}
LONGEST = 20_000  # characters of a span looked at: a bound on time, far above any answer
MOST_SPANS = 200

Bag: TypeAlias = frozenset[str]


def exact_and_f1(answer: Sequence[str], golds: Sequence[Sequence[str]]) -> tuple[float, float]:
    """The spans of an answer against each gold's spans; the best exact match and the best F1, each by itself."""
    exact = f1 = 0.0
    for gold in golds:
        if gold and gold[0].strip():
            one_exact, one_f1 = _against(answer, gold)
            exact, f1 = max(exact, one_exact), max(f1, one_f1)
    return exact, f1


def _against(answer: Sequence[str], gold: Sequence[str]) -> tuple[float, float]:
    said, wanted = ([normal(span[:LONGEST]) for span in spans[:MOST_SPANS]] for spans in (answer, gold))
    exact = float(set(said) == set(wanted) and len(said) == len(wanted))
    said_bags, wanted_bags = ([frozenset(span.split()) for span in spans] for spans in (said, wanted))
    return exact, round(_aligned(said_bags, wanted_bags), 2)


def normal(span: str) -> str:
    """Token by token, cut at spaces and hyphens: lower case, no punctuation, numbers as floats, no articles."""
    tokens = (_token(token) for token in BETWEEN_TOKENS.split(span))
    return " ".join(token for token in tokens if token)


def _token(token: str) -> str:
    token = token.lower()
    if not is_number(token):
        token = token.translate(PUNCTUATION)
    if is_number(token):
        token = str(float(token))
    return " ".join(ARTICLES.sub(" ", token).split())


def is_number(text: str) -> bool:
    """What float() reads, so "nan", "1e3" and "1_000" too."""
    try:
        float(text)
    except ValueError:
        return False
    return True


def _aligned(said: Sequence[Bag], wanted: Sequence[Bag]) -> float:
    """Mean F1 of the best one-to-one pairing of bags; a bag without partner counts as 0."""
    from scipy.optimize import linear_sum_assignment  # loads in 0.2 s; only this one benchmark needs it

    if not said or not wanted:
        return 0.0
    table = np.array([[_pair(ours, gold) for ours in said] for gold in wanted])
    rows, columns = linear_sum_assignment(-table)
    return float(table[rows, columns].sum()) / max(len(said), len(wanted))


def _pair(said: Bag, wanted: Bag) -> float:
    """F1 of two sets of words; 0 when the gold one holds numbers and shares none of them."""
    numbers = {word for word in wanted if is_number(word)}
    if numbers and not numbers & said:
        return 0.0
    if not said or not wanted:  # a side without words has precision or recall 1, so both blank agree
        return float(not said and not wanted)
    return 2 * len(said & wanted) / (len(said) + len(wanted))
