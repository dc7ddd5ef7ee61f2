"""Offer: functions of the leaderboard's data as chat completions offer them (`tools`), in JSON Schema.

The data has types of its own (dict, float, tuple, HashMap, ...). Names of functions have dots, which servers refuse
in `tools`, so `spoken` names have underscores. Arguments of Java and JavaScript are asked for as source text, which is
what they are compared as.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from evalcore.scoring.calls.match import Language

_SCHEMA: Mapping[str, str] = {
    "integer": "integer", "byte": "integer", "short": "integer", "long": "integer", "Bigint": "integer",
    "float": "number", "double": "number", "number": "number", "boolean": "boolean", "Boolean": "boolean",
    "bool": "boolean", "array": "array", "list": "array", "tuple": "array", "Array": "array", "ArrayList": "array",
    "Queue": "array", "Stack": "array", "dict": "object", "object": "object", "HashMap": "object",
    "Hashtable": "object",
}  # fmt: skip
"""Any other type is a string."""
_KEPT = ("enum", "default", "minimum", "maximum", "minItems", "maxItems", "format")


def spoken(name: str) -> str:
    """A function's name as `tools` may have it."""
    return name.replace(".", "_")


def tool(function: Mapping[str, Any], language: Language) -> dict[str, Any]:
    parameters = function["parameters"]
    schema = {
        "type": "object",
        "properties": {
            name: _schema(one) if language == "Python" else _source(one, language)
            for name, one in parameters["properties"].items()
        },
        "required": list(parameters.get("required") or ()),
    }
    described = f"{function.get('description', '')} The function is written in {language}.".strip()
    return {
        "type": "function",
        "function": {"name": spoken(function["name"]), "description": described, "parameters": schema},
    }


def _schema(declared: Mapping[str, Any]) -> dict[str, Any]:
    kind = str(declared.get("type", "string"))
    schema: dict[str, Any] = {"type": _SCHEMA.get(kind, "string")}
    if declared.get("description"):
        schema["description"] = str(declared["description"]) + (" (a float)" if kind == "float" else "")
    schema |= {name: declared[name] for name in _KEPT if name in declared}
    if isinstance(declared.get("items"), Mapping):
        schema["items"] = _schema(declared["items"])
    if isinstance(declared.get("properties"), Mapping):
        schema["properties"] = {name: _schema(one) for name, one in declared["properties"].items()}
    return schema


def _source(declared: Mapping[str, Any], language: Language) -> dict[str, Any]:
    kind = str(declared.get("type", "any"))
    of = f" of {declared['items']['type']}" if isinstance(declared.get("items"), Mapping) else ""
    wanted = f"Any {language} value" if kind == "any" else f"A {language} {kind}{of}"
    return {"type": "string", "description": f"{declared.get('description', '')} {wanted}, as source text.".strip()}
