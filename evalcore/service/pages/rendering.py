"""Rendering: templates, the words they know, and the frame that every page stands in."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from aiohttp import web
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from evalcore.service.endpoints import Call
from evalcore.service.pages.static import address, style_ids
from perfbench.report.text import grouped, number

TEMPLATES = Path(__file__).parent / "templates"
LINKS = (
    ("/", "Runs"), ("/jobs", "Jobs"), ("/start", "Start"), ("/compare", "Compare"), ("/benchmarks", "Benchmarks"),
    ("/docs", "API"),
)  # fmt: skip
KINDS = {"eval": "evaluation", "perf": "load test"}
FORMS = {"sweep": "sweep", "search": "SLO search", "plan": "capacity plan", "series": "series"}
ACTING = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\xad\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ud800-\udfff\ufeff\ufff9-\ufffb"
    "\U000e0000-\U000e007f]"
)
"""Controls but for line breaks and tabs, signs that turn the direction of writing or have no width, halves of pairs."""


@cache
def environment() -> Environment:
    found = Environment(
        loader=FileSystemLoader(TEMPLATES), autoescape=True, undefined=StrictUndefined, trim_blocks=True,
        lstrip_blocks=True, finalize=shown,
    )  # fmt: skip
    found.filters |= {"grouped": grouped, "when": when, "instant": instant, "number": number}
    found.globals |= {"static": address, "style_ids": style_ids}
    return found


def shown(value: Any) -> Any:
    """Of every text of a page: a dot for each sign that would act in it. Markup is ours, and is left alone."""
    return ACTING.sub("·", value) if type(value) is str else value


def page(call: Call, template: str, *, status: int = 200, **values: Any) -> web.Response:
    """A whole page."""
    text = environment().get_template(template).render(
        here=_section(call.request.path), links=LINKS, has_token=call.service.settings.token is not None, **values
    )  # fmt: skip
    return web.Response(text=text, status=status, content_type="text/html")


def _section(path: str) -> str:
    """The link of the frame under which a page stands."""
    first = f"/{path.split('/')[1]}"
    return "/" if first == "/runs" else first


def when(iso: str) -> str:
    """`23 Nov 18:05:12`, with the year where it is another; what is no time as it stands."""
    try:
        return _at(datetime.fromisoformat(iso))
    except ValueError:
        return iso


def instant(seconds: float) -> str:
    return _at(datetime.fromtimestamp(seconds).astimezone())


def _at(found: datetime) -> str:
    found = found.astimezone()
    year = "" if found.year == datetime.now().year else f" {found.year}"
    return f"{found.day} {found:%b}{year} {found:%H:%M:%S}"


def what(kind: str, form: str) -> str:
    return FORMS.get(form, KINDS[kind])


def link(path: str, values: Mapping[str, Any], **changes: Any) -> str:
    """A path with a query: `values` with `changes`, what is None left out."""
    wanted = {name: value for name, value in (dict(values) | changes).items() if value is not None}
    return f"{path}?{urlencode(wanted)}" if wanted else path


@dataclass(frozen=True, slots=True)
class Pager:
    """Where in a list a page is, and the addresses of its neighbours."""

    total: int
    offset: int
    limit: int
    path: str
    values: Mapping[str, Any]
    """Of the query, without the offset."""

    @property
    def first(self) -> int:
        return min(self.offset + 1, self.total)

    @property
    def last(self) -> int:
        return min(self.offset + self.limit, self.total)

    @property
    def before(self) -> str | None:
        if self.offset <= 0:
            return None
        earlier = max(self.offset - self.limit, 0)
        return link(self.path, self.values, offset=earlier or None)

    @property
    def after(self) -> str | None:
        later = self.offset + self.limit
        return link(self.path, self.values, offset=later) if later < self.total else None


@dataclass(frozen=True, slots=True)
class Chip:
    """One of several filters, of which one is chosen."""

    text: str
    href: str
    chosen: bool
    count: int | None = None


@dataclass(frozen=True, slots=True)
class Head:
    """Head of a column that may be sorted by."""

    text: str
    href: str = ""
    sorted: str = ""
    """ascending or descending, as aria-sort says it."""
    number: bool = False


def heads(
    found: Mapping[str, str | None], path: str, values: Mapping[str, Any], by: str, *, descending: bool,
    numbers: frozenset[str] = frozenset(),
) -> list[Head]:  # fmt: skip
    """Of each column its text, and the name to sort by, if it can be. A second click turns the order."""
    rows = []
    for text, name in found.items():
        if name is None:
            rows.append(Head(text, number=text in numbers))
            continue
        turned = not descending if name == by else name in numbers or name == "started"
        word = ("descending" if descending else "ascending") if name == by else ""
        href = link(path, values, sort=name, descending=str(turned).lower(), offset=None)
        rows.append(Head(text, href, word, text in numbers))
    return rows


def given(call: Call) -> dict[str, Any]:
    """The parameters of a page's address, for links to its neighbours."""
    return {name: value for name, value in call.request.query.items() if value and name != "offset"}
