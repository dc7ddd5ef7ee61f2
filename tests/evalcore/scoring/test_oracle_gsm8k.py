"""GSM8K against recorded outputs with published verdicts: openai/grade-school-math, GAIR-NLP/abel, microsoft/ToRA."""

import pytest

from evalcore.benchmarks.base import PromptOptions
from evalcore.benchmarks.gsm8k import Gsm8k
from evalcore.scoring.numbers import number_value
from evalcore.types import Answer, Sample
from tests.evalcore.shared import shared, shared_rows


def scores(text: str, gold: str):
    gold = gold.strip().replace(",", "")
    return Gsm8k().score(Sample(id="item", question="?", target=gold), Answer(text=text))


def files(pattern: str) -> list[str]:
    return [f"oracles/gsm8k/{file.name}" for file in sorted(shared("oracles/gsm8k").glob(pattern))]


@pytest.mark.parametrize("protocol", ["numeric", "flexible"])
@pytest.mark.parametrize(
    ("run", "right"),
    [("6b_finetuning", 219), ("6b_verification", 400), ("175b_finetuning", 348), ("175b_verification", 574)],
)
def test_openai_example_solutions(run, right, protocol):
    rows = shared_rows("oracles/gsm8k/openai_example_solutions_0000-0999.jsonl.gz")
    ours = [scores(row[run]["solution"], row["ground_truth"].rpartition("A: ")[2])[protocol].value for row in rows]
    assert sum(ours) == right
    assert ours == [float(row[run]["is_correct"]) for row in rows]


@pytest.mark.parametrize("protocol", ["numeric", "flexible", "strict"])
def test_abel(protocol):
    rows = shared_rows("oracles/gsm8k/abel-7b_0000-0999.jsonl.gz")
    ours = [scores(row["response"], row["gold"])[protocol].value for row in rows]
    assert sum(ours) == 610
    assert ours == [float(row["correct"]) for row in rows]


@pytest.mark.parametrize(
    "pattern",
    ["tora-code-34b*"],
    ids=["no verdict an item is published: the value of its published extraction is compared; whole run 80.7"],
)
def test_tora(pattern):
    for name in files(pattern):
        rows = shared_rows(name)
        ours = [scores(row["response"], row["gt"])["numeric"].value for row in rows]
        theirs = [number_value(row["pred"]) == number_value(row["gt"].replace(",", "")) for row in rows]
        assert ours == [float(right) for right in theirs]
        assert 100 * sum(ours) / len(ours) == pytest.approx(80.7, abs=2.5)  # two standard errors of 1000 items


@pytest.mark.parametrize(
    "index",
    [
        pytest.param(146, id="146: no box and no output; theirs is program text, ours the last number in it"),
        pytest.param(659, id="659: the program printed 0, the answer is in words; ours is its last number"),
    ],
)  # fmt: skip
def test_tora_extractions_that_differ_are_wrong_either_way(index):
    row = shared_rows("oracles/gsm8k/tora-code-34b_0000-0999.jsonl.gz")[index]
    assert scores(row["response"], row["gt"])["numeric"].extracted != row["pred"]
    assert scores(row["response"], row["gt"])["numeric"].value == 0.0 and row["pred"] != row["gt"]


def test_all_other_tora_extractions_have_the_published_value():
    rows = shared_rows("oracles/gsm8k/tora-code-34b_0000-0999.jsonl.gz")
    differ = [
        index
        for index, row in enumerate(rows)
        if (said := scores(row["response"], row["gt"])["numeric"].extracted) is None
        or number_value(said) != number_value(row["pred"])
    ]
    assert differ == [146, 659]


def test_every_worked_answer_of_the_train_split_scores():
    rows = shared_rows("correctness/gsm8k/train.jsonl.gz")
    bench = Gsm8k()
    for row in rows:
        sample = bench.sample(row, "main")
        found = bench.score(sample, Answer(text=row["answer"]))
        assert {name: score.value for name, score in found.items()} == {"numeric": 1.0, "flexible": 1.0, "strict": 1.0}
        *_, shown = bench.messages(sample, [sample], PromptOptions())[:2]
        assert bench.score(sample, Answer(text=shown["content"] + "\n"))["strict"].value == 1.0
