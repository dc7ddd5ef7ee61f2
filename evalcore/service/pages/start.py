"""Start: the form of an evaluation or a load test, made from the JSON Schema of its body."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

import orjson
from aiohttp import web
from pydantic import Field as Parameter

from evalcore.service import models
from evalcore.service.api import about
from evalcore.service.endpoints import Call, Query
from evalcore.service.folders import description_of
from evalcore.service.pages.rendering import KINDS, page
from evalcore.service.problems import Refused
from evalcore.service.schema import SWEPT, params
from perfbench.engine.redact import REDACTED

FIRST: dict[models.Kind, tuple[str, ...]] = {
    "eval": ("model", "api_url", "api_key", "datasets", "limit", "eval_batch_size", "eval_type"),
    "perf": ("url", "model", "api_key", "parallel", "number", "rate", "duration", "simulator", "slo"),
}
"""What most forms are filled with, above the groups."""
LEFT_OUT = frozenset({"work_dir", "outputs_dir", "use_cache"})
"""Where runs are kept is the service's affair; a run is gone on with at its job."""
PAIRS = "NAME=VALUE"
LISTS = frozenset({"datasets", "url"})


class StartQuery(Query):
    kind: models.Kind = "eval"
    run: str | None = Parameter(default=None, max_length=300, description="Fill the form with what this run was.")
    job: str | None = Parameter(default=None, max_length=300)
    datasets: str | None = Parameter(default=None, max_length=2000)


@dataclass(frozen=True, slots=True)
class Field:
    """One key of a body as a field of the form."""

    name: str
    text: str
    default: str
    """Shown in the empty field."""
    metavar: str
    reading: str
    """How its text becomes a value: text, number, yes-no, list, swept, pairs or json; see start.js."""
    choices: tuple[str, ...]
    is_secret: bool
    group: str


async def start(call: Call) -> web.StreamResponse:
    query: StartQuery = call.query
    fields = await asyncio.to_thread(fields_of, query.kind)
    values = {} if query.datasets is None else {"datasets": query.datasets}
    description = await _before(call)
    if description is not None:
        values |= filled(query.kind, description)
    benchmarks = await about.benchmarks(call)
    assert isinstance(benchmarks, models.Benchmarks)
    first = [fields[name] for name in FIRST[query.kind]]
    groups: dict[str, list[Field]] = {}
    for field in fields.values():
        if field not in first:
            groups.setdefault(field.group, []).append(field)
    return page(
        call, "start.html", kind=query.kind, kinds=KINDS, first=first, groups=groups, values=values,
        benchmarks=[one.name for one in benchmarks.benchmarks] if query.kind == "eval" else [],
    )  # fmt: skip


async def _before(call: Call) -> Mapping[str, Any] | None:
    """What was run before, if the form is to begin with that."""
    query: StartQuery = call.query
    if query.run is not None:
        row = await call.service.runs.get(query.run)
        found = await asyncio.to_thread(description_of, call.service.runs.folder(row))
        return found if row.kind == query.kind else None
    if query.job is not None:
        job = call.service.store.job(query.job)
        if job is None:
            raise Refused(404, f"there is no job {query.job!r}")
        return job.description if job.kind == query.kind else None
    return None


@cache
def fields_of(kind: models.Kind) -> dict[str, Field]:
    """By name, in the order of the schema; other names of the same key left out."""
    return {
        name: _field(name, of_key) for name, of_key in params(kind)["properties"].items()
        if name not in LEFT_OUT and not of_key.get("description", "").startswith("The same as ")
    }  # fmt: skip


def _field(name: str, of_key: Mapping[str, Any]) -> Field:
    choices = of_key.get("anyOf", [of_key])
    types = {kind for one in choices for kind in _types(one)}
    words = tuple(str(word) for one in choices for word in one.get("enum", ()))
    if name in LISTS:
        reading = "list"
    elif name in SWEPT:
        reading = "swept"
    elif "object" in types:
        reading = "pairs" if any(one.get("x-metavar") == PAIRS for one in (of_key, *choices)) else "json"
    elif types - {"null"} == {"boolean"}:
        reading = "yes-no"
    elif types & {"integer", "number"}:
        reading = "number"
    else:
        reading = "text"
    shown = of_key.get("x-default", of_key.get("default"))
    metavar = of_key.get("x-metavar") or next((one["x-metavar"] for one in choices if "x-metavar" in one), "")
    return Field(
        name=name, text=of_key.get("description", ""), default=_written(shown) if shown not in (None, [], {}) else "",
        metavar=metavar, reading=reading, choices=words, is_secret=any(one.get("writeOnly") for one in choices),
        group=of_key.get("x-group", "Other"),
    )  # fmt: skip


def _types(schema: Mapping[str, Any]) -> list[str]:
    if "$ref" in schema:
        return ["object"]
    found = schema.get("type", [])
    return found if isinstance(found, list) else [found]


def filled(kind: models.Kind, description: Mapping[str, Any]) -> dict[str, str]:
    """The texts of fields for what was run: what is as by default, or was redacted, is left empty."""
    schema = params(kind)
    found = {}
    for name, value in description.items():
        default = _default(schema, schema["properties"].get(name, {}))
        if name in LEFT_OUT or value in (None, [], {}, REDACTED) or value == default or REDACTED in str(value):
            continue
        plain = _without_defaults(value, default)
        known = fields_of(kind).get(name)
        found[name] = _pairs(plain) if known is not None and known.reading == "pairs" else _written(plain)
    return found


def _pairs(value: Any) -> str:
    """NAME=VALUE NAME=VALUE, as the field and the command line read them; JSON where that cannot say it."""
    if isinstance(value, Mapping) and all(isinstance(one, str | int | float) for one in value.values()):
        words = [f"{name}={_written(one)}" for name, one in value.items()]
        if not any(set(word) & set(" \t\n\"'") for word in words):
            return " ".join(words)
    return _written(value)


def _default(schema: Mapping[str, Any], of_key: Mapping[str, Any]) -> Any:
    """Of a key that is an object of ours, the defaults of its own keys."""
    if of_key.get("default") is not None:
        return of_key["default"]
    for one in of_key.get("anyOf", ()):
        if "$ref" in one:
            inner = schema["$defs"][one["$ref"].rpartition("/")[2]]["properties"]
            return {name: of_inner.get("default") for name, of_inner in inner.items()}
    return None


def _without_defaults(value: Any, default: Any) -> Any:
    if isinstance(value, Mapping):
        known = default if isinstance(default, Mapping) else {}
        return {key: one for key, one in value.items() if one is not None and known.get(key) != one}
    return value


def _written(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list) and all(isinstance(one, str | int | float) for one in value):
        return ", ".join(map(str, value))
    if isinstance(value, list | dict):
        return orjson.dumps(value).decode()
    return str(value)
