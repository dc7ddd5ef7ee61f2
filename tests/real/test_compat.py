"""vllm-rs: the figures that it printed come out of the requests that it saved, read by us and by its definitions."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from perfbench.comparison.source import read_source
from perfbench.report.compat import vllm
from tests.real.conftest import SLOTS
from tests.real.load import write_prompts
from tests.real.parts import Server, part
from tests.real.test_second_client import vllm_rs

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]


def test_its_own_figures_are_reproduced(llama_server: Server, tmp_path: Path) -> None:
    program, tokenizer = part("PERFBENCH_VLLM_RS"), part("PERFBENCH_TINY_HF")
    prompts = tmp_path / "prompts.jsonl"
    write_prompts(prompts, 60)
    theirs = vllm_rs(program, tokenizer, llama_server, prompts, SLOTS, 60, tmp_path)
    ours = vllm(read_source(tmp_path / "result.json").records)
    exact = [
        name
        for name in ours
        if name in theirs and ("_ms" in name or name in ("completed", "total_input_tokens", "total_output_tokens"))
    ]
    assert len(exact) >= 15, "the names are theirs"
    assert {name: ours[name] for name in exact} == pytest.approx({name: theirs[name] for name in exact}, rel=1e-6)
    # Its clock runs on for a moment after the last reply.
    assert ours["duration"] == pytest.approx(theirs["duration"], rel=0.02)
    assert json.loads((tmp_path / "result.json").read_text())["failed"] == ours["failed"] == 0
