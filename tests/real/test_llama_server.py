"""llama-server: every dialect that it speaks, exact counts, and its own account of time beside ours."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.real.command import Ran, perfbench_run
from tests.real.conftest import SLOTS
from tests.real.load import EXACT, MAX_TOKENS, flags, write_prompts
from tests.real.parts import Server, fetch
from tests.real.rawload import Timed, timed_replies
from tests.real.tolerance import agree_in_some_round, gap, median, quietest

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]
NUMBER = 200


def counters(server: Server) -> dict[str, float]:
    """llama-server's totals since it began."""
    lines = fetch(f"{server.root}/metrics").decode().splitlines()
    pairs = (line.removeprefix("llamacpp:").split() for line in lines if line.startswith("llamacpp:"))
    return {name: float(value) for name, value in pairs}


def test_counts_are_the_servers_own(llama_server: Server, tmp_path: Path):
    """What the server counted over the run is what the records say, request by request and in sum."""
    write_prompts(tmp_path / "prompts.jsonl", NUMBER)
    before = counters(llama_server)
    load = flags(parallel=SLOTS, number=NUMBER, max_tokens=MAX_TOKENS, extra_args=EXACT)
    ran = perfbench_run(llama_server, tmp_path / "out", *load, "--prompts-file", str(tmp_path / "prompts.jsonl"))
    after = counters(llama_server)
    grown = {name: after[name] - before[name] for name in after}

    assert (ran.exit_code, ran.requests["succeeded"], ran.requests["failed"]) == (0, NUMBER, 0), ran.requests
    assert {record.output_tokens for record in ran.records} == {MAX_TOKENS}
    assert {record.token_source for record in ran.records} == {"usage"}
    assert {record.chunks for record in ran.records} == {MAX_TOKENS}  # this server sends a token an event
    assert {tuple(record.finish_reasons) for record in ran.records} == {("length",)}
    assert ran.summary["tokens"]["output"] == grown["tokens_predicted_total"] == NUMBER * MAX_TOKENS
    assert ran.summary["tokens"]["input"] == grown["prompt_tokens_total"]


def test_what_it_says_of_itself_stands_beside_the_clients_figures(llama_server: Server, tmp_path: Path):
    """Twice as many clients as slots: the queue shows, and every token is counted the same on both sides."""
    load = flags(parallel=2 * SLOTS, number=NUMBER, max_tokens=MAX_TOKENS, extra_args=EXACT)
    ran = perfbench_run(llama_server, tmp_path, *load, "--server-metrics", "auto", "--metrics-every", "100ms")
    (address,) = ran.summary["server"]["addresses"]
    assert (address["engine"], address["failed"]) == ("llama.cpp", 0)
    figures = address["figures"]
    assert 0 < figures["running"]["max"] <= SLOTS
    assert 0 < figures["waiting"]["max"] <= SLOTS
    assert 0 <= figures["prefix_hit_rate"]["mean"] <= 1
    compared = ran.summary["server"]["compared"]
    assert compared["generated_tokens"] == {
        "server": NUMBER * MAX_TOKENS, "client": NUMBER * MAX_TOKENS, "ratio": 1, "agrees": True,
    }  # fmt: skip
    assert compared["prompt_tokens"]["server"] == compared["prompt_tokens"]["client"]
    (page,) = tmp_path.glob("*/report.html")
    assert 'data-chart="server-requests"' in page.read_text(encoding="utf-8")


@pytest.mark.parametrize("transport", ["wire", "aiohttp", "sdk"])
def test_a_server_that_closes_after_each_stream_costs_reconnects_and_no_request(
    llama_server: Server, tmp_path: Path, transport: str
):
    """It promises keep-alive and closes: a request may find its connection dead, and none fails of it."""
    ran = perfbench_run(
        llama_server, tmp_path, *flags(transport=transport, parallel=SLOTS, number=NUMBER, max_tokens=4)
    )  # fmt: skip
    assert (ran.requests["succeeded"], ran.requests["errors"]) == (NUMBER, {})
    assert ran.requests["reconnects"] == sum(record.reconnects for record in ran.records) > 0
    assert not any(record.reused for record in ran.records if record.reconnects)


def test_the_time_of_a_run_is_the_servers_own(slow_server: Server, tmp_path: Path):
    """The same requests on both clocks: the server sums the time it spent, and ours can only be a little longer.

    One client, because the server's account of a prompt leaves out the wait for a step that another slot is in.
    """
    number = 16
    write_prompts(tmp_path / "prompts.jsonl", number)
    before = counters(slow_server)
    load = flags(parallel=1, number=number, max_tokens=MAX_TOKENS, extra_args=EXACT)
    ran = perfbench_run(slow_server, tmp_path / "out", *load, "--prompts-file", str(tmp_path / "prompts.jsonl"))
    after = counters(slow_server)
    writing_s = after["tokens_predicted_seconds_total"] - before["tokens_predicted_seconds_total"]
    reading_s = after["prompt_seconds_total"] - before["prompt_seconds_total"]

    assert ran.requests["succeeded"] == number
    assert sum_s(ran, "first_output_ns", "last_output_ns") == pytest.approx(writing_s, rel=0.05)
    waited_s = sum_s(ran, "written_ns", "first_output_ns")
    assert waited_s > 0.98 * reading_s  # the first token is sent once the prompt has been read
    assert waited_s < 1.25 * reading_s


@pytest.mark.parametrize("clients", [1, SLOTS])
def test_latencies_agree_with_the_servers_timings(request: pytest.FixtureRequest, clients: int, tmp_path: Path):
    """Medians of perfbench and of a bare socket load, in turn on the same server with the same prompts.

    One client on the slow model: the server's own prompt_ms is the TTFT but for the wire. Four on the quick one: the
    server's account leaves out its own queue, so TTFT is held against the bare socket's; and its tokens are so close
    together that several come in one read, so that the pace of a whole reply says more than its gaps.
    """
    server: Server = request.getfixturevalue("slow_server" if clients == 1 else "llama_server")
    number = 6 if clients == 1 else NUMBER
    prompts = write_prompts(tmp_path / "prompts.jsonl", number)
    body = {"model": "tiny", "max_tokens": MAX_TOKENS, "temperature": 0, "stream": True, **EXACT}
    bodies = [body | {"messages": [{"role": "user", "content": prompt}]} for prompt in prompts]
    load = flags(parallel=clients, number=number, max_tokens=MAX_TOKENS, temperature=0, extra_args=EXACT)
    runs: list[Ran] = []
    timed: list[list[Timed]] = []

    def measure(turn: int) -> None:
        in_folder = tmp_path / f"out{turn}"
        runs.append(perfbench_run(server, in_folder, *load, "--prompts-file", str(tmp_path / "prompts.jsonl")))
        timed.append(timed_replies(server.port, "/v1/chat/completions", bodies, clients))

    def of_replies(number_of: Callable[[Timed], float]) -> float:
        return quietest([median([number_of(one) for one in replies]) for replies in timed])

    def complaints() -> list[str]:
        ttft_ms, tpot_ms, itl_ms = (quietest([run.p50(name) for run in runs]) for name in ("ttft", "tpot", "itl"))
        found = gap("TTFT, a bare socket's", ttft_ms, of_replies(lambda one: one.ttft_ms), share=0.25, floor_ms=3.0)
        found += gap("TPOT, the server's", tpot_ms, of_replies(lambda one: one.per_token_ms), share=0.25, floor_ms=0.1)
        if clients == 1:
            found += gap("TTFT, the server's", ttft_ms, of_replies(lambda one: one.prompt_ms), share=0.25, floor_ms=3.0)
            found += gap("ITL, a bare socket's", itl_ms, of_replies(lambda one: median(one.gaps_ms)), share=0.25)
        return found

    agree_in_some_round(measure, complaints)


@pytest.mark.parametrize("stream", [True, False], ids=["streamed", "whole"])
@pytest.mark.parametrize("api", ["completions", "responses", "messages", "chat"])
def test_every_api_that_it_speaks(llama_server: Server, tmp_path: Path, api: str, stream: bool):
    load = flags(api=api, stream=stream, parallel=SLOTS, number=40, max_tokens=16, temperature=0)
    ran = perfbench_run(llama_server, tmp_path, *load)
    assert (ran.exit_code, ran.requests["succeeded"], ran.requests["errors"]) == (0, 40, {}), ran.requests
    assert ran.summary["tokens"] | {"source": "usage", "output": 40 * 16} == ran.summary["tokens"]
    ttft = ran.summary["latency_ms"]["ttft"]
    assert (ttft["count"] == 40) if stream else (ttft is None or ttft["count"] == 0)


@pytest.mark.parametrize("packing", [{}, {"encoding_format": "base64"}], ids=["numbers", "base64"])
def test_embeddings(embedding_server: Server, tmp_path: Path, packing: dict[str, str]):
    load = flags(api="embeddings", parallel=SLOTS, number=20, batch=3, prompt_tokens=16, extra_args=packing)
    ran = perfbench_run(embedding_server, tmp_path, *load)
    assert (ran.exit_code, ran.requests["succeeded"], ran.requests["errors"]) == (0, 20, {}), ran.requests
    assert ran.summary["tokens"]["input"] > 20 * 3
    assert ran.summary["latency_ms"]["e2e"]["count"] == 20


def test_a_prompt_that_does_not_fit_is_refused_by_status(llama_server: Server, tmp_path: Path):
    """A status that would come again and again ends the run early, with the server's own words."""
    ran = perfbench_run(llama_server, tmp_path, *flags(number=100, prompt_tokens=9000, max_tokens=4))
    assert ran.exit_code == 4
    assert list(ran.requests["errors"]) == ["http_400"] and ran.requests["sent"] < 100
    assert "context" in ran.records[0].error_detail


def sum_s(ran: Ran, begin: str, end: str) -> float:
    return float(sum(getattr(record, end) - getattr(record, begin) for record in ran.records)) / 1e9
