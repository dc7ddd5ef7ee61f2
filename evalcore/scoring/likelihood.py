"""Likelihood: options compared by how likely the model finds them. Pure functions.

Protocols of texts are those of EleutherAI/lm-evaluation-harness 0.4, under its names (api/task.py, process_results of
multiple choice). LL is the natural logarithm of the probability of the option as it continues the question:

    acc                     the option with the largest LL is right
    acc_norm                ... with the largest LL / characters of the option (without the blank before it)
    acc_bytes               ... with the largest LL / UTF-8 bytes of it
    acc_mutual_info         ... with the largest LL - LL without the question (no context at all)
    acc_mutual_info_answer  the same, but after "Answer:" (Brown et al. 2020, section 2.4), where an endpoint does not
                            tell the likelihood of a text's first token

Of letters:

    letter_acc              the letter with the largest LL is right: what the harness calls acc of MMLU
    letter_choice           the letter that a masked answer consisted of is right: an argmax without likelihoods

TruthfulQA (Lin et al. 2021, https://arxiv.org/abs/2109.07958):

    mc1                     of one true option and several false ones, the true one is the likeliest
    mc2                     probability of all true options, as a share of that of all true and false ones

The first of equals wins, as numpy's argmax does in the harness.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from string import ascii_uppercase

from evalcore.types import Likelihood, Score, Scores

TEXTS = ("acc", "acc_norm", "acc_bytes", "acc_mutual_info", "acc_mutual_info_answer")
NORMALISED = ("acc_norm", "acc", "acc_bytes", "acc_mutual_info", "acc_mutual_info_answer")
"""The same, for data sets whose published figure is normalised by length."""
LETTERS_ONLY = ("first_token", "guided_choice")
"""Ways that compare letters, whatever the benchmark would."""
LETTER_ACC, LETTER_CHOICE = "letter_acc", "letter_choice"


def score_texts(likelihoods: Sequence[Likelihood], target: str, protocols: Sequence[str]) -> Scores:
    """One score for each of `protocols` (names in TEXTS) that there are numbers for; `target` is a letter."""
    return {name: _picked(values, target) for name in protocols if (values := _values(likelihoods, name)) is not None}


def score_letters(likelihoods: Sequence[Likelihood], target: str) -> Scores:
    """A letter without a likelihood is less likely than any that has one."""
    values = [-math.inf if one.logprob is None else one.logprob for one in likelihoods]
    return {LETTER_ACC: _picked(values, target)}


def score_chosen(letter: str, target: str) -> Scores:
    return {LETTER_CHOICE: Score(value=float(letter == target), extracted=letter)}


def score_truthful(
    options: Sequence[Likelihood], target: str, true: Sequence[Likelihood], false: Sequence[Likelihood]
) -> Scores:
    """mc1 over `options`, mc2 over the true and the false ones; mc2 is left out unless there are some of both."""
    scores = {"mc1": _picked([_sum(one) for one in options], target)}
    if true and false:
        top = max(map(_sum, (*true, *false)))
        mass_true, mass_false = (sum(math.exp(_sum(one) - top) for one in group) for group in (true, false))
        share = mass_true / (mass_true + mass_false)
        scores["mc2"] = Score(value=share, extracted=f"{share:.4f}")
    return scores


def _picked(values: Sequence[float], target: str) -> Score:
    letter = ascii_uppercase[max(range(len(values)), key=values.__getitem__)]
    return Score(value=float(letter == target), extracted=letter)


def _values(likelihoods: Sequence[Likelihood], protocol: str) -> list[float] | None:
    if protocol == "acc":
        return [_sum(one) for one in likelihoods]
    if protocol == "acc_norm":
        return [_sum(one) / max(len(_bare(one)), 1) for one in likelihoods]
    if protocol == "acc_bytes":
        return [_sum(one) / max(len(_bare(one).encode("utf-8", "surrogatepass")), 1) for one in likelihoods]
    priors = [one.prior if protocol == "acc_mutual_info" else one.prior_answer for one in likelihoods]
    if None in priors:
        return None
    return [_sum(one) - (prior or 0.0) for one, prior in zip(likelihoods, priors, strict=True)]


def _sum(one: Likelihood) -> float:
    assert one.logprob is not None, "exact ways tell all of them"
    return one.logprob


def _bare(one: Likelihood) -> str:
    return one.text.removeprefix(" ")
