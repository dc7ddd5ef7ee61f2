"""HumanEval and MBPP on recorded completions, run in the sandbox: the published verdicts."""

import asyncio
import json
import shutil

import pytest

from evalcore.benchmarks.humaneval import HumanEval
from evalcore.benchmarks.mbpp import MbppSanitized
from evalcore.sandbox.bubblewrap import Bubblewrap
from evalcore.types import Answer
from tests.evalcore.shared import shared, shared_rows

pytestmark = [
    pytest.mark.skipif(shutil.which("bwrap") is None, reason="no bwrap: apt-get install bubblewrap"),
    pytest.mark.slow,
]


async def outcomes(benchmark, pairs):
    """Whether each (sample, text) passes, in order."""
    sandbox = Bubblewrap()
    await sandbox.check()
    programs = [benchmark.program(sample, Answer(text=text)) for sample, text in pairs]
    results = await asyncio.gather(*map(sandbox.run, programs))
    return [
        benchmark.verdict(sample, Answer(text=text), result)["passed"].value == 1.0
        for (sample, text), result in zip(pairs, results, strict=True)
    ]


async def test_humaneval_reference_solutions_pass():
    benchmark = HumanEval()
    rows = shared_rows("correctness/humaneval/HumanEval.jsonl.gz")
    passed = await outcomes(benchmark, [(benchmark.sample(row, "main"), row["canonical_solution"]) for row in rows])
    assert (sum(passed), len(passed)) == (164, 164)


async def test_humaneval_wizardcoder_15b_agrees_item_by_item_and_scores_98_of_164():
    benchmark = HumanEval()
    samples = {
        row["task_id"]: benchmark.sample(row, "main") for row in shared_rows("correctness/humaneval/HumanEval.jsonl.gz")
    }
    recorded = shared_rows("oracles/humaneval/wizardcoder-15b.jsonl.gz")
    passed = await outcomes(benchmark, [(samples[row["task_id"]], row["completion"]) for row in recorded])
    differ = [row["task_id"] for row, ours in zip(recorded, passed, strict=True) if ours != row["passed"]]
    assert (differ, sum(passed)) == ([], 98)


async def test_humaneval_wizardcoder_15b_scores_the_same_from_the_whole_reply_of_the_model():
    benchmark = HumanEval()
    samples = {
        row["task_id"]: benchmark.sample(row, "main") for row in shared_rows("correctness/humaneval/HumanEval.jsonl.gz")
    }
    recorded = shared_rows("oracles/humaneval/wizardcoder-15b.jsonl.gz")
    replies = [row["all_code"].split("### Response:", 1)[1].replace("\r\n", "\n") for row in recorded]
    pairs = [(samples[row["task_id"]], reply) for row, reply in zip(recorded, replies, strict=True)]
    passed = await outcomes(benchmark, pairs)
    differ = [row["task_id"] for row, ours in zip(recorded, passed, strict=True) if ours != row["passed"]]
    assert differ == []


async def test_humaneval_example_samples_score_one_half():
    benchmark = HumanEval()
    (problem,) = shared_rows("oracles/humaneval/example_problem.jsonl")
    sample = benchmark.sample(problem, "main")
    texts = [row["completion"] for row in shared_rows("oracles/humaneval/example_samples.jsonl")]
    assert await outcomes(benchmark, [(sample, text) for text in texts]) == [False, False, False, True, True, True]


async def test_mbpp_sanitized_reference_solutions_pass():
    benchmark = MbppSanitized()
    rows = json.loads(shared("correctness/mbpp/sanitized-mbpp.json").read_text())
    passed = await outcomes(benchmark, [(benchmark.sample(row, "sanitized"), row["code"]) for row in rows])
    assert (sum(passed), len(passed)) == (427, 427)


async def test_mbpp_wizardcoder_33b_agrees_item_by_item_and_scores_315_of_399():
    benchmark = MbppSanitized()
    samples = {
        str(row["task_id"]): benchmark.sample(row, "sanitized")
        for row in json.loads(shared("correctness/mbpp/sanitized-mbpp.json").read_text())
    }
    recorded = shared_rows("oracles/mbpp/wizardcoder-33b-v1.1.jsonl.gz")
    pairs = [(samples[row["task_id"].rpartition("/")[2]], row["completion"]) for row in recorded]
    passed = await outcomes(benchmark, pairs)
    differ = [row["task_id"] for row, ours in zip(recorded, passed, strict=True) if ours != row["passed"]]
    assert (differ, sum(passed)) == ([], 315)
