"""OpenAPI 3.1: the description of the API, generated from the table of endpoints and from their models."""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import cache
from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from evalcore.service.endpoints import Endpoint, Reply
from evalcore.service.problems import CONTENT_TYPE, Problem
from evalcore.service.schema import REF, component
from perfbench import __version__

ANY = (400, 401, 403, 405, 413, 421, 422)
"""Problems that every endpoint may answer."""
WITH_BODY = (408,)
TEXTS = {
    400: "What came is no request of this API: no JSON, or no HTTP.",
    401: "A token is needed.",
    403: "Another site's page has asked, or the target is not permitted.",
    404: "There is no such thing.",
    405: "This address knows other methods.",
    408: "The body came too slowly.",
    409: "Not in the state that it is in.",
    413: "The body is too large.",
    421: "The Host is no name of this service.",
    422: "Keys are wrong; each is named in errors.",
    429: "The queue is full.",
    500: "A bug of the service.",
}
SECRETS = {
    "type": "object",
    "description": 'Keys that were kept in memory only, at the places where they stood: {"api_key": ...}.',
}
EVENT = {
    "type": "object",
    "description": "One event. Data of job is a Job, of progress a line of the progress file, of end the status.",
    "properties": {
        "event": {"enum": ["job", "progress", "end"]}, "data": {"type": "string"},
        "id": {"type": "string", "description": "Where to go on: as Last-Event-ID, or as after."},
    },
    "required": ["event", "data"],
}  # fmt: skip
LOGIN = {
    "type": "object", "properties": {"token": {"type": "string"}}, "required": ["token"],
    "additionalProperties": False,
}  # fmt: skip


def bodies() -> dict[str, dict[str, Any]]:
    """Schemas of bodies, by the names that endpoints use."""
    return {"Task": component("eval")[0], "Scenario": component("perf")[0], "Secrets": SECRETS, "Login": LOGIN}


@cache
def described(endpoints: tuple[Endpoint, ...]) -> dict[str, Any]:
    models = {reply.model for one in endpoints for reply in one.replies.values() if reply.model is not None}
    _, found = models_json_schema(
        [(model, "serialization") for model in sorted(models | {Problem}, key=lambda model: model.__name__)],
        ref_template=REF,
    )
    schemas: dict[str, Any] = {**found.get("$defs", {}), **component("eval")[1], **component("perf")[1], **bodies()}
    paths: dict[str, dict[str, Any]] = {}
    for one in endpoints:
        paths.setdefault(one.path, {})[one.method.lower()] = _operation(one)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "evalcore", "version": __version__,
            "description": "Evaluations and load tests of language models: start them, watch them, read their results.",
        },
        "paths": paths,
        "components": {
            "schemas": schemas, "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
        },
        "security": [{}, {"token": []}],
    }  # fmt: skip


def _operation(one: Endpoint) -> dict[str, Any]:
    statuses = sorted({*ANY, *one.problems, *(WITH_BODY if one.body else ())} - one.replies.keys())
    operation: dict[str, Any] = {
        "operationId": one.name, "summary": one.text, "tags": [one.tag],
        "parameters": [*_path_parameters(one.path), *_query_parameters(one.query), *_headers(one)],
        "responses": {
            **{str(status): _reply(reply) for status, reply in one.replies.items()},
            **{
                str(status): {
                    "description": TEXTS[status],
                    "content": {CONTENT_TYPE: {"schema": {"$ref": REF.format(model="Problem")}}},
                } for status in statuses
            },
        },
    }  # fmt: skip
    if one.body is not None:
        schema = {"$ref": REF.format(model=one.body)}
        operation["requestBody"] = {
            "required": one.body_needed, "content": {"application/json": {"schema": schema}}
        }  # fmt: skip
    return operation


def _headers(one: Endpoint) -> list[dict[str, Any]]:
    if 202 not in one.replies or one.body not in ("Task", "Scenario"):
        return []
    return [{
        "name": "Prefer", "in": "header", "required": False, "schema": {"type": "string"},
        "description": "respond-async: answer at once; wait=SECONDS: no later than that (RFC 7240).",
        "example": "respond-async",
    }]  # fmt: skip


def _reply(reply: Reply) -> dict[str, Any]:
    schema: dict[str, Any] = {"type": "string"}
    if reply.model is not None:
        schema = {"$ref": REF.format(model=reply.model.__name__)}
    elif reply.content_type == "application/json":
        schema = {"type": "object"}
    elif reply.content_type == "text/event-stream":
        schema = EVENT
    told: dict[str, Any] = {"description": reply.text, "content": {reply.content_type: {"schema": schema}}}
    if reply.other is not None:
        told["content"][reply.other] = {"schema": {"type": "string"}}
    if reply.headers:
        told["headers"] = {
            name: {"description": text, "schema": {"type": "string"}} for name, text in reply.headers.items()
        }
    return told


def _path_parameters(path: str) -> Iterable[dict[str, Any]]:
    for name in re.findall(r"{(\w+)}", path):
        kind = {"type": "integer", "minimum": 0} if name == "n" else {"type": "string", "minLength": 1}
        yield {"name": name, "in": "path", "required": True, "schema": kind}


def _query_parameters(query: type[BaseModel]) -> Iterable[dict[str, Any]]:
    schema = query.model_json_schema(ref_template=REF)
    for name, of_key in schema.get("properties", {}).items():
        plain = {key: value for key, value in of_key.items() if key not in ("title", "description")}
        parameter = {
            "name": name, "in": "query", "required": name in schema.get("required", ()), "schema": plain,
            "description": of_key.get("description", ""),
        }  # fmt: skip
        if plain.get("type") == "array":
            parameter |= {"style": "form", "explode": True}
        yield parameter
