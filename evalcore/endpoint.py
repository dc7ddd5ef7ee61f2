"""Endpoint: the model under test as the engine sees it: its lane, and what every request to it asks for."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

from evalcore.benchmarks.base import Benchmark
from evalcore.task import TaskConfig
from perfbench.engine.adaptive import Adaptive
from perfbench.engine.dialect.base import Options
from perfbench.engine.lane import Keep, Lane
from perfbench.engine.limits import Limits
from perfbench.engine.request import Deadlines
from perfbench.engine.retry import RetryPolicy
from perfbench.engine.transport.base import Endpoint, open_transport


def lane_of(task: TaskConfig, url: str) -> Lane:
    """The rules for what goes to the model under test."""
    endpoint = endpoint_of(task, url)
    timeout_s = float(task.model_args.get("timeout") or task.generation_config.timeout)
    own_retries = task.model_args.get("max_retries")
    # The openai client, given max_retries, tries again by itself.
    retries = task.retries if own_retries is None else 0 if task.client == "sdk" else int(own_retries)
    return Lane(
        transport=open_transport(task.client, endpoint),
        limits=Limits(
            requests_per_s=None if task.rpm is None else task.rpm / 60, tokens_per_min=task.tpm,
            adaptive=Adaptive() if task.eval_batch_size == "auto" else None,
        ),
        retry=RetryPolicy(attempts=1 + retries, budget_share=float(retries)),
        deadlines=Deadlines(timeout_s, timeout_s, None), keep=Keep(texts=True), secrets=endpoint.secrets(),
    )  # fmt: skip


def options_of(task: TaskConfig, by: Benchmark) -> Options:
    """The generation settings as request options. Unknown keys and extra_body go into the body as they are.

    A benchmark whose answers need more room than the default gets it, unless the task says how much there is.
    """
    given = task.generation_config
    if by.max_tokens is not None and "max_tokens" not in given.model_fields_set:
        given = given.model_copy(update={"max_tokens": by.max_tokens})
    named = given.model_dump(exclude={"timeout", "extra_body", *(given.model_extra or {})})
    extra = {**(given.model_extra or {}), **given.extra_body}
    return Options(**named, model=task.model or "sim", extra=extra)


def with_query(url: str, query: Mapping[str, Any]) -> str:
    """The address with these parameters; they win over its own of the same name."""
    parts = urlsplit(url)
    own = [(name, value) for name, value in parse_qsl(parts.query, keep_blank_values=True) if name not in query]
    return parts._replace(query=urlencode([*own, *((name, str(value)) for name, value in query.items())])).geturl()


def endpoint_of(task: TaskConfig, url: str) -> Endpoint:
    args = task.model_args
    headers = {str(name): str(value) for name, value in (args.get("default_headers") or {}).items()}
    for key, header in (("organization", "OpenAI-Organization"), ("project", "OpenAI-Project")):
        if args.get(key) and task.client != "sdk":
            headers[header] = str(args[key])
    if args.get("default_query") and task.client != "sdk":
        url = with_query(url, args["default_query"])
    return Endpoint(
        urls=(url,), api_key=task.api_key.get_secret_value() if task.api_key is not None else None, headers=headers,
        model_args=args if task.client == "sdk" else {},
    )  # fmt: skip
