"""Pairwise: an answer beside another one to the same question, in both orders, because judges like a place.

L. Zheng et al., "Judging LLM-as-a-Judge with MT-Bench and Chatbot Arena", 2023 (arXiv 2306.05685), section 3.4: a win
counts as one when both orders say so, else it is a tie. Scores of a sample, side by side:
- win_rate (headline): what the verdicts are worth (1, a tie 0.5, 0), the mean over both orders, over judges, and then
  over opponents; win_rate_vs_NAME against each of several opponents.
- wins, ties, losses: 1 for what most judges hold, each of both its orders together, mean over opponents. A judge who
  changes with the order holds a tie; so do judges of whom as many say win as loss.
A pair that a judge was read on in one order only is left out for that judge; who was never judged is no loser.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import combinations
from typing import Any

from evalcore.errors import TaskError
from evalcore.judge.form import Form, Words, instruction
from evalcore.judge.opinion import LOSS, ORDERS, TIE, WIN, WORTH, majority, opinions
from evalcore.judge.prompts import PAIR, filled
from evalcore.judge.question import Showing, conversation, question_text, reference_text
from evalcore.judge.settings import JudgeSettings
from evalcore.types import Answer, Sample, Score, Scores, Verdict

PLACES = ("question", "reference", "answer_a", "answer_b")
NEEDED = ("answer_a", "answer_b")
OUTCOMES: Mapping[str, str] = {"wins": WIN, "ties": TIE, "losses": LOSS}
PROTOCOLS = ("win_rate", *OUTCOMES)
_FIRST, _SECOND, _NEITHER = "A", "B", "TIE"
# Other ways to name them, of templates that people bring along: MT-Bench's [[C]], Arena-Hard's [[A>>B]].
_ALIASES = {"C": _NEITHER, "draw": _NEITHER, "A=B": _NEITHER, "A>B": _FIRST, "A>>B": _FIRST, "B>A": _SECOND,
            "B>>A": _SECOND}  # fmt: skip


class Pairs:
    """The question which of two answers is better. `opponents(sample, repeat)` gives answers by who gave them."""

    protocols = PROTOCOLS
    form: Form = Words((_FIRST, _SECOND, _NEITHER), _ALIASES)

    def __init__(
        self, benchmark: str, opponents: Callable[[Sample, int], Mapping[str, str]], *, all_pairs: bool = False
    ) -> None:
        self._benchmark = benchmark
        self._opponents = opponents
        self._all_pairs = all_pairs

    def check(self, samples: Iterable[Sample]) -> None:
        for sample in samples:
            if not self._opponents(sample, 0):
                raise TaskError(
                    f"{self._benchmark}: there is no answer that those to sample {sample.id} could be compared with; "
                    f"give `answers` in the data, or dataset_args.{self._benchmark}.extra.baseline = the folder of "
                    "another run of the same data, or take judge_strategy single"
                )

    def showings(self, sample: Sample, answer: Answer, repeat: int, judge: JudgeSettings) -> list[Showing]:
        others = self._opponents(sample, repeat)
        pairs = [("", name) for name in others]
        pairs += combinations(others, 2) if self._all_pairs else ()
        found = []
        for contender, opponent in pairs:
            first, second = others[contender] if contender else answer.text, others[opponent]
            for order in ORDERS:
                shown = (first, second) if order == ORDERS[0] else (second, first)
                texts = {"question": question_text(sample), "reference": reference_text(sample),
                         "answer_a": shown[0], "answer_b": shown[1]}  # fmt: skip
                user = filled(judge.prompt_template or PAIR, texts, instruction(self.form))
                found.append(Showing(conversation(judge, user), order, contender, opponent))
        return found

    def read(self, sample: Sample, answer: Answer, order: str, reply: str) -> str | None:
        said = self.form.read(reply)
        if said is None or said == _NEITHER:
            return None if said is None else TIE
        return WIN if (said == _FIRST) == (order == ORDERS[0]) else LOSS

    def scores(self, sample: Sample, answer: Answer, verdicts: Sequence[Verdict]) -> Scores:
        by_opponent: dict[str, list[tuple[float, str]]] = {}
        for one in opinions(verdicts):
            if not one.contender:  # pairs of two opponents are for ratings alone
                worth = sum(WORTH[word] * share for word, share in one.shares.items())
                by_opponent.setdefault(one.opponent, []).append((worth, one.word or TIE))
        if not by_opponent:
            return {}
        rates = {name: sum(worth for worth, _ in said) / len(said) for name, said in by_opponent.items()}
        held = [_held(word for _, word in said) for said in by_opponent.values()]
        several = (f"{outcome} vs {name}" for name, outcome in zip(rates, held, strict=True))
        word = held[0] if len(held) == 1 else ", ".join(several)
        found = {"win_rate": Score(value=sum(rates.values()) / len(rates), extracted=word)}
        for name, outcome in OUTCOMES.items():
            found[name] = Score(value=held.count(outcome) / len(held), extracted=word)
        if len(self._opponents(sample, 0)) > 1 or len(rates) > 1:
            found |= {f"win_rate_vs_{name}": Score(value=rate, extracted=word) for name, rate in rates.items()}
        return found

    def describe(self) -> Mapping[str, Any]:
        return {"question": "Pairs", "template": PAIR, "all_pairs": self._all_pairs}


def _held(words: Iterable[str]) -> str:
    """What most judges hold; a tie when none does."""
    most = majority(words)
    return most[0] if len(most) == 1 else TIE
