"""What is compared: the plain text before an option, and the option, as each data set's field does."""

from __future__ import annotations

import pytest

from evalcore.benchmarks.base import Compares, PromptOptions
from evalcore.benchmarks.table import BENCHMARKS, benchmark
from evalcore.errors import TaskError
from evalcore.scoring.likelihood import LETTER_ACC, LETTER_CHOICE, TEXTS
from evalcore.types import Answer, Likelihood, Sample

PLAIN = PromptOptions()
ASKED = Sample(id="1", question="Why is the sky blue?", target="B", choices=("It is paint.", "Light scatters."))
SHOT = Sample(id="2", question="Is ice cold?", target="A", choices=("Yes.", "No."))
COMPARES = [name for name in BENCHMARKS if isinstance(benchmark(name), Compares)]


def pairs(name, sample, shots=(), options=PLAIN, *, letters=False):
    found = benchmark(name)
    assert isinstance(found, Compares)
    return [(one.context, one.continuation) for one in found.comparison(sample, shots, options, letters=letters).pairs]


def test_every_benchmark_of_one_letter_can_be_compared_and_no_other():
    assert set(COMPARES) == {
        "arc", "boolq", "ceval", "cmmlu", "commonsense_qa", "general_mcq", "hellaswag", "mmlu", "mmlu_pro",
        "openbookqa", "race", "race_h_lm", "truthful_qa", "winogrande",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("name", "context"),
    [
        ("arc", "Question: Why is the sky blue?\nAnswer:"),
        ("hellaswag", "Why is the sky blue?"),
        ("openbookqa", "Why is the sky blue?"),
    ],
)
def test_texts_of_options_follow_the_question_which_does_not_show_them(name, context):
    assert pairs(name, ASKED) == [(context, " It is paint."), (context, " Light scatters.")]


@pytest.mark.parametrize("name", ["mmlu", "commonsense_qa", "general_mcq", "mmlu_pro"])
def test_letters_follow_a_question_that_shows_the_options(name):
    (context, first), (_, second) = pairs(name, ASKED)
    assert context.endswith("Why is the sky blue?\nA. It is paint.\nB. Light scatters.\nAnswer:")
    assert (first, second) == (" A", " B")


@pytest.mark.parametrize("name", ["arc", "winogrande", "truthful_qa", "race"])
def test_letters_take_the_place_of_texts_where_an_endpoint_tells_no_more(name):
    sample = Sample(
        id="1", question="The cup fell off the _.", target="B", choices=("roof", "table"), context="Long ago."
    )
    (context, first), _ = pairs(name, sample, letters=True)
    assert "A. roof\nB. table\nAnswer:" in context and first == " A"


def test_a_passage_stands_before_its_question():
    sample = Sample(id="1", question="Is it?", target="B", choices=("No", "Yes"), context="A passage.")
    assert pairs("boolq", sample)[1] == ("A passage.\nQuestion: Is it?\nAnswer:", " yes")
    assert pairs("race", sample)[1] == ("Article: A passage.\n\nQuestion: Is it?\nAnswer:", " Yes")


def test_winogrande_compares_the_rest_of_the_sentence_after_each_option():
    sample = Sample(id="1", question="The cup fell off the _ and broke.", target="B", choices=("roof", "table"))
    assert pairs("winogrande", sample) == [
        ("The cup fell off the roof", " and broke."), ("The cup fell off the table", " and broke."),
    ]  # fmt: skip


def test_worked_examples_come_first_with_their_right_option_a_blank_line_apart():
    context, _ = pairs("arc", ASKED, [SHOT])[0]
    assert context == "Question: Is ice cold?\nAnswer: Yes.\n\nQuestion: Why is the sky blue?\nAnswer:"
    context, _ = pairs("winogrande", ASKED, [SHOT], letters=True)[0]
    assert "A. Yes.\nB. No.\nAnswer: A\n\n" in context


def test_system_prompt_and_template_shape_the_plain_text_too():
    options = PromptOptions(prompt_template="{question} =>", system_prompt="Think of physics.")
    assert pairs("arc", ASKED, options=options)[0] == ("Think of physics.\n\nWhy is the sky blue? =>", " It is paint.")


def test_a_template_has_no_place_where_the_text_before_the_end_holds_the_option():
    sample = Sample(id="1", question="The cup fell off the _ and broke.", target="B", choices=("roof", "table"))
    with pytest.raises(TaskError, match=r"dataset_args\.winogrande\.prompt_template"):
        pairs("winogrande", sample, options=PromptOptions(prompt_template="{question}"))


def test_truthful_qa_scores_mc1s_options_and_those_that_only_mc2_has_once_each():
    row = {
        "question": "What happens?", "mc1_targets": {"choices": ["Nothing.", "Luck."], "labels": [1, 0]},
        "mc2_targets": {"choices": ["Nothing.", "Little.", "Luck."], "labels": [1, 1, 0]},
    }  # fmt: skip
    found = benchmark("truthful_qa")
    sample = found.sample(row, "main")
    scored = pairs("truthful_qa", sample)
    assert sorted(text for _, text in scored) == [" Little.", " Luck.", " Nothing."]
    assert [text for _, text in scored][:2] == [f" {choice}" for choice in sample.choices]
    assert scored[0][0].endswith("\n\nQ: What happens?\nA:") and scored[0][0].count("\nA: ") == 6
    p = {" Nothing.": -1.0, " Little.": -1.0, " Luck.": -1.0}
    answer = Answer(
        text="", way="echo", likelihoods=tuple(Likelihood(text=text, logprob=p[text]) for _, text in scored)
    )
    assert found.score(sample, answer)["mc2"].value == pytest.approx(2 / 3)


@pytest.mark.parametrize("name", COMPARES)
def test_scores_have_the_names_that_were_announced(name):
    found = benchmark(name)
    assert isinstance(found, Compares)
    meta = {"mc2_true": ("Light scatters.",), "mc2_false": ("It is paint.",)}
    sample = Sample(id="1", question="Why _?", target="B", choices=("It is paint.", "Light scatters."), meta=meta)
    compared = found.comparison(sample, (), PLAIN, letters=False)
    told = tuple(
        Likelihood(text=one.continuation, logprob=-1.0, prior=-1.0, prior_answer=-1.0) for one in compared.pairs
    )
    scores = found.score(sample, Answer(text="", way="echo", likelihoods=told))
    expected = (LETTER_ACC,) if found.compares == "letters" else found.likelihood_protocols
    assert tuple(scores) == expected
    assert not compared.priors or set(expected) <= set(TEXTS)
    letters = tuple(Likelihood(text=letter, logprob=-1.0) for letter in "AB")
    assert tuple(found.score(sample, Answer(text="", way="first_token", likelihoods=letters))) == (LETTER_ACC,)
    assert tuple(found.score(sample, Answer(text="B", way="guided_choice"))) == (LETTER_CHOICE,)


def test_an_answer_in_words_is_scored_as_ever():
    scores = benchmark("arc").score(ASKED, Answer(text="Answer: B"))
    assert scores["last_statement"].value == 1.0 and "acc" not in scores
