"""Reading verdicts: from the last line, or a field of JSON, and from nowhere else."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evalcore.judge.form import Scale, Words
from evalcore.judge.pairwise import Pairs
from evalcore.scoring.verdict import grade_on, word_of

PAIR = ("A", "B", "TIE")


@pytest.mark.parametrize(("reply", "word"), [
    ("A", "A"),
    ("Verdict: A", "A"),
    ("**Verdict: B**", "B"),
    ("Verdict: **tie**", "TIE"),
    ("The first one is right.\n\nMy final verdict is: [[A]]", "A"),
    ("Because of this, B.\nVerdict: Answer A", "A"),
    ('{"reason": "B is worse", "verdict": "A"}', "A"),
    ('```json\n{"verdict": "TIE"}\n```', "TIE"),
    ("Verdict: A\nBut then again, who knows.", None),
    ("Verdict: A\nVerdict: B or A", None),
    ("Verdict: a", None),
    ("Verdict: C", None),
    ("A or B", None),
    ("Answer A says \"Verdict: B\"", None),
    ('{"verdict": "A"', "A"),  # JSON that was cut after its verdict
    ('{"verdict": ["A"]}', None),
    ('{"reason": "Verdict: A"}', None),
    ("[\"A\"]", "A"),  # brackets around a lone word are ornament
    ("", None),
    ("\n\n", None),
])  # fmt: skip
def test_word(reply, word):
    assert word_of(reply, PAIR) == word


@pytest.mark.parametrize("said", ["[[C]]", "Verdict: draw", "My final verdict is tie: [[A=B]]", "[[A=B]]"])
def test_other_ways_to_say_that_neither_is_better(said):
    expected = None if "tie:" in said else "TIE"
    assert Pairs.form.read(said) == expected


@pytest.mark.parametrize(("reply", "grade"), [
    ("7", 7.0),
    ("Grade: 7", 7.0),
    ("Rating: [[7.5]]", 7.5),
    ("So:\nScore: **8/10**", 8.0),
    ("9 out of 10", 9.0),
    ('{"verdict": 3}', 3.0),
    ('{"verdict": "3"}', 3.0),
    ('{"verdict": true}', None),
    ("8/5", None),
    ("11", None),
    ("0", None),
    ("-3", None),
    ("7 or 8", None),
    ("\u0667", None),
    ("Grade: 7, because it is good", None),
])  # fmt: skip
def test_grade_on_a_scale_from_1_to_10(reply, grade):
    assert grade_on(reply, 1, 10) == grade


@given(
    st.text()
    | st.lists(st.sampled_from(["A", "Verdict", ":", " ", "\n", "{", "}", '"verdict"', "7", "/10"])).map("".join)
)
def test_any_reply_is_read(reply):
    assert word_of(reply, PAIR) in (*PAIR, None)
    grade = grade_on(reply, 1, 10)
    assert grade is None or 1 <= grade <= 10


@pytest.mark.parametrize("unit", ["verdict: ", "A ", "my final ", "\n", "*", '{"verdict":', "[[", "```json\n{"])
def test_a_megabyte_takes_time_in_proportion(unit):
    began = time.process_time()
    word_of(unit * (10**6 // len(unit)), PAIR)
    assert time.process_time() - began < 20  # quadratic time would be hours


def test_words_of_several_parts_are_the_same_however_they_are_joined():
    form = Words(("NOT_ATTEMPTED", "CORRECT"))
    assert {form.read(said) for said in ("not attempted", "NOT-ATTEMPTED", "Verdict: Not_Attempted.")} == {
        "NOT_ATTEMPTED"
    }
    assert form.read("incorrect") is None


def test_grades_are_kept_in_one_spelling_and_put_onto_0_to_1():
    scale = Scale(1, 10)
    assert (scale.read("7.0"), scale.read("7")) == ("7", "7")
    assert (scale.share(1), scale.share(10)) == (0.0, 1.0)
