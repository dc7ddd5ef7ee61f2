"""Flags: the command line's view of a pydantic model: one flag a field, with its help, unit and default.

Flags carry text; what it means is the model's business, so that a flag and a YAML key read the same way. Only whether
a flag takes nothing, one value or several is decided here, from the field's type.
"""

from __future__ import annotations

import inspect
from collections.abc import Iterable
from functools import partial
from typing import Annotated, Any, Literal, Union, get_args, get_origin, get_type_hints

from cyclopts import Group, Parameter
from pydantic import BaseModel, BeforeValidator
from pydantic.fields import FieldInfo

from perfbench.settings import units
from perfbench.settings.problems import flag

METAVARS = {units.duration_s: "TIME", units.rate_per_s: "RATE", units.count: "COUNT", units.share: "SHARE"}
PLAIN_METAVARS = {int: "INTEGER", float: "NUMBER", str: "NAME"}


def flags_of(model: type[BaseModel], groups: Iterable[str]) -> list[inspect.Parameter]:
    """A keyword parameter for each field of the model, None when not given."""
    order = {title: Group(title, sort_key=number) for number, title in enumerate(groups)}
    hints = get_type_hints(model, include_extras=True)
    return [_parameter(name, info, hints[name], order) for name, info in model.model_fields.items()]


def with_flags(command: Any, flags: list[inspect.Parameter]) -> None:
    """Give a command that takes `**flags` these flags in their place."""
    own = [p for p in inspect.signature(command).parameters.values() if p.kind is not p.VAR_KEYWORD]
    hints = get_type_hints(command, include_extras=True)
    parameters = [*(p.replace(annotation=hints[p.name]) for p in own), *flags]
    command.__signature__ = inspect.Signature(parameters, return_annotation=int)
    command.__annotations__ = {p.name: p.annotation for p in parameters}


def _parameter(name: str, info: FieldInfo, hint: Any, groups: dict[str, Group]) -> inspect.Parameter:
    told = info.json_schema_extra if isinstance(info.json_schema_extra, dict) else {}
    bare = _bare(hint)
    make = partial(
        Parameter,
        name=[flag(name), *([f"-{told['short']}"] if told.get("short") else [])],
        group=groups[str(told["group"])],
        help=_help(info, hint, told),
        show_default=False,
    )
    kind: Any = str
    if bare is bool:
        kind, parameter = bool, make()
    elif get_origin(bare) is tuple:
        kind, parameter = (
            list[str],
            make(metavar=_metavar(hint, told), negative="", consume_multiple=bool(told.get("words"))),
        )
    elif _is_pairs(bare):
        kind, parameter = list[str], make(metavar=_metavar(hint, told), negative="", consume_multiple=True)
    else:
        parameter = make(metavar=_metavar(hint, told))
    return inspect.Parameter(
        name, inspect.Parameter.KEYWORD_ONLY, default=None, annotation=Annotated[kind | None, parameter]
    )


def _is_pairs(bare: Any) -> bool:
    """Whether a flag takes NAME=VALUE: texts by name, or the settings of a model."""
    if get_origin(bare) is dict:
        return bool(get_args(bare)[1] is str)
    return isinstance(bare, type) and issubclass(bare, BaseModel)


def _bare(hint: Any) -> Any:
    """The type without `| None` and `Annotated`; a union of several stays one."""
    if get_origin(hint) is Annotated:
        return _bare(get_args(hint)[0])
    kinds = [kind for kind in get_args(hint) if kind is not type(None)] if _is_union(hint) else []
    return _bare(kinds[0]) if len(kinds) == 1 else hint


def _is_union(hint: Any) -> bool:
    return get_origin(hint) is Union or type(hint).__name__ == "UnionType"


def _reader(hint: Any) -> Any:
    """The function of `perfbench.settings.units` that reads this type, if one does."""
    if get_origin(hint) is Annotated:
        found = [part.func for part in hint.__metadata__ if isinstance(part, BeforeValidator) and part.func in METAVARS]
        return found[0] if found else _reader(get_args(hint)[0])
    return next(filter(None, map(_reader, get_args(hint))), None) if _is_union(hint) else None


def _metavar(hint: Any, told: dict[str, Any]) -> str:
    bare = _bare(hint)
    if told.get("metavar"):
        return str(told["metavar"])
    return METAVARS.get(_reader(hint)) or PLAIN_METAVARS.get(bare, "NAME")


def _help(info: FieldInfo, hint: Any, told: dict[str, Any]) -> str:
    default = told.get("shown")
    if default is None and not isinstance(info.default, bool | dict | tuple | None):
        default = units.show_duration(info.default) if _reader(hint) is units.duration_s else str(info.default)
    bare = _bare(hint)
    text = str(info.description)
    if get_origin(bare) is Literal:
        text = f"{text.removesuffix('.')}: {', '.join(get_args(bare))}."
    return f"{text} (default: {default})" if default else text
