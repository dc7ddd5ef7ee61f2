"""transformers serve: streams without [DONE], streams that nobody asked for, and 422 for a field it does not know."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.real.command import perfbench_run
from tests.real.load import flags
from tests.real.parts import Server

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]


@pytest.mark.parametrize("transport", ["wire", "aiohttp", "sdk"])
def test_a_stream_without_done_is_whole(transformers_server: Server, tmp_path: Path, transport: str):
    load = flags(transport=transport, parallel=2, number=10, max_tokens=8, prompt_tokens=16, temperature=0)
    ran = perfbench_run(transformers_server, tmp_path, *load)
    assert (ran.exit_code, ran.requests["succeeded"], ran.requests["errors"]) == (0, 10, {}), ran.requests
    assert ran.summary["tokens"]["output"] == 10 * 8 and ran.summary["tokens"]["source"] == "usage"
    assert ran.summary["latency_ms"]["ttft"]["count"] == 10


@pytest.mark.parametrize("stream", [True, False], ids=["streamed", "whole"])
@pytest.mark.parametrize("api", ["completions", "responses"])
def test_its_other_apis(transformers_server: Server, tmp_path: Path, api: str, stream: bool):
    """It streams a response unless told not to, so a request that says nothing of it gets a stream all the same."""
    load = flags(api=api, stream=stream, parallel=2, number=10, max_tokens=8, prompt_tokens=16, temperature=0)
    ran = perfbench_run(transformers_server, tmp_path, *load)
    assert (ran.exit_code, ran.requests["succeeded"], ran.requests["errors"]) == (0, 10, {}), ran.requests
    assert ran.summary["tokens"]["output"] == 10 * 8


def test_a_field_that_it_does_not_know_ends_the_run_early(transformers_server: Server, tmp_path: Path):
    load = flags(parallel=2, number=200, max_tokens=4, prompt_tokens=16, extra_args={"made_up": 1})
    ran = perfbench_run(transformers_server, tmp_path, *load)
    assert ran.exit_code == 4
    assert list(ran.requests["errors"]) == ["http_422"] and ran.requests["sent"] < 200
    assert "made_up" in ran.records[0].error_detail
    assert "422" in ran.summary["run"]["ended"]
