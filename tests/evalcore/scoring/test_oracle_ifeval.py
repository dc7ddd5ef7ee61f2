"""IFEval on recorded responses: each verdict equals that of the reference checker (langdetect seeded with 0)."""

import pytest

from evalcore.benchmarks.ifeval import IfEval
from evalcore.scoring.ifeval.table import loose, strict
from evalcore.types import Answer
from tests.evalcore.shared import shared_rows

pytest.importorskip("langdetect")
pytest.importorskip("nltk")


@pytest.mark.parametrize(
    ("model", "prompts", "prompt_strict", "prompt_loose", "instruction_strict", "instruction_loose"),
    [
        pytest.param("deepseek-llm-67b-chat", "input_data_v1", 313, 339, 483, 510, id="deepseek-67b, first prompts"),
        pytest.param("qwen-14b-chat", "input_data_v1", 252, 265, 413, 427, id="qwen-14b, first prompts"),
        pytest.param(
            "gpt-4-20231107",
            "input_data",
            415,
            429,
            695,
            711,
            id="gpt-4, current prompts, its two random verdicts None",
        ),
    ],
)
def test_every_verdict_is_the_reference_checkers(
    model, prompts, prompt_strict, prompt_loose, instruction_strict, instruction_loose
):
    benchmark = IfEval()
    asked = {row["key"]: row for row in shared_rows(f"correctness/ifeval/{prompts}.jsonl")}
    counts = dict.fromkeys(benchmark.protocols, 0.0)
    for row in shared_rows(f"oracles/ifeval/{model}.jsonl.gz"):
        sample = benchmark.sample(asked[row["key"]], "main")
        for number, one in enumerate(sample.target):
            verdicts = (
                (strict(one["id"], one["arguments"], row["response"]), row["strict"][number]),
                (
                    loose(one["id"], one["arguments"], row["response"]),
                    row["loose"][number],
                ),
            )
            assert all(ours is theirs for ours, theirs in verdicts), (row["key"], one, verdicts)
        for name, score in benchmark.score(sample, Answer(text=row["response"])).items():
            counts[name] += score.value * score.weight
    assert [round(counts[name]) for name in benchmark.protocols[:4]] == [
        prompt_strict,
        prompt_loose,
        instruction_strict,
        instruction_loose,
    ]


def test_every_prompt_of_the_data_set_can_be_decided_but_the_two_that_the_reference_draws_at_random():
    benchmark = IfEval()
    rows = shared_rows("correctness/ifeval/input_data.jsonl")
    samples = [benchmark.sample(row, "main") for row in rows]
    undecided = [s.id for s in samples for one in s.target if strict(one["id"], one["arguments"], "a b") is None]
    assert (len(samples), undecided) == (541, ["1122", "1129"])
