"""Scraper: what every kind of answer becomes, that none of them is in anybody's way, and where the key goes."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

import pytest
from aiohttp import web

from perfbench.engine.errors import ScenarioError
from perfbench.runfolder import RunFolder
from perfbench.scenario import Scenario
from perfbench.telemetry.addresses import addresses, beside
from perfbench.telemetry.scraper import MOST_BYTES, Address, scraping
from tests.telemetry import texts


async def hangs(_request: web.Request) -> web.StreamResponse:
    await asyncio.sleep(60)
    return web.Response()


async def breaks_off(request: web.Request) -> web.StreamResponse:
    reply = web.StreamResponse(headers={"Content-Length": "1000"})
    await reply.prepare(request)
    await reply.write(b"vllm:num_requests_running 1\n")
    assert request.transport is not None
    request.transport.close()
    return reply


async def floods(request: web.Request) -> web.StreamResponse:
    reply = web.StreamResponse()
    await reply.prepare(request)
    for _ in range(MOST_BYTES // (1 << 20) + 2):
        await reply.write(b"#" * (1 << 20))
    return reply


def says(text: str | bytes, status: int = 200) -> object:
    async def answer(_request: web.Request) -> web.StreamResponse:
        body = text.encode() if isinstance(text, str) else text
        return web.Response(body=body, status=status, headers={"Location": "/vllm"} if status == 302 else {})

    return answer


ANSWERS = {
    "vllm": (says(texts.VLLM), ""),
    "hangs": (hangs, "did not answer in time"),
    "500": (says("no", 500), "answered 500"),
    "404": (says("no", 404), "answered 404"),
    "302": (says("", 302), "answered 302"),
    "garbage": (says("<html>hello</html>"), "did not answer in Prometheus's text format"),
    "bytes": (says(b"\xff\xfe\x00"), "did not answer in Prometheus's text format"),
    "flood": (floods, "did not answer in Prometheus's text format"),
    "cut": (breaks_off, "broke off (ClientPayloadError)"),
    "empty": (says(""), "says nothing that is known of any engine"),
    "stranger": (says("# TYPE go_goroutines gauge\ngo_goroutines 12\n"), "says nothing that is known of any engine"),
}


async def scraped(file: Path, paths: list[str], during_s: float, every_s: float):
    """Samples by path, and how long entering and leaving the block took."""
    app = web.Application()
    for path, (handler, _) in ANSWERS.items():
        app.router.add_get(f"/{path}", handler)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    root = f"http://127.0.0.1:{runner.addresses[0][1]}"
    began_s = time.monotonic()
    async with scraping([Address(f"{root}/{path}", "server") for path in paths], file, every_s, patience_s=0.5):
        inside_s = time.monotonic() - began_s
        await asyncio.sleep(during_s)
    await runner.cleanup()
    samples = RunFolder(file.parent).server_samples()
    return {path: [s for s in samples if s.url == f"{root}/{path}"] for path in paths}, inside_s


async def test_every_answer_becomes_a_sample_and_nothing_is_raised(tmp_path):
    found, inside_s = await scraped(tmp_path / "server.jsonl", list(ANSWERS), during_s=0.0, every_s=60)
    assert {path: {s.error for s in mine} for path, mine in found.items()} == {p: {e} for p, (_, e) in ANSWERS.items()}
    assert {path: len(mine) for path, mine in found.items()} == dict.fromkeys(ANSWERS, 2)  # before, and when it is over
    assert inside_s < 10  # the one that hangs was given up
    assert found["vllm"][0].values["running"] == 12


async def test_one_that_hangs_keeps_no_other_waiting(tmp_path):
    found, _ = await scraped(tmp_path / "server.jsonl", ["vllm", "hangs"], during_s=1.2, every_s=0.05)
    assert len(found["vllm"]) >= 6
    assert len(found["hangs"]) <= 5
    at_ns = [s.at_ns for s in found["vllm"]]
    assert at_ns == sorted(at_ns)


async def test_samples_are_on_both_clocks(tmp_path):
    before_ns, wall_ns = time.perf_counter_ns(), time.time_ns()
    found, _ = await scraped(tmp_path / "server.jsonl", ["vllm"], during_s=0.0, every_s=60)
    sample = found["vllm"][0]
    assert before_ns < sample.at_ns < time.perf_counter_ns()
    assert sample.wall_ns - wall_ns == pytest.approx(sample.at_ns - before_ns, abs=50_000_000)


async def test_what_nobody_listens_at_is_said_to_be_unreachable(tmp_path):
    async with scraping([Address("http://127.0.0.1:1/metrics", "gpu")], tmp_path / "server.jsonl"):
        pass
    first = RunFolder(tmp_path).server_samples()[0]
    assert (first.kind, first.error, first.values) == ("gpu", "could not be reached", {})


async def test_without_addresses_there_is_no_file(tmp_path):
    async with scraping([], tmp_path / "server.jsonl"):
        pass
    assert not (tmp_path / "server.jsonl").exists()


async def test_a_block_that_is_broken_off_is_not_kept_waiting(tmp_path):
    with pytest.raises(KeyboardInterrupt):
        async with scraping([Address("http://127.0.0.1:1/metrics", "server")], tmp_path / "server.jsonl"):
            raise KeyboardInterrupt
    assert len((tmp_path / "server.jsonl").read_bytes().splitlines()) == 1


# -- addresses ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("url", "metrics"),
    [
        ("http://h:8000/v1", "http://h:8000/metrics"), ("http://h:8000", "http://h:8000/metrics"),
        ("https://h/llm/v1/chat/completions", "https://h/llm/metrics"), ("http://h/v1?a=b", "http://h/metrics"),
    ],
)  # fmt: skip
def test_auto_is_beside_the_api(url, metrics):
    assert beside(url) == metrics


def scenario(**values):
    return Scenario.from_mapping({"model": "m", **values}, environment={})


def test_each_address_is_asked_once():
    found = addresses(scenario(url=["http://a/v1", "http://a:80/v1", "http://b/v1"], server_metrics="auto",
                               gpu_metrics="http://g:9400"), ("http://a/v1", "http://b/v1"))  # fmt: skip
    assert [(address.url, address.kind) for address in found] == [
        ("http://a/metrics", "server"), ("http://b/metrics", "server"), ("http://g:9400/metrics", "gpu"),
    ]  # fmt: skip


def test_the_key_goes_to_hosts_under_load_and_to_nobody_else():
    found = addresses(
        scenario(url="https://a/v1", api_key="sk-1", headers={"X-Team": "t"},
                 server_metrics=["https://a/metrics", "http://a/metrics", "https://b/metrics"]), ("https://a/v1",)
    )  # fmt: skip
    assert [dict(address.headers) for address in found] == [{"Authorization": "Bearer sk-1", "X-Team": "t"}, {}, {}]
    assert "sk-1" not in repr(found)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"server_metrics": "localhost:9"}, "server-metrics .*did you mean http://localhost:9"),
        ({"gpu_metrics": "auto"}, "gpu-metrics is auto, but no exporter is known; give its address"),
        ({"server_metrics": ["auto", "http://h/metrics"]}, "auto stands alone|is not an address"),
        ({"server_metrics": "http://u:p@h/metrics"}, "holds a name and password"),
        ({"metrics_every": 0}, "metrics-every should be greater than 0"),
    ],
)
def test_an_address_that_is_none_is_refused(values, message):
    with pytest.raises(ScenarioError, match=message):
        scenario(url="http://a/v1", **values)
