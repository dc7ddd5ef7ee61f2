"""Filters do to an answer what their names say, in their order, and refuse at once what they cannot do."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evalcore.scoring.filters import FILTERS, made_of, read_filters


@pytest.mark.parametrize(("filters", "text", "left"), [
    pytest.param({"remove_until": "</t>"}, "a</t>b</t> c", " c", id="what follows the last mark"),
    pytest.param({"remove_until": "</t>"}, "no mark", "no mark", id="without a mark, all"),
    pytest.param({"remove_after": "\n"}, "one\ntwo\nthree", "one", id="what precedes the first mark"),
    pytest.param({"extract": r"\d+"}, "a 12 b 34", "12", id="the first match"),
    pytest.param({"regex": r"is (\w+)"}, "it is red, it is blue", "red", id="its group"),
    pytest.param({"regex_last": r"is (\w+)"}, "it is red, it is blue", "blue", id="the last match"),
    pytest.param({"regex": r"(?:a(\d))|(?:b(\d))"}, "b7", "7", id="whichever group took part"),
    pytest.param({"regex": r"\d+"}, "none here", "", id="no match leaves nothing to read"),
    pytest.param({"remove_whitespace": True}, " 1 2\t3\n", "123", id="no blanks"),
    pytest.param({"strip": True, "lower": True}, "  YES ", "yes", id="one after the other"),
    pytest.param([{"strip": True}, "lower"], "  YES ", "yes", id="as a list, with bare names"),
    pytest.param({"regex": "(.*)b", "strip": False}, " a\nb", " a\n", id="a dot is any character; false does nothing"),
])  # fmt: skip
def test_filters(filters, text, left):
    assert made_of(read_filters(filters))(text) == left


@pytest.mark.parametrize(("filters", "words"), [
    ({"remove_untill": "x"}, "no filter; there are remove_until"),
    ({"regex": "("}, "no regular expression"),
    ({"remove_until": ""}, "write the text"),
    ({"strip": "yes"}, "true or false"),
    (7, "write it like"),
])  # fmt: skip
def test_what_is_no_filter_is_refused_with_its_name_and_value(filters, words):
    with pytest.raises(ValueError, match=words):
        read_filters(filters)


@given(text=st.text(), name=st.sampled_from(sorted(FILTERS)))
def test_no_text_makes_a_filter_raise(text, name):
    value = True if name in ("remove_whitespace", "strip", "lower") else "a"
    assert isinstance(made_of([{name: value}])(text), str)
