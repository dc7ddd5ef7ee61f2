"""Match: whether calls are the wanted ones, argument by argument.

Each parameter has a list of accepted values; "" in it means that the parameter may be left out. Strings are compared
without case, blanks and , . / - _ * ^. Kept as the leaderboard of August 2024 has it: a whole number passes for a
float in Python and nowhere else, True is equal to 1 where only the value counts, and where the accepted value is of
another type than the parameter declares (a variable's name), the type of the accepted value is the one that counts.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal, TypeAlias

from evalcore.scoring.calls import literals
from evalcore.scoring.calls.call import Call

Language: TypeAlias = Literal["Python", "Java", "JavaScript"]
Accepted: TypeAlias = Sequence[tuple[str, Mapping[str, Sequence[Any]]]]
"""The wanted calls: the function's name, and per parameter the values that are right."""

PYTHON: Mapping[str, type] = {
    "string": str, "integer": int, "float": float, "boolean": bool, "array": list, "tuple": list, "dict": dict,
    "any": str,
}  # fmt: skip
_KINDS: Mapping[Language, Mapping[str, type]] = {
    "Python": PYTHON, "Java": literals.JAVA, "JavaScript": literals.JAVASCRIPT,
}  # fmt: skip
_READERS: Mapping[Language, Callable[..., Any]] = {"Java": literals.java, "JavaScript": literals.javascript}
_IGNORED = re.compile(r"[ ,./\-_*^]")


def mismatch_of_all(
    calls: Sequence[Call], wanted: Accepted, functions: Sequence[Mapping[str, Any]], language: Language = "Python"
) -> str:
    """Why these are not the wanted calls, in any order, each once; empty: they are.

    `functions` are the descriptions that were shown, names as the calls have them. The wanted ones are gone through
    in their order, and each takes the first call that fits and is not taken.
    """
    if len(calls) != len(wanted):
        return "wrong_count"
    left = list(calls)
    for name, accepted in wanted:
        described = next(one for one in functions if one["name"] == name)
        fits = next((call for call in left if not mismatch(call, accepted, described, language)), None)
        if fits is None:
            return mismatch(left[0], accepted, described, language) if len(wanted) == 1 else "cannot_find_match"
        left.remove(fits)
    return ""


def mismatch(
    call: Call, accepted: Mapping[str, Sequence[Any]], described: Mapping[str, Any], language: Language = "Python"
) -> str:
    """Why this is not a wanted call of that function, as the leaderboard names it; empty: it is."""
    if call.name != described["name"]:
        return "wrong_func_name"
    parameters: Mapping[str, Any] = described["parameters"]["properties"]
    if any(name not in call.arguments for name in described["parameters"].get("required") or ()):
        return "missing_required"
    for name, value in call.arguments.items():
        if name is None or name not in parameters or name not in accepted:
            return "unexpected_param"
        if found := _argument(value, accepted[name], parameters[name], language):
            return found
    if any(name not in call.arguments and "" not in values for name, values in accepted.items()):
        return "missing_optional"
    return ""


def _argument(value: Any, accepted: Sequence[Any], declared: Mapping[str, Any], language: Language) -> str:
    kinds, kind = _KINDS[language], str(declared["type"])
    wanted = kinds[kind]
    inner_kind = declared["items"]["type"] if wanted is list and "items" in declared else None
    inner = None if inner_kind is None else kinds[inner_kind]
    if language != "Python":
        if not isinstance(value, str):
            return "type_error:not_source"
        nested = inner_kind if kind in literals.LISTS else None
        value = _READERS[language](value, kind, nested)
    elif kind == "float" and type(value) is int:
        value = _float(value)
    if isinstance(value, tuple) and kind == "tuple":
        value = list(value)
    typed, is_variable = _type(value, accepted, wanted, inner)
    if not typed:
        return "type_error:nested" if type(value) is wanted else "type_error:simple"
    if is_variable:
        return "" if _among(value, accepted) else "value_error:others"
    return _value(value, accepted, wanted, inner)


def _value(value: Any, accepted: Sequence[Any], wanted: type, inner: type | None) -> str:
    if wanted is dict:
        return _mapping(value, accepted)
    if wanted is list and inner is dict:
        return _mappings(value, accepted)
    if wanted is str:
        right = plain(value) in [plain(one) for one in accepted if isinstance(one, str)]
        return "" if right else "value_error:string"
    if wanted is list:
        right = _among(_plain_list(value), [_plain_list(one) for one in accepted])
        return "" if right else "value_error:list/tuple"
    return "" if _among(value, accepted) else "value_error:others"


def _float(value: int) -> float:
    try:
        return float(value)
    except OverflowError:
        return float("inf")


def _type(value: Any, accepted: Sequence[Any], wanted: type, inner: type | None) -> tuple[bool, bool]:
    """Whether the value has a type that is right, and whether it is compared as a variable's name is."""
    usual = next((type(one) for one in accepted if one != ""), None)
    if type(value) is not wanted:
        return usual is not None and type(value) is usual, True
    items = value if isinstance(value, list) else ()
    if inner is None or any(
        not isinstance(one, list) or all(_type(item, one, inner, None)[0] for item in items) for one in accepted
    ):
        return True, usual is not None and usual is not wanted
    return False, False


def _among(value: Any, accepted: Sequence[Any]) -> bool:
    return any(value == one for one in accepted)


def plain(text: str) -> str:
    """A string as it is compared."""
    return _IGNORED.sub("", text).lower().replace("'", '"')


def _plain(value: Any) -> Any:
    return plain(value) if isinstance(value, str) else value


def _plain_list(values: Any) -> Any:
    """The "" of a parameter that may be left out is an empty list too."""
    return [_plain(value) for value in values] if isinstance(values, list | str) else values


def _mapping(value: Mapping[str, Any], accepted: Sequence[Any]) -> str:
    """Every key of one of the accepted objects is there, and no other, with one of its values."""
    found = "value_error:dict_value"
    for one in accepted:
        if not isinstance(one, Mapping):
            continue
        if not (found := _members(value, one)):
            return ""
    return found


def _members(value: Mapping[str, Any], accepted: Mapping[str, Any]) -> str:
    if len(value) != len(accepted):
        return "value_error:dict_items"
    for name, member in value.items():
        if name not in accepted:
            return "value_error:dict_key"
        values = accepted[name]
        if isinstance(values, Mapping):
            if not isinstance(member, Mapping) or _members(member, values):
                return "value_error:dict_value"
        elif not isinstance(values, Sequence) or not _among(_plain(member), [_plain(one) for one in values]):
            return "value_error:dict_value"
    return ""


def _mappings(value: Sequence[Any], accepted: Sequence[Any]) -> str:
    """The objects of one of the accepted lists, in its order."""
    found = "value_error:list_dict_count"
    for one in accepted:
        if not isinstance(one, list | str) or len(one) != len(value):  # "" is an empty list
            continue
        pairs = zip(value, one, strict=True)
        found = next((why for item, wanted in pairs if (why := _mapping(item, [wanted]))), "")
        if not found:
            return ""
    return found
