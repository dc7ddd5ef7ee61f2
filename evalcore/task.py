"""Task: the typed description of an evaluation. A YAML key, a CLI flag (with hyphens) and a service key are one field.

`TaskConfig.from_yaml` and `TaskConfig.from_mapping` are the only doors; they list every problem at once, before any
request is sent. What comes out is frozen; `dump()` of it, which holds no secret, can be run again.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

import orjson
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, SecretStr, ValidationError

from evalcore.benchmarks.table import BENCHMARKS
from evalcore.errors import TaskError
from perfbench import fieldtypes as t
from perfbench.engine import redact
from perfbench.engine.errors import ScenarioError
from perfbench.fieldtypes import key
from perfbench.settings import yamlfile
from perfbench.settings.problems import describe
from perfbench.settings.suggest import did_you_mean

MODEL, DATA, ASKING, JUDGING, RUNNING = "Model", "Data", "Asking", "Judging", "Running"
GROUPS = (MODEL, DATA, ASKING, JUDGING, RUNNING)
KEY_VARIABLES = ("EVALCORE_API_KEY", "OPENAI_API_KEY")
ALIASES = {"parallel": "eval_batch_size", "limit_mode": "limit_mode"}
WIRE_MODEL_ARGS = frozenset({"default_headers", "timeout", "max_retries", "organization", "project"})
"""Client arguments that mean something without the openai client."""


def _names(value: object) -> object:
    """Words, however they are given: one text with commas or blanks, a list, or a list of such texts."""
    if isinstance(value, str):
        return tuple(value.replace(",", " ").split())
    if isinstance(value, list | tuple) and all(isinstance(word, str) for word in value):
        return tuple(part for word in value for part in word.replace(",", " ").split())
    return value


def _json(value: object) -> object:
    """A mapping, its JSON text, or NAME=VALUE words whose values are JSON where they can be."""
    if isinstance(value, list | tuple) and all(isinstance(word, str) for word in value):
        if len(value) != 1 or not value[0].lstrip().startswith("{"):
            return {name: _value(rest) for name, rest in t.pairs(value).items()}  # type: ignore[attr-defined]
        value = value[0]
    if not isinstance(value, str):
        return value
    try:
        return orjson.loads(value)
    except orjson.JSONDecodeError as error:
        raise ValueError(f"is not JSON ({error}); write it like '{{\"a\": 1}}'") from None


def _value(text: str) -> object:
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError:
        return text


def _limit(value: object) -> object:
    """1 is one item and 0.5 is half of them; what is neither a count nor a share below 1 is refused."""
    try:
        number = float(value)  # type: ignore[arg-type]
    except (TypeError, ValueError):
        raise ValueError(f"is {value!r}; a count like 100, or a share like 0.1") from None
    if not 0 < number < float("inf") or (number > 1 and number != int(number)):
        raise ValueError(f"is {value}; a count is whole and above 0, a share lies between 0 and 1")
    return int(number) if number >= 1 else number


class GenerationConfig(BaseModel):
    """What every request asks for. Keys beyond these go into the body as they are."""

    model_config = ConfigDict(frozen=True, extra="allow")

    max_tokens: int | None = Field(default=2048, ge=1)
    temperature: float | None = Field(default=0.0, ge=0)
    top_p: float | None = None
    top_k: int | None = None
    seed: int | None = None
    stop: t.Texts | None = None
    n: int | None = Field(default=None, ge=1)
    logprobs: bool | int | None = None
    frequency_penalty: float | None = None
    repetition_penalty: float | None = None
    stream: bool = False
    timeout: t.Limit = 60.0
    """Longest silence, in seconds: before the first byte and within the reply."""
    extra_body: dict[str, Any] = {}


class DatasetArgs(BaseModel):
    """What a task changes of one benchmark."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    subset_list: Annotated[tuple[str, ...], BeforeValidator(_names)] | None = None
    few_shot_num: int | None = Field(default=None, ge=0)
    few_shot_random: bool = False
    prompt_template: str | None = None
    system_prompt: str | None = None
    shuffle_choices: bool = False
    local_path: str | None = None
    eval_split: str | None = None
    extra: dict[str, Any] = {}


class TaskConfig(BaseModel):
    """One evaluation. None means that the setting plays no part."""

    model_config = ConfigDict(frozen=True, extra="forbid", protected_namespaces=())

    model: str | None = key(None, MODEL, "Model to ask for.", shown="with eval_type mock: sim")
    model_id: str | None = key(None, MODEL, "Its name in folders and reports.", shown="the last part of model")
    api_url: str | None = key(None, MODEL, "Endpoint, with or without /v1.", metavar="URL")
    api_key: SecretStr | None = key(
        None, MODEL, "Bearer token.", shown=" or ".join(f"${name}" for name in KEY_VARIABLES), metavar="KEY", repr=False
    )
    eval_type: Literal["service", "mock"] = key(
        "service", MODEL, "service: an endpoint; mock: the built-in simulator, which knows the answers."
    )
    mock: Annotated[dict[str, Any], BeforeValidator(_json)] = key(
        {}, MODEL, "Settings of the simulator: skill, ttft_ms, slots, ...", metavar="JSON"
    )
    client: Literal["wire", "aiohttp", "sdk"] = key("wire", MODEL, "How bytes travel.")
    model_args: Annotated[dict[str, Any], BeforeValidator(_json)] = key(
        {}, MODEL, "Client arguments; all of them with --client sdk.", metavar="JSON", repr=False
    )

    datasets: Annotated[tuple[str, ...], BeforeValidator(_names)] = key(
        (), DATA, "Benchmarks to run; `evalcore list` names them.", metavar="NAME", words=True
    )
    dataset_args: Annotated[dict[str, DatasetArgs], BeforeValidator(_json)] = key(
        {}, DATA, "Per benchmark: few_shot_num, subset_list, prompt_template, ...", metavar="JSON"
    )
    dataset_dir: str | None = key(
        None, DATA, "Folder of the data sets.", shown="$EVALCORE_CACHE, or the hub's own cache"
    )
    dataset_hub: Literal["modelscope", "huggingface", "local"] = key("modelscope", DATA, "Where they come from.")
    limit: Annotated[int | float, BeforeValidator(_limit)] | None = key(
        None, DATA, "Items per subset: a count, or a share below 1.", metavar="COUNT|SHARE"
    )
    limit_mode: Literal["stratified", "head"] = key("stratified", DATA, "Which items a limit takes.")
    repeats: t.Count = key(1, DATA, "Times each item is asked.")

    generation_config: Annotated[GenerationConfig, BeforeValidator(_json)] = key(
        GenerationConfig(), ASKING, "max_tokens, temperature, stream, ...", metavar="JSON"
    )
    eval_batch_size: t.Count = key(8, ASKING, "Requests in flight; also called --parallel.")
    retries: t.CountOrNone = key(5, ASKING, "Tries again per failed request.")
    rpm: t.Count | None = key(None, ASKING, "Limit: requests a minute.")
    tpm: t.Count | None = key(None, ASKING, "Limit: tokens a minute.")
    seed: int = key(42, ASKING, "Fixes samples, shots and shuffles.")

    judge_strategy: Literal["auto", "rule", "llm", "single", "pairwise"] = key(
        "auto", JUDGING, "auto: rules where a rule is right, a judge where none is."
    )
    judge_worker_num: t.Count = key(8, JUDGING, "Judge requests in flight.")
    judge_model_args: Annotated[dict[str, Any], BeforeValidator(_json)] = key(
        {}, JUDGING, "model_id, api_url, api_key, generation_config of the judge.", metavar="JSON", repr=False
    )

    work_dir: t.Folder = key(Path("outputs"), RUNNING, "Folder in which run folders are made.", metavar="FOLDER")
    use_cache: str | None = key(None, RUNNING, "Run folder to go on with.", metavar="FOLDER")
    rerun_review: bool = key(False, RUNNING, "Score again what is in the cache.")
    ignore_errors: bool = key(False, RUNNING, "Samples without an answer do not fail the run.")
    min_coverage: t.Share | None = key(
        None, RUNNING, "Share of samples that must have been scored.", shown="1, or 0 with ignore_errors"
    )
    strict: bool = key(False, RUNNING, "Exit 3 when more than 5 % of the answers were cut, empty or unreadable.")
    debug: bool = key(False, RUNNING, "Say more in the log.")

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
            secret_key = SecretStr(found) if found else None
        return task.model_copy(update={"api_key": secret_key})

    def _conflicts(self) -> list[tuple[yamlfile.Key, str]]:
        found: list[tuple[yamlfile.Key, str]] = []
        service = self.eval_type == "service"
        if not self.datasets:
            found.append((("datasets",), "is empty; name at least one benchmark, see `evalcore list`"))
        for name in (*self.datasets, *self.dataset_args):
            if name not in BENCHMARKS:
                place = "datasets" if name in self.datasets else "dataset_args"
                found.append(((place,), f"names {name!r}, which is no benchmark{did_you_mean(name, BENCHMARKS)}"))
        if service and self.api_url is None:
            found.append((("api_url",), "is missing; give the endpoint's address, e.g. http://127.0.0.1:8000/v1"))
        if service and self.model is None:
            found.append((("model",), "is missing; name the model to ask for"))
        if not service and self.api_url is not None:
            found.append((("api_url",), "names an endpoint, but eval_type mock starts its own; take one of them out"))
        odd = sorted(set(self.model_args) - WIRE_MODEL_ARGS)
        if odd and self.client != "sdk":
            found.append(
                (("model_args",), f"has {', '.join(odd)}, which only the openai client knows; use --client sdk")
            )
        return found

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
    return {ALIASES.get(n, n) if ALIASES.get(n, n) == n or ALIASES[n] not in plain else n: v for n, v in plain.items()}


def _flag(name: str) -> str:
    return "--" + name.replace("_", "-")
