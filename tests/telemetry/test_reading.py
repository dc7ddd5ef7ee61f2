"""Reading: every engine's names become the common ones, and what is no such text is refused."""

from __future__ import annotations

import math
from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from perfbench.telemetry.engines import COMMON, ENGINES, MIB
from perfbench.telemetry.reading import read_metrics
from tests.telemetry import texts

READ = {
    "vllm": (texts.VLLM, "vllm", {
        "running": 12, "waiting": 3, "kv_cache": 0.4, "prefix_queries": 1500, "prefix_hits": 750, "preemptions": 2,
        "prompt_tokens": 1500, "generated_tokens": 900, "finished": 10,
    }),
    "an older vllm": (texts.VLLM_OLD, "vllm", {
        "running": 2, "kv_cache": 0.25, "prefix_queries": 10, "prefix_hits": 4,
    }),
    "sglang": (texts.SGLANG, "sglang", {
        "running": 16, "waiting": 9, "kv_cache": 0.75, "prefix_hit_rate": 0.125, "prefix_queries": 8000,
        "prefix_hits": 2000, "preemptions": 3, "prompt_tokens": 8000, "generated_tokens": 4000, "finished": 40,
    }),
    "tgi": (texts.TGI, "tgi", {
        "running": 4, "waiting": 7, "prompt_tokens": 2200, "generated_tokens": 8123, "finished": 44,
    }),
    "llama.cpp": (texts.LLAMA_CPP, "llama.cpp", {
        "running": 4, "waiting": 2, "prefix_queries": 2250, "prefix_hits": 2116, "prompt_tokens": 2250,
        "generated_tokens": 756,
    }),
    "dcgm": (texts.DCGM, "dcgm", {
        "gpu_busy": 0.7, "tensor_busy": 0.4, "gpu_memory": 1536 * MIB, "gpu_power": 500, "gpu_temperature": 71,
        "gpus": 2,
    }),
    "nvidia-smi": (texts.NVIDIA_SMI, "nvidia_smi", {
        "gpu_busy": 0.75, "gpu_memory": 2.5e9, "gpu_power": 120, "gpu_temperature": 55, "gpus": 1,
    }),
    "nvml": (texts.NVML, "nvml", {
        "gpu_busy": 0.25, "gpu_memory": 1e9, "gpu_power": 75, "gpu_temperature": 44, "gpus": 1,
    }),
}  # fmt: skip


@pytest.mark.parametrize(("text", "engine", "values"), READ.values(), ids=READ)
def test_each_engine_is_read_in_common_names(text, engine, values):
    found = read_metrics(text)
    assert found.engine == engine
    assert found.values == pytest.approx(values)


def test_a_gauge_is_not_taken_for_the_counter_of_that_name():
    text = "# TYPE sglang:num_retracted_reqs gauge\nsglang:num_retracted_reqs 4\nsglang:token_usage 0.5\n"
    assert read_metrics(text).values == {"kv_cache": 0.5}


def test_a_text_of_nobody_known_says_nothing():
    found = read_metrics("# TYPE go_goroutines gauge\ngo_goroutines 12\n")
    assert (found.engine, found.values) == ("", {})


def test_of_several_engines_the_one_that_says_most_is_taken():
    assert read_metrics(texts.TGI + texts.VLLM_OLD).engine == "tgi"


@pytest.mark.parametrize("text", ["<html><body>Not found</body></html>", '{"error": "no"}', 'vllm:x{a="b" 1', "x y"])
def test_what_is_not_of_that_format_is_refused(text):
    with pytest.raises(ValueError, match=r".+"):
        read_metrics(text)


DAMAGE = "#{}\"'\\=,\n\t +-.eNa:_0\x00é"


@given(st.data())
@settings(max_examples=200, deadline=None)
def test_a_damaged_text_is_read_or_refused_and_nothing_else(data):
    """Cut and overwritten anywhere: what comes out is a reading or a ValueError."""
    text = data.draw(st.sampled_from([texts.VLLM, texts.TGI, texts.DCGM]))
    for _ in range(data.draw(st.integers(1, 4))):
        begin = data.draw(st.integers(0, len(text)))
        end = data.draw(st.integers(begin, min(begin + 40, len(text))))
        text = text[:begin] + data.draw(st.text(DAMAGE, max_size=6)) + text[end:]
    with suppress(ValueError):
        assert all(math.isfinite(value) for value in read_metrics(text).values.values())


def test_every_series_has_a_common_name_and_begins_as_its_engine_is_recognised():
    for engine in ENGINES.values():
        assert engine.series.keys() <= COMMON.keys()
        for series in engine.series.values():
            assert all(name.startswith(engine.prefix) and not name.endswith("_total") for name in series.names)
