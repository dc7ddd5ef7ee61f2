"""Bodies: from the body of a request to the plan of a job.

A body is checked by the doors that flags and files go through too, `TaskConfig.from_mapping` and
`Scenario.from_mapping`, so defaults and errors are the same. What is written down for the job's process is the whole
resolved description as a file, in which each secret is the name of an environment variable; the secrets themselves go
into that process's environment and nowhere else.
"""

from __future__ import annotations

import shlex
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import orjson
import yaml
from pydantic import SecretStr

from evalcore.service.models import Form, Kind
from evalcore.service.permitted import SOURCE, check_after, check_before, key_problems
from evalcore.service.problems import KeyProblem, Refused, wrong_key
from evalcore.service.settings import Settings
from perfbench.engine import redact
from perfbench.engine.errors import ScenarioError
from perfbench.settings import yamlfile

Place = tuple[str, ...]
KEY_VARIABLE: dict[Kind, str] = {"eval": "EVALCORE_API_KEY", "perf": "OPENAI_API_KEY"}
"""Where each command looks for a key that was redacted when its file was written."""
VARIABLE = "EVALCORE_SERVICE_SECRET_{}"
FOLDER_KEY: dict[Kind, str] = {"eval": "work_dir", "perf": "outputs_dir"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """A job to be."""

    kind: Kind
    form: Form
    name: str
    model: str
    target: str
    runs: int
    """Of a sweep or a series."""
    description: dict[str, Any]
    """Resolved and redacted."""
    given: list[str]
    """Keys of it that the body gave."""
    needs: dict[str, str]
    """Environment variable by place, dotted: the secrets that the body gave."""
    secrets: dict[str, str] = field(repr=False)
    """By environment variable."""

    def file(self) -> str:
        return file_text(self.description, self.needs)


def file_text(description: Mapping[str, Any], needs: Mapping[str, str]) -> str:
    """The YAML file of a job: what is redacted stands as ${NAME}, and nothing else in it is taken for a variable."""
    plain = yamlfile.escape(dict(description))
    for place, variable in needs.items():
        if place != "api_key":  # both commands look for that in the environment by themselves
            _put(plain, tuple(place.split("/")), f"${{{variable}}}")
    return yaml.safe_dump(plain, sort_keys=False, allow_unicode=True, width=120)


def plan_of(kind: Kind, body: Mapping[str, Any], settings: Settings) -> Plan:
    """Raises Refused, naming every key that is wrong. Reads the files that the body names."""
    check_before(body, settings)
    _check_folder(kind, body, settings)
    try:
        plan = _eval_plan(body, settings) if kind == "eval" else _perf_plan(body, settings)
    except ScenarioError as error:
        text = str(error)
        problems = key_problems(text, body)
        raise Refused(422, text, problems) from None
    check_after(plan.description, settings)
    for place, variable in plan.needs.items():
        if "\0" in plan.secrets[variable]:
            raise wrong_key(place.replace("/", "."), "holds a NUL, which no environment can carry; take it out")
    return plan


def _check_folder(kind: Kind, body: Mapping[str, Any], settings: Settings) -> None:
    for name in (FOLDER_KEY[kind], FOLDER_KEY[kind].replace("_", "-")):
        given = body.get(name)
        if given is None:
            continue
        if not isinstance(given, str) or "\0" in given or Path(given).absolute() != settings.outputs:
            raise wrong_key(name, "says where runs are kept, and the service keeps them in its outputs; leave it out")


def _eval_plan(body: Mapping[str, Any], settings: Settings) -> Plan:
    from evalcore.task import TaskConfig

    task = TaskConfig.from_mapping({**_own(body, "eval"), "work_dir": str(settings.outputs)}, SOURCE)
    description = task.dump()
    for args in description["dataset_args"].values():
        if args.get("local_path") is not None:  # in a file it would be relative to that
            args["local_path"] = str(Path(args["local_path"]).expanduser().absolute())
    given_key = body.get("api_key", body.get("api-key")) is not None
    needs, secrets = _secrets("eval", description, task, given_key)
    return Plan(
        kind="eval", form="run", name=", ".join(task.datasets), model=task.name_of_model,
        target=task.api_url or "the built-in simulator", runs=1, description=description,
        given=_given(body, description), needs=needs, secrets=secrets,
    )  # fmt: skip


def _perf_plan(body: Mapping[str, Any], settings: Settings) -> Plan:
    from perfbench.scenario import Scenario

    own = {**_own(body, "perf"), "outputs_dir": str(settings.outputs)}
    over = _swept(own)
    given_key = own.get("api_key") is not None
    form: Form
    if over is None:
        scenario = Scenario.from_mapping(own, SOURCE)
        description, runs = scenario.dump(), scenario.repeat
        form = "series" if runs > 1 else "run"
    else:
        scenario, description, runs = _sweep(own, over)
        form = "sweep"
    needs, secrets = _secrets("perf", description, scenario, given_key)
    return Plan(
        kind="perf", form=form, name=scenario.name or "run", model=scenario.model or "",
        target=", ".join(scenario.url), runs=runs, description=description, given=_given(own, description),
        needs=needs, secrets=secrets,
    )  # fmt: skip


def _own(body: Mapping[str, Any], kind: Kind) -> dict[str, Any]:
    """The body's keys by their own names."""
    renamed = {str(name).replace("-", "_"): value for name, value in body.items()} if kind == "perf" else dict(body)
    return {name: value for name, value in renamed.items() if name.replace("-", "_") != FOLDER_KEY[kind]}


def _given(body: Mapping[str, Any], description: Mapping[str, Any]) -> list[str]:
    aliases = {"parallel": "eval_batch_size", "extra_body": "extra_args"}
    names = {str(name).replace("-", "_") for name, value in body.items() if value is not None}
    names |= {aliases[name] for name in names & aliases.keys()}
    return [name for name in description if name in names]


Over = Literal["rate", "parallel"]


def _swept(body: Mapping[str, Any]) -> Over | None:
    """What a body gives several of: then it is a sweep."""
    several = [name for name in ("rate", "parallel") if isinstance(body.get(name), list)]
    if len(several) == 2:
        raise wrong_key("parallel", "and rate are both lists, and a sweep goes over one of them; keep one")
    if several:
        return several[0]  # type: ignore[return-value]
    if isinstance(body.get("number"), list):
        raise wrong_key("number", "is a list, one for each load; give a list of loads too, as parallel or rate")
    return None


def _sweep(body: Mapping[str, Any], over: Over) -> tuple[Any, dict[str, Any], int]:
    """(the scenario at the first load, what the sweep's file says, points)."""
    from perfbench.capacity.sweep import parse_amount, parse_loads
    from perfbench.scenario import Scenario

    text, number = _text(body[over]), body.get("number")
    try:
        loads = parse_loads(text, over)
    except ScenarioError as error:
        raise wrong_key(over, str(error).removeprefix(f"--{over} ")) from None
    if isinstance(number, list) and len(number) != len(loads):
        raise wrong_key("number", f"gives {len(number)} numbers to {len(loads)} loads; give one for each")
    duration = body.get("duration")
    try:
        amount = parse_amount(
            None if number is None else _text(number), None if duration is None else str(duration), text, over
        )
    except ScenarioError as error:
        at = "duration" if str(error).startswith("--duration") else "number"
        raise wrong_key(at, str(error).removeprefix(f"--{at} ")) from None
    first = {over: loads[0], "number": amount.requests(loads[0]), "duration": amount.duration_s}
    scenario = Scenario.from_mapping({**body, **first}, SOURCE)
    if scenario.shape is not None:
        raise wrong_key("shape", "says how the load changes within a run, and a sweep changes it from run to run")
    if scenario.repeat > 1:
        raise wrong_key("repeat", "repeats one run, and a list of loads is a sweep; keep one")
    description = scenario.dump() | {over: body[over]}
    for name, given in (("number", number), ("duration", duration)):
        description.pop(name, None)
        if given is not None:
            description[name] = given
    return scenario, description, len(loads)


def _text(value: Any) -> str:
    return ",".join(map(str, value)) if isinstance(value, list) else str(value)


def _secrets(
    kind: Kind, description: Mapping[str, Any], source: Any, given_key: bool
) -> tuple[dict[str, str], dict[str, str]]:
    """(variable by place, secret by variable) of everything that the description has redacted.

    A key that the body did not give is left to the environment of the service, where the command finds it.
    """
    needs: dict[str, str] = {}
    secrets: dict[str, str] = {}
    for place in redact.redacted_places(description):
        if place == ("api_key",):
            if not given_key:
                continue
            variable = KEY_VARIABLE[kind]
        else:
            variable = VARIABLE.format(len(needs) + 1)
        value = _at(source, place)
        needs["/".join(place)] = variable
        secrets[variable] = value.get_secret_value() if isinstance(value, SecretStr) else str(value)
    return needs, secrets


def _at(value: Any, place: Place) -> Any:
    for name in place:
        if isinstance(value, Mapping):
            value = value[name]
        elif isinstance(value, list | tuple):
            value = value[int(name)]
        else:
            value = getattr(value, name)
    return value


def _put(plain: Any, place: Place, text: str) -> None:
    for name in place[:-1]:
        plain = plain[int(name)] if isinstance(plain, list) else plain[name]
    plain[int(place[-1]) if isinstance(plain, list) else place[-1]] = text


def given_again(needs: Mapping[str, str], body: Mapping[str, Any]) -> dict[str, str]:
    """The secrets of a job out of a body that gives them again, at the places where they stood. Raises Refused."""
    found: dict[str, str] = {}
    missing: list[KeyProblem] = []
    for place, variable in needs.items():
        try:
            value = _at(body, tuple(place.split("/")))
        except (KeyError, IndexError, AttributeError, ValueError):
            value = None
        if not isinstance(value, str) or not value or "\0" in value:
            missing.append(
                KeyProblem(key=place.replace("/", "."), message="was kept in memory only, which is gone; give it again")
            )
        else:
            found[variable] = value
    if missing:
        raise Refused(422, "; ".join(f"{one.key} {one.message}" for one in missing), missing)
    return found


def command_line(kind: Kind, form: Form, description: Mapping[str, Any], given: Collection[str]) -> str:
    """What to type at a shell for the same: the keys that were given; what is redacted is left to the user."""
    words = ["evalcore", "run"] if kind == "eval" else ["perfbench", "sweep" if form == "sweep" else "run"]
    for name, value in description.items():
        if name not in given or name in ("work_dir", "outputs_dir") or value in (None, {}, [], redact.REDACTED):
            continue
        flag = name.replace("_", "-")
        if isinstance(value, bool):
            words.append(f"--{'' if value else 'no-'}{flag}")
        elif isinstance(value, list) and not any(isinstance(one, dict | list) for one in value):
            words += [f"--{flag}", ",".join(map(str, value))]
        elif isinstance(value, list | dict):
            words += [f"--{flag}", orjson.dumps(value).decode()]
        else:
            words += [f"--{flag}", str(value)]
    return shlex.join(words)
