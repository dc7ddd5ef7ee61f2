"""Answers to questions about pictures: what is read, what is right."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evalcore.scoring.mathvision import extracted, is_right, same
from evalcore.scoring.mathvista import edit_distance, normal, plain_answer

READ = [
    ("60", "60"),
    ("The answer is 60.", "60"),
    ("So the area is 12", "12"),
    ("It must be (B).", "b"),
    ("C\nBecause", "c"),
    ("(D) D\nBecause", "d"),
    ("Therefore \\boxed{\\text{(E)}}.", "e"),
    ("\\boxed{1}, no: \\boxed{x=\\dfrac{1}{2}}", "\\frac{1}{2}"),
    ("\\boxed{60^\\circ}", "60"),
    ("\\boxed{5 \\text{ cm}}", "5{cm}"),
    ("\\boxed{0.5}", "\\frac{1}{2}"),
    ("\\boxed{3/4}", "\\frac{3}{4}"),
    ("\\boxed{12\\%}", "12"),
    ("The answer should be A. Since", "a"),
    ("the answer is:\n7", ""),
    ("", ""),
    ("no idea", "noidea"),
]


@pytest.mark.parametrize(("reply", "answer"), READ)
def test_answer_read_out_of_a_reply(reply, answer):
    assert extracted(reply) == answer


SAME = [
    ("8.0", "8", True),
    ("2.004", "2", True),
    ("2.006", "2", False),
    ("\\frac{1}{900}", "\\frac{1}{300}", True),
    ("A", "a", True),
    ("A", "b", False),
    ("", "", False),
    ("x", "x", True),
    ("x", "y", False),
    ("(1,2)", "(1, 2)", True),
    ("(1,2)", "(2,1)", False),
    ("(1,2)", "[1,2]", False),
    ("[1/2,3]", "[0.5,3]", True),
    ("5", "five", False),
    ("5", "5 cm", False),
]


@pytest.mark.parametrize(("gold", "answer", "right"), SAME)
def test_same(gold, answer, right):
    assert same(gold, answer) is right


def test_the_letter_is_right_and_so_is_the_option():
    assert is_right("d", "D", "$\\frac{7}{2}$") and is_right("3.5", "D", "$\\frac{7}{2}$")
    assert not is_right("c", "D", "$\\frac{7}{2}$") and not is_right("", "D", "")


NORMAL = [
    ("B", ("x", "y"), "text", None, "y"),
    ("(b) z", ("x", "y"), "text", None, "y"),
    ("yes", ("No", "Yes"), "text", None, "Yes"),
    ("145", ("135°", "145°"), "text", None, "145°"),
    ("E", ("x", "y"), "text", None, "x"),
    ("", ("a", "bb"), "text", None, "a"),
    ("7", (), "integer", None, "7"),
    ("7.9", (), "integer", None, "7"),
    ("seven", (), "integer", None, None),
    ("inf", (), "integer", None, None),
    ("nan", (), "integer", None, None),
    ("1.25", (), "float", 1, "1.2"),
    ("2", (), "float", 1, "2.0"),
    ("[1, 2]", (), "list", None, "[1, 2]"),
]


@pytest.mark.parametrize(("extraction", "choices", "kind", "precision", "prediction"), NORMAL)
def test_mathvista_compares_in_the_form_of_the_gold_answers(extraction, choices, kind, precision, prediction):
    assert normal(extraction, choices, kind, precision) == prediction


PLAIN = [
    ("Yes", ("No", "Yes"), "text", "Yes"),
    ("yes", ("No", "Yes"), "text", None),
    ("7", (), "integer", "7"),
    ("7.0", (), "integer", None),
    ("7", (), "float", "7.0"),
    ('The answer is "B".', ("a", "b"), "text", "B"),
    ("", (), "integer", None),
]


@pytest.mark.parametrize(("reply", "choices", "kind", "extraction"), PLAIN)
def test_mathvista_needs_no_model_for_a_plain_answer(reply, choices, kind, extraction):
    assert plain_answer(reply, choices, kind) == extraction


def slowly(one, other):
    row = list(range(len(other) + 1))
    for i, sign in enumerate(one, 1):
        before, row[0] = row[0], i
        for j, wanted in enumerate(other, 1):
            before, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, before + (sign != wanted))
    return row[-1]


@given(st.text("abé ", max_size=70), st.text("abé ", max_size=70))
def test_edit_distance(one, other):
    assert edit_distance(one, other) == slowly(one, other)


@pytest.mark.parametrize(
    "text",
    [
        "x" * 1_000_000,
        "is " * 300_000,
        "oxed{" * 200_000,
        "=" * 1_000_000,
        "\\sqrt" * 200_000,
        "(a)" * 300_000,
        "{}" * 500_000,
        "The answer is " * 70_000,
        "9" * 1_000_000,
    ],
)
def test_long_replies_take_no_longer_than_their_length(text):
    began = time.process_time()
    is_right(extracted(text), "A", "12")
    normal(text, ("one", "two"), "text", None)
    normal(text, (), "float", 2)
    plain_answer(text, ("one",), "integer")
    assert time.process_time() - began < 5


@given(st.text(max_size=80))
def test_no_reply_raises(text):
    is_right(extracted(text), "A", text)
    for kind in ("integer", "float", "list"):
        normal(text, (), kind, 1)
