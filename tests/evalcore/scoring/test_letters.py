"""Readers of letters: what each takes for the choice, and what none may take for one."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evalcore.scoring import letters
from evalcore.scoring.choices import READERS, score_choice

CITIES = ("Rome", "Paris", "Bern", "Oslo")
TEN = tuple(f"option {number}" for number in range(10))

STATED = [
    ("Answer: B", "B", "the asked form"),
    ("answer: (b)", "B", "case and brackets do not matter"),
    ("Answer: b", "B", "a small letter that ends the line"),
    ("b", "B", "a small letter that is all"),
    ("(b).", "B", "the same in brackets"),
    ("The answer is \u200bB\ufeff", "B", "signs that nobody sees"),
    ("**Answer:** B", "B", "bold word"),
    ("**Answer: B**", "B", "bold line"),
    ("Answer: **B. Paris**", "B", "bold option with its text"),
    ("__Answer__: `B`", "B", "other markdown"),
    ("### Answer\n\nB", "B", "a heading and the letter below it"),
    ("The correct answer is option (B).", "B", "option in brackets"),
    ("the answer is:\n\n(B) Paris", "B", "on the next line"),
    ("The final answer is $\\boxed{B}$", "B", "boxed"),
    ("So \\boxed{\\text{B}}.", "B", "boxed text without a word"),
    ("\\[\\boxed{\\mathrm{(B)}}\\]", "B", "boxed brackets"),
    ("Therefore the best option is B) Paris", "B", "best option"),
    ("The correct choice: B", "B", "correct choice"),
    ("Hence option B is correct.", "B", "option X is correct"),
    ("B is the correct answer, since A is not.", "B", "X is the answer"),
    ("I would choose B.", "B", "a chosen one"),
    ("I'll go with option (B).", "B", "gone with"),
    ("<answer>B</answer>", "B", "tags"),
    ("“Answer: “B””", "B", "curly quotes"),
    ("Ａｎｓｗｅｒ：Ｂ", "B", "full width"),
    ("答案：B", "B", "Chinese"),
    ("因此，正确答案是 B。", "B", "Chinese sentence"),
    ("故选B。", "B", "Chinese choice"),
    ("Antwort: B", "B", "German"),
    ("La respuesta correcta es: la B", None, "words between that are not known are no statement"),
    ("Respuesta: B", "B", "Spanish"),
    ("Answer: B? No, wait. Answer: C", "C", "the last statement counts"),
    ("The answer is (A). No: the answer is (C).", "C", "a revision"),
    ("The answer is (B).\n\nQuestion: next\nThe answer is (C).", "B", "an invented next question does not count"),
    ("The answer is Paris.", "B", "an option by its text"),
    ("Answer: paris", "B", "an option's text in another case"),
    ("Answer: A", "A", "A that ends the line is no article"),
    ("The answer is A because it is large", "A", "A with a reason"),
    ("The answer is B, not A.", "B", "a contrast"),
    ("I was wrong, the answer is B.", "B", "a denial of something else"),
    ("On the other hand, the answer is B.", "B", "another clause"),
    ("They are not equal. The answer is B.", "B", "another sentence"),
    ("This is why the answer is B.", "B", "a reason given"),
    ("It is A, B or C; most likely the correct one is B", "B", "options weighed, one named"),
    ("Answer: \\(\\text{B}\\)", "B", "inline LaTeX"),
    ("**Answer:** B) Paris\n\n**Why not the others:** A) Rome is in Italy.", "B", "explanations afterwards"),
    ("Final Answer: The final answer is B. I hope it is correct.", "B", "Minerva's words"),
    ("B", "B", "the letter alone"),
    (" (B) ", "B", "in brackets"),
    ("B.", "B", "with a full stop"),
    ("**B**", "B", "bold"),
    ("B. Paris", "B", "with its text"),
    ("B) Paris\n\nParis is the capital of France.", "B", "with its text and a reason below"),
    ("Let me see.\nRome is not in France.\nB", "B", "a last line that is a letter"),
    ("Paris", "B", "nothing but the text of an option"),
]
NOT_STATED = [
    ("", "empty"),
    ("   \n", "blank"),
    ("I cannot say.", "I is a pronoun"),
    ("so\na", "a small letter on the last line"),
    ("A long story about B-cells and Vitamin C in the USA", "letters in passing"),
    ("A) Rome\nB) Paris\nC) Bern\nD) Oslo", "the options repeated"),
    ("Option B is wrong.", "an option that is denied"),
    ("Answer: Because of the plan", "a word is not a letter"),
    ("The answer is a matter of taste", "an article"),
    ("The answer is A matter of taste", "an article with a capital"),
    ("The answer is B-cells", "a part of a word"),
    ("The answer is D.C.", "an abbreviation"),
    ("The answer is not B.", "a denial"),
    ("If the answer is B then the sum is odd", "a supposition"),
    ("The wrong answer is B.", "the wrong one"),
    ("I doubt the answer is B.", "a doubt"),
    ("I don't think the answer is B.", "a denial two words before"),
    ("The answer is B or C.", "two options"),
    ("The answer is (A) and (C).", "two options joined"),
    ("The answer is A/C", "two options with a stroke"),
    ("The answer is B. Hmm, the answer is A or C.", "a last statement that names two takes back the first"),
    ("Answer: E", "a letter that is not offered"),
    ("The possible answers are A, B, C", "the question's own words"),
    ("We choose C in R such that f(C) = 0", "a constant of mathematics"),
    ("(A) First we need the mass. Then (B) follows", "parts of a solution"),
    ("不选B", "denied in Chinese"),
    ("选项B错误", "a wrong option in Chinese"),
    ("The answer is Rome or Paris.", "two options by text"),
    ("Answer: А", "a Cyrillic letter"),
    ("Answer: 2", "a position is not a letter"),
]


@pytest.mark.parametrize(("text", "letter"), [pytest.param(t, x, id=i) for t, x, i in STATED])
def test_last_statement_reads(text, letter):
    assert letters.last_statement(text, CITIES) == letter


@pytest.mark.parametrize("text", [pytest.param(t, id=i) for t, i in NOT_STATED])
def test_last_statement_gives_nothing_for(text):
    assert letters.last_statement(text, CITIES) is None


@pytest.mark.parametrize(
    ("text", "letter"),
    [
        pytest.param("the answer is (J)", "J", id="the first pattern"),
        pytest.param("answer is (B). The answer is (C).", "B", id="its first hit"),
        pytest.param("answer is (B).\nAnswer: C", "B", id="before the second pattern"),
        pytest.param("Answer: D", "D", id="the second pattern"),
        pytest.param("answer: A or answer: B\nanswer: C", "B", id="the last hit of the first line that has one"),
        pytest.param("Answer:\n\nC", "C", id="over line breaks"),
        pytest.param("Answer: answer: B", "B", id="one answer word after another"),
        pytest.param("It is C, not D", "D", id="the third pattern: the last letter alone"),
        pytest.param("I do not know", "I", id="quirk kept: a pronoun is a letter"),
        pytest.param("nothing to see", None, id="no random letter"),
        pytest.param("answer is (K)", None, id="K is past J"),
    ],
)
def test_mmlu_pro(text, letter):
    assert letters.mmlu_pro(text, TEN) == letter


def test_mmlu_pro_stage1_takes_no_other_pattern():
    assert letters.mmlu_pro_stage1("Answer: B", TEN) is None
    assert letters.mmlu_pro_stage1("so the answer is B.", TEN) == "B"


@pytest.mark.parametrize(
    ("text", "letter"),
    [
        pytest.param("Answer: B\nAnswer: C", "B", id="first hit"),
        pytest.param("ANSWER : $B$", "B", id="case and dollars"),
        pytest.param("Answer: b", "b", id="quirk kept: small, so never right"),
        pytest.param("Answer: Because", "B", id="quirk kept: a word's first letter"),
        pytest.param("Answer:\nB", None, id="not over line breaks"),
        pytest.param("**Answer:** B", None, id="not through bold"),
        pytest.param("Answer: E", None, id="only what is offered"),
    ],
)
def test_simple_evals(text, letter):
    assert letters.simple_evals(text, CITIES) == letter


@pytest.mark.parametrize(
    ("text", "letter"),
    [
        pytest.param("**Answer:** B", "B", id="through bold"),
        pytest.param("$\\boxed{Answer: C}$", "C", id="through boxes"),
        pytest.param("答案：B", "B", id="Chinese"),
        pytest.param("答え: Ｃ", "C", id="full-width letter"),
        pytest.param("الإجابة: ب", "B", id="Arabic letter"),
        pytest.param("উত্তর: ড", "C", id="Bengali letter"),
        pytest.param("Antwort: B\nAnswer: C", "C", id="words in their order, not the text's"),
        pytest.param("I think B", None, id="no word"),
    ],
)
def test_simple_evals_languages(text, letter):
    assert letters.simple_evals_languages(text, CITIES) == letter


@pytest.mark.parametrize(
    ("text", "exact", "leading"),
    [
        (" B\n", "B", "B"), ("B.", None, "B"), ("(B) Paris", None, "B"), ("B. ①②", None, "B"), ("Bern", None, None),
        ("E", None, None), ("## Step 1:", None, None), ("", None, None), ("A's", None, None), ("b", None, None),
    ],
)  # fmt: skip
def test_exact_and_leading_letter(text, exact, leading):
    assert (letters.exact_letter(text, CITIES), letters.leading_letter(text, CITIES)) == (exact, leading)


def test_every_protocol_asked_for_is_scored_and_what_cannot_be_read_is_none_and_zero():
    scores = score_choice("no idea", "B", CITIES, tuple(READERS))
    assert set(scores) == set(READERS)
    assert {(score.value, score.extracted) for score in scores.values()} == {(0.0, None)}


PIECES = st.sampled_from(
    [
        *(
            "Answer",
            "answer is",
            "the",
            ":",
            "：",
            "**",
            "(",
            ")",
            "B",
            "Ｂ",
            "b",
            "A",
            "\\boxed{",
            "}",
            "$",
            "\n",
            " ",
            "or",
        ),
        *(
            "答案",
            "是",
            "选",
            "is",
            "option",
            "correct",
            "not",
            "I",
            "choose",
            ".",
            ",",
            "٣",
            "１",
            "Question:",
            "<b>",
            "\x00",
        ),
        *("\ud800", "ﷺ", "\u200b", "```", "ß", "🙂", "\r", "\u2028", "_", "- ", "# "),
    ]
)


@given(st.one_of(st.lists(PIECES, max_size=40).map("".join), st.text(max_size=200)))
def test_no_reader_raises_or_leaves_its_alphabet(text):
    for name, read in READERS.items():
        letter = read(text, CITIES)
        allowed = "ABCDEFGHIJ" if name.startswith("mmlu_pro") else "ABCD" if "simple" not in name else None
        assert letter is None or len(letter) == 1
        assert allowed is None or letter is None or letter in allowed


@given(
    st.sampled_from("ABCD"),
    st.sampled_from(
        [
            "{}",
            "({})",
            "**{}**",
            "**({})**",
            "`{}`",
            "[{}]",
            "$\\boxed{{{}}}$",
            '"{}"',
            " {} ",
            "{}.",
            "_{}_",
            "**{}.**",
        ]
    ),
    st.sampled_from(
        ["Answer: ", "**Answer:** ", "The answer is ", "the correct answer is: ", "So the answer is\n", "答案："]
    ),
    st.text(alphabet="xyz ,.\n", max_size=40),
)
def test_any_wrapper_of_a_stated_letter_is_seen_through(letter, wrapper, statement, before):
    text = f"{before}\n{statement}{wrapper.format(letter)}"
    assert letters.last_statement(text, CITIES) == letter


LONG = 1_000_000


@pytest.mark.parametrize(
    "unit",
    ["a", " ", "\n", "answer ", "answer: ", "answer is ", "Answer:\n", "B ", "(B)", "A or B ", "option ", "选", "答案",
     "\\boxed{", "**", "is the ", "- A) ", "B) x\n", "the answer is correct option ", "Question:\n", "<b>", "not ",
     "\\text", "I choose "],
)  # fmt: skip
@pytest.mark.parametrize("name", READERS)
def test_a_megabyte_of_anything_takes_time_in_proportion(name, unit):
    """Four times the text takes less than twelve times as long, where it takes long at all; quadratic is sixteen."""
    short, long = unit * (LONG // 4 // len(unit)), unit * (LONG // len(unit))

    def seconds(text: str) -> float:
        began = time.perf_counter()
        READERS[name](text, CITIES)
        return time.perf_counter() - began

    whole = seconds(long)
    assert whole < 0.5 or min(whole, seconds(long)) < 12 * min(seconds(short) for _ in range(2))
