"""Literals: what an argument written in Java or JavaScript is worth, given the type that its parameter declares.

Text in, a Python value out. What does not look like a literal of that type stays the text it was: a variable, or a
mistake, which the comparison tells apart. Kept as the leaderboard has them: a long needs its L and a float its f;
elements are parted at every comma, those inside quotation marks too.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

LISTS = frozenset({"Array", "ArrayList", "array"})
"""Declared types whose elements have a type of their own."""
JAVA: Mapping[str, type] = {
    "byte": int, "short": int, "integer": int, "long": int, "float": float, "double": float, "boolean": bool,
    "char": str, "String": str, "any": str, "Array": list, "ArrayList": list, "Queue": list, "Stack": list,
    "HashMap": dict, "Hashtable": dict, "Set": set,
}  # fmt: skip
JAVASCRIPT: Mapping[str, type] = {
    "String": str, "integer": int, "float": float, "Bigint": int, "Boolean": bool, "dict": dict, "array": list,
    "any": str,
}  # fmt: skip

_WHOLE = re.compile(r"^-?\d+$")
_DECIMAL = re.compile(r"^-?\d+(\.\d+)?([eE][+-]?\d+)?$")
_FLOAT = re.compile(r"^-?\d+(\.\d+)?([eE][+-]?\d+)?[fF]$")
_LONG = re.compile(r"^-?\d+[lL]$")
_PLAIN_DECIMAL = re.compile(r"^-?\d+(\.\d+)?$")
_BIGINT = re.compile(r"^-?\d+n$")
_NEW_ARRAY = re.compile(r"new\s+\w+\[\]\s*\{([^}\n]*)\}")
_LIST_OF = re.compile(r"new\s+ArrayList<\w*>\(Arrays\.asList\(([^\n]+?)\)\)")
_LIST_ADDING = re.compile(r"new\s+ArrayList<\w*>\(\)\s*\{\{([^}]*)\}\}")
_EMPTY_LIST = re.compile(r"new\s+ArrayList<\w*>\(\)")
_ADD = re.compile(r"add\((.+?)\)")
_MAP = re.compile(r"new\s+HashMap<[^\n]*?>\s*\(\)(\s*\{([^}]*)\})?")
_PUT = re.compile(r"put\(\"(.*?)\",\s*(.*?)\)")
_ARRAY = re.compile(r"\[(.*?)\]|\bnew\s+Array\((.*?)\)")
_ARRAYS = re.compile(r"(?:\[|new\s+Array\()\s*\[")
_INNER = re.compile(r"\[([^\[\]\n]*)\]")
_OBJECT = re.compile(r"\{(.*?)\}")
_PAIR = re.compile(r"([^:]+):\s*(.*?)(?:,\s*(?=[^,]+:)|$)")
LONGEST = 10_000
"""Characters of a value that is looked into: patterns above take time with its square."""

Element = Callable[[str], Any]


def java(text: str, declared: str, of: str | None = None) -> Any:
    """`of` is the type of a list's elements. Raises KeyError for a type that Java's parameters do not have."""
    JAVA[declared]
    if len(text) > LONGEST:
        return text
    if declared in ("byte", "short", "integer"):
        return int(text) if _WHOLE.match(text) else text
    if declared == "float":
        return float(text[:-1]) if _FLOAT.match(text) else text
    if declared == "double":
        return float(text) if _DECIMAL.match(text) else text
    if declared == "long":
        return int(text[:-1]) if _LONG.match(text) else text
    if declared == "boolean":
        return {"true": True, "false": False}.get(text, text)
    if declared == "Array":
        return _java_array(text, _java_element(of))
    if declared == "ArrayList":
        return _java_list(text, of)
    return _java_map(text) if declared == "HashMap" else text


def _java_element(of: str | None) -> Element:
    return _java_untyped if of is None else lambda text: java(text, of)


def _java_array(text: str, element: Element) -> Any:
    found = _NEW_ARRAY.search(text)
    return text if found is None else [element(part.strip()) for part in found[1].split(",") if part.strip()]


def _java_list(text: str, of: str | None) -> Any:
    element: Element = (lambda part: part[1:-1]) if of in ("char", "String") else _java_element(of)
    if found := _LIST_OF.search(text):
        return [element(part.strip()) for part in found[1].split(",")]
    if found := _LIST_ADDING.search(text):
        return [element(part.strip()) for part in _ADD.findall(found[1])]
    return [] if _EMPTY_LIST.search(text) else text


def _java_map(text: str) -> Any:
    found = _MAP.search(text)
    if found is None:
        return text
    return {name: _java_untyped(value.strip()) for name, value in _PUT.findall(found[2] or "")}


def _java_untyped(text: str) -> Any:
    if text in ("true", "false"):
        return text == "true"
    if len(text) > 1 and text[0] == text[-1] == '"':
        return text[1:-1]
    if _LONG.match(text):
        return int(text[:-1])
    return float(text[:-1]) if _FLOAT.match(text) else _number(text)


def javascript(text: str, declared: str, of: str | None = None) -> Any:
    """`of` is the type of a list's elements. Raises KeyError for a type that JavaScript's parameters do not have."""
    JAVASCRIPT[declared]
    if len(text) > LONGEST:
        return text
    if declared == "String":
        return _unquoted(text)
    if declared == "integer":
        return int(text) if _WHOLE.match(text) else text
    if declared == "float":
        return float(text) if _PLAIN_DECIMAL.match(text) else text
    if declared == "Bigint":
        return int(text[:-1]) if _BIGINT.match(text) else text
    if declared == "Boolean":
        return {"true": True, "false": False}.get(text, text)
    if declared == "array":
        return _script_array(text.strip(), of)
    return _script_object(text.strip()) if declared == "dict" else text


def _script_array(text: str, of: str | None = None) -> Any:
    if _ARRAYS.match(text):
        return [[_script_untyped(part) for part in inner.split(",")] for inner in _INNER.findall(text)]
    found = _ARRAY.match(text)
    if found is None:
        return text
    inside = (found[1] if found[1] is not None else found[2]).strip()
    parts = [part.strip() for part in inside.split(",")] if inside else []
    return [_script_untyped(part) if of is None else javascript(part, of) for part in parts]


def _script_object(text: str) -> Any:
    found = _OBJECT.match(text)
    if found is None:
        return text
    return {name.strip().strip("'\""): _script_member(value.strip()) for name, value in _PAIR.findall(found[1])}


def _script_member(text: str) -> Any:
    if text.startswith("[") and text.endswith("]"):
        return _script_array(text)
    if text.startswith("{") and text.endswith("}"):
        return _script_object(text)
    return _script_untyped(text.strip("'\""))


def _script_untyped(text: str) -> Any:
    text = text.strip()
    if text in ("true", "false"):
        return text == "true"
    bare = _unquoted(text)
    return bare if bare != text else _number(text)


def _unquoted(text: str) -> str:
    return text[1:-1] if len(text) > 1 and text[0] == text[-1] and text[0] in "'\"" else text


def _number(text: str) -> Any:
    """What Python reads as a number: "1e3" and "1_000" too."""
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return text
