"""Numbers in answers: which one is meant, what it is worth, and the harness's ways kept as they are."""

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evalcore.scoring.numbers import (
    Writing,
    behind_last_word,
    harness_flexible,
    harness_same,
    harness_strict,
    number_value,
    same_number,
    stated_number,
    whole_number,
)


@pytest.mark.parametrize(
    ("text", "number"),
    [
        pytest.param("The answer is 18.", "18", id="announced"),
        pytest.param("Final answer: **1,234**", "1,234", id="markdown around it"),
        pytest.param("**Answer:** $5.50", "5.50", id="markdown around the word"),
        pytest.param("The answer is:\n\n$$18$$\nin 3 days", "18", id="on the next line"),
        pytest.param("#### 18", "18", id="four hashes"),
        pytest.param("#### Step 2\nSo it is 7", "7", id="four hashes that are a heading"),
        pytest.param("#### 2. Add up\nSo it is 7", "7", id="four hashes that are a numbered heading"),
        pytest.param("The answer is 18. That took 3 steps.", "18", id="announced beats the last number"),
        pytest.param("The answer is 17. Wait, no. The answer is 18.", "18", id="the last announcement counts"),
        pytest.param("The answer is 20 - 2 = 18. Check: 5 = 5", "18", id="what the sum comes to"),
        pytest.param("The answer is not 17 but 18", "18", id="what it is not is not announced"),
        pytest.param(r"\boxed{18} as 20 - 2 is 18, not 19", "18", id="box"),
        pytest.param(r"\boxed{\frac{36}{2}}", "36/2", id="fraction in a box"),
        pytest.param(r"I get \boxed{17}, hence the answer is 18.", "18", id="box, then corrected in words"),
        pytest.param("The answer is 18.\n\nQ: And 2 more?\nThe answer is 20.", "18", id="a question not asked"),
        pytest.param("Question: 2 and 2? The answer is 4.", "4", id="the question said again"),
        pytest.param("the total is 18 ... done.", "18", id="dots are no number"),
        pytest.param("18 , , ,", "18", id="commas are no number"),
        pytest.param("16-3=13", "13", id="minus between operands"),
        pytest.param("it falls to -5", "-5", id="sign"),
        pytest.param("he owes -$5", "-$5", id="sign before a dollar"),
        pytest.param(r"1{,}080 eggs", "1,080", id="thousands in TeX"),
        pytest.param("of 1, 2, 3", "3", id="a list is not one number"),
        pytest.param("1,2,3", "3", id="a list without spaces is not one number"),
        pytest.param("about 1,50,000", "1,50,000", id="thousands as in India"),
        pytest.param("\uff11\uff18", "\uff11\uff18", id="full-width digits"),
        pytest.param("", None, id="empty"),
        pytest.param("...", None, id="only dots"),
        pytest.param("eighteen", None, id="words are not read"),
        pytest.param("9" * 200, None, id="too long to be an answer"),
    ],
)
def test_the_number_that_is_meant(text, number):
    stated = stated_number(text)
    assert (None if stated is None else stated.text) == number


def test_a_text_that_was_cut_has_no_last_number_but_may_have_announced_one():
    assert stated_number("There are 16 eggs and", whole=False) is None
    assert stated_number("The answer is 18. Let me check: 16", whole=False).value == 18


@pytest.mark.parametrize(
    ("token", "value"),
    [
        pytest.param("18.0", Fraction(18), id="zeros after the point"),
        pytest.param("1,234.50", Fraction(2469, 2), id="thousands"),
        pytest.param("-$5", Fraction(-5), id="sign and dollar"),
        pytest.param("−5", Fraction(-5), id="typographic minus"),
        pytest.param(".5", Fraction(1, 2), id="no zero before the point"),
        pytest.param("3/4", Fraction(3, 4), id="fraction"),
        pytest.param("3/0", None, id="fraction of nothing"),
        pytest.param("٣٫", None, id="half a number"),
        pytest.param("1e3", None, id="exponent"),
        pytest.param("", None, id="empty"),
    ],
)
def test_value_of_a_written_number(token, value):
    assert number_value(token) == value


def test_numbers_compare_as_values():
    assert same_number("18.0", "18") and same_number("1,000", "1000") and not same_number("18.5", "18")
    assert not same_number(None, "18") and not same_number("eighteen", "18")


def test_thousands_are_those_of_the_language():
    german = Writing(r"Antwort[:：]", ",.")
    assert stated_number("Antwort: 70.000", german).value == 70_000
    assert stated_number("Antwort: 70.000").value == 70


@pytest.mark.parametrize(
    ("text", "hit", "right"),
    [
        pytest.param("so 17, no, 18", "18", True, id="last hit"),
        pytest.param("The answer is 18.", "18.", True, id="one dot at the end is deleted"),
        pytest.param("$18", "$18", True, id="dollars are deleted"),
        pytest.param("18.0", "18.0", False, id="quirk: 18.0 is not 18"),
        pytest.param("the total is 18 ... done.", "...", False, id="quirk: a run of dots is a hit"),
        pytest.param("18, that is", "18,", True, id="commas are deleted"),
        pytest.param("18 (1 , 2)", "2", False, id="a lone comma is no hit, a digit is"),
        pytest.param("nothing", None, False, id="no hit"),
    ],
)
def test_flexible_is_the_harness_with_its_quirks(text, hit, right):
    assert harness_flexible(text) == hit
    assert harness_same(hit, "18") is right


@pytest.mark.parametrize(
    ("text", "hit"),
    [
        pytest.param("#### 18\n#### 19", "18", id="first hit"),
        pytest.param("The answer is 18. #### 19", "19", id="hashes before words"),
        pytest.param("The answer is 18.\nThe answer is 19.", "18", id="first words"),
        pytest.param("####18", None, id="hashes want a space"),
        pytest.param("the answer is 18.", None, id="case counts"),
        pytest.param("The answer is $18.", None, id="no dollar"),
        pytest.param("The answer is 18", "1", id="quirk: one more character is eaten"),
    ],
)
def test_strict_is_the_harness_with_its_quirks(text, hit):
    assert harness_strict(text) == hit


@pytest.mark.parametrize(
    ("text", "number"),
    [
        pytest.param("073", 73, id="zeros in front"),
        pytest.param("1{,}024", 1024, id="thousands in TeX"),
        pytest.param("m + n = 204", 204, id="behind the equals sign"),
        pytest.param(r"204^\circ", 204, id="degrees"),
        pytest.param(r"\textbf{(204)}", 204, id="bold, in brackets"),
        pytest.param(r"80 \text{ ways}", 80, id="unit"),
        pytest.param("25.0", 25, id="point zero"),
        pytest.param("25.5", None, id="not whole"),
        pytest.param(r"\frac{1}{2}", None, id="fraction"),
        pytest.param("3+4", None, id="sum left standing"),
        pytest.param("25!", None, id="factorial"),
        pytest.param(r"25\pi", None, id="factor"),
        pytest.param("25 or 26", None, id="two"),
        pytest.param("9" * 5000, None, id="too long"),
        pytest.param("", None, id="empty"),
    ],
)
def test_one_whole_number(text, number):
    assert whole_number(text) == number


@pytest.mark.parametrize(
    ("text", "number"),
    [
        pytest.param("Answer: 17\nAnswer: 18", "18", id="behind the last word"),
        pytest.param("Answer: 16 + 2 = 18", "18", id="the last number there"),
        pytest.param("Answer: 1,800.50", "1800.5", id="commas and zeros go"),
        pytest.param("Answer: 18.00", "18", id="point zero"),
        pytest.param("Answer: -18", "18", id="quirk: no minus"),
        pytest.param("It is 18", None, id="quirk: no word, no answer"),
        pytest.param("Answer: none", None, id="no number"),
    ],
)
def test_behind_last_word_is_simple_evals(text, number):
    assert behind_last_word(text, "Answer") == number


_PIECES = st.sampled_from(
    ["18", "-", "$", ",", ".", "/", "0", "#### ", "The answer is ", "Answer:", "**", r"\boxed{", "}", "=", "\n", " ",
     "−", "٣", "²", "\u00a0", "<think>", r"\frac{1}{0}", "x", "1,000", "\ud800"]
)  # fmt: skip


@given(st.lists(_PIECES, max_size=30).map("".join) | st.text(max_size=60))
def test_no_text_raises_and_what_is_read_is_a_number(text):
    stated = stated_number(text)
    assert stated is None or number_value(stated.text) == stated.value
    assert harness_flexible(text) is None or harness_flexible(text) in text
    assert harness_strict(text) is None or harness_strict(text) in text
    assert whole_number(text) is None or isinstance(whole_number(text), int)
    behind_last_word(text, "Answer:")


@given(
    st.integers(-(10**9), 10**9),
    st.sampled_from(["The answer is {}.", "#### {}", r"\boxed{{{}}}", "**Answer:** {}", "so {}"]),
)
def test_every_number_is_read_back_from_every_way_of_giving_it(number, form):
    for written in (str(number), f"{number:,}", f"{number}.00"):
        assert stated_number(form.format(written)).value == number
