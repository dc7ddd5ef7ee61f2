"""litellm's proxy: in front of llama-server, its own canned replies, its refusals, and a key that must not leak."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from tests.real.command import Ran, perfbench_run
from tests.real.load import flags
from tests.real.parts import Server

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]


@pytest.mark.parametrize("api", ["chat", "messages", "completions", "responses"])
def test_a_real_engine_behind_it(litellm_proxy: Server, tmp_path: Path, api: str):
    """responses: the proxy asks for 16 tokens at least."""
    ran = perfbench_run(
        litellm_proxy, tmp_path, *flags(api=api, parallel=4, number=20, max_tokens=16, prompt_tokens=16, temperature=0)
    )  # fmt: skip
    assert (ran.exit_code, ran.requests["succeeded"], ran.requests["errors"]) == (0, 20, {}), ran.requests
    assert ran.summary["tokens"]["output"] == 20 * 16
    assert ran.summary["latency_ms"]["ttft"]["count"] == 20
    no_secret_in(tmp_path, ran, litellm_proxy)


def test_a_usage_of_zeros_is_not_believed(litellm_proxy: Server, tmp_path: Path):
    """Not asked for usage, it puts zeros into every chunk of a completion."""
    load = flags(api="completions", number=10, max_tokens=16, prompt_tokens=16, temperature=0)
    ran = perfbench_run(litellm_proxy, tmp_path, *load, *flags(extra_args={"stream_options": None}))
    assert (ran.requests["succeeded"], ran.summary["tokens"]["source"]) == (10, "chunks")
    assert ran.summary["tokens"]["output"] == 10 * 16


def test_its_canned_reply_has_fewer_tokens_than_chunks(litellm_proxy: Server, tmp_path: Path):
    ran = perfbench_run(replace(litellm_proxy, model="mock"), tmp_path, *flags(number=10, max_tokens=16))
    assert (ran.exit_code, ran.requests["succeeded"]) == (0, 10)
    assert all(record.output_tokens is not None and record.chunks > record.output_tokens for record in ran.records)


def test_a_refusal_by_rate_is_counted_as_its_status(litellm_proxy: Server, tmp_path: Path):
    ran = perfbench_run(replace(litellm_proxy, model="limited"), tmp_path, *flags(parallel=4, number=20, max_tokens=4))
    assert (ran.exit_code, ran.requests["succeeded"], ran.requests["errors"]) == (4, 0, {"http_429": 20})
    assert "mock rate limit" in ran.records[0].error_detail


def test_a_wrong_key_ends_the_run_early_and_is_told_to_nobody(litellm_proxy: Server, tmp_path: Path):
    stranger = replace(litellm_proxy, api_key="sk-0123456789abcdef-not-the-key")
    ran = perfbench_run(stranger, tmp_path, *flags(number=100, max_tokens=4))
    assert ran.exit_code == 4
    (kind,) = ran.requests["errors"]
    assert kind in ("http_400", "http_401", "http_403") and ran.requests["sent"] < 100
    no_secret_in(tmp_path, ran, stranger)


def no_secret_in(folder: Path, ran: Ran, server: Server) -> None:
    assert server.api_key is not None
    secret = server.api_key.encode()
    told = [file for file in folder.rglob("*") if file.is_file() and secret in file.read_bytes()]
    assert not told and server.api_key not in ran.stderr
