"""Syntax: the first call in a piece of Java or JavaScript, by the grammars of tree-sitter (extra `calls`).

Arguments are named by assignments, `f(a = 1, b = "x")`, and their values are source text, the quotation marks around a
string off. None where the grammar finds an error or no call, or where a name is given twice. Kept as the leaderboard
has them: of Java's texts the blanks between tokens are lost, and so is what stands in braces behind a constructor.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import TYPE_CHECKING

from evalcore.errors import TaskError
from evalcore.scoring.calls.call import Call

if TYPE_CHECKING:
    from tree_sitter import Node, Parser

PACKAGES = ("tree_sitter", "tree_sitter_java", "tree_sitter_javascript")
_WHOLE = ("identifier", "class_literal", "type_identifier", "method_invocation")
"""Kinds of nodes whose text is taken as it stands."""


DEEPEST = 100
"""Of expressions in one another; deeper ones are nobody's arguments."""


def java_call(source: str) -> list[Call] | None:
    root = _root(source, "java")
    found = None if root is None else next(_of_kind(root, "method_invocation"), None)
    if found is None:
        return None
    name, owner, given = (found.child_by_field_name(field) for field in ("name", "object", "arguments"))
    full = _text(name) if owner is None else f"{_text(owner)}.{_text(name)}"
    return _named(full, [] if given is None else [_java_argument(one) for one in given.children])


def javascript_call(source: str) -> list[Call] | None:
    root = _root(source, "javascript")
    for statement in [] if root is None else root.children:
        for found in statement.children if statement.type == "expression_statement" else []:
            if found.type == "call_expression":
                given = found.children[1].children
                return _named(_text(found.children[0]), [_script_argument(one) for one in given])
    return None


def _named(name: str, given: list[tuple[str | None, str] | None]) -> list[Call] | None:
    pairs = [one for one in given if one is not None]
    arguments = dict(pairs)
    return None if len(arguments) != len(pairs) else [Call(name, arguments)]


def _java_argument(node: Node) -> tuple[str | None, str] | None:
    if node.type == "assignment_expression":
        value = node.children[2]
        text = _text(value)
        return _text(node.children[0]), text[1:-1] if value.type in _QUOTED else _java_text(value, DEEPEST)
    return (None, _text(node)) if node.type in ("identifier", "class_literal", "set") else None


_QUOTED = ("string_literal", "character_literal")


def _java_text(node: Node, deeper: int) -> str:
    if node.type in _QUOTED or node.type in _WHOLE or not node.children or not deeper:
        return _text(node)
    kind = node.child_by_field_name("type")
    if node.type == "array_creation_expression" and kind is not None:
        value = node.child_by_field_name("value")
        return f"new {_java_text(kind, deeper - 1)}[]{'' if value is None else _java_text(value, deeper - 1)}"
    if node.type == "object_creation_expression" and kind is not None:
        given = node.child_by_field_name("arguments")
        listed = [] if given is None else [one for one in given.children if one.type not in (",", "(", ")")]
        return f"new {_java_text(kind, deeper - 1)}({', '.join(_java_text(one, deeper - 1) for one in listed)})"
    return "".join(_java_text(one, deeper - 1) for one in node.children)


def _script_argument(node: Node) -> tuple[str | None, str] | None:
    if node.type == "assignment_expression":
        value = _text(node.children[2])
        quoted = len(value) > 1 and value[0] == value[-1] and value[0] in "'\""
        return _text(node.children[0]), value[1:-1] if quoted else value
    return (None, _text(node)) if node.type in ("identifier", "true") else None


def _text(node: Node | None) -> str:
    return "" if node is None or node.text is None else node.text.decode("utf-8", "replace")


def _of_kind(root: Node, kind: str) -> Iterator[Node]:
    """Nodes of that kind, outer before inner, first before last."""
    left = [root]
    while left:
        node = left.pop()
        if node.type == kind:
            yield node
        left += reversed(node.children)


def _root(source: str, language: str) -> Node | None:
    """The tree; None where something could not be parsed. A last semicolon may be missing: the parser puts up with
    that in most calls, but not in the shortest."""
    for text in (source, source + ";"):
        root = _parser(language).parse(text.encode("utf-8", "replace")).root_node
        if next(_of_kind(root, "ERROR"), None) is None:
            return root
    return None


@cache
def _parser(language: str) -> Parser:
    """Raises TaskError, naming the extra, when the packages are not installed."""
    try:
        import tree_sitter
        import tree_sitter_java
        import tree_sitter_javascript
    except ImportError as error:
        raise TaskError(f"bfcl needs the package {error.name}: pip install 'perfbench[calls]'") from None
    grammar = tree_sitter_java if language == "java" else tree_sitter_javascript
    return tree_sitter.Parser(tree_sitter.Language(grammar.language()))
