"""vllm-rs: another program's measurement of the same server, with the same prompts, in turn with ours."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.real.command import Ran, perfbench_run
from tests.real.conftest import SLOTS
from tests.real.load import EXACT, MAX_TOKENS, flags, write_prompts
from tests.real.parts import Server, part
from tests.real.tolerance import agree_in_some_round, gap, median, quietest

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]


@pytest.mark.parametrize(
    ("fixture", "clients", "number"), [("llama_server", SLOTS, 200), ("slow_server", 1, 6)], ids=["quick", "slow"]
)
def test_the_medians_of_both_clients_agree(
    request: pytest.FixtureRequest, fixture: str, clients: int, number: int, tmp_path: Path
):
    program, tokenizer = part("PERFBENCH_VLLM_RS"), part("PERFBENCH_TINY_HF")
    server: Server = request.getfixturevalue(fixture)
    prompts = tmp_path / "prompts.jsonl"
    write_prompts(prompts, number)
    load = flags(parallel=clients, number=number, max_tokens=MAX_TOKENS, temperature=0, extra_args=EXACT)
    ours: list[Ran] = []
    theirs: list[dict[str, Any]] = []

    def measure(turn: int) -> None:
        ours.append(perfbench_run(server, tmp_path / f"ours{turn}", *load, "--prompts-file", str(prompts)))
        theirs.append(vllm_rs(program, tokenizer, server, prompts, clients, number, tmp_path / f"theirs{turn}"))

    def complaints() -> list[str]:
        ttft_ms, tpot_ms, itl_ms = (quietest([run.p50(name) for run in ours]) for name in ("ttft", "tpot", "itl"))
        ttfts_ms = [median(run["ttfts"]) * 1e3 for run in theirs]
        paces_ms = [median([sum(gaps) / len(gaps) for gaps in run["itls"]]) * 1e3 for run in theirs]
        found = gap("TTFT p50", ttft_ms, quietest(ttfts_ms), share=0.25, floor_ms=3.0)
        found += gap("TPOT p50", tpot_ms, quietest(paces_ms), share=0.25, floor_ms=0.1)
        if clients == 1:  # else tokens are so close together that several come in one read
            gaps_ms = [median([one for gaps in run["itls"] for one in gaps]) * 1e3 for run in theirs]
            found += gap("ITL p50", itl_ms, quietest(gaps_ms), share=0.25)
        return found

    agree_in_some_round(measure, complaints)
    assert {run.requests["succeeded"] for run in ours} == {number}
    assert {run.summary["tokens"]["output"] for run in ours} == {number * MAX_TOKENS}
    assert {sum(run["output_lens"]) for run in theirs} == {number * MAX_TOKENS}


def vllm_rs(
    program: Path, tokenizer: Path, server: Server, prompts: Path, clients: int, number: int, folder: Path
) -> dict[str, Any]:
    """What it saved of one run. It fails a request whose kept connection turns out to be closed, hence the header."""
    command = [
        program, "bench", "serve", "--backend", "openai-chat", "--base-url", server.root,
        "--endpoint", "/v1/chat/completions", "--model", server.model, "--tokenizer", tokenizer,
        "--dataset-name", "custom", "--dataset-path", prompts, "--disable-shuffle",
        "--custom-output-len", str(MAX_TOKENS), "--num-prompts", str(number), "--max-concurrency", str(clients),
        "--temperature", "0", "--extra-body", json.dumps(EXACT), "--header", "Connection=close",
        "--disable-tqdm", "--save-result", "--save-detailed",
        "--result-dir", folder, "--result-filename", "result.json",
    ]  # fmt: skip
    ended = subprocess.run([str(word) for word in command], capture_output=True, text=True, timeout=120, check=False)
    assert ended.returncode == 0, ended.stderr[-1000:]
    result: dict[str, Any] = json.loads((folder / "result.json").read_text())
    assert not any(result["errors"]), result["errors"]
    return result
