"""BIG-Bench Hard: items, worked examples out of published prompts, four readings of an answer. All items are ours."""

from __future__ import annotations

import pytest

from evalcore.benchmarks.base import PromptOptions
from evalcore.benchmarks.bbh import BigBenchHard, worked_examples
from evalcore.benchmarks.choice import shuffled
from evalcore.types import Answer

BBH = BigBenchHard()
CHOICE = {"input": "Which is a colour?\nOptions:\n(A) dog\n(B) red", "target": "(B)"}
PROMPT = """a line that is no example
-----
Say which one it is.

Q: Which is a number?
Options:
(A) two
(B) cat
A: Let's think step by step.
A cat is no number.

Two is one. So the answer is (A).

Q: not True is
A: Let's think step by step.
not True is False. So the answer is False."""


def score(target: str, text: str, task: str = "boolean_expressions") -> dict[str, float]:
    sample = BBH.sample({"input": "x", "target": target}, task)
    return {name: one.value for name, one in BBH.score(sample, Answer(text=text)).items()}


def test_lettered_options_become_choices_and_are_shown_as_they_were():
    sample = BBH.sample(CHOICE, "snarks")
    assert (sample.question, sample.choices, sample.target) == ("Which is a colour?", ("dog", "red"), "B")
    assert BBH.messages(sample, [], PromptOptions())[0]["content"].startswith(CHOICE["input"])


def test_a_shuffled_item_is_shown_and_scored_in_its_new_order():
    for seed in range(8):
        sample = shuffled(BBH.sample(CHOICE, "snarks"), seed)
        assert f"({sample.target}) red" in BBH.messages(sample, [], PromptOptions())[0]["content"]
        assert BBH.score(sample, Answer(text=f"So the answer is ({sample.target})."))["exact"].value == 1.0


def test_worked_examples_of_a_published_prompt_become_turns():
    shots = [BBH.sample(row, "snarks") for row in worked_examples(PROMPT)]
    assert [shot.target for shot in shots] == ["A", "False"]
    turns = BBH.messages(BBH.sample(CHOICE, "snarks"), shots, PromptOptions())
    assert [turn["role"] for turn in turns] == ["user", "assistant", "user", "assistant", "user"]
    assert turns[1]["content"] == "A cat is no number.\n\nTwo is one. So the answer is (A)."


@pytest.mark.parametrize(
    ("target", "text", "exact", "answer", "harness", "direct"),
    [
        pytest.param("False", "So the answer is False.", 1, 1, 1, 0, id="the asked form"),
        pytest.param("False", "So the answer is False", 1, 1, 0, 0, id="the harness eats the last character"),
        pytest.param("False", "So the answer is **False**.", 0, 1, 0, 0, id="bold"),
        pytest.param("False", "The final answer is: false", 0, 1, 0, 0, id="another wording and case"),
        pytest.param("False", "the answer is True. No, the answer is False.", 1, 1, 0, 0, id="last statement"),
        pytest.param("False", "False", 0, 1, 0, 1, id="the answer alone"),
        pytest.param("False", "", 0, 0, 0, 0, id="nothing"),
        pytest.param("False", "It is False. I think.", 0, 0, 0, 0, id="in passing"),
        pytest.param("] }", "So the answer is ] }.", 1, 1, 1, 0, id="brackets"),
        pytest.param("] }", "So the answer is ].", 0, 0, 0, 0, id="brackets are not quotes"),
        pytest.param("a b c", "So the answer is a, b, c.", 0, 1, 0, 0, id="commas between words"),
        pytest.param("1024", "So the answer is 1,024.", 0, 1, 0, 0, id="commas in a number"),
        pytest.param("24", "The answer is $\\boxed{24}$.", 0, 1, 0, 0, id="boxed"),
        pytest.param("24", "So the answer is 24.\n\nQ: x\nSo the answer is 7.", 0, 1, 1, 0, id="invented question"),
    ],
)  # fmt: skip
def test_readings_of_an_answer(target, text, exact, answer, harness, direct):
    assert score(target, text) == {"exact": exact, "answer": answer, "harness": harness, "direct": direct}


@pytest.mark.parametrize("unit", ["the answer is ", "answer:", " ", "\n", "x", "Q:\n", "the answer is\nQ:\n", "**"])
def test_a_megabyte_is_read(unit):
    assert score("x y", unit * (1_000_000 // len(unit))) == {"exact": 0, "answer": 0, "harness": 0, "direct": 0}
