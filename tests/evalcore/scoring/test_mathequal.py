"""Equality of final answers in LaTeX, protocol by protocol, and the helper processes that compare formulas."""

import asyncio
import os
import sys
from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evalcore.errors import TaskError
from evalcore.scoring import mathpool
from evalcore.scoring.mathequal import (
    LONGEST_ANSWER,
    same_answer,
    same_by_math_verify,
    same_by_minerva,
    same_string,
)


@pytest.fixture(scope="module")
def math():
    pytest.importorskip("math_verify", reason="the extra `math` is not installed")


@pytest.mark.parametrize(
    ("gold", "answer", "same"),
    [
        pytest.param(r"\frac{1}{2}", r"\dfrac12", True, id="fractions without braces"),
        pytest.param(r"\frac{1}{2}", "0.5", True, id="one half, and no other decimal"),
        pytest.param(r"\frac{1}{4}", "0.25", False, id="no other decimal"),
        pytest.param(r"\frac{3}{4}", "3/4", True, id="slash"),
        pytest.param(r"\sqrt{3}", r"\sqrt3", True, id="roots without braces"),
        pytest.param("5", "x=5", True, id="a name before an equals sign"),
        pytest.param("5", "abc=5", False, id="a long name stays"),
        pytest.param("90", r"90^\circ", True, id="degrees"),
        pytest.param("10", r"10\%", True, id="percent"),
        pytest.param("18", r"18 \text{ dollars}", True, id="unit"),
        pytest.param("5", r"5 \text{ or } 7", True, id="quirk: any text behind is a unit"),
        pytest.param(r"\left(1, 2\right)", "(1,2)", True, id="sizes of brackets and spaces"),
        pytest.param("0.3", ".3", True, id="no zero before the point"),
        pytest.param("x/2", "x/ 2", False, id="quirk: a slash between letters leaves both as they are"),
        pytest.param("1,000", "1000", False, id="thousands stay"),
        pytest.param("A", "a", False, id="case counts"),
        pytest.param(r"\frac", r"\frac", True, id="broken, but the same"),
        pytest.param("", "", True, id="nothing is nothing"),
        pytest.param("5", "", False, id="nothing is not five"),
    ],
)
def test_string_is_the_normaliser_of_math(gold, answer, same):
    assert same_string(gold, answer) is same


@pytest.mark.parametrize(
    ("gold", "answer", "same"),
    [
        pytest.param(r"\frac{1}{4}", "0.25", True, id="decimal"),
        pytest.param("2^3", "8", True, id="power"),
        pytest.param("x(x+1)", "x^2+x", True, id="expanded"),
        pytest.param(r"12\frac{3}{5}", r"\frac{63}{5}", True, id="mixed number"),
        pytest.param("1000", "1{,}000", True, id="thousands in TeX"),
        pytest.param(r"\{1,2\}", r"\{2,1\}", True, id="sets have no order"),
        pytest.param("(1,2)", "(2,1)", False, id="points have"),
        pytest.param("[2,5)", "(2,5)", False, id="ends of an interval"),
        pytest.param(r"\text{Evelyn}", "evelyn", True, id="a name in any case"),
        pytest.param("Evelyn", "Evelny", False, id="letters of a name are not factors"),
        pytest.param("5", r"5 \text{ or } 7", False, id="two answers are not one"),
        pytest.param("5", "> 5", False, id="a relation is not a number"),
        pytest.param("5", "-5", False, id="sign"),
        pytest.param("5", "5, 7", False, id="a list is not its first"),
        pytest.param("5", r"\pm 5", False, id="both signs are not one"),
        pytest.param(r"\sqrt{51}", "7.14", False, id="rounded"),
        pytest.param("5", "", False, id="nothing"),
        pytest.param("5", "{{{", False, id="no formula"),
        pytest.param("5", "x" * (LONGEST_ANSWER + 1), False, id="too long to be an answer"),
    ],
)
def test_the_headline_compares_what_is_meant(math, gold, answer, same):
    assert same_answer(gold, answer).same is same


@pytest.mark.parametrize(
    ("gold", "answer", "same"),
    [
        pytest.param("10", r"10 \text{ inches}", True, id="unit of the list"),
        pytest.param("10", "x = 10", True, id="behind the equals sign"),
        pytest.param("100000", "100,000", True, id="thousands"),
        pytest.param("(x+1)^2", "x^2+2x+1", True, id="difference simplifies to nothing"),
        pytest.param("x(x+1)", "x^2+x", False, id="quirk: a letter before a bracket is a function"),
        pytest.param(r"\frac{1}{2}", r"the value is $\frac12$ exactly", True, id="what stands between dollars"),
        pytest.param("Evelyn", "Evelny", True, id="quirk: letters are factors"),
        pytest.param("5", "6", False, id="different"),
    ],
)
def test_minerva_is_its_normaliser_and_sympy(math, gold, answer, same):
    assert same_by_minerva(gold, answer).same is same


@pytest.mark.parametrize("answer", ["9^{9^{9^{9}}}", "10000000!"])
def test_a_comparison_that_does_not_end_is_given_up_and_the_next_one_works(math, answer):
    pool = mathpool.MathPool(size=1, limit_s=0.5)
    try:
        with pytest.raises(mathpool.GaveUp, match=r"time limit|died"):
            pool.ask("verify", "9", answer)
        assert pool.ask("verify", "9", "3^2")
    finally:
        pool.close()


async def test_the_time_limit_holds_in_any_thread_and_the_loop_stays_free(math):
    pool = mathpool.MathPool(size=2, limit_s=0.5)

    def given_up() -> bool:
        try:
            pool.ask("verify", "9", "9^{9^{9^{9}}}")
        except mathpool.GaveUp:
            return True
        return False

    with ThreadPoolExecutor(4) as threads:
        loop = asyncio.get_running_loop()
        ran = [loop.run_in_executor(threads, given_up) for _ in range(4)]
        ticks = 0
        while not all(one.done() for one in ran):
            await asyncio.sleep(0.01)
            ticks += 1
        assert [await one for one in ran] == [True] * 4
        assert ticks > 5
    pool.close()


def test_helpers_end_with_their_pool(math):
    pool = mathpool.MathPool(size=1)
    assert pool.ask("verify", "1/2", "0.5")
    pid = pool.pids()[0]
    os.kill(pid, 0)
    pool.close()
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


def test_a_helper_that_dies_is_replaced(math):
    pool = mathpool.MathPool(size=1)
    try:
        assert pool.ask("verify", "1/2", "0.5")
        os.kill(pool.pids()[0], 9)
        with pytest.raises(mathpool.GaveUp, match="died"):
            pool.ask("verify", "1/2", "0.25")
        assert not pool.ask("verify", "1/2", "0.25")
    finally:
        pool.close()


def test_giving_up_is_told_and_counts_as_different(math):
    equality = same_by_math_verify("x^{100}", "(x+1)^{100000}")
    assert (equality.same, equality.gave_up) == (False, "time limit")


def test_without_the_extra_it_is_an_error_that_names_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "math_verify", None)
    mathpool.require_math.cache_clear()
    try:
        with pytest.raises(TaskError, match=r"perfbench\[math\]"):
            same_answer("1/3", "2/6")
    finally:
        mathpool.require_math.cache_clear()


_PIECES = st.sampled_from(
    ["1", "2", "x", "+", "-", "/", "^", "{", "}", "\\frac", "\\sqrt", "\\text{ ", "=", "$", "(", ")", ",", ".", "\\",
     " ", "٣", "\n", "\\left", "\ud800", "a ", "\\boxed{", "\\%"]
)  # fmt: skip


@given(st.lists(_PIECES, max_size=12).map("".join), st.lists(_PIECES, max_size=12).map("".join))
def test_no_answer_makes_the_string_comparison_raise_and_each_equals_itself(gold, answer):
    same_string(gold, answer)
    assert same_string(answer, answer)


@settings(max_examples=40)
@given(st.lists(_PIECES, max_size=8).map("".join))
def test_no_answer_makes_the_others_raise(math, answer):
    for same in (same_answer, same_by_minerva, same_by_math_verify):
        assert same("5", answer).same in (True, False)
