"""Read: the calls in an answer, from a message's tool_calls or from a text that is a list of calls and nothing else.

None where there are none to be read: prose, broken JSON, wrong syntax. Texts are parsed and never run. Python's are
read with its own parser; Java's and JavaScript's with the grammars of tree-sitter, as the leaderboard reads them
(extra `calls`).
"""

from __future__ import annotations

import ast
import json
import operator
import warnings
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from evalcore.scoring.calls.call import Call
from evalcore.scoring.calls.match import Language
from evalcore.scoring.calls.syntax import java_call, javascript_call

LONGEST = 20_000
"""Characters. No list of calls is longer, and parsers take more than linear time or memory."""


def calls_of_message(tool_calls: Iterable[Mapping[str, Any]]) -> list[Call] | None:
    """`tool_calls` in the shape of chat completions, arguments as the JSON text that they came as."""
    found = []
    for one in tool_calls:
        function = one.get("function") or {}
        try:
            arguments = json.loads(function.get("arguments") or "{}")
        except (ValueError, RecursionError):
            return None
        if not isinstance(arguments, dict):
            return None
        found.append(Call(str(function.get("name")), arguments))
    return found or None


def calls_of_text(text: str, language: Language = "Python") -> list[Call] | None:
    """As the leaderboard reads Llama's answers: line ends are taken out, and the brackets around may be missing."""
    text = text.strip().replace("\n", "")
    if not text.startswith("["):
        text = "[" + text
    return calls_of_list(text if text.endswith("]") else text + "]", language)


def calls_of_list(text: str, language: Language = "Python") -> list[Call] | None:
    """As the leaderboard reads the answers of OpenAI's models: the list as it stands, brackets and all."""
    if len(text) > LONGEST:
        return None
    if language == "Python":
        return _python(text)
    return java_call(text[1:-1]) if language == "Java" else javascript_call(text[1:-1])


class _Unreadable(Exception):
    """An expression that is no value."""


def _python(text: str) -> list[Call] | None:
    try:
        with warnings.catch_warnings(action="ignore"):  # of text like 3in1, that is no number
            body = ast.parse(text, mode="eval").body
        found = [_call(one) for one in body.elts] if isinstance(body, _LISTED) else []
    except (SyntaxError, ValueError, RecursionError, MemoryError, _Unreadable):
        return None
    return found or None


_LISTED = (ast.Tuple, ast.List, ast.Set)
_ARITHMETIC: Mapping[type[ast.operator], Callable[[Any, Any], Any]] = {
    ast.Add: operator.add, ast.Sub: operator.sub, ast.Mult: operator.mul, ast.Div: operator.truediv,
    ast.FloorDiv: operator.floordiv, ast.Mod: operator.mod, ast.Pow: operator.pow,
}  # fmt: skip
_LARGEST = 10**6
"""Of an operand of * and **: what is larger is no argument somebody meant, and may take for ever."""


def _call(node: ast.expr) -> Call:
    """A call that names no argument is read as none, as the leaderboard had it then."""
    if not isinstance(node, ast.Call) or not node.keywords:
        raise _Unreadable
    parts: list[str] = []
    function = node.func
    while isinstance(function, ast.Attribute):
        parts.append(function.attr)
        function = function.value
    if isinstance(function, ast.Name):
        parts.append(function.id)
    return Call(".".join(reversed(parts)), {one.arg: _value(one.value) for one in node.keywords})


def _value(node: ast.expr) -> Any:
    """What is written there; a variable, an element and a call without names for its arguments are their own text."""
    match node:
        case ast.Constant():
            return "..." if node.value is Ellipsis else node.value
        case ast.UnaryOp():
            return _negative(node)
        case ast.List():
            return [_value(one) for one in node.elts]
        case ast.Tuple():
            return tuple(_value(one) for one in node.elts)
        case ast.Dict():
            return _mapping(node)
        case ast.Name():
            return node.id
        case ast.BinOp():
            return _calculated(node)
        case ast.Call():
            if not node.keywords:
                return ast.unparse(node)
            inner = _call(node)
            return {inner.name: inner.arguments}
        case ast.Subscript():
            return ast.unparse(node)
    raise _Unreadable


def _negative(node: ast.UnaryOp) -> Any:
    """Whatever the sign is: so the leaderboard reads it."""
    if isinstance(node.operand, ast.Constant) and isinstance(node.operand.value, int | float | complex):
        return -node.operand.value
    raise _Unreadable


def _mapping(node: ast.Dict) -> dict[Any, Any]:
    if None in node.keys:
        raise _Unreadable
    try:
        return {_value(name): _value(value) for name, value in zip(node.keys, node.values, strict=True) if name}
    except TypeError:  # a list as a key
        raise _Unreadable from None


def _calculated(node: ast.BinOp) -> Any:
    """A sum of literals, as 2 * 3.14 or "a" + "b"."""
    left, right = (_operand(side) for side in (node.left, node.right))
    if isinstance(node.op, ast.Mult | ast.Pow) and any(_is_large(side) for side in (left, right)):
        raise _Unreadable
    if isinstance(node.op, ast.Pow) and isinstance(right, int | float) and abs(right) > 100:
        raise _Unreadable
    calculate = _ARITHMETIC.get(type(node.op))
    if calculate is None:
        raise _Unreadable
    try:
        return calculate(left, right)
    except (TypeError, ArithmeticError):
        raise _Unreadable from None


def _operand(node: ast.expr) -> Any:
    if isinstance(node, ast.Constant):
        return node.value
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
        return _negative(node)
    if isinstance(node, ast.BinOp):
        return _calculated(node)
    raise _Unreadable


def _is_large(value: Any) -> bool:
    if isinstance(value, Sequence):
        return len(value) > 1000
    return isinstance(value, int | float) and not abs(value) <= _LARGEST
