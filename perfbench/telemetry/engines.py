"""Engines: the tables of names. To teach another engine, or a new name of one, add a line here and one to
tests/telemetry/test_reading.py.

A `Series` is looked for under its names in turn, the newest first; those of all labels (data-parallel ranks, models,
GPUs) are folded into one. Names stand without the `_total` of counters, which some writers leave out.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

Fold = Literal["sum", "mean", "max"]
MIB = 1024.0 * 1024.0


@dataclass(frozen=True, slots=True)
class Common:
    """A common name: what it means, and how it behaves."""

    label: str
    unit: str
    """requests, tokens, share, events, bytes, W, °C; of a counter, what it counts."""
    counter: bool = False


COMMON: dict[str, Common] = {
    "running": Common("requests in the batch", "requests"),
    "waiting": Common("requests in the queue", "requests"),
    "kv_cache": Common("KV cache in use", "share"),
    "prefix_hit_rate": Common("prompt tokens found in the prefix cache", "share"),
    "prefix_queries": Common("prompt tokens looked up in the prefix cache", "tokens", counter=True),
    "prefix_hits": Common("prompt tokens found in the prefix cache", "tokens", counter=True),
    "preemptions": Common("requests thrown out of the batch", "events", counter=True),
    "prompt_tokens": Common("prompt tokens", "tokens", counter=True),
    "generated_tokens": Common("generated tokens", "tokens", counter=True),
    "finished": Common("requests that ended well", "requests", counter=True),
    "gpu_busy": Common("GPU busy", "share"),
    "tensor_busy": Common("tensor cores busy", "share"),
    "gpu_memory": Common("GPU memory in use", "bytes"),
    "gpu_power": Common("GPU power", "W"),
    "gpu_temperature": Common("hottest GPU", "°C"),
    "gpus": Common("GPUs that said something", "GPUs"),
}


@dataclass(frozen=True, slots=True)
class Series:
    names: tuple[str, ...]
    fold: Fold = "sum"
    scale: float = 1.0
    """The engine's unit in ours."""
    plus: tuple[str, ...] = ()
    """What the engine counts apart and we do not: added, where it is there."""


@dataclass(frozen=True, slots=True)
class Engine:
    title: str
    prefix: str
    """Names of this engine begin so; how it is recognised."""
    series: Mapping[str, Series]
    """By common name."""


ENGINES: dict[str, Engine] = {
    "vllm": Engine("vLLM", "vllm:", {
        "running": Series(("vllm:num_requests_running",)),
        "waiting": Series(("vllm:num_requests_waiting",)),
        "kv_cache": Series(("vllm:kv_cache_usage_perc", "vllm:gpu_cache_usage_perc"), "mean"),
        "prefix_queries": Series(("vllm:prefix_cache_queries", "vllm:gpu_prefix_cache_queries")),
        "prefix_hits": Series(("vllm:prefix_cache_hits", "vllm:gpu_prefix_cache_hits")),
        "preemptions": Series(("vllm:num_preemptions",)),
        "prompt_tokens": Series(("vllm:prompt_tokens",)),
        "generated_tokens": Series(("vllm:generation_tokens",)),
        "finished": Series(("vllm:request_success",)),
    }),
    "sglang": Engine("SGLang", "sglang:", {
        "running": Series(("sglang:num_running_reqs",)),
        "waiting": Series(("sglang:num_queue_reqs",)),
        "kv_cache": Series(("sglang:token_usage",), "mean"),
        "prefix_hit_rate": Series(("sglang:cache_hit_rate",), "mean"),
        "prefix_queries": Series(("sglang:prompt_tokens",)),
        "prefix_hits": Series(("sglang:cached_tokens",)),
        "preemptions": Series(("sglang:num_retracted_requests", "sglang:num_retracted_reqs")),
        "prompt_tokens": Series(("sglang:prompt_tokens",)),
        "generated_tokens": Series(("sglang:generation_tokens",)),
        "finished": Series(("sglang:num_requests",)),
    }),
    "tgi": Engine("Text Generation Inference", "tgi_", {
        "running": Series(("tgi_batch_current_size",)),
        "waiting": Series(("tgi_queue_size",)),
        "prompt_tokens": Series(("tgi_request_input_length_sum",)),
        "generated_tokens": Series(("tgi_request_generated_tokens_sum",)),
        "finished": Series(("tgi_request_success",)),
    }),
    "llama.cpp": Engine("llama.cpp", "llamacpp:", {
        "running": Series(("llamacpp:requests_processing",)),
        "waiting": Series(("llamacpp:requests_deferred",)),
        "kv_cache": Series(("llamacpp:kv_cache_usage_ratio",), "mean"),
        "prefix_hits": Series(("llamacpp:prompt_tokens_cached",)),
        "prefix_queries": Series(("llamacpp:prompt_tokens",), plus=("llamacpp:prompt_tokens_cached",)),
        "prompt_tokens": Series(("llamacpp:prompt_tokens",), plus=("llamacpp:prompt_tokens_cached",)),
        "generated_tokens": Series(("llamacpp:tokens_predicted",)),
    }),
    "simulator": Engine("perfbench's simulator", "perfbench_simulator_", {
        "running": Series(("perfbench_simulator_running",)),
        "waiting": Series(("perfbench_simulator_waiting",)),
        "prompt_tokens": Series(("perfbench_simulator_prompt_tokens",)),
        "generated_tokens": Series(("perfbench_simulator_generated_tokens",)),
        "finished": Series(("perfbench_simulator_finished",)),
    }),
    "dcgm": Engine("DCGM exporter", "DCGM_FI_", {
        "gpu_busy": Series(("DCGM_FI_DEV_GPU_UTIL",), "mean", 0.01),
        "tensor_busy": Series(("DCGM_FI_PROF_PIPE_TENSOR_ACTIVE",), "mean"),
        "gpu_memory": Series(("DCGM_FI_DEV_FB_USED",), "sum", MIB),
        "gpu_power": Series(("DCGM_FI_DEV_POWER_USAGE",)),
        "gpu_temperature": Series(("DCGM_FI_DEV_GPU_TEMP",), "max"),
    }),
    "nvidia_smi": Engine("nvidia-smi exporter", "nvidia_smi_", {
        "gpu_busy": Series(("nvidia_smi_utilization_gpu_ratio",), "mean"),
        "gpu_memory": Series(("nvidia_smi_memory_used_bytes",)),
        "gpu_power": Series(("nvidia_smi_power_draw_watts", "nvidia_smi_power_draw_instant_watts")),
        "gpu_temperature": Series(("nvidia_smi_temperature_gpu",), "max"),
    }),
    "nvml": Engine("NVML exporter", "nvidia_gpu_", {
        "gpu_busy": Series(("nvidia_gpu_duty_cycle",), "mean", 0.01),
        "gpu_memory": Series(("nvidia_gpu_memory_used_bytes",)),
        "gpu_power": Series(("nvidia_gpu_power_usage_milliwatts",), "sum", 0.001),
        "gpu_temperature": Series(("nvidia_gpu_temperature_celsius",), "max"),
    }),
}  # fmt: skip
