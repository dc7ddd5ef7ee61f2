"""Scenario: the typed description of a run. A YAML key, a CLI flag (with hyphens) and a service body key are one field.

`Scenario.from_yaml` and `Scenario.from_mapping` are the only doors: they list every problem at once, fill in the
defaults that depend on other fields, and take the key from where it is kept. What comes out is frozen and complete, and
`dump()` of it can be run again. To add a setting, add a field (its flag and its help follow), a row to
tests/test_scenario.py, and a line to `_conflicts` if it contradicts another.
"""

from __future__ import annotations

import os
import re
import secrets
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, SecretStr, ValidationError

from perfbench import fieldtypes as t
from perfbench.engine import redact
from perfbench.engine.dialect.urls import named_dialect
from perfbench.engine.errors import ScenarioError
from perfbench.fieldtypes import BUILT_IN, key
from perfbench.settings import yamlfile
from perfbench.settings.problems import describe, flag
from perfbench.simulator.config import SimulatorConfig

if TYPE_CHECKING:
    from perfbench.engine.dialect.base import Options
    from perfbench.engine.transport.base import Endpoint

Api = Literal["chat", "completions", "responses", "embeddings", "rerank", "messages"]
NOT_STREAMED = ("embeddings", "rerank")
KEY_VARIABLE = "OPENAI_API_KEY"
KEY_SOURCES = ("api_key", "api_key_file", "api_key_env")
SECRET = frozenset({"api_key", "headers", "model_args", "extra_args", "simulator"})
"""Fields whose values no message repeats."""
ALIASES = {"extra_body": "extra_args"}
MERGED = ("headers", "model_args", "extra_args", "simulator")
"""Mappings: a flag adds to what the file gives, name by name. Every other flag replaces the file's value."""
FILES = ("api_key_file", "ca", "prompts_file", "tokenizer")
"""In a file, relative to that file; as a flag, relative to the working folder."""

TARGET, LOAD, WAITS, BODY = "Target", "Load", "Deadlines", "Request body"
PROMPTS, GATES, OUTPUT = "What to send", "Gates", "Output and client"
GROUPS = (TARGET, LOAD, WAITS, BODY, PROMPTS, GATES, OUTPUT)


class Scenario(BaseModel):
    """One run. Durations are seconds, rates are per second, None means the setting plays no part."""

    model_config = ConfigDict(frozen=True, extra="forbid", protected_namespaces=(), allow_inf_nan=False)

    name: t.Name | None = key(None, OUTPUT, "Name of the run.", shown="the file's name, or 'run'")

    url: t.Urls = key(
        (), TARGET, "Where the endpoint is: with or without /v1, or a full path; several share the load. "
        "'simulator' starts the built-in one.", shown="the simulator, if that key is given", metavar="URL",
    )  # fmt: skip
    model: str | None = key(None, TARGET, "Model to ask for.", shown="the first that /v1/models names")
    api: Api | None = key(None, TARGET, "Which API to speak.", shown="by the url's path, else chat")
    api_key: SecretStr | None = key(
        None, TARGET, "Bearer token; better kept in the environment or a file.", shown=f"${KEY_VARIABLE}", repr=False,
        metavar="KEY",
    )  # fmt: skip
    api_key_file: t.File | None = key(None, TARGET, "File that holds the bearer token.", metavar="FILE")
    api_key_env: str | None = key(None, TARGET, "Environment variable that holds it.", metavar="NAME")
    headers: t.Headers = key({}, TARGET, "Headers of every request.", metavar="NAME=VALUE", repr=False)
    transport: Literal["wire", "aiohttp", "sdk"] = key(
        "wire", TARGET, "How bytes travel (wire is exact, aiohttp knows proxies, sdk is the openai client)."
    )
    ca: t.File | None = key(None, TARGET, "PEM file of the authority that signed the server.", metavar="FILE")
    insecure: bool = key(False, TARGET, "Do not check the server's certificate.")
    balance: Literal["round_robin", "least_in_flight"] = key("round_robin", TARGET, "How several urls share the load.")
    model_args: t.Json = key(
        {}, TARGET, "Arguments for the openai client, with transport sdk.", metavar="JSON", repr=False
    )
    simulator: t.Simulator | None = key(
        None, TARGET, "Settings of the built-in simulator, e.g. ttft=200ms itl=20ms.", metavar="NAME=VALUE", repr=False
    )

    parallel: t.Count | None = key(
        None,
        LOAD,
        "Closed loop: requests in flight. With rate: a cap on them.",
        shown="1, or no cap with rate",
        short="p",
    )
    number: t.Count | None = key(None, LOAD, "Stop after so many requests.", shown="1000, if no duration", short="n")
    duration: t.Limit | None = key(None, LOAD, "Stop sending after so long, e.g. 60s; the first limit counts.")
    rate: t.Rate | None = key(
        None, LOAD, "Open loop: arrivals a second, whatever became of earlier ones; 20 or 1200/m."
    )
    arrival: Literal["constant", "poisson", "gamma"] | None = key(
        None, LOAD, "Law of the arrivals, with rate.", shown="poisson"
    )
    burstiness: float | None = key(
        None, LOAD, "Shape of gamma arrivals: below 1 burstier than poisson, above 1 more even.", shown="1", gt=0
    )
    ramp_up: t.RampUp | None = key(
        None, LOAD, "Closed loop: time over which the slots open; 0 is a burst.",
        shown="auto: 1ms a slot, at most 10s and a tenth of duration", metavar="TIME",
    )  # fmt: skip
    grace: t.Duration = key(30.0, LOAD, "After duration: how long requests in flight may go on.")
    rps: t.Rate | None = key(None, LOAD, "Limit: requests a second, on top of the load's own shape.")
    tpm: t.Count | None = key(None, LOAD, "Limit: tokens a minute, prompt and reply.")
    retries: t.CountOrNone = key(0, LOAD, "Tries again per failed request; a retry hides a failure.")
    seed: t.CountOrNone | None = key(
        None, LOAD, "Fixes arrivals and prompts (not sent; see sampling_seed).", shown="drawn, and kept in the result"
    )

    connect_timeout: t.Limit = key(10.0, WAITS, "Longest wait for a connection.")
    first_byte_timeout: t.Limit = key(300.0, WAITS, "Longest wait for the reply's first byte.")
    idle_timeout: t.Limit = key(60.0, WAITS, "Longest silence within a reply.")
    total_timeout: t.Limit = key(1800.0, WAITS, "Longest a request may take in all.")

    stream: bool | None = key(None, BODY, "Ask for a stream of events.", shown="yes, where the api can")
    max_tokens: t.Count | None = key(None, BODY, "Longest reply.", shown="the server's")
    min_tokens: t.CountOrNone | None = key(None, BODY, "Shortest reply (vLLM and others).")
    ignore_eos: bool | None = key(None, BODY, "Go on to max_tokens whatever the model says (vLLM and others).")
    temperature: float | None = key(None, BODY, "Sampling temperature.", shown="the server's", ge=0)
    top_p: float | None = key(None, BODY, "Nucleus sampling.", ge=0, le=1)
    top_k: int | None = key(None, BODY, "Sample among the k likeliest.")
    sampling_seed: int | None = key(None, BODY, "The body's seed.")
    stop: t.Texts | None = key(None, BODY, "Texts that end a reply.", metavar="TEXT")
    n_choices: t.Count | None = key(None, BODY, "Replies per request.")
    frequency_penalty: float | None = key(None, BODY, "Penalty for frequent tokens.")
    repetition_penalty: float | None = key(None, BODY, "Penalty for repeated tokens.")
    logprobs: t.WholeOrFlag | None = key(None, BODY, "Ask for log probabilities.", metavar="BOOL|INT")
    extra_args: t.Json = key(
        {}, BODY, "Any other body fields; they win. Also called extra_body.", metavar="JSON", repr=False
    )

    prompt: t.Prompts | None = key(
        None, PROMPTS, "One prompt, or @FILE with one; repeat it for several.", metavar="TEXT"
    )
    prompts_file: t.File | None = key(
        None, PROMPTS, "A prompt a line: .txt, or .jsonl with prompt, messages or body.", metavar="FILE"
    )
    prompt_tokens: t.Count | None = key(
        None, PROMPTS, "Length of the synthetic prompts, each unlike any other; an estimate.", shown="128"
    )
    batch: t.Count | None = key(
        None, PROMPTS, "Texts per embeddings request, documents per rerank request.", shown="1 text, 10 documents"
    )
    tokenizer: t.File | None = key(
        None, PROMPTS, "tokenizer.json to count output with, where the server does not.", metavar="FILE"
    )

    slo: t.SloText | None = key(
        None, GATES, "What must hold, e.g. 'p99 ttft < 500ms and error_rate < 1%'; exit 3 if not.", metavar="TEXT"
    )
    max_error_rate: t.Share = key(0.5, GATES, "Share of failed requests above which the run ends with exit 4.")

    workers: t.Workers = key(1, OUTPUT, "Client processes; auto is one per core.", metavar="COUNT|auto")
    outputs_dir: t.Folder = key(Path("outputs"), OUTPUT, "Folder in which run folders are made.", metavar="FOLDER")
    keep_texts: bool = key(False, OUTPUT, "Keep the replies' texts in the records.")
    keep_chunks: bool = key(True, OUTPUT, "Keep the gaps between chunks in the records; ITL needs them.")

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
        flags = _renamed(overrides or {})
        replaced = {name for name, value in flags.items() if value is not None and name not in MERGED}
        file = yamlfile.read(Path(path), environment, replaced)
        values = _renamed(file.values)
        for name in FILES:
            _make_relative_to(file.path.parent, values, name)
        _make_relative_to(file.path.parent, values.get("simulator"), "answer_key")
        if values.get("prompt") is not None:
            values["prompt"] = _beside(values["prompt"], file.path.parent)
        values.setdefault("name", file.path.stem)

        def place(at: yamlfile.Key) -> str:
            return flag(at[0]) if at[0] in flags else file.place(at)

        return cls._made(_merged(values, flags), place, environment)

    @classmethod
    def from_mapping(
        cls, mapping: Mapping[str, Any], source: str | None = None, *, environment: Mapping[str, str] | None = None
    ) -> Scenario:
        """The scenario of a mapping (flags, when `source` is None). Raises ScenarioError with every problem."""
        environment = os.environ if environment is None else environment
        return cls._made(_renamed(mapping), lambda at: source or flag(at[0]), environment)

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
        secret, missing = typed._secret(environment)
        problems += missing
        if problems:
            order = {name: number for number, name in enumerate(given)}
            problems.sort(key=lambda problem: order.get(problem[0][0], -1))
            lines = [_told(place(at), at, text) for at, text in problems]
            raise ScenarioError("\n  ".join(["the scenario cannot be run:", *dict.fromkeys(lines)]))
        return typed.model_copy(update={**typed._defaults(), "api_key": secret})

    def _conflicts(self) -> list[tuple[yamlfile.Key, str]]:
        """Fields that contradict each other, or that ask for nothing to be done; each message names both."""
        has = self.model_fields_set
        api, paths = self._api(), {named_dialect(url) for url in self.url} - {None}
        rules = [
            (not self.url and "url" not in has and self.simulator is None, "url",
             "is missing; give the endpoint's address, e.g. http://127.0.0.1:8000/v1, or 'simulator'"),
            (self.simulator is not None and bool(self.url) and not self.builtin_simulator, "simulator",
             "is for the built-in simulator, but url names an endpoint; take one of them out, or say url: simulator"),
            (len(paths) > 1, "url", f"holds paths of several APIs ({', '.join(sorted(map(str, paths)))}); name one"),
            (self.api is not None and bool(paths) and paths != {self.api}, "api",
             f"is {self.api}, but the path of url says {', '.join(sorted(map(str, paths)))}; change one of them"),
            (len([name for name in KEY_SOURCES if name in has]) > 1, "api_key",
             "may come from one place; keep one of api_key, api_key_file, api_key_env"),
            (bool(self.model_args) and self.transport != "sdk", "model_args",
             f"is for transport: sdk, but transport is {self.transport}; change one of them"),
            (self.ca is not None and self.insecure, "ca", "checks what insecure leaves unchecked; keep one"),
            (self.rate is None and self.arrival is not None, "arrival", "is the law of an open loop; give rate too"),
            (self.burstiness is not None and self.arrival != "gamma", "burstiness", "needs arrival: gamma"),
            (self.rate is not None and self.ramp_up not in (None, "auto"), "ramp_up",
             "opens the slots of a closed loop, but rate makes the loop open; take one of them out"),
            (self.stream is True and api in NOT_STREAMED, "stream", f"is on, but api {api} cannot; take it out"),
            (self.prompt is not None and self.prompts_file is not None, "prompt",
             "and prompts_file both say what to send; keep one"),
            (self.prompt_tokens is not None and (self.prompt is not None or self.prompts_file is not None),
             "prompt_tokens", "is the length of synthetic prompts, but prompt or prompts_file is given; keep one"),
            (self.batch is not None and api not in NOT_STREAMED, "batch",
             f"is for api embeddings and rerank, but api is {api}; take it out"),
            (self.min_tokens is not None and self.max_tokens is not None and self.min_tokens > self.max_tokens,
             "min_tokens", f"is {self.min_tokens}, more than max_tokens {self.max_tokens}"),
            (isinstance(self.workers, int) and self.workers < 1, "workers", "must be at least 1, or auto"),
            (isinstance(self.workers, int) and (self.rate is None or self.parallel is not None)
             and self.workers > (self.parallel or 1), "workers",
             f"is {self.workers}, more than parallel {self.parallel or 1}: a worker would have nothing to do"),
        ]  # fmt: skip
        found: list[tuple[yamlfile.Key, str]] = [((name,), text) for wrong, name, text in rules if wrong]
        simulator = self.simulator.model_dump() if self.simulator is not None else {}
        for name, values in (*((name, getattr(self, name)) for name in MERGED[:-1]), ("simulator", simulator)):
            found += [
                ((name, *at), "was redacted when this scenario was written; give it again, as a flag or as ${NAME}")
                for at in redact.redacted_places(values)
            ]
        return found

    def _api(self) -> Api:
        named = next((name for url in self.url if (name := named_dialect(url))), "chat")
        return self.api or named  # type: ignore[return-value]

    def _secret(self, environment: Mapping[str, str]) -> tuple[SecretStr | None, list[tuple[yamlfile.Key, str]]]:
        """The key, from the first of its sources that is given; the environment's own comes last."""
        given = self.api_key.get_secret_value() if self.api_key is not None else None
        redacted = given == redact.REDACTED
        secret: str | None = None
        at, fault = "api_key", ""
        if given is not None and not redacted:
            secret, fault = given, "is empty; take it out, or write the key"
        elif self.api_key_file is not None:
            at, secret = "api_key_file", self.api_key_file.read_text(encoding="utf-8", errors="replace").strip()
            fault = f"names {self.api_key_file}, which is empty; put the key into it"
        elif self.api_key_env is not None:
            at, secret = "api_key_env", environment.get(self.api_key_env)
            fault = f"names {self.api_key_env}, which is not set; set it"
        elif self.url and not self.builtin_simulator:
            secret = environment.get(KEY_VARIABLE)
            if redacted:
                fault = f"was redacted when this scenario was written; set {KEY_VARIABLE}, or give --api-key"
        if not secret:
            return None, [((at,), fault)] if fault else []
        if not all("!" <= character <= "~" for character in secret):
            return None, [((at,), "holds a blank, a line end or a character that no header can carry; take it out")]
        return SecretStr(secret), []

    def _defaults(self) -> dict[str, Any]:
        """The defaults that depend on other fields."""
        closed, api = self.rate is None, self._api()
        synthetic = self.prompt is None and self.prompts_file is None
        filled: dict[str, Any] = {"api": api}
        resolved = {
            "name": "run",
            "parallel": 1 if closed else None,
            "number": 1000 if self.duration is None else None,
            "arrival": None if closed else "poisson",
            "burstiness": 1.0 if self.arrival == "gamma" else None,
            "ramp_up": "auto" if closed else None,
            "seed": secrets.randbelow(1 << 31),
            "stream": api not in NOT_STREAMED,
            "prompt_tokens": 128 if synthetic else None,
            "batch": {"embeddings": 1, "rerank": 10}.get(api),
        }
        filled |= {name: value for name, value in resolved.items() if getattr(self, name) is None}
        if self.builtin_simulator or not self.url:
            filled |= {"url": (BUILT_IN,), "simulator": self.simulator or SimulatorConfig()}
        return filled

    @property
    def builtin_simulator(self) -> bool:
        """Whether the run starts the built-in simulator; its real address is known only then."""
        return self.url == (BUILT_IN,)

    @property
    def ramp_up_s(self) -> float:
        """Closed loop: over how many seconds the slots open."""
        if self.ramp_up != "auto":
            return self.ramp_up or 0.0
        longest = 10.0 if self.duration is None else min(10.0, self.duration / 10)
        return min(longest, 0.001 * (self.parallel or 1))

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
        from perfbench.engine.dialect.base import Options

        ignore_eos = {} if self.ignore_eos is None else {"ignore_eos": self.ignore_eos}
        return Options(
            model=self.model or "",
            stream=bool(self.stream),
            max_tokens=self.max_tokens,
            temperature=self.temperature,
            top_p=self.top_p,
            top_k=self.top_k,
            seed=self.sampling_seed,
            stop=list(self.stop) if self.stop is not None else None,
            n=self.n_choices,
            min_tokens=self.min_tokens,
            frequency_penalty=self.frequency_penalty,
            repetition_penalty=self.repetition_penalty,
            logprobs=self.logprobs,
            extra={**ignore_eos, **self.extra_args},
        )

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
        return {name: value for name, value in plain.items() if value != {}}

    def to_yaml(self) -> str:
        """`dump()` as a file that `from_yaml` reads."""
        return yaml.safe_dump(yamlfile.escape(self.dump()), sort_keys=False, allow_unicode=True, width=120)


def _renamed(mapping: Mapping[str, Any]) -> dict[str, Any]:
    """Keys under their own names. An alias beside its name is left, and so refused as unknown."""
    return {
        ALIASES.get(str(k), str(k)) if ALIASES.get(str(k)) not in mapping else str(k): v for k, v in mapping.items()
    }


def _merged(base: Mapping[str, Any], flags: Mapping[str, Any]) -> dict[str, Any]:
    given = {name: value for name, value in flags.items() if value is not None}
    if any(name in given for name in KEY_SOURCES):
        base = {name: value for name, value in base.items() if name not in KEY_SOURCES}
    if "prompt" in given or "prompts_file" in given:
        base = {name: value for name, value in base.items() if name not in ("prompt", "prompts_file", "prompt_tokens")}
    result = {**base, **given}
    for name in MERGED:
        below, above = base.get(name), given.get(name)
        if isinstance(below, Mapping) and above is not None:
            try:
                result[name] = {**below, **t.pairs(above)}  # type: ignore[dict-item]
            except ValueError:
                result[name] = above  # validation names what is wrong with it
    return result


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
    else:
        known, what = [*Scenario.model_fields, *ALIASES], "key of a scenario"
    secret = at[0] in SECRET or (at[-1] not in Scenario.model_fields and redact.is_secret_header(at[-1]))
    return at, describe(line, known, what=what, secret=secret)
