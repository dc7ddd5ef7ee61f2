"""Checks of a response in helper processes: the same verdicts, and an end to what has none."""

from __future__ import annotations

import json

import pytest

from evalcore.benchmarks.ifeval import IfEval
from evalcore.scoring.helpers import GaveUp
from evalcore.scoring.ifeval import verdicts as room
from evalcore.scoring.ifeval.table import FIXED, loose, strict
from evalcore.scoring.ifeval.verdicts import open_pool, verdicts
from evalcore.types import Answer, Sample

pytest.importorskip("langdetect")
pytest.importorskip("nltk")

ASKED = [
    ("keywords:letter_frequency", {"letter": "#", "let_frequency": 2, "let_relation": "at least"}),
    ("punctuation:no_comma", {}),
    ("startend:quotation", {}),
]
FOR_EVER = [("keywords:existence", {"keywords": ["(a+)+b"]})]
NASTY = "a" * 64


@pytest.mark.parametrize(
    "response", ['"##"', '*\n"a"\n*', "a, b", "", "\ud800 é \x00 \u202e", "line\nline\r\n\x85\u2028"]
)
def test_they_are_those_of_the_checks_themselves(response):
    found = verdicts(ASKED, response)
    assert list(found.strict) == [strict(name, given, response) for name, given in ASKED]
    assert list(found.loose) == [loose(name, given, response) for name, given in ASKED]
    assert list(found.fixed) == [strict(name, given, response, FIXED) for name, given in ASKED]
    assert found.gave_up == ""


@pytest.mark.slow
def test_what_would_take_for_ever_is_given_up_and_the_next_is_answered():
    pool = open_pool(size=1, limit_s=0.3)
    try:
        with pytest.raises(GaveUp, match="time limit"):
            pool.ask_line(json.dumps([FOR_EVER, NASTY]).encode())
        assert json.loads(pool.ask_line(json.dumps([ASKED[1:2], "none"]).encode())) == [[True]] * 3
    finally:
        pool.close()


def test_a_nasty_response_follows_nothing_and_counts_as_unparsed(monkeypatch):
    pool = open_pool(size=1, limit_s=0.5)
    monkeypatch.setattr(room, "_pool", lambda pid: pool)
    target = [{"id": name, "arguments": given} for name, given in FOR_EVER]
    scores = IfEval().score(Sample(id="1", question="?", target=target), Answer(text=NASTY))
    pool.close()
    assert set(scores) == set(IfEval.protocols)
    for score in scores.values():
        assert (score.value, score.extracted, score.detail) == (0.0, None, {"gave_up": "time limit"})
