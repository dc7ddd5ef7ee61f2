"""Model: which model is asked, where, and through which client."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from pydantic import SecretStr

from evalcore.task.section import MODEL, Rule, Section
from evalcore.task.values import Json
from perfbench.engine import redact
from perfbench.engine.dialect.urls import request_url
from perfbench.engine.errors import ScenarioError
from perfbench.fieldtypes import key

if TYPE_CHECKING:
    from evalcore.task.config import TaskConfig

KEY_VARIABLES = ("EVALCORE_API_KEY", "OPENAI_API_KEY")
NO_KEY = "EMPTY"
"""What servers that ask for no key are told, as everybody does: some insist on the header."""
WIRE_ARGS = frozenset({"default_headers", "default_query", "timeout", "max_retries", "organization", "project"})
"""Client arguments that mean something without the openai client."""


class Model(Section):
    model: str | None = key(None, MODEL, "Model to ask for.", shown="with eval_type mock: sim")
    model_id: str | None = key(None, MODEL, "Its name in folders and reports.", shown="the last part of model")
    api_url: str | None = key(None, MODEL, "Endpoint, with or without /v1.", metavar="URL")
    api_key: SecretStr | None = key(
        None, MODEL, "Bearer token.", shown=" or ".join([*(f"${name}" for name in KEY_VARIABLES), NO_KEY]),
        metavar="KEY", repr=False,
    )  # fmt: skip
    eval_type: Literal["service", "mock"] = key(
        "service", MODEL, "service: an endpoint; mock: the built-in simulator, which knows the answers."
    )
    mock: Json = key({}, MODEL, "Settings of the simulator: skill, ttft_ms, slots, ...", metavar="JSON")
    client: Literal["wire", "aiohttp", "sdk"] = key("wire", MODEL, "How bytes travel.")
    model_args: Json = key(
        {}, MODEL, "Client arguments; all of them with --client sdk.", metavar="JSON", repr=False
    )  # fmt: skip


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _odd_address(url: str | None) -> str:
    """What is wrong with it; empty: nothing."""
    try:
        request_url(url or "http://none", "")
    except ScenarioError as error:
        return str(error).removeprefix("url ")
    return ""


def conflicts(task: TaskConfig) -> list[Rule]:
    service = task.eval_type == "service"
    args = task.model_args
    odd = sorted(set(args) - WIRE_ARGS)
    timeout, retries, query = args.get("timeout"), args.get("max_retries"), args.get("default_query")
    hidden = [name for name in query if redact.is_secret_header(str(name))] if isinstance(query, dict) else []
    return [
        (service and task.api_url is None, "api_url",
         "is missing; give the endpoint's address, e.g. http://127.0.0.1:8000/v1"),
        (bool(_odd_address(task.api_url)), "api_url", _odd_address(task.api_url)),
        (service and task.model is None, "model", "is missing; name the model to ask for"),
        (not service and task.api_url is not None, "api_url",
         "names an endpoint, but eval_type mock starts its own; take one of them out"),
        (bool(odd) and task.client != "sdk", "model_args",
         f"has {', '.join(odd)}, which only the openai client knows; use --client sdk"),
        (timeout is not None and not (_is_number(timeout) and timeout > 0), "model_args",
         f"has timeout {timeout!r}; write seconds, e.g. 60"),
        (retries is not None and not (_is_number(retries) and retries >= 0 and retries == int(retries)), "model_args",
         f"has max_retries {retries!r}; write a count, e.g. 2"),
        *((args.get(name) is not None and not isinstance(args[name], dict), "model_args",
           f"has a {name} that is no mapping; write it like {{\"{name}\": {{\"a\": \"b\"}}}}")
          for name in ("default_headers", "default_query")),
        (bool(hidden) and task.client != "sdk", "model_args",
         f"has default_query with {', '.join(map(str, hidden))}: addresses stand in every record; use default_headers"),
    ]  # fmt: skip
