"""Permitted: which addresses and which files of this machine a body may name.

At a shell a user names what the user may read. Over HTTP it is the service that reads, for whoever can reach it: so
files must lie in folders that were permitted when it was started, and targets must match its patterns, if it has any.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import orjson

from evalcore.service.problems import KeyProblem, wrong_key
from evalcore.service.settings import Settings

FILE_KEYS = frozenset(
    {"api_key_file", "ca", "prompts_file", "conversations", "trace", "image_files", "tokenizer", "answer_key",
     "local_path", "dataset_dir", "use_cache", "cache"}
)  # fmt: skip
"""Keys of tasks and scenarios, at any depth, whose values name files or folders."""
URL_KEYS = frozenset({"url", "urls", "api_url", "base_url", "server_metrics", "gpu_metrics"})
NO_URLS = ("simulator", "auto")
VARIABLE_END = "_API_KEY"
"""How variables end that a body may name as the place of a key: the service's environment holds other things too."""
Place = tuple[str, ...]


def places(value: Any, at: Place = ()) -> Iterator[tuple[Place, str]]:
    """Every text in nested JSON, and in texts that are JSON themselves, with its place."""
    if isinstance(value, Mapping):
        for name, inner in value.items():
            yield from places(inner, (*at, str(name)))
    elif isinstance(value, list | tuple):
        for number, inner in enumerate(value):
            yield from places(inner, (*at, str(number)))
    elif isinstance(value, str):
        yield at, value
        if value.lstrip().startswith(("{", "[")):
            try:
                inner = orjson.loads(value)
            except orjson.JSONDecodeError:
                return
            yield from places(inner, at)


def check_before(body: Mapping[str, Any], settings: Settings) -> None:
    """Raise Refused for files that reading the body would open already. Before it is validated."""
    for at, text in places(body):
        names = [name for name in at if not name.isdigit()]
        if "prompt" in names:
            if text.startswith("@") and not text.startswith("@@"):
                _check_file(at, text[1:], settings)
        elif names and (names[-1] in FILE_KEYS or (names[-1] == "workload" and text.endswith((".yaml", ".yml")))):
            _check_file(at, text, settings)
        elif names and names[-1] == "api_key_env" and not text.endswith(VARIABLE_END):
            raise wrong_key(
                ".".join(at), f"names {text!r}; over HTTP only variables whose names end in {VARIABLE_END} can be named"
            )


def check_after(plain: Mapping[str, Any], settings: Settings) -> None:
    """Raise Refused for files and addresses of the validated description."""
    check_before(plain, settings)
    if not settings.allow_urls:
        return
    for at, text in places(plain):
        names = [name for name in at if not name.isdigit()]
        is_url = bool(names) and (names[-1] in URL_KEYS or text.startswith(("http://", "https://")))
        if is_url and names[0] != "prompt" and text not in NO_URLS and not matches(text, settings.allow_urls):
            raise wrong_key(
                ".".join(at), f"is {text[:200]!r}, which the service may not ask; it was started with "
                f"--allow-url {' '.join(settings.allow_urls)}", 403
            )  # fmt: skip


def matches(url: str, patterns: tuple[str, ...]) -> bool:
    """Whether scheme, host, port and path are each as some pattern says: `https://*.example.org`,
    `http://10.0.0.*:8000/v1`, `localhost:*`. What a pattern leaves out may be anything; a path is a beginning."""
    scheme, host, port, path = _parts(url)
    for pattern in patterns:
        of_scheme, of_host, of_port, of_path = _parts(pattern)
        if (
            of_scheme in ("", scheme)
            and fnmatchcase(host, of_host)
            and fnmatchcase(port or _usual(scheme), of_port or (_usual(of_scheme) if of_scheme else "*"))
            and (not of_path.rstrip("/") or f"{path.rstrip('/')}/".startswith(f"{of_path.rstrip('/')}/"))
        ):
            return True
    return False


def _usual(scheme: str) -> str:
    return "443" if scheme == "https" else "80"


def _parts(url: str) -> tuple[str, str, str, str]:
    scheme, colon, _ = url.partition("://")
    found = urlsplit(url if colon else f"//{url}")
    host, _, port = found.netloc.rpartition("@")[2].rpartition(":")
    if not host or port.endswith("]"):  # no port
        host, port = found.netloc.rpartition("@")[2], ""
    # Without its brackets, which are a set of characters to a pattern.
    return (scheme.casefold() if colon else ""), host.casefold().strip("[]"), port, found.path


def _check_file(at: Place, text: str, settings: Settings) -> None:
    if text in ("True", "true"):
        return
    path = Path(text).expanduser()
    try:
        found = path.resolve()
    except (OSError, RuntimeError, ValueError):
        raise wrong_key(".".join(at), f"is {text[:200]!r}, which is no path") from None
    roots = (settings.outputs, *settings.allow_paths)
    if not any(found == root or root in found.parents for root in (root.resolve() for root in roots)):
        raise wrong_key(
            ".".join(at), f"names {text[:200]!r}, which lies outside the folders that the service may read; "
            "start it with --allow-path"
        )  # fmt: skip


def key_problems(text: str, body: Mapping[str, Any]) -> list[KeyProblem]:
    """The lines of a TaskError or a ScenarioError about a body, key by key."""
    found: list[KeyProblem] = []
    names = sorted(map(str, body), key=len, reverse=True)
    for line in text.split("\n  "):
        place, colon, rest = line.partition(": ")
        if not colon or place != SOURCE:
            continue
        key = next((name for name in names if rest.startswith((f"{name} ", f"{name}."))), rest.partition(" ")[0])
        if rest.startswith(f"{key}."):
            key = rest.partition(" ")[0]
        found.append(KeyProblem(key=key, message=rest.removeprefix(key).strip()))
    return found


SOURCE = "body"
"""What tasks and scenarios are told they came from."""
