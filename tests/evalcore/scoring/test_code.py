"""Finding the program in an answer, and building what is run."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evalcore.scoring.code import blocks, code_of, humaneval_program, mbpp_program

PROMPT = 'import math\n\ndef helper():\n    return 1\n\ndef f(x):\n    """Doc."""\n'


@pytest.mark.parametrize(
    ("text", "code"),
    [
        pytest.param(
            "Sure:\n```python\ndef f(x):\n    return x\n```\nDone.", "def f(x):\n    return x\n", id="a fence"
        ),
        pytest.param("```\nx = 1\n```\n```py\ndef f(x): 1\n```", "def f(x): 1\n", id="the block that defines it"),
        pytest.param("```py\ndef f(x): 1\n```\n```py\ndef f(x): 2\n```", "def f(x): 1\n", id="the first that does"),
        pytest.param("```bash\npip install x\n```\n```py\ny = 1\n```", "y = 1\n", id="no other language"),
        pytest.param("```python\ndef f(x):\n    return x", "def f(x):\n    return x", id="a fence never closed"),
        pytest.param("~~~\ndef f(x): 1\n~~~", "def f(x): 1\n", id="tildes"),
        pytest.param("Here you are:\ndef f(x):\n    return 1", "def f(x):\n    return 1", id="prose before bare code"),
        pytest.param("N = 1\ndef f(x):\n    return N", "N = 1\ndef f(x):\n    return N", id="a constant before it"),
        pytest.param("    return x + 1", "    return x + 1", id="a completion keeps its indentation"),
        pytest.param(" \n", None, id="nothing"),
    ],
)
def test_code_of(text, code):
    assert code_of(text, "f") == code


def test_a_whole_function_replaces_the_prompts_but_keeps_what_the_prompt_says_before_it():
    program = humaneval_program(PROMPT, "f", "def check(c): pass", "def f(x):\n    return helper()")
    assert program == (
        "import math\n\ndef helper():\n    return 1\n\ndef f(x):\n    return helper()\ndef check(c): pass\ncheck(f)"
    )


def test_a_completion_follows_the_prompt_and_ends_where_something_new_begins():
    program = humaneval_program(PROMPT, "f", "T", "    return 1\n\ndef main():\n    input()")
    assert program == f"{PROMPT}    return 1\n\nT\ncheck(f)"


def test_a_function_of_which_the_name_is_only_the_beginning_is_another():
    assert "def f(x):" in humaneval_program(PROMPT, "f", "T", "def f2(x):\n    return 1")


def test_mbpp_puts_set_up_before_and_assertions_behind_the_code():
    assert mbpp_program("c", ["assert 1", "assert 2"], "import x") == "import x\nc\nassert 1\nassert 2"


@given(
    st.lists(st.sampled_from(["```", "```python", "~~~", "\n", "def f(x):", " ", "x", "é", "\ud800", "`"])).map("".join)
)
def test_any_text_gives_a_program(text):
    code = code_of(text, "f") or ""
    assert humaneval_program(PROMPT, "f", "T", code).endswith("check(f)")
    assert all(block in text for block in blocks(text))


@pytest.mark.parametrize("unit", ["```\n", "`", "\n", " ", "def ", "import x\n", "a", "@a\n", "a, ", "\t\n"])
def test_a_megabyte_takes_time_in_proportion(unit):
    text = unit * (10**6 // len(unit))
    began = time.process_time()
    humaneval_program(PROMPT, "f", "T", code_of(text, "f") or "")
    assert time.process_time() - began < 20  # quadratic time would be hours
