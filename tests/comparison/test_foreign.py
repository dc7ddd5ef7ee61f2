"""Foreign: what other tools recorded is read as they meant it; what they did not is named, nothing is made up."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from perfbench import cli
from perfbench.comparison.source import read_source
from perfbench.engine.errors import ExitCode, ScenarioError
from perfbench.metrics.columns import OUTCOMES
from perfbench.metrics.latency import e2e_ms, itl_ms, tpot_ms, ttft_ms

VLLM: dict[str, Any] = {
    "backend": "openai-chat", "model_id": "m", "request_rate": "inf", "burstiness": 1.0, "max_concurrency": 4,
    "request_throughput": 1.0, "input_lens": [7, 7, 7], "output_lens": [3, 1, 0], "ttfts": [0.1, 0.2, 0.0],
    "itls": [[0.01, 0.03], [], []], "errors": ["", "", "Service Unavailable"], "start_times": [10.0, 10.5, 11.0],
    "latencies": [0.15, 0.2, 0.0],
}  # fmt: skip
SPAN = {"request_start_ns": 1_000_000_000, "request_end_ns": 1_200_000_000, "benchmark_phase": "profiling"}
AIPERF: list[dict[str, Any]] = [
    {"metadata": {**SPAN, "benchmark_phase": "warmup"}, "metrics": {}, "error": None},
    {
        "metadata": SPAN, "error": None,
        "metrics": {
            "time_to_first_token": {"value": 50.0, "unit": "ms"}, "request_latency": {"value": 90.0, "unit": "ms"},
            "inter_chunk_latency": {"value": [10.0, 30.0], "unit": "ms"},
            "input_sequence_length": {"value": 7, "unit": "tokens"},
            "output_sequence_length": {"value": 3, "unit": "tokens"},
        },
    },
    {"metadata": SPAN, "metrics": None, "error": {"code": 503, "type": "X", "message": "busy"}},
    {"metadata": {**SPAN, "was_cancelled": True}, "metrics": None, "error": {"code": 499}},
]  # fmt: skip
GUIDELLM_REQUEST: dict[str, Any] = {
    "request_id": "r", "prompt_tokens": 7, "output_tokens": 3, "info": {"timings": {
        "targeted_start": 99.9, "request_start": 100.0, "first_token_iteration": 100.1, "last_token_iteration": 100.3,
        "request_end": 100.4,
    }},
}  # fmt: skip
OLD_GUIDELLM_REQUEST: dict[str, Any] = {
    "request_start_time": 100.0, "request_end_time": 100.4, "time_to_first_token_ms": 100.0,
    "inter_token_latency_ms": 100.0, "prompt_tokens": 7, "output_tokens": 3,
}  # fmt: skip


def write(folder: Path, content: object, *, lines: bool = False) -> Path:
    file = folder / "theirs.json"
    entries: list[object] = content if lines else [content]  # type: ignore[assignment]
    file.write_text("".join(json.dumps(entry) + "\n" for entry in entries))
    return file


def guidellm(*requests: dict[str, Any], **parts: Any) -> dict[str, Any]:
    strategy = {"type_": "concurrent", "streams": 4}
    return {"benchmarks": [{"requests": {"successful": [*requests], **parts}, "config": {"strategy": strategy}}]}


def outcomes(records: Any) -> list[str]:
    return [OUTCOMES[code] for code in records.outcome]


def test_vllm(tmp_path: Path) -> None:
    run = read_source(write(tmp_path, VLLM))
    assert (run.tool, run.open_loop) == ("vllm bench", False)
    assert run.facts == {"model": "m", "parallel": 4, "rate": None, "stream": True, "api": "chat"}
    assert outcomes(run.records) == ["ok", "ok", "failed"]
    assert ttft_ms(run.records)[:2] == pytest.approx([100, 200])
    assert tpot_ms(run.records)[0] == pytest.approx(20)
    assert e2e_ms(run.records)[:2] == pytest.approx([150, 200])
    assert itl_ms(run.records) == pytest.approx([10, 30])
    assert run.records.output_tokens.tolist() == [3, 1, -1]
    assert any("due" in text for text in run.lacking)


def test_vllm_in_open_loop_and_without_latencies(tmp_path: Path) -> None:
    older = {name: value for name, value in VLLM.items() if name != "latencies"} | {"request_rate": 2.0}
    run = read_source(write(tmp_path, older))
    assert run.open_loop is True
    assert run.facts["arrival"] == "poisson"
    assert e2e_ms(run.records)[0] == pytest.approx(140)


def test_aiperf(tmp_path: Path) -> None:
    run = read_source(write(tmp_path, AIPERF, lines=True))
    assert (run.tool, run.open_loop) == ("aiperf", None)
    assert outcomes(run.records) == ["ok", "failed", "cancelled"]
    assert (ttft_ms(run.records)[0], tpot_ms(run.records)[0]) == (50, 20)
    assert e2e_ms(run.records)[0] == 200
    assert itl_ms(run.records).tolist() == [10, 30]
    assert run.records.error_kinds == ("http_503", "cancelled")
    assert any("rate" in text for text in run.lacking)


@pytest.mark.parametrize("request_", [GUIDELLM_REQUEST, OLD_GUIDELLM_REQUEST], ids=["timings", "computed figures"])
def test_guidellm(tmp_path: Path, request_: dict[str, Any]) -> None:
    lost = {**request_, "info": {"timings": {"request_start": 100.0, "request_end": 100.2}, "error": "boom"}}
    run = read_source(write(tmp_path, guidellm(request_, errored=[lost], incomplete=[{"info": {"timings": {}}}])))
    assert (run.tool, run.open_loop, run.facts["parallel"]) == ("guidellm", False, 4)
    assert outcomes(run.records) == ["ok", "failed"]
    assert ttft_ms(run.records)[0] == pytest.approx(100, abs=1e-3)
    assert tpot_ms(run.records)[0] == pytest.approx(100, abs=1e-3)
    assert e2e_ms(run.records)[0] == pytest.approx(400, abs=1e-3)
    assert any("gaps" in text for text in run.lacking)
    assert any("when requests were due" in text for text in run.lacking) is (request_ is OLD_GUIDELLM_REQUEST)


def test_a_guidellm_sweep_needs_to_be_told_which(tmp_path: Path) -> None:
    sweep = {"benchmarks": guidellm(GUIDELLM_REQUEST)["benchmarks"] * 3}
    file = write(tmp_path, sweep)
    with pytest.raises(ScenarioError, match=r"3 benchmarks.*#1 to .*#3"):
        read_source(file)
    assert read_source(Path(f"{file}#2")).records.size == 1
    with pytest.raises(ScenarioError, match="counted from 1"):
        read_source(Path(f"{file}#4"))


@pytest.mark.parametrize(
    ("content", "words"),
    [
        pytest.param({"request_throughput": 1.0}, "--save-detailed", id="vllm without the requests"),
        pytest.param({**VLLM, "ttfts": [0.1]}, "differ in length", id="vllm, torn"),
        pytest.param({**VLLM, "ttfts": [0.1, "x", 0.0]}, "request 1, ttfts is 'x'", id="vllm, a word for a number"),
        pytest.param({"benchmarks": [{}]}, "no single requests", id="guidellm without the requests"),
        pytest.param({"a": 1}, "no file of a tool that is known", id="something else"),
        pytest.param(guidellm(), "holds no request", id="guidellm, empty"),
    ],
)
def test_what_cannot_be_read_is_refused_with_the_place_and_a_remedy(tmp_path: Path, content: Any, words: str) -> None:
    with pytest.raises(ScenarioError, match=words):
        read_source(write(tmp_path, content))


def test_a_line_of_aiperf_in_an_unknown_unit_is_named(tmp_path: Path) -> None:
    bad = json.loads(json.dumps(AIPERF[1]))
    bad["metrics"]["time_to_first_token"]["unit"] = "fortnights"
    with pytest.raises(ScenarioError, match=r"line 2.*fortnights"):
        read_source(write(tmp_path, [AIPERF[1], bad], lines=True))


def test_nothing_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(ScenarioError, match="neither a run folder nor a file"):
        read_source(tmp_path / "nowhere.json")


def test_the_records_of_two_tools_are_compared_and_what_one_lacks_is_said(tmp_path: Path, capsys: Any) -> None:
    theirs = write(tmp_path, VLLM)
    other = tmp_path / "other.jsonl"
    other.write_text("".join(json.dumps(line) + "\n" for line in AIPERF))
    assert cli.run(["compare", str(theirs), str(other), "--json"]) == ExitCode.DONE
    found = json.loads(capsys.readouterr().out)
    assert (found["first"]["tool"], found["second"]["tool"]) == ("vllm bench", "aiperf")
    assert any("does not say when requests were due" in note for note in found["notes"])
