"""Options compared by real servers: the sums are those that transformers computes from the same weights.

llama-cpp-python echoes likelihoods, rightly for a model with a token before the prompt and off by one without it;
llama-server neither echoes nor lists a tiny model's letters, but obeys a grammar.
"""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from evalcore.outputs import read_predictions
from evalcore.run import run_task
from evalcore.task import TaskConfig
from evalcore.types import Prediction
from tests.real.parts import Server, part, running

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]
BEFORE_PROMPT = ("--kv_overrides", "tokenizer.ggml.add_bos_token=bool:true")
SUM_OFF_BY = 0.02
"""Largest difference of two sums of a hundred single-precision logarithms."""
COMPUTE = """
import json, sys
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer
folder, before = sys.argv[1], sys.argv[2] == "before"
tokenizer = AutoTokenizer.from_pretrained(folder)
model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32)
for context, continuation in json.load(sys.stdin):
    texts = (context + continuation, context)
    ids, skipped = (tokenizer(text, add_special_tokens=False)["input_ids"] for text in texts)
    start = [tokenizer.bos_token_id] if before else []
    with torch.no_grad():
        table = torch.log_softmax(model(torch.tensor([start + ids])).logits[0].double(), -1)
    places = range(len(start) + len(skipped), len(start) + len(ids))
    print(json.dumps([sum(table[at - 1, (start + ids)[at]].item() for at in places), len(places)]))
"""
ROWS = (
    ("What is over the old house?", ("the sky", "water", "a small boy", "a letter"), "A"),
    ("Where do animals live?", ("on the land", "in the air and the sea", "你好", "school"), "B"),
    ("Who found the picture?", ("mother", "no one: it was never lost", "Zoë", "the man"), "D"),
)


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("data")
    lines = [
        {"id": str(at), "question": asked, "choices": {"text": list(texts), "label": list("ABCD")}, "answerKey": right}
        for at, (asked, texts, right) in enumerate(ROWS)
    ]
    (folder / "arc").mkdir()
    (folder / "arc" / "ARC-Easy-test.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    return folder


def echoing(folder: Path, name: str, *more: str) -> Any:
    command = [
        part("PERFBENCH_LLAMA_CPP_PYTHON"), "-m", "llama_cpp.server", "--model", part("PERFBENCH_TINY_GGUF"),
        "--n_ctx", "2048", "--n_threads", "1", "--host", "127.0.0.1", "--port", "{port}", "--model_alias", "tiny",
        "--interrupt_requests", "False", "--logits_all", "True", *more,
    ]  # fmt: skip
    return running(name, command, "/v1/models", folder=folder)


@pytest.fixture(scope="module")
def with_token_before(logs: Path) -> Iterator[Server]:
    with echoing(logs, "echo_before", *BEFORE_PROMPT) as server:
        yield server


@pytest.fixture(scope="module")
def without_token_before(logs: Path) -> Iterator[Server]:
    with echoing(logs, "echo_bare") as server:
        yield server


def run(server: Server, data: Path, outputs: Path) -> tuple[Any, list[Prediction]]:
    task = {
        "model": "tiny", "api_url": server.url, "datasets": ["arc"], "dataset_dir": str(data), "dataset_hub": "local",
        "work_dir": outputs, "eval_batch_size": 1, "choice_method": "likelihood",
        "dataset_args": {"arc": {"subset_list": ["ARC-Easy"]}},
    }  # fmt: skip
    result = run_task(TaskConfig.from_mapping(task, "test", environment={}))
    return result.reports["arc"], list(read_predictions(result.folder / "predictions" / "tiny" / "arc_ARC-Easy.jsonl"))


def computed(pairs: list[tuple[str, str]], *, before: bool) -> list[tuple[float, int]]:
    """Sum and number of tokens of each continuation, by transformers."""
    python = part("PERFBENCH_TRANSFORMERS").parent / "python"
    command = [python, "-c", COMPUTE, part("PERFBENCH_TINY_HF"), "before" if before else "bare"]
    ran = subprocess.run(command, input=json.dumps(pairs), capture_output=True, text=True, check=True)
    return [tuple(json.loads(line)) for line in ran.stdout.splitlines()]


def test_sums_are_those_of_the_weights_and_so_are_the_choices(with_token_before: Server, data: Path, tmp_path: Path):
    report, predictions = run(with_token_before, data, tmp_path)
    assert report.settings["way"] == "echo" and report.coverage == 1.0
    told = [(one, option) for one in predictions for option in one.likelihoods]
    conditional = computed([(one.messages[0]["content"], option.text) for one, option in told], before=True)
    alone = computed([("Answer:", option.text) for _, option in told], before=True)
    assert [option.logprob for _, option in told] == pytest.approx([value for value, _ in conditional], abs=SUM_OFF_BY)
    assert [option.prior_answer for _, option in told] == pytest.approx([value for value, _ in alone], abs=SUM_OFF_BY)
    assert [option.tokens for _, option in told] == [count for _, count in conditional]
    right = 0
    for at, one in enumerate(predictions):
        sums = [value for value, _ in conditional[4 * at : 4 * at + 4]]
        right += "ABCD"[sums.index(max(sums))] == one.sample.target
    assert report.protocols["acc"].score == pytest.approx(right / len(ROWS))


def test_an_echo_that_is_off_by_one_is_not_believed(without_token_before: Server, data: Path, tmp_path: Path):
    report, _ = run(without_token_before, data, tmp_path)
    (log,) = tmp_path.glob("*/logs/eval_log.log")
    assert "its likelihoods stand at the wrong tokens" in log.read_text()
    assert report.settings["way"] == "guided_choice"


def test_llama_server_answers_by_grammar(llama_server: Server, data: Path, tmp_path: Path):
    report, predictions = run(llama_server, data, tmp_path)
    assert (report.headline, report.settings["way"], report.settings["guided_by"]) == (
        "letter_choice", "guided_choice", "grammar",
    )  # fmt: skip
    assert report.coverage == 1.0 and all(one.text in "ABCD" for one in predictions)
