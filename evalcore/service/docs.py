"""Docs: the API to read, one page of plain HTML without a script, made from /openapi.json."""

from __future__ import annotations

import base64
import hashlib
import json
from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from evalcore.service.endpoints import Endpoint
from evalcore.service.openapi import described

TEMPLATES = Path(__file__).parent / "templates"
STYLE = (TEMPLATES / "docs.css").read_text(encoding="utf-8")
_DIGEST = base64.b64encode(hashlib.sha256(STYLE.encode()).digest()).decode()
POLICY = (
    f"default-src 'none'; style-src 'sha256-{_DIGEST}'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)


@cache
def page(endpoints: tuple[Endpoint, ...]) -> str:
    api = described(endpoints)
    tags: dict[str, list[dict[str, Any]]] = {}
    for path, operations in api["paths"].items():
        for method, one in operations.items():
            told = one | {"method": method.upper(), "path": path, "body": _body(one), "example": _example(method, path)}
            for parameter in told["parameters"]:
                parameter.setdefault("description", "")
            tags.setdefault(one["tags"][0], []).append(told)
    schemas = {
        name: {"description": "", "properties": {}, "required": []} | schema
        | {"properties": {key: {"description": ""} | of_key for key, of_key in schema.get("properties", {}).items()}}
        for name, schema in sorted(api["components"]["schemas"].items())
    }  # fmt: skip
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES), autoescape=True, undefined=StrictUndefined, trim_blocks=True
    )
    return environment.get_template("docs.html").render(
        info=api["info"], tags=tags, schemas=schemas, kind=_kind, ref=_ref, style=Markup(STYLE)
    )


def _body(operation: dict[str, Any]) -> str:
    body = operation.get("requestBody")
    return "" if body is None else _ref(body["content"]["application/json"]["schema"])


def _ref(schema: dict[str, Any]) -> str:
    return str(schema.get("$ref", "")).rpartition("/")[2]


def _kind(schema: dict[str, Any]) -> str:
    if "$ref" in schema:
        return _ref(schema)
    if "enum" in schema:
        return " | ".join(map(str, schema["enum"]))
    if "anyOf" in schema:
        return " | ".join(dict.fromkeys(map(_kind, schema["anyOf"])))
    if schema.get("type") == "array":
        return f"list of {_kind(schema.get('items', {}))}"
    kind = schema.get("type", "any")
    return " | ".join(kind) if isinstance(kind, list) else str(schema.get("const", kind))


EXAMPLES = {
    "/api/v1/eval": {"model": "my-model", "api_url": "http://127.0.0.1:8000/v1", "datasets": ["gsm8k"], "limit": 10},
    "/api/v1/perf": {
        "model": "my-model", "url": "http://127.0.0.1:8000/v1", "parallel": [1, 8, 32], "number": [10, 80, 320],
    },
}  # fmt: skip


def _example(method: str, path: str) -> str:
    words = ["curl -sN" if path.endswith("/events") else "curl -s"]
    if method != "get":
        words.append(f"-X {method.upper()}")
    if path in EXAMPLES:
        words.append(f"-H 'Prefer: respond-async' -d '{json.dumps(EXAMPLES[path])}'")
    query = "?a=ID&b=ID" if path == "/api/v1/compare" else ""
    address = f"http://127.0.0.1:9000{path.replace('{id}', 'ID').replace('{key}', 'KEY').replace('{n}', '0')}{query}"
    return " ".join([*words, f"'{address}'" if query else address])
