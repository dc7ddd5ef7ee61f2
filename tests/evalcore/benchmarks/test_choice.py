"""Multiple choice: every row shape of every data set gives the sample it means, and is asked as it should be.

The items are ours. Real ones are checked too, where they are at hand.
"""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evalcore.benchmarks.arc import Arc
from evalcore.benchmarks.base import PromptOptions
from evalcore.benchmarks.boolq import BoolQ
from evalcore.benchmarks.ceval import CEval
from evalcore.benchmarks.choice import permuted, shuffled
from evalcore.benchmarks.cmmlu import CHINA_SPECIFIC, Cmmlu
from evalcore.benchmarks.commonsense_qa import CommonsenseQa
from evalcore.benchmarks.general_mcq import GeneralMcq
from evalcore.benchmarks.hellaswag import Hellaswag
from evalcore.benchmarks.mmlu import Mmlu
from evalcore.benchmarks.mmlu_pro import MmluPro
from evalcore.benchmarks.openbookqa import OpenBookQa
from evalcore.benchmarks.race import Race, RaceHighLastQuestion
from evalcore.benchmarks.table import benchmark
from evalcore.benchmarks.truthful_qa import TruthfulQa
from evalcore.benchmarks.winogrande import Winogrande
from evalcore.dataset.load import Where, rows
from evalcore.errors import DataError
from evalcore.types import Answer, Sample
from tests.evalcore.shared import shared

FOUR = {"A": "red", "B": "green", "C": "blue", "D": "pink"}
ALL_FOUR = tuple(FOUR.values())
LABELLED = {"text": ["red", "green", "blue"], "label": ["1", "2", "3"]}
LISTED = [{"text": "red", "label": "A"}, {"text": "green", "label": "B"}, {"text": "blue", "label": "C"}]
LEAF = "What colour is a leaf?"
PROBLEMS = "[{'question': 'Is it big?', 'answer': 'B', 'options': ['yes', 'no']}, " + (
    "{'question': 'It is   _  .', 'answer': 'A', 'options': ['wet', 'dry']}, "
    "{'question': 'What colour?', 'answer': 'B', 'options': ['red', 'green']}]"
)

ROWS = [
    (Mmlu, {"question": LEAF, **FOUR, "answer": "B"}, ALL_FOUR, "original csv"),
    (Mmlu, {"question": LEAF, "choices": list(ALL_FOUR), "answer": 1, "subject": "virology"}, ALL_FOUR, "hub"),
    (MmluPro, {"question_id": 7, "question": LEAF, "options": [*ALL_FOUR, "N/A"], "answer": "B", "answer_index": 1,
               "cot_content": "", "category": "law"}, ALL_FOUR, "padding dropped"),
    (Arc, {"id": "x", "question": LEAF, "choices": LABELLED, "answerKey": "2"}, ALL_FOUR[:3], "hub, digits as labels"),
    (Arc, {"id": "x", "question": {"stem": LEAF, "choices": LISTED}, "answerKey": "B"}, ALL_FOUR[:3],
     "original"),
    (OpenBookQa, {"id": "x", "question_stem": LEAF, "choices": {"text": list(ALL_FOUR), "label": list("ABCD")},
                  "answerKey": "B"}, ALL_FOUR, "hub"),
    (OpenBookQa, {"id": "x", "question": {"stem": LEAF, "choices": LISTED}, "answerKey": "B"}, ALL_FOUR[:3],
     "original"),
    (OpenBookQa, {"context": None, "question": LEAF, "options": list(ALL_FOUR), "answer": 1}, ALL_FOUR, "subset"),
    (CommonsenseQa, {"id": "x", "question": LEAF, "question_concept": "leaf", "choices": {"label": list("ABC"),
                     "text": list(ALL_FOUR[:3])}, "answerKey": "B"}, ALL_FOUR[:3], "hub"),
    (CommonsenseQa, {"id": "x", "question": {"stem": LEAF, "choices": LISTED}, "answerKey": "B"}, ALL_FOUR[:3],
     "original"),
    (BoolQ, {"question": LEAF[:-1], "passage": "Leaves.", "answer": True}, ("No", "Yes"), "hub and original"),
    (BoolQ, {"question": LEAF, "context": None, "options": ["No", "Yes"], "answer": 1}, ("No", "Yes"), "subset"),
    (Winogrande, {"sentence": LEAF, "option1": "red", "option2": "green", "answer": "2", "qID": "AB-2"},
     ALL_FOUR[:2], "all"),
    (Race, {"example_id": "high1.txt", "article": "Leaves.", "question": LEAF, "options": list(ALL_FOUR),
            "answer": "B"},
     ALL_FOUR, "hub"),
    (CEval, {"id": 0, "question": LEAF, **FOUR, "answer": "B", "explanation": ""}, ALL_FOUR, "hub and original"),
    (Cmmlu, {"": "0", "Question": LEAF, **FOUR, "Answer": "B"}, ALL_FOUR, "hub and original"),
    (GeneralMcq, {"question": LEAF, **FOUR, "E": "", "answer": "B"}, ALL_FOUR, "columns"),
    (GeneralMcq, {"question": LEAF, "choices": list(ALL_FOUR), "answer": 1}, ALL_FOUR, "a list and a position"),
    (GeneralMcq, {"question": LEAF, "options": list(ALL_FOUR), "answer": "green"}, ALL_FOUR, "an answer by its text"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("kind", "row", "choices"), [pytest.param(k, r, c, id=f"{k.name}: {i}") for k, r, c, i in ROWS]
)
def test_a_row_of_each_shape_gives_its_question_options_and_letter(kind, row, choices):
    one = kind()
    subset = row.get("category") or one.subsets[0]
    sample = one.sample(row, subset)
    assert (sample.question, sample.choices, sample.target) == (LEAF, choices, "B")
    asked = one.messages(sample, [sample], PromptOptions())
    assert [message["role"] for message in asked] == ["user", "assistant", "user"]
    assert all(choice in asked[-1]["content"] for choice in choices)
    headline = one.protocols[0]
    scores = one.score(sample, Answer(text=asked[1]["content"]))
    assert tuple(scores) == one.protocols
    assert scores[headline].value == 1.0, "the way examples answer is the way answers are read"


def test_hellaswag_text_is_prepared_as_the_harness_does_and_labels_may_be_text():
    row = {"ind": 4, "activity_label": "Sewing", "ctx_a": "How to [sub] sew [title] Take thread.", "ctx_b": "she"}
    row |= {"endings": ["cuts [step] it.", "sings."], "label": "1", "source_id": "wikihow~1", "split_type": "indomain"}
    sample = Hellaswag().sample(row, "main")
    assert sample.question == "Sewing: How to sew. Take thread. She"
    assert (sample.choices, sample.target, sample.group) == (("cuts it.", "sings."), "B", "wikihow~1")


@pytest.mark.parametrize(
    "row",
    [
        pytest.param({"mc1_targets": {"choices": ["yes", "no"], "labels": [0, 1]}, "mc2_targets": {
            "choices": ["yes", "no", "never"], "labels": [0, 1, 1]}}, id="hub"),
        pytest.param({"mc1_targets": {"yes": 0, "no": 1}, "mc2_targets": {"yes": 0, "no": 1, "never": 1}},
                     id="original"),
        pytest.param({"mc1": {"choices": ["no", "yes"], "label": 0}, "mc2": {
            "correct": ["no", "never"], "incorrect": ["yes"]}}, id="derived"),
    ],
)  # fmt: skip
def test_truthful_qa_knows_the_right_option_of_each_shape(row):
    sample = TruthfulQa().sample({"question": "Do pigs fly?", **row}, "main")
    assert sample.choices["AB".index(sample.target)] == "no"
    assert (sample.meta["mc2_true"], sample.meta["mc2_false"]) == (("no", "never"), ("yes",))
    assert sorted(sample.meta["permutation"]) == [0, 1]


def test_truthful_qa_never_leaves_the_right_option_first_by_rule():
    items = [{"question": f"{n}?", "mc1": {"choices": ["x", "y", "all of the above"], "label": 0}} for n in range(60)]
    assert {TruthfulQa().sample(item, "main").target for item in items} == {"A", "B", "C"}


def test_race_h_lm_asks_the_last_question_of_an_article_and_shows_the_others_answered():
    sample = RaceHighLastQuestion().sample({"article": "A pond.", "problems": PROBLEMS}, "main")
    assert (sample.question, sample.target) == ("What colour?", "B")
    assert sample.context == "A pond.\n\nQuestion: Is it big?\nAnswer: no\n\nIt is wet."


def test_race_tells_its_two_levels_apart_in_one_file():
    row = {"article": "Leaves.", "question": LEAF, "options": list(ALL_FOUR), "answer": "B"}
    levels = [Race().sample({**row, "example_id": name}, "middle").subset for name in ("high3.txt", "middle3.txt")]
    assert levels == ["high", "middle"]


@pytest.mark.parametrize(
    ("kind", "row", "names"),
    [
        pytest.param(Mmlu, {"question": LEAF, **FOUR, "answer": "E"}, "'E' is none of 4", id="a letter past them"),
        pytest.param(Mmlu, {"question": LEAF, **FOUR, "answer": 4}, "4 is none of 4", id="a position past them"),
        pytest.param(Mmlu, {"question": LEAF, "A": "x"}, "'B'", id="a missing column"),
        pytest.param(Mmlu, {"question": " ", **FOUR, "answer": "A"}, "no question", id="no question"),
        pytest.param(Arc, {"question": LEAF, "choices": LABELLED, "answerKey": "A"}, "'A'", id="an unknown label"),
        pytest.param(Arc, {"question": LEAF, "choices": "x", "answerKey": "A"}, "'choices'", id="options of no shape"),
        pytest.param(RaceHighLastQuestion, {"article": "x", "problems": "[oh"}, "'problems'", id="no Python literal"),
        pytest.param(TruthfulQa, {"question": "x", "mc1_targets": {"a": 1, "b": 1}}, "2 right options", id="two right"),
        pytest.param(GeneralMcq, {"question": "x", **FOUR, "answer": "AB"}, "'AB'", id="an answer of two letters"),
        pytest.param(GeneralMcq, {"question": "x", **FOUR, "answer": -1}, "-1", id="a negative position"),
    ],
)  # fmt: skip
def test_a_row_that_does_not_fit_is_an_error_that_names_it(kind, row, names):
    with pytest.raises(DataError, match=names):
        kind().sample(row, kind.subsets[0])


def test_subjects_and_their_groups_are_complete():
    assert [len(kind.subsets) for kind in (Mmlu, CEval, Cmmlu, MmluPro)] == [57, 52, 67, 14]
    row = {"question": LEAF, **FOUR, "answer": "B"}
    for kind, groups in ((Mmlu, 4), (CEval, 4), (Cmmlu, 4)):
        one = kind()
        assert len({one.sample({**row, "Answer": "B"}, subset).category for subset in one.subsets} - {""}) == groups
    assert set(CHINA_SPECIFIC.split()) <= set(Cmmlu.subsets)
    assert set(CEval.subjects) == set(CEval.subsets) and set(Cmmlu.subjects) == set(Cmmlu.subsets)


def test_few_shot_defaults_and_averages_are_those_of_the_protocols():
    names = ("mmlu", "mmlu_pro", "ceval", "cmmlu", "bbh", "arc", "race", "hellaswag")
    assert [benchmark(name).few_shot for name in names] == [5, 5, 5, 5, 3, 0, 0, 0]
    assert [benchmark(name).average for name in names[:5]] == ["micro", "micro", "macro", "macro", "macro"]


OPTIONS = st.lists(st.text("abcdef", min_size=1, max_size=5), min_size=1, max_size=10, unique=True)


@given(OPTIONS, st.integers(0, 9), st.integers(0, 5))
def test_shuffling_keeps_the_right_text_right_and_tells_where_each_option_was(options, at, seed):
    sample = Sample(id="x", question="?", target="ABCDEFGHIJ"[at % len(options)], choices=tuple(options))
    once = shuffled(sample, seed)
    assert once.choices["ABCDEFGHIJ".index(once.target)] == options[at % len(options)]
    twice = permuted(once, seed + 1)
    assert tuple(options[place] for place in twice.meta["permutation"]) == twice.choices
    assert shuffled(sample, seed) == once


def test_shuffling_differs_between_items_and_between_seeds():
    def order(id: str, seed: int) -> tuple[str, ...]:
        return shuffled(Sample(id=id, question="?", target="A", choices=tuple("pqrstu")), seed).choices

    assert len({order(str(n), 0) for n in range(20)}) > 10
    assert len({order("x", seed) for seed in range(20)}) > 10


@pytest.mark.parametrize(
    "option",
    [
        "All of the above",
        "None of these",
        "Both A and B",
        "A and C",
        "A, B and C",
        "以上都是",
        "A和B",
        "Neither of them",
    ],
)
def test_options_that_speak_of_others_stay_where_they_are(option):
    for number in range(20):
        sample = Sample(id=str(number), question="?", target="A", choices=("p", "q", "r", option))
        assert shuffled(sample, 0).choices == sample.choices


def test_an_option_that_only_says_above_is_moved():
    samples = [Sample(id=str(n), question="?", target="A", choices=("above sea level", "q", "r")) for n in range(20)]
    assert len({shuffled(sample, 0).choices for sample in samples}) > 1


@pytest.mark.parametrize(
    ("name", "items"),
    [("mmlu", 14042), ("mmlu_pro", 12032), ("arc", 2962), ("bbh", 6511), ("boolq", 297), ("ceval", 1346),
     ("hellaswag", 500), ("openbookqa", 72), ("race", 200), ("truthful_qa", 409), ("winogrande", 634)],
)  # fmt: skip
def test_real_items_are_all_read_once(name, items):
    one = benchmark(name)
    where = Where(dataset_dir=shared("correctness"), hub="local")
    count: Counter[str] = Counter()
    for subset in one.subsets:
        samples = (one.sample(row, subset) for row in rows(one.source, subset, one.source.eval_split, where))
        count[subset] = sum(sample.subset == subset for sample in samples)
    assert sum(count.values()) == items
    assert all(count.values())
