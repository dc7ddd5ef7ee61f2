"""Published outputs of MMLU-Pro, scored again: the numbers of the repository, without its random guesses.

Three golds were corrected between the runs: each run is scored by those it was published with.
"""

from __future__ import annotations

from collections import Counter

import pytest

from evalcore.benchmarks.mmlu_pro import MmluPro
from evalcore.types import Answer
from tests.evalcore.shared import shared_rows

INSTRUCT, BASE = "Meta-Llama-3_1-8B-Instruct", "Meta-Llama-3-70B"


def scored(model: str) -> tuple[Counter[str], Counter[str], list[tuple[str | None, str | None, dict[str, str | None]]]]:
    benchmark = MmluPro()
    samples = {s.id: s for s in (benchmark.sample(r, "") for r in shared_rows("correctness/mmlu_pro/test.jsonl.gz"))}
    right: Counter[str] = Counter()
    unparsed: Counter[str] = Counter()
    rows = []
    for row in shared_rows(f"oracles/mmlu_pro/{model}.jsonl.gz"):
        scores = benchmark.score(samples[str(row["question_id"])], Answer(text=row["generated_text"]))
        for name, score in scores.items():
            right[name] += score.extracted == row["answer"]
            unparsed[name] += score.extracted is None
        rows.append((row["pred"], row["answer"], {name: score.extracted for name, score in scores.items()}))
    assert len(rows) == 12032
    return right, unparsed, rows


@pytest.fixture(scope="module")
def instruct():
    return scored(INSTRUCT)


@pytest.fixture(scope="module")
def base():
    return scored(BASE)


def test_three_patterns_without_guesses_are_right_5244_times_and_unparsed_694_times(instruct):
    right, unparsed, _ = instruct
    assert (right["mmlu_pro"], unparsed["mmlu_pro"]) == (5244, 694)


def test_the_first_pattern_alone_gives_4336_percent_and_leaves_1048(instruct):
    right, unparsed, _ = instruct
    assert (round(100 * right["mmlu_pro_stage1"] / 12032, 2), unparsed["mmlu_pro_stage1"]) == (43.36, 1048)


def test_what_three_patterns_read_is_what_was_published_wherever_nothing_was_guessed(instruct):
    _, _, rows = instruct
    differing = [(pred, read["mmlu_pro"]) for pred, _, read in rows if read["mmlu_pro"] not in (None, pred)]
    assert differing == []


def test_the_published_letters_of_the_base_model_are_those_of_the_first_pattern_item_by_item(base):
    right, unparsed, rows = base
    assert [pred for pred, _, _ in rows] == [read["mmlu_pro_stage1"] for _, _, read in rows]
    assert (right["mmlu_pro_stage1"], unparsed["mmlu_pro_stage1"]) == (6258, 814)


def test_last_statement_reads_the_same_as_the_first_pattern_but_for_a_few(instruct, base):
    """It differs where a later statement revises the first, or a statement names two options or one not offered."""
    for _, _, rows in (instruct, base):
        both = [(r["mmlu_pro_stage1"], r["last_statement"]) for _, _, r in rows if r["mmlu_pro_stage1"] is not None]
        assert sum(first != last for first, last in both) <= 0.004 * len(both)


def test_last_statement_credits_next_to_nothing_that_states_no_answer(instruct, base):
    for _, _, rows in (instruct, base):
        silent = [read["last_statement"] for _, _, read in rows if read["mmlu_pro_stage1"] is None]
        assert sum(letter is not None for letter in silent) <= 3  # three "answer should be (X)" and like words
