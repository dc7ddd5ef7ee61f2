"""Settings: judge_model_args of a task, one mapping a judge, checked before any request is sent."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any, Literal
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError, model_validator

from evalcore.errors import TaskError
from evalcore.task import GenerationConfig, TaskConfig
from perfbench import fieldtypes as t
from perfbench.engine import redact
from perfbench.engine.dialect.urls import request_url
from perfbench.engine.errors import ScenarioError
from perfbench.settings.problems import describe

KEY_VARIABLE = "EVALCORE_JUDGE_API_KEY"
"""Key of a judge that has an endpoint of its own; EVALCORE_JUDGE_2_API_KEY is the second judge's, and so on."""
WIRE_MODEL_ARGS = frozenset({"default_headers", "timeout", "max_retries", "organization", "project"})


class JudgeSettings(BaseModel):
    """One judge. What is not set is as for the model under test."""

    model_config = ConfigDict(frozen=True, extra="forbid", protected_namespaces=())

    model: str | None = None
    model_id: str | None = None
    """The same; it wins."""
    api_url: str | None = None
    api_key: SecretStr | None = Field(default=None, repr=False)
    client: Literal["wire", "aiohttp", "sdk"] | None = None
    generation_config: GenerationConfig = GenerationConfig()
    rpm: t.Count | None = None
    tpm: t.Count | None = None
    worker_num: t.Count | None = None
    """Requests in flight; None: judge_worker_num."""
    default_headers: dict[str, str] = Field(default={}, repr=False)
    model_args: dict[str, Any] = Field(default={}, repr=False)
    votes: t.Count = 1
    """Times it is asked for each verdict."""
    prompt_template: str | None = None
    system_prompt: str | None = None
    grades: dict[str, float] | tuple[int, int] | None = None
    """What a verdict is: words with their worth, or the ends of a scale; None: what the benchmark asks for."""
    structured: bool = True
    """Ask for JSON by a schema, until the endpoint refuses."""

    @model_validator(mode="after")
    def _fits(self) -> JudgeSettings:
        if self.api_url is not None:
            try:
                request_url(self.api_url, "")
            except ScenarioError as error:
                raise ValueError(f"api_{error}") from None
        grades = self.grades
        if isinstance(grades, tuple) and not grades[0] < grades[1]:
            raise ValueError(f"grades {list(grades)}: a scale goes up, e.g. [1, 10]")
        if isinstance(grades, dict) and (len(grades) < 2 or not all(0 <= worth <= 1 for worth in grades.values())):
            raise ValueError('grades: name two words or more, each worth 0 to 1, e.g. {"good": 1, "bad": 0}')
        return self


def judges_of(task: TaskConfig) -> list[JudgeSettings]:
    """The task's judges, at least one. Raises TaskError naming the judge, the key and the nearest known one."""
    given = task.judge_model_args
    if isinstance(given, Mapping):
        return [_checked(given, "judge_model_args")]
    found = [_checked(args, f"judge_model_args[{number}]") for number, args in enumerate(given)]
    if not found:
        raise TaskError("judge_model_args is an empty list; name a judge, or leave it out")
    grades = {repr(judge.grades) for judge in found}
    if len(grades) > 1:
        raise TaskError(
            "judge_model_args: all judges have to give the same grades; set `grades` alike for each of them"
        )
    return found


def key_of(
    judge: JudgeSettings, number: int, task: TaskConfig, environment: Mapping[str, str] | None = None
) -> str | None:
    """Its own key; that of the model under test only goes to the endpoint of the model under test."""
    environment = os.environ if environment is None else environment
    if judge.api_key is not None:
        return judge.api_key.get_secret_value()
    own = environment.get(f"EVALCORE_JUDGE_{number + 1}_API_KEY") or environment.get(KEY_VARIABLE)
    if own:
        return own
    same = judge.api_url is None or _origin(judge.api_url) == _origin(task.api_url or "")
    return task.api_key.get_secret_value() if same and task.api_key is not None else None


def _checked(args: Mapping[str, Any], where: str) -> JudgeSettings:
    try:
        found = JudgeSettings.model_validate(args)
    except ValidationError as error:
        lines = []
        for line in error.errors(include_url=False):
            name = ".".join(str(part) for part in line["loc"])
            secret = any(redact.is_secret_field(str(part)) or "headers" in str(part) for part in line["loc"])
            if line["type"] == "extra_forbidden":
                lines.append(
                    f"{where} has {name}, which "
                    + describe(dict(line), JudgeSettings.model_fields, what="key of a judge", secret=True)
                )
            else:
                lines.append(f"{where}{name and '.'}{name}: {describe(dict(line), (), what='', secret=secret)}")
        raise TaskError("\n  ".join(lines)) from None
    odd = sorted(set(found.model_args) - WIRE_MODEL_ARGS)
    if odd and found.client != "sdk":
        raise TaskError(f"{where}.model_args has {', '.join(odd)}, which only the openai client knows; set client: sdk")
    return found


def _origin(url: str) -> tuple[str, str]:
    parts = urlsplit(url)
    return parts.scheme, parts.netloc
