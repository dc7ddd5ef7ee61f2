"""The servers of these tests, each started once a session and only when a test wants it."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from contextlib import AbstractContextManager
from pathlib import Path

import pytest

from tests.real.parts import Server, part, running

SLOTS = 4
LITELLM = """
model_list:
  - model_name: tiny
    litellm_params: {{model: hosted_vllm/tiny, api_base: "{upstream}", api_key: none}}
  - model_name: mock
    litellm_params: {{model: openai/mock, api_key: none, mock_response: "The quick brown fox jumps over the lazy dog."}}
  - model_name: limited
    litellm_params: {{model: openai/mock, api_key: none, mock_response: "litellm.RateLimitError"}}
router_settings: {{num_retries: 0, disable_cooldowns: true}}
"""


def llama(name: str, model: str, folder: Path, *more: str) -> AbstractContextManager[Server]:
    """llama-server, with as many slots as these tests have requests in flight, so that none waits for another."""
    command = [
        part("LLAMA_SERVER"), "-m", part(model), "--host", "127.0.0.1", "--port", "{port}", "-c", "8192",
        "-np", str(SLOTS), "-t", "1", "--metrics", "--alias", "tiny", *more,
    ]  # fmt: skip
    return running(name, command, "/health", folder=folder)


@pytest.fixture(scope="session")
def logs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("servers")


@pytest.fixture(scope="session")
def llama_server(logs: Path) -> Iterator[Server]:
    with llama("llama", "PERFBENCH_TINY_GGUF", logs) as server:
        yield server


@pytest.fixture(scope="session")
def embedding_server(logs: Path) -> Iterator[Server]:
    with llama("embedding", "PERFBENCH_TINY_EMBEDDING_GGUF", logs, "--embeddings") as server:
        yield server


@pytest.fixture(scope="session")
def slow_server(logs: Path) -> Iterator[Server]:
    with llama("slow", "PERFBENCH_SLOW_GGUF", logs) as server:
        yield server


@pytest.fixture(scope="session")
def transformers_server(logs: Path) -> Iterator[Server]:
    program, model = part("PERFBENCH_TRANSFORMERS"), part("PERFBENCH_TINY_HF")
    (logs / "hf" / "hub").mkdir(parents=True)
    command = [program, "serve", model, "--device", "cpu", "--host", "127.0.0.1", "--port", "{port}"]
    environment = {"HF_HOME": str(logs / "hf"), "HF_HUB_OFFLINE": "1"}
    with running(
        "transformers", command, "/health", folder=logs, model=str(model), environment=environment
    ) as server:  # fmt: skip
        yield server


@pytest.fixture(scope="session")
def litellm_proxy(logs: Path, llama_server: Server) -> Iterator[Server]:
    """litellm's proxy: model `tiny` is llama-server behind it, `mock` and `limited` are its own."""
    program = part("PERFBENCH_LITELLM")
    settings = logs / "litellm.yaml"
    settings.write_text(LITELLM.format(upstream=llama_server.url))
    key = f"sk-{secrets.token_hex(24)}"
    command = [program, "--config", settings, "--host", "127.0.0.1", "--port", "{port}"]
    environment = {
        "LITELLM_LOCAL_MODEL_COST_MAP": "True", "LITELLM_TELEMETRY": "False", "LITELLM_MASTER_KEY": key
    }  # fmt: skip
    with running(
        "litellm", command, "/health/liveliness", folder=logs, api_key=key, environment=environment
    ) as server:  # fmt: skip
        yield server


@pytest.fixture(scope="session")
def llama_cpp_python(logs: Path) -> Iterator[Server]:
    """llama-cpp-python as it is by default: another request ends the reply that is being written."""
    command = [
        part("PERFBENCH_LLAMA_CPP_PYTHON"), "-m", "llama_cpp.server", "--model", part("PERFBENCH_TINY_GGUF"),
        "--n_ctx", "4096", "--n_threads", "1", "--host", "127.0.0.1", "--port", "{port}", "--model_alias", "tiny",
    ]  # fmt: skip
    with running("llama_cpp_python", command, "/v1/models", folder=logs) as server:
        yield server
