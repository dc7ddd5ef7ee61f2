"""Boxes: the last closed one, by our reading and by that of the MATH benchmark."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evalcore.scoring.boxed import boxes, last_box, last_box_of_math, stated_formula


@pytest.mark.parametrize(
    ("text", "ours", "theirs"),
    [
        pytest.param(r"\boxed{3}", "3", "3", id="plain"),
        pytest.param(r"\boxed{1} then \boxed{2}", "2", "2", id="the last one"),
        pytest.param(r"\boxed{\frac{1}{2}}", r"\frac{1}{2}", r"\frac{1}{2}", id="braces within"),
        pytest.param(r"\boxed{\{1, 2\}}", r"\{1, 2\}", r"\{1, 2\}", id="escaped braces"),
        pytest.param(r"\boxed{\left\{1, 2\right.}", r"\left\{1, 2\right.", None, id="quirk: one escaped brace"),
        pytest.param(r"\fbox{3}", "3", None, id="quirk: fbox is not read"),
        pytest.param(r"\boxed 3$ and", "3", "3", id="without braces"),
        pytest.param(r"\boxed{3}, put \boxed 4", "3", "4", id="quirk: the one without braces wins"),
        pytest.param(r"\boxed{1} and \boxed{2", "1", None, id="quirk: an open one hides the one before"),
        pytest.param(r"{ \boxed{1}", "1", "1", id="a brace left open before"),
        pytest.param(r"} \boxed{1}", "1", "1", id="a brace too many before"),
        pytest.param(r"\boxed{\boxed{5}}", "5", "5", id="nested"),
        pytest.param(r"\boxed{ 3 }", "3", " 3 ", id="spaces within"),
        pytest.param(r"\boxed{}", "", "", id="empty box"),
        pytest.param("3", None, None, id="none"),
        pytest.param("", None, None, id="empty"),
    ],
)
def test_last_box(text, ours, theirs):
    assert last_box(text) == ours
    assert last_box_of_math(text) == theirs


@pytest.mark.parametrize(
    ("text", "formula"),
    [
        pytest.param(
            "Final Answer: The final answer is $[2,5)$. I hope it is correct.", "[2,5)", id="Minerva's sentence"
        ),
        pytest.param(r"The answer is \(\frac{1}{2}\), of course.", r"\frac{1}{2}", id="inline formula"),
        pytest.param("**Answer:** 0.5", "0.5", id="markdown"),
        pytest.param("The answer is p - q. Done.", "p - q", id="up to the end of the sentence"),
        pytest.param("The answer is 3.5", "3.5", id="a point is no end"),
        pytest.param("The answer is 3. No: the answer is 4.", "4", id="the last one"),
        pytest.param("The answer is:\n\n$$x$$", "x", id="on its own line"),
        pytest.param("The answer is not 3", None, id="denied"),
        pytest.param("it is 3", None, id="not announced"),
        pytest.param("", None, id="empty"),
    ],
)
def test_stated_formula(text, formula):
    assert stated_formula(text) == formula


@given(
    st.lists(
        st.sampled_from(["\\boxed{", "\\boxed ", "\\fbox{", "{", "}", "\\{", "\\", "$", "x", " "]), max_size=40
    ).map("".join)
)
def test_boxes_stand_in_the_text_in_order(text):
    found = boxes(text)
    assert [box.start for box in found] == sorted(box.start for box in found)
    assert all(box.content in text for box in found)
    assert (last_box(text) or "") in text and (last_box_of_math(text) or "") in text
