"""Scenario: the typed description of a run. A YAML key, a CLI flag (with hyphens) and a service body key are one field.

`Scenario.from_yaml` and `Scenario.from_mapping` are the only doors: they list every problem at once, fill in the
defaults that depend on other fields, and take the key from where it is kept. What comes out is frozen and complete, and
`dump()` of it can be run again. To add a setting, add a field to its section (its flag and its help follow), a row to
tests/test_scenario.py, and a rule to the section's `conflicts` if it contradicts another.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml
from pydantic import ValidationError

from perfbench import fieldtypes as t
from perfbench.engine import redact
from perfbench.engine.errors import ScenarioError
from perfbench.scenario import body, load, mix, output, prompts, quality, target, telemetry, users
from perfbench.scenario.target import KEY_SOURCES
from perfbench.settings import yamlfile
from perfbench.settings.problems import describe, flag
from perfbench.simulator.config import SimulatorConfig

if TYPE_CHECKING:
    from perfbench.engine.dialect.base import Options
    from perfbench.engine.transport.base import Endpoint

SECTIONS = (target, load, body, prompts, users, mix, output, telemetry)
SECRET = frozenset({"api_key", "headers", "model_args", "extra_args", "simulator"})
"""Fields whose values no message repeats."""
MERGED = ("headers", "model_args", "extra_args", "simulator")
"""Mappings: a flag adds to what the file gives, name by name. Every other flag replaces the file's value."""
FILES = ("api_key_file", "ca", "prompts_file", "conversations", "trace", "image_files", "tokenizer")
"""In a file, relative to that file; as a flag, relative to the working folder."""


class Scenario(
    telemetry.Telemetry, output.Output, mix.Mix, users.Users, prompts.Prompts, body.Body, load.Load, target.Target
):
    """One run. Durations are seconds, rates are per second, None means the setting plays no part."""

    @classmethod
    def from_yaml(
        cls,
        path: Path | str,
        overrides: Mapping[str, Any] | None = None,
        *,
        environment: Mapping[str, str] | None = None,
    ) -> Scenario:
        """The scenario of a YAML file; `overrides` are flags and win. Raises ScenarioError with every problem."""
        environment = os.environ if environment is None else environment
        flags = body.renamed(overrides or {})
        flag_parts = _with_parts(flags, Path(), environment)
        replaced = {name for name, value in flags.items() if value is not None and name not in MERGED}
        file = yamlfile.read(Path(path), environment, replaced)
        values = body.renamed(file.values)
        _place_files(values, file.path.parent)
        parts = flag_parts or _with_parts(values, file.path.parent, environment)
        values.setdefault("name", file.path.stem)

        def place(at: yamlfile.Key) -> str:
            if parts is not None and at[0] == "mix":
                return parts.place(at)
            return flag(at[0]) if at[0] in flags else file.place(at)

        return cls._made(_merged(values, flags), place, environment)

    @classmethod
    def from_mapping(
        cls, mapping: Mapping[str, Any], source: str | None = None, *, environment: Mapping[str, str] | None = None
    ) -> Scenario:
        """The scenario of a mapping (flags, when `source` is None). Raises ScenarioError with every problem."""
        environment = os.environ if environment is None else environment
        values = body.renamed(mapping)
        parts = _with_parts(values, Path(), environment)

        def place(at: yamlfile.Key) -> str:
            return parts.place(at) if parts is not None and at[0] == "mix" else source or flag(at[0])

        return cls._made(values, place, environment)

    @classmethod
    def _made(
        cls, values: Mapping[str, Any], place: Callable[[yamlfile.Key], str], environment: Mapping[str, str]
    ) -> Scenario:
        given = {name: value for name, value in values.items() if value is not None}
        problems: list[tuple[yamlfile.Key, str]] = []
        try:
            typed = cls.model_validate(given)
        except ValidationError as error:
            problems = [_problem(dict(line)) for line in error.errors(include_url=False)]
            wrong = {at[0] for at, _ in problems}
            typed = cls.model_validate({name: value for name, value in given.items() if name not in wrong})
        else:
            wrong = set()
        # A conflict names both of its fields; one that is wrong in itself counts as absent here and is not judged.
        problems += [
            (at, text) for at, text in typed._conflicts() if wrong.isdisjoint((*at, *re.findall(r"\w+", text)))
        ]
        secret, missing = target.secret_of(typed, environment)
        problems += [((name,), text) for name, text in missing]
        if problems:
            order = {name: number for number, name in enumerate(given)}
            problems.sort(key=lambda problem: order.get(problem[0][0], -1))
            lines = [_told(place(at), at, text) for at, text in problems]
            raise ScenarioError("\n  ".join(["the scenario cannot be run:", *dict.fromkeys(lines)]))
        return typed.model_copy(update={**typed._defaults(), "api_key": secret})

    def _conflicts(self) -> list[tuple[yamlfile.Key, str]]:
        rules = [rule for section in SECTIONS for rule in section.conflicts(self)]
        found: list[tuple[yamlfile.Key, str]] = [
            (tuple(name.split(".")), text) for broken, name, text in rules if broken
        ]
        simulator = self.simulator.model_dump() if self.simulator is not None else {}
        places = [((name,), getattr(self, name)) for name in MERGED[:-1]] + [(("simulator",), simulator)]
        places += [(("mix", tag, "extra_args"), part.extra_args) for tag, part in (self.mix or {}).items()]
        for key, values in places:
            found += [
                ((*key, *at), "was redacted when this scenario was written; give it again, as a flag or as ${NAME}")
                for at in redact.redacted_places(values)
            ]
        return found

    def _defaults(self) -> dict[str, Any]:
        """What was not given, from what was."""
        found = {name: value for section in SECTIONS for name, value in section.defaults(self).items()}
        settled = ("url", "simulator")  # by defaults that replace what was given
        return {name: value for name, value in found.items() if name in settled or getattr(self, name) is None}

    def endpoint(self, urls: tuple[str, ...] | None = None) -> Endpoint:
        """What a transport connects to; `urls` are those of the simulator, once it runs."""
        from perfbench.engine.transport.base import Endpoint

        return Endpoint(
            urls=urls or self.url,
            api_key=self.api_key.get_secret_value() if self.api_key is not None else None,
            headers=self.headers,
            connect_timeout_s=self.connect_timeout,
            balance=self.balance,
            verify=not self.insecure,
            ca=str(self.ca) if self.ca is not None else None,
            trust_env=not self.builtin_simulator,
            model_args=self.model_args,
        )

    def options(self) -> Options:
        """What every request's body asks for."""
        return body.options_of(self, self.model)

    def dump(self) -> dict[str, Any]:
        """Plain data of the whole resolved scenario, without secrets; `from_mapping` of it is the same run again."""
        plain = self.model_dump(mode="json", exclude_none=True)
        if "api_key" in plain:
            if self.api_key_file is not None or self.api_key_env is not None:
                del plain["api_key"]  # where it is kept is written instead
            else:
                plain["api_key"] = redact.REDACTED
        plain["headers"] = redact.headers(self.headers)
        plain["model_args"] = redact.fields(self.model_args)
        plain["extra_args"] = redact.fields(self.extra_args)
        plain["simulator"] = redact.fields(plain.get("simulator", {}))
        plain["url"] = self.url[0] if len(self.url) == 1 else list(self.url)
        if self.prompt is not None:
            prompts = [t.written_prompt(text) for text in self.prompt]
            plain["prompt"] = prompts[0] if len(prompts) == 1 else prompts
        for tag, part in (self.mix or {}).items():
            plain["mix"][tag] = _dumped_part(part)
        return {name: value for name, value in plain.items() if value != {}}

    def to_yaml(self) -> str:
        """`dump()` as a file that `from_yaml` reads."""
        return yaml.safe_dump(yamlfile.escape(self.dump()), sort_keys=False, allow_unicode=True, width=120)


def _merged(base: Mapping[str, Any], flags: Mapping[str, Any]) -> dict[str, Any]:
    given = {name: value for name, value in flags.items() if value is not None}
    if any(name in given for name in KEY_SOURCES):
        base = {name: value for name, value in base.items() if name not in KEY_SOURCES}
    sources = {"workload", *prompts.KEY_OF.values()}
    if not sources.isdisjoint(given.keys() - {"prompt_tokens"}):
        kept = prompts.KEY_OF.get(given.get("workload", ""))
        base = {name: value for name, value in base.items() if name not in sources - {kept}}
    result = {**base, **given}
    for name in MERGED:
        below, above = base.get(name), given.get(name)
        if isinstance(below, Mapping) and above is not None:
            try:
                result[name] = {**below, **t.pairs(above)}  # type: ignore[dict-item]
            except ValueError:
                result[name] = above  # validation names what is wrong with it
    return result


def _with_parts(values: dict[str, Any], folder: Path, environment: Mapping[str, str]) -> yamlfile.YamlFile | None:
    """Put the mix of a workload file in the place of its name."""
    file = mix.from_file(values.get("workload"), folder, environment)
    if file is not None:
        if values.get("mix") is not None:
            raise ScenarioError(f"mix is given beside workload {file.path}, which is a mix too; keep one of them")
        values |= {"workload": "mix", "mix": file.values["mix"]}
        _place_files({"mix": values["mix"]}, file.path.parent)
    return file


def _place_files(values: dict[str, Any], folder: Path) -> None:
    """Make the files that are named in a file relative to it; those of the parts of a mix too."""
    parts = values.get("mix")
    for some in (values, *(parts.values() if isinstance(parts, dict) else ())):
        for name in FILES:
            _make_relative_to(folder, some, name)
        if isinstance(some, dict) and some.get("prompt") is not None:
            some["prompt"] = _beside(some["prompt"], folder)
        for name in quality.PATHS if isinstance(some, dict) else ():
            _make_relative_to(folder, some.get("eval_args"), name)
    _make_relative_to(folder, values.get("simulator"), "answer_key")


def _dumped_part(part: mix.Part) -> dict[str, Any]:
    plain = part.model_dump(mode="json", exclude_unset=True)
    plain |= {"extra_args": redact.fields(part.extra_args)} if part.extra_args else {}
    plain |= {"prompt": [t.written_prompt(text) for text in part.prompt]} if part.prompt is not None else {}
    return {name: value for name, value in plain.items() if value is not None}


def _make_relative_to(folder: Path, values: Any, name: str) -> None:
    if isinstance(values, dict) and isinstance(values.get(name), str):
        values[name] = str((folder / Path(values[name]).expanduser()).absolute())


def _beside(prompt: Any, folder: Path) -> Any:
    """`@file` of a scenario is relative to the scenario."""
    if isinstance(prompt, list):
        return [_beside(text, folder) for text in prompt]
    if isinstance(prompt, str) and prompt.startswith("@") and not prompt.startswith("@@"):
        return f"@{folder / Path(prompt[1:]).expanduser()}"
    return prompt


def _told(place: str, at: yamlfile.Key, text: str) -> str:
    """A flag is both the place and the key."""
    return f"{place} {text}" if (place,) == tuple(map(flag, at)) else f"{place}: {'.'.join(at)} {text}"


def _problem(line: dict[str, Any]) -> tuple[yamlfile.Key, str]:
    """One error of pydantic in the words of the project: the key, and what is wrong with its value."""
    at = tuple(str(part) for part in line["loc"]) or ("scenario",)
    if at[0] == "simulator":
        known, what = [name.removesuffix("_ms") for name in SimulatorConfig.model_fields], "setting of the simulator"
    elif at[0] == "mix" and len(at) > 2:
        known, what = [*mix.Part.model_fields, *body.ALIASES], "key of a part of a mix"
    else:
        known, what = [*Scenario.model_fields, *body.ALIASES], "key of a scenario"
    at += getattr((line.get("ctx") or {}).get("error"), "at", ())  # a validator that knows which part it was
    secret = not SECRET.isdisjoint(at) or (at[-1] not in Scenario.model_fields and redact.is_secret_header(at[-1]))
    return at, describe(line, known, what=what, secret=secret)
