"""Field types: how single values of a scenario or a task are written, checked and described.

Each type turns what people write (text of a flag, a YAML value, JSON) into one typed value, or raises `ValueError` with
the value and the remedy. `key()` declares a field together with what `--help` says about it, so that a flag, a YAML
key and a line of help cannot drift apart.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, cast
from urllib.parse import urlsplit

from pydantic import AfterValidator, BeforeValidator, Field, InstanceOf, PlainSerializer

from perfbench.engine.dialect.urls import request_url
from perfbench.engine.errors import ScenarioError
from perfbench.engine.redact import is_secret_field, is_secret_header
from perfbench.settings import delays, units
from perfbench.settings import lengths as laws
from perfbench.settings.prefix import SharedPrefix as SharedPrefixSettings
from perfbench.settings.prefix import shared_prefix
from perfbench.settings.shape import Shape as ParsedShape
from perfbench.settings.shape import parse_shape
from perfbench.settings.suggest import did_you_mean
from perfbench.settings.warmup import Warmup as ParsedWarmup
from perfbench.settings.warmup import parse_warmup
from perfbench.simulator.config import SimulatorConfig
from perfbench.simulator.plan import FAULTS

BUILT_IN = "simulator"
"""The url that means: start the built-in simulator and load that."""
SIMULATOR_TIMES = ("ttft", "itl")
"""Its settings that are written as durations and kept in ms, under a name that says so."""
SIMULATOR_SHARES = ("jitter", *FAULTS, "skill", "busyskill")
SIMULATOR_COUNTS = ("tokens", "slots", "reason", "busy")


def key(default: Any, group: str, text: str, **more: Any) -> Any:
    """A field. `shown` is the default as --help tells it, where the field's own default does not say it;
    `metavar` what to write; `short` a one-letter flag; `words` lets one flag take several words (else it is repeated);
    anything else goes to pydantic."""
    told = {name: more.pop(name, None) for name in ("shown", "metavar", "short", "words")}
    return Field(default, description=text, json_schema_extra={"group": group, **told}, **more)


def _absolute_file(path: Path) -> Path:
    path = path.expanduser().absolute()
    if not path.is_file():
        raise ValueError(f"names {str(path)!r}, where there is no file")
    return path


def _texts(value: object) -> object:
    texts = (value,) if isinstance(value, str) else value
    if not isinstance(texts, list | tuple) or not all(isinstance(text, str) for text in texts):
        raise ValueError(f"is {value!r}, not a text or a list of texts; put numbers between quotes")
    return tuple(texts)


def mapping(value: object) -> dict[str, Any]:
    """A mapping, or the JSON text of one."""
    if isinstance(value, str):
        try:
            value = json.loads(value)
        except json.JSONDecodeError as error:
            raise ValueError(
                f"is not JSON ({error.msg} at character {error.pos}); write it like '{{\"a\": 1}}'"
            ) from None
    if not isinstance(value, Mapping):
        raise ValueError(f"is a {type(value).__name__}, not a mapping; write it like '{{\"a\": 1}}'")
    return {str(name): inner for name, inner in value.items()}


def pairs(value: object) -> object:
    """A mapping, or a list of texts NAME=VALUE; errors never repeat a value, which may be secret."""
    if not isinstance(value, list | tuple):
        return mapping(value)
    found: dict[str, str] = {}
    for number, part in enumerate(value, 1):
        name, equals, rest = str(part).partition("=")
        if not equals or not name.strip():
            raise ValueError(f"value {number} is not NAME=VALUE (a scenario file is named before the flags)")
        found[name.strip()] = rest
    return found


def _headers(value: object) -> object:
    named = cast("Mapping[str, object]", pairs(value))
    for name, content in named.items():
        if not name.isascii() or not name.replace("-", "").replace("_", "").replace(".", "").isalnum():
            raise ValueError(f"{name!r} is not a header name; letters, digits and - are")
        if isinstance(content, Mapping | list | tuple) or content is None:
            raise ValueError(f"the value of {name!r} is not a text")
        if any(not (character.isprintable() or character == "\t") for character in str(content)):
            raise ValueError(f"the value of {name!r} holds a line end or a control character; take it out")
    return {name: str(content) for name, content in named.items()}


def simulator_settings(value: object) -> object:
    """Settings of the simulator, read into the units that its configuration counts in."""
    if isinstance(value, SimulatorConfig):
        return value
    settings = dict(cast("Mapping[str, object]", pairs(value)))
    readers = dict.fromkeys(SIMULATOR_SHARES, units.share) | dict.fromkeys(SIMULATOR_COUNTS, units.count)
    for name, written in list(settings.items()):
        try:
            if name in SIMULATOR_TIMES:
                settings[f"{name}_ms"] = units.duration_s(settings.pop(name)) * 1000
            elif name in readers and written is not None:
                settings[name] = readers[name](written)
        except ValueError as error:
            raise ValueError(f"{name} {error}") from None
    return settings


def _urls(value: object) -> object:
    urls = tuple(value) if isinstance(value, list | tuple) else (value,)
    if urls == (BUILT_IN,):
        return urls
    if not urls:
        raise ValueError("is empty; write it like http://127.0.0.1:8000/v1")
    if BUILT_IN in urls:
        raise ValueError("names the built-in simulator among others; name it alone")
    for url in urls:
        base, _, query = str(url).partition("?")
        if "@" in base.partition("://")[2].partition("/")[0] or ("@" in base and "://" not in base):
            raise ValueError("holds a name and password, and urls stand in every record; use --headers or --api-key")
        if any(_is_secret_parameter(part.partition("=")[0]) for part in query.split("&")):
            raise ValueError("holds a key, and urls stand in every record; use --headers or --api-key")
        try:
            request_url(str(url), "")
        except ScenarioError as error:
            raise ValueError(str(error).removeprefix("url ")) from None
    return urls


def _metrics_urls(value: object) -> object:
    """Addresses of /metrics; a host alone gets that path."""
    if value == "auto" or (isinstance(value, list | tuple) and tuple(value) == ("auto",)):
        return ("auto",)
    found = _urls(value)
    assert isinstance(found, tuple)
    if any(url in ("auto", BUILT_IN) for url in found):
        raise ValueError(f"is {value!r}; auto stands alone, and everything else is an address")
    return tuple(f"{str(url).rstrip('/')}/metrics" if not urlsplit(str(url)).path.strip("/") else url for url in found)


def _is_secret_parameter(name: str) -> bool:
    return is_secret_header(name) or is_secret_field(name)


def _prompts(value: object) -> object:
    """One prompt or several; "@FILE" is the text of that file, "@@" begins a prompt that begins with @."""
    if isinstance(value, str):
        value = [value]
    if not isinstance(value, list | tuple) or not value or not all(isinstance(text, str) for text in value):
        raise ValueError("is not a text or a list of texts; write it like 'Say hello.' or @prompt.txt")
    return tuple(_prompt(text) for text in value)


def _prompt(text: str) -> str:
    place = ""
    if text.startswith("@@"):
        return text[1:]
    if text.startswith("@"):
        path = Path(text[1:]).expanduser()
        try:
            text = path.read_text(encoding="utf-8")
        except OSError as error:
            raise ValueError(f"names {str(path)!r}, which cannot be read: {error.strerror}") from None
        except UnicodeDecodeError:
            raise ValueError(f"names {str(path)!r}, which is not UTF-8 text") from None
        place = f"names {str(path)!r}, which "
    if not text.strip():
        raise ValueError(f"{place}is empty; write what to ask")
    return text


def written_prompt(text: str) -> str:
    """The inverse of `_prompt`: what to write so that it is read as this text."""
    return "@" + text if text.startswith("@") else text


def _or_word(word: str, read: Any) -> BeforeValidator:
    return BeforeValidator(lambda value: value if value == word else read(value))


def _whole_or_flag(value: object) -> object:
    return {"true": True, "false": False}.get(value.casefold(), value) if isinstance(value, str) else value


def _slo(text: str) -> str:
    from perfbench.metrics.slo import parse_slo  # scipy comes with it: only when there is an SLO to read

    try:
        parse_slo(text)
    except ScenarioError as error:
        raise ValueError(str(error).removeprefix("slo").lstrip(", ")) from None
    return text


def _until(text: str) -> str:
    from perfbench.metrics.until import parse_until

    try:
        parse_until(text)
    except ScenarioError as error:
        raise ValueError(str(error)) from None
    return text


def _name(name: str) -> str:
    if not name.strip() or name.strip(".") == "" or any(character in "/\\:\0\n\r\t" for character in name):
        raise ValueError(f"{name!r} cannot name a folder; use letters, digits, dots and dashes")
    return name


WORKLOADS = ("synthetic", "fixed", "lines", "conversations", "mix", "trace", "shared_prefix", "eval")
"""Names of the workloads, as a scenario says them; `workload.table` has one for each. Behind eval come benchmarks:
eval:gsm8k,arc."""


def _delay(value: object) -> str:
    """The text of a law of delays, checked."""
    law = delays.delay(value)
    return value if isinstance(value, str) else units.show_duration(law.figures[0])


def _lengths(value: object) -> int | str:
    """A plain count as a number; any other law as its text, checked."""
    law = laws.lengths(value)
    return law.fixed if law.fixed is not None else str(value)


def _shared_prefix(value: object) -> SharedPrefixSettings:
    if isinstance(value, SharedPrefixSettings):
        return value
    return shared_prefix(cast("Mapping[str, object]", pairs(value)))


def _eval_args(value: object) -> dict[str, Any]:
    """A mapping whose paths are absolute, so that it means the same from wherever it is read again."""
    found = mapping(value)
    for name in ("local_path", "dataset_dir"):
        if isinstance(found.get(name), str):
            found[name] = str(Path(found[name]).expanduser().absolute())
    return found


def _workload(name: str) -> str:
    kind, colon, benchmarks = name.partition(":")
    if kind == "eval" and not benchmarks.strip(" ,"):
        raise ValueError(f"is {name!r}; name a benchmark too, like eval:gsm8k (`evalcore list` names them)")
    if kind not in WORKLOADS or (colon and kind != "eval"):
        raise ValueError(f"is {name!r}{did_you_mean(kind, WORKLOADS)} (one of {', '.join(WORKLOADS)})")
    return name


Duration = Annotated[float, BeforeValidator(units.duration_s)]
Limit = Annotated[float, BeforeValidator(units.duration_s), Field(gt=0)]
Rate = Annotated[float, BeforeValidator(units.rate_per_s), Field(gt=0)]
Count = Annotated[int, BeforeValidator(units.count), Field(ge=1)]
CountOrNone = Annotated[int, BeforeValidator(units.count), Field(ge=0)]
Share = Annotated[float, BeforeValidator(units.share)]
Lengths = Annotated[int | str, BeforeValidator(_lengths)]
SharedPrefix = Annotated[SharedPrefixSettings, BeforeValidator(_shared_prefix)]
Delay = Annotated[str, BeforeValidator(_delay)]
Shape = Annotated[InstanceOf[ParsedShape], BeforeValidator(parse_shape), PlainSerializer(str)]
Warmup = Annotated[InstanceOf[ParsedWarmup], BeforeValidator(parse_warmup), PlainSerializer(str)]
RampUp = Annotated[float | Literal["auto"], _or_word("auto", units.duration_s)]
Workers = Annotated[int | Literal["auto"], _or_word("auto", units.count)]
File = Annotated[Path, AfterValidator(_absolute_file), PlainSerializer(str)]
Folder = Annotated[Path, PlainSerializer(str)]
Texts = Annotated[tuple[str, ...], BeforeValidator(_texts)]
Json = Annotated[dict[str, Any], BeforeValidator(mapping)]
EvalArgs = Annotated[dict[str, Any], BeforeValidator(_eval_args)]
Headers = Annotated[dict[str, str], BeforeValidator(_headers)]
Urls = Annotated[tuple[str, ...], BeforeValidator(_urls)]
MetricsUrls = Annotated[tuple[str, ...], BeforeValidator(_metrics_urls)]
Prompts = Annotated[tuple[str, ...], BeforeValidator(_prompts)]
WholeOrFlag = Annotated[int | bool, BeforeValidator(_whole_or_flag)]
Simulator = Annotated[SimulatorConfig, BeforeValidator(simulator_settings)]
UntilText = Annotated[str, AfterValidator(_until)]
SloText = Annotated[str, AfterValidator(_slo)]
WorkloadName = Annotated[str, AfterValidator(_workload)]
Name = Annotated[str, AfterValidator(_name)]
