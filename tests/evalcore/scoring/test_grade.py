"""Reading a judge's verdict: words first, letters second, and no verdict where none is clear."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evalcore.scoring.grade import grade_of


@pytest.mark.parametrize(
    ("reply", "grade"),
    [
        ("CORRECT", "CORRECT"),
        ("INCORRECT", "INCORRECT"),
        ("NOT_ATTEMPTED", "NOT_ATTEMPTED"),
        ("Not attempted.", "NOT_ATTEMPTED"),
        ("**Correct**", "CORRECT"),
        ("A", "CORRECT"),
        ("B.", "INCORRECT"),
        ("(C)", "NOT_ATTEMPTED"),
        ("A: CORRECT", "CORRECT"),
        ("Grade: B", "INCORRECT"),
        ("The grade is **CORRECT**.", "CORRECT"),
        ("Both name Paris.\n\nGrade: CORRECT", "CORRECT"),
        ("INCORRECT\n\nThe right answer is Paris, which is CORRECT only in part.", "INCORRECT"),
        ("The answer is clearly INCORRECT, for it names Rome.", "INCORRECT"),
        ("A: INCORRECT", "INCORRECT"),
        ("CORRECT or INCORRECT", None),
        ("It is not CORRECT in my view, hm", None),
        ("A close call, but Because", None),
        ("I cannot say whether it is CORRECT here", None),
        ("a", None),
        ("D", None),
        ("", None),
    ],
)
def test_grade(reply, grade):
    assert grade_of(reply) == grade


@given(
    st.text()
    | st.lists(st.sampled_from(["A", "B", "CORRECT", "IN", "NOT_", "ATTEMPTED", ":", " ", "\n", "not "])).map("".join)
)
def test_any_reply_is_read(reply):
    assert grade_of(reply) in ("CORRECT", "INCORRECT", "NOT_ATTEMPTED", None)


@pytest.mark.parametrize("unit", ["grade: ", "CORRECT ", "not ", "\n", "*", "grade is ", "A"])
def test_a_megabyte_takes_time_in_proportion(unit):
    began = time.process_time()
    grade_of(unit * (10**6 // len(unit)))
    assert time.process_time() - began < 20  # quadratic time would be hours
