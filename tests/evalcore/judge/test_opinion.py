"""What a judge holds, from all that it said."""

import pytest

from evalcore.judge.opinion import Opinion, majority, opinions
from evalcore.types import Verdict


def said(*words, order="", judge="j", opponent=""):
    return [
        Verdict(judge=judge, verdict=word, order=order, opponent=opponent, vote=vote) for vote, word in enumerate(words)
    ]


def pair(ab, ba):
    (one,) = opinions([*said(*ab, order="ab", opponent="o"), *said(*ba, order="ba", opponent="o")])
    return one


@pytest.mark.parametrize(("ab", "ba", "word", "flipped", "liking"), [
    pytest.param(["win"], ["win"], "win", False, 0.0, id="both orders"),
    pytest.param(["win"], ["loss"], "tie", True, 1.0, id="the first, whoever it is"),
    pytest.param(["loss"], ["win"], "tie", True, -1.0, id="the second, whoever it is"),
    pytest.param(["win"], ["tie"], "tie", True, 0.5, id="a win and a tie are a tie"),
    pytest.param(["tie"], ["tie"], "tie", False, 0.0, id="a tie"),
    pytest.param(["win", "win", "loss"], ["win"], "win", False, 1 / 3 / 2 - 0.5, id="votes are counted in each order"),
    pytest.param(["win", "loss"], ["win"], "tie", True, -0.5, id="split votes are a tie"),
])  # fmt: skip
def test_a_pair(ab, ba, word, flipped, liking):
    one = pair(ab, ba)
    assert (one.word, one.flipped) == (word, flipped)
    assert one.first_favoured == pytest.approx(liking)
    assert sum(one.shares.values()) == pytest.approx(1)


def test_both_orders_weigh_the_same_however_many_votes_each_has():
    assert pair(["win", "win", "win"], ["loss"]).shares == {"win": 0.5, "loss": 0.5}


@pytest.mark.parametrize("verdicts", [
    pytest.param(said("win", order="ab", opponent="o"), id="one order only"),
    pytest.param([*said("win", order="ab", opponent="o"), *said(None, order="ba", opponent="o")], id="one unread"),
    pytest.param([Verdict(judge="j", fault="http_500")], id="never answered"),
    pytest.param([], id="nothing"),
])  # fmt: skip
def test_what_makes_no_opinion(verdicts):
    assert opinions(verdicts) == []


def test_votes_on_one_answer():
    assert opinions(said("A", "B", "A")) == [Opinion("j", "", "", "A", {"A": 2 / 3, "B": 1 / 3})]
    assert opinions(said("A", "B"))[0].word is None


def test_majority_names_all_that_are_equally_common():
    assert (majority(["A", "B", "A"]), majority(["A", "B"]), majority([])) == (["A"], ["A", "B"], [])
