"""Schema: what a body may hold, as JSON Schema, generated from the models that read it.

Many values may be written as text with a unit, as on the command line (60s, 1k, 5%): the models read both, so the
schema allows both.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue
from pydantic_core import core_schema

from evalcore.service.models import Kind
from perfbench.settings.flags import METAVARS

SWEPT = ("parallel", "rate", "number")
"""Keys of a scenario of which a body may give a list: then it is a sweep."""
TEXT: JsonSchemaValue = {"type": "string"}
REF = "#/components/schemas/{model}"


class _Schema(GenerateJsonSchema):
    """Knows what the readers before a type's own validation take."""

    def function_before_schema(self, schema: core_schema.BeforeValidatorFunctionSchema) -> JsonSchemaValue:
        inner = self.generate_inner(schema["schema"])
        function: Any = schema["function"]["function"]
        return _either(inner, TEXT | ({"x-metavar": METAVARS[function]} if function in METAVARS else {}))

    def is_instance_schema(self, schema: core_schema.IsInstanceSchema) -> JsonSchemaValue:
        return TEXT  # of a law that is written as text

    def default_schema(self, schema: core_schema.WithDefaultSchema) -> JsonSchemaValue:
        found = super().default_schema(schema)
        if found.get("default", 0) is None:
            found.pop("default")
        return found


def _either(inner: JsonSchemaValue, other: JsonSchemaValue) -> JsonSchemaValue:
    if inner == TEXT or ("$ref" not in inner and inner.get("type") == "string" and "enum" not in inner):
        return inner
    choices = inner["anyOf"] if set(inner) == {"anyOf"} else [inner]
    return {"anyOf": [*choices, other]}


BOUNDS = {"ge": "minimum", "gt": "exclusiveMinimum", "le": "maximum", "lt": "exclusiveMaximum"}


def _tidy(schema: Any) -> Any:
    """Choices among choices are choices, and a bound is that of the number among them."""
    if isinstance(schema, list):
        return [_tidy(one) for one in schema]
    if not isinstance(schema, dict):
        return schema
    found = {name: _tidy(value) for name, value in schema.items()}
    bounds = {bound: found.pop(name) for name, bound in BOUNDS.items() if name in found and "anyOf" in found}
    if "anyOf" not in found:
        return found
    choices: list[dict[str, Any]] = []
    for one in found["anyOf"]:
        choices += one["anyOf"] if set(one) == {"anyOf"} else [one]
    numbers = ("integer", "number")
    found["anyOf"] = [one | bounds if one.get("type") in numbers else one for one in choices]
    return found


def model_of(kind: Kind) -> type[BaseModel]:
    if kind == "eval":
        from evalcore.task import TaskConfig

        return TaskConfig
    from perfbench.scenario import Scenario

    return Scenario


@cache
def params(kind: Kind) -> dict[str, Any]:
    """The JSON Schema of a body, on its own."""
    return _completed(kind, model_of(kind).model_json_schema(schema_generator=_Schema))


@cache
def component(kind: Kind) -> tuple[dict[str, Any], dict[str, Any]]:
    """(the schema of a body, those that it refers to) for /openapi.json."""
    found = _completed(kind, model_of(kind).model_json_schema(schema_generator=_Schema, ref_template=REF))
    return found, found.pop("$defs", {})


def _completed(kind: Kind, found: dict[str, Any]) -> dict[str, Any]:
    model, found = model_of(kind), _tidy(found)
    found["description"] = (
        "An evaluation: a task, as `evalcore run` takes it." if kind == "eval" else
        "A load test: a scenario, as `perfbench run` takes it; with a list for parallel or rate, a sweep."
    )  # fmt: skip
    for name, of_key in found["properties"].items():
        of_key.pop("title", None)
        shown = of_key.pop("shown", None)
        for unwanted in ("short", "words"):
            of_key.pop(unwanted, None)
        metavar = of_key.pop("metavar", None)
        if shown:
            of_key["x-default"] = shown
        if metavar:
            of_key["x-metavar"] = metavar
        if "group" in of_key:
            of_key["x-group"] = of_key.pop("group")
        if kind == "perf" and name in SWEPT:
            of_key["anyOf"] = [*of_key["anyOf"], {"type": "array", "items": {"type": ["number", "string"]}}]
    aliases = {"parallel": "eval_batch_size"} if kind == "eval" else {"extra_body": "extra_args"}
    for alias, name in aliases.items():
        found["properties"][alias] = found["properties"][name] | {"description": f"The same as {name}."}
    found["x-groups"] = list(_groups(model))
    return found


def _groups(model: type[BaseModel]) -> list[str]:
    from evalcore.task import GROUPS as OF_TASK
    from perfbench.scenario import GROUPS as OF_SCENARIO

    return list(OF_SCENARIO if model.__name__ == "Scenario" else OF_TASK)


def table(schema: Mapping[str, Any]) -> str:
    """The short form: a line a key, by groups: name, type and bounds, default, meaning."""
    lines: list[str] = []
    rows = [(name, _type(of_key), _default(of_key), of_key) for name, of_key in schema["properties"].items()]
    widths = [max(len(row[column]) for row in rows) for column in (0, 1, 2)]
    for group in schema["x-groups"]:
        of_group = [row for row in rows if row[3].get("x-group") == group]
        if not of_group:
            continue
        lines += ["", group]
        for name, kind, default, of_key in of_group:
            text = of_key.get("description", "")
            lines.append(f"  {name:<{widths[0]}}  {kind:<{widths[1]}}  {default:<{widths[2]}}  {text}".rstrip())
    return "\n".join(lines[1:]) + "\n"


def _type(of_key: Mapping[str, Any]) -> str:
    if "x-metavar" in of_key:
        return str(of_key["x-metavar"])
    choices = of_key.get("anyOf", [of_key])
    read = next((choice["x-metavar"] for choice in choices if "x-metavar" in choice), None)
    found: list[str] = [] if read is None else [read]
    for choice in choices:
        if read is not None and choice.get("type") in ("integer", "number", "string"):
            continue
        if "enum" in choice:
            found.append("|".join(map(str, choice["enum"])))
        elif "const" in choice:
            found.append(str(choice["const"]))
        elif "type" in choice and choice["type"] != "null":
            kind = choice["type"]
            found.append("|".join(kind) if isinstance(kind, list) else kind)
        elif "$ref" in choice:
            found.append("object")
    bounds = [
        f"{sign}{choice[name]:g}"
        for choice in choices
        for name, sign in (
            ("minimum", ">="), ("exclusiveMinimum", ">"), ("maximum", "<="), ("exclusiveMaximum", "<")
        ) if name in choice
    ]  # fmt: skip
    return "|".join(dict.fromkeys(found)) + (f" {' '.join(bounds)}" if bounds else "")


def _default(of_key: Mapping[str, Any]) -> str:
    if "x-default" in of_key:
        return str(of_key["x-default"])
    default = of_key.get("default")
    return "" if default in (None, {}, []) else str(default)[:40]
