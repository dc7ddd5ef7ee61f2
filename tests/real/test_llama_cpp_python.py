"""llama-cpp-python: by default a new request ends the reply that is being written, under status 200 and with [DONE]."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.real.command import perfbench_run
from tests.real.load import MAX_TOKENS, flags
from tests.real.parts import Server

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]
CUT = {"truncated", "no_finish"}
"""It also leaves out the last, empty piece of HTTP's chunked coding, so that the wire calls most of them truncated."""


@pytest.mark.parametrize("transport", ["wire", "aiohttp", "sdk"])
def test_a_cut_stream_is_no_success(llama_cpp_python: Server, tmp_path: Path, transport: str):
    load = flags(transport=transport, parallel=4, number=40, max_tokens=MAX_TOKENS, prompt_tokens=16, temperature=0)
    ran = perfbench_run(llama_cpp_python, tmp_path, *load)
    whole = [record for record in ran.records if record.outcome == "ok"]
    assert all(record.finish_reasons == ["length"] and record.chunks == MAX_TOKENS for record in whole)
    assert set(ran.requests["errors"]) <= CUT
    assert ran.requests["succeeded"] == len(whole) == 40 - sum(ran.requests["errors"].values())
    assert ran.requests["failed"] > 20 and ran.exit_code == 4
    assert ran.summary["latency_ms"]["e2e"]["count"] == len(whole)


def test_one_client_at_a_time_is_served_whole(llama_cpp_python: Server, tmp_path: Path):
    """It tells no usage in a stream, whatever was asked for: chunks are counted, and the summary says so."""
    ran = perfbench_run(
        llama_cpp_python, tmp_path, *flags(number=10, max_tokens=MAX_TOKENS, prompt_tokens=16, temperature=0)
    )  # fmt: skip
    assert (ran.exit_code, ran.requests["succeeded"], ran.requests["errors"]) == (0, 10, {}), ran.requests
    assert (ran.summary["tokens"]["source"], ran.summary["tokens"]["output"]) == ("chunks", 10 * MAX_TOKENS)
