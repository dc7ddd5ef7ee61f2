"""Task: the typed description of an evaluation. A YAML key, a CLI flag (with hyphens) and a service key are one field.

`TaskConfig.from_yaml` and `TaskConfig.from_mapping` are the only doors; they list every problem at once, before any
request is sent. What comes out is frozen; `dump()` of it, which holds no secret, can be run again. To add a setting,
add a field to its section (its flag and its help follow), a row to tests/evalcore/test_task.py, and a rule to the
section's `conflicts` if it contradicts another.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import orjson
from pydantic import SecretStr, ValidationError

from evalcore.errors import TaskError
from evalcore.task import asking, data, judging, model, running
from evalcore.task.data import DatasetArgs
from evalcore.task.model import KEY_VARIABLES, NO_KEY
from perfbench.engine import redact
from perfbench.engine.errors import ScenarioError
from perfbench.settings import yamlfile
from perfbench.settings.problems import describe

SECTIONS = (model, data, asking, judging, running)
ALIASES = {"parallel": "eval_batch_size"}


class TaskConfig(running.Running, judging.Judging, asking.Asking, data.Data, model.Model):
    """One evaluation. None means that the setting plays no part."""

    @classmethod
    def from_yaml(
        cls, path: Path | str, overrides: Mapping[str, Any] | None = None, *,
        environment: Mapping[str, str] | None = None,
    ) -> TaskConfig:  # fmt: skip
        """The task of a YAML file; `overrides` are flags and win. Raises TaskError with every problem."""
        environment = os.environ if environment is None else environment
        try:
            file = yamlfile.read(Path(path), environment)
        except ScenarioError as error:  # read as any scenario is, but it is called a task
            raise TaskError(str(error).replace("scenario", "task")) from None
        flags = _renamed(overrides or {})
        values = _renamed(file.values)
        for args in (values.get("dataset_args") or {}).values() if isinstance(values.get("dataset_args"), dict) else ():
            if isinstance(args, dict) and isinstance(args.get("local_path"), str):  # relative to the file it stands in
                args["local_path"] = str(file.path.parent / Path(args["local_path"]).expanduser())
        if isinstance(values.get("tokenizer"), str):
            values["tokenizer"] = str(file.path.parent / Path(values["tokenizer"]).expanduser())

        def place(at: yamlfile.Key) -> str:
            return _flag(at[0]) if at and at[0] in flags else file.place(at)

        return cls._made({**values, **flags}, place, environment)

    @classmethod
    def from_mapping(
        cls, mapping: Mapping[str, Any], source: str | None = None, *, environment: Mapping[str, str] | None = None
    ) -> TaskConfig:
        """The task of a mapping (flags, when `source` is None). Raises TaskError with every problem."""
        environment = os.environ if environment is None else environment
        return cls._made(_renamed(mapping), lambda at: source or _flag(at[0]), environment)

    @classmethod
    def _made(
        cls, values: Mapping[str, Any], place: Callable[[yamlfile.Key], str], environment: Mapping[str, str]
    ) -> TaskConfig:
        given = {name: value for name, value in values.items() if value is not None}
        problems: list[tuple[yamlfile.Key, str]] = []
        task: TaskConfig | None = None
        try:
            task = cls.model_validate(given)
            problems = task._conflicts()
        except ValidationError as error:
            for line in error.errors(include_url=False):
                at = tuple(str(part) for part in line["loc"])
                known = [*cls.model_fields, *ALIASES] if len(at) == 1 else list(DatasetArgs.model_fields)
                what = "key of a task" if len(at) == 1 else "key of dataset_args"
                secret = bool(at) and (redact.is_secret_field(at[-1]) or at[0] in ("model_args", "judge_model_args"))
                problems.append((at, describe(dict(line), known, what=what, secret=secret)))
        if problems or task is None:
            lines = [f"{place(at)}: {'.'.join(at)} {text}" for at, text in problems]
            raise TaskError("\n  ".join(["the task cannot be run:", *dict.fromkeys(lines)]))
        secret_key = task.api_key
        if secret_key is None or secret_key.get_secret_value() == redact.REDACTED:
            found = next((environment[name] for name in KEY_VARIABLES if environment.get(name)), None)
            secret_key = SecretStr(found or NO_KEY)
        return task.model_copy(update={"api_key": secret_key})

    def _conflicts(self) -> list[tuple[yamlfile.Key, str]]:
        return [((name,), text) for section in SECTIONS for broken, name, text in section.conflicts(self) if broken]

    @property
    def name_of_model(self) -> str:
        """The model's name in folders and reports."""
        return self.model_id or (self.model or "sim").rstrip("/").rpartition("/")[2]

    @property
    def needed_coverage(self) -> float:
        if self.min_coverage is not None:
            return self.min_coverage
        return 0.0 if self.ignore_errors else 1.0

    def args_of(self, benchmark: str) -> DatasetArgs:
        return self.dataset_args.get(benchmark, DatasetArgs())

    def dump(self) -> dict[str, Any]:
        """Plain data of the whole task, without secrets; `from_mapping` of it is the same evaluation again."""
        plain: dict[str, Any] = redact.fields(self.model_dump(mode="json", exclude_none=True))
        if "api_key" in plain:
            plain["api_key"] = redact.REDACTED
        return plain

    def fingerprint(self) -> str:
        """A short hash of everything that shapes the run, for the name of its configuration file."""
        shaping = {name: value for name, value in self.dump().items() if name != "api_key"}
        return hashlib.sha256(orjson.dumps(shaping, option=orjson.OPT_SORT_KEYS)).hexdigest()[:8]

    def check_secrets(self) -> None:
        """Raise TaskError for a value that was redacted when this task was written down."""
        for name in ("model_args", "judge_model_args"):
            for at in redact.redacted_places(getattr(self, name)):
                place = ".".join((name, *at))
                raise TaskError(
                    f"{place} was redacted when this task was written; give it again, as a flag or ${{NAME}}"
                )


def _renamed(mapping: Mapping[str, Any]) -> dict[str, Any]:
    """Keys under their own names; hyphens are underscores. An alias beside its name is left, and so refused."""
    plain = {str(name).replace("-", "_"): value for name, value in mapping.items()}
    return {name if ALIASES.get(name, name) in plain else ALIASES[name]: value for name, value in plain.items()}


def _flag(name: str) -> str:
    return "--" + name.replace("_", "-")
