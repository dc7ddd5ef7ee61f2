"""Target: which endpoint, which API, which key."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Literal

from pydantic import SecretStr

from perfbench import fieldtypes as t
from perfbench.engine import redact
from perfbench.engine.dialect.urls import named_dialect
from perfbench.fieldtypes import BUILT_IN, key
from perfbench.scenario.section import TARGET, Rule, Section
from perfbench.simulator.config import SimulatorConfig

if TYPE_CHECKING:
    from perfbench.scenario.scenario import Scenario

Api = Literal["chat", "completions", "responses", "embeddings", "rerank", "messages"]
NOT_STREAMED = ("embeddings", "rerank")
KEY_VARIABLE = "OPENAI_API_KEY"
KEY_SOURCES = ("api_key", "api_key_file", "api_key_env")


class Target(Section):
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

    @property
    def spoken_api(self) -> Api:
        """The API that is asked for, by name or by the path of a url."""
        named = next((name for url in self.url if (name := named_dialect(url))), "chat")
        return self.api or named  # type: ignore[return-value]

    @property
    def builtin_simulator(self) -> bool:
        """Whether the run starts the built-in simulator; its real address is known only then."""
        return self.url == (BUILT_IN,)


def conflicts(scenario: Scenario) -> list[Rule]:
    s, has = scenario, scenario.model_fields_set
    paths = {named_dialect(url) for url in s.url} - {None}
    return [
        (not s.url and "url" not in has and s.simulator is None, "url",
         "is missing; give the endpoint's address, e.g. http://127.0.0.1:8000/v1, or 'simulator'"),
        (s.simulator is not None and bool(s.url) and not s.builtin_simulator, "simulator",
         "is for the built-in simulator, but url names an endpoint; take one of them out, or say url: simulator"),
        (len(paths) > 1, "url", f"holds paths of several APIs ({', '.join(sorted(map(str, paths)))}); name one"),
        (s.api is not None and bool(paths) and paths != {s.api}, "api",
         f"is {s.api}, but the path of url says {', '.join(sorted(map(str, paths)))}; change one of them"),
        (len([name for name in KEY_SOURCES if name in has]) > 1, "api_key",
         "may come from one place; keep one of api_key, api_key_file, api_key_env"),
        (bool(s.model_args) and s.transport != "sdk", "model_args",
         f"is for transport: sdk, but transport is {s.transport}; change one of them"),
        (s.ca is not None and s.insecure, "ca", "checks what insecure leaves unchecked; keep one"),
    ]  # fmt: skip


def defaults(scenario: Scenario) -> dict[str, Any]:
    filled: dict[str, Any] = {"api": scenario.spoken_api}
    if scenario.builtin_simulator or not scenario.url:
        filled |= {"url": (BUILT_IN,), "simulator": scenario.simulator or SimulatorConfig()}
    return filled


def secret_of(target: Target, environment: Mapping[str, str]) -> tuple[SecretStr | None, list[tuple[str, str]]]:
    """The key, from the first of its sources that is given; the environment's own comes last."""
    given = target.api_key.get_secret_value() if target.api_key is not None else None
    redacted = given == redact.REDACTED
    secret: str | None = None
    at, fault = "api_key", ""
    if given is not None and not redacted:
        secret, fault = given, "is empty; take it out, or write the key"
    elif target.api_key_file is not None:
        at, secret = "api_key_file", target.api_key_file.read_text(encoding="utf-8", errors="replace").strip()
        fault = f"names {target.api_key_file}, which is empty; put the key into it"
    elif target.api_key_env is not None:
        at, secret = "api_key_env", environment.get(target.api_key_env)
        fault = f"names {target.api_key_env}, which is not set; set it"
    elif target.url and not target.builtin_simulator:
        secret = environment.get(KEY_VARIABLE)
        if redacted:
            fault = f"was redacted when this scenario was written; set {KEY_VARIABLE}, or give --api-key"
    if not secret:
        return None, [(at, fault)] if fault else []
    if not all("!" <= character <= "~" for character in secret):
        return None, [(at, "holds a blank, a line end or a character that no header can carry; take it out")]
    return SecretStr(secret), []
