"""Page: what every report page is made of, and how it becomes one file that needs nothing else.

Everything foreign reaches a page in one of two ways: as text that the template escapes, or as JSON in a block that no
browser executes. The page's own scripts are named by their hashes in its content security policy and nothing else may
run or be fetched, so what slipped through would still be dead, and the page cannot call home.

The page of a run has a template of its own. All others are values of `Page`, made by the files in `pages/`, and share
one template: a page is new data, not new markup.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from importlib.resources import files
from pathlib import Path
from typing import Any

import orjson
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from perfbench.report.charts import Chart
from perfbench.report.facts import Answer, Fact

TEMPLATES = Path(__file__).parent / "templates"


@dataclass(frozen=True, slots=True)
class Cell:
    """One cell of a table. Texts have passed `harmless`; the template escapes them."""

    text: str
    outcome: str | None = None
    """met, missed, inconclusive, or empty: shown as a word with that colour."""
    href: str | None = None
    """A relative link that is safe to follow."""
    under: str = ""
    """Small, below the text."""
    strong: bool = False
    dim: bool = False


@dataclass(frozen=True, slots=True)
class Table:
    """Rows of equal length; the first cell of each is its head."""

    name: str
    heads: tuple[str, ...]
    numeric: tuple[bool, ...]
    """By column: aligned to the right."""
    rows: tuple[tuple[Cell, ...], ...]
    note: str = ""


@dataclass(frozen=True, slots=True)
class Section:
    title: str
    said: tuple[str, ...] = ()
    charts: tuple[Chart, ...] = ()
    tables: tuple[Table, ...] = ()
    code: str = ""


@dataclass(frozen=True, slots=True)
class Page:
    kicker: str
    title: str
    lead: str
    about: tuple[str, ...]
    answers: tuple[Answer, ...]
    warnings: tuple[str, ...]
    tiles: tuple[Fact, ...]
    sections: tuple[Section, ...]
    words: tuple[tuple[str, str], ...] = ()
    """What words of the page mean."""


def render(page: Page) -> str:
    """The whole file."""
    drawn, page = contents(page)
    return render_page("pages.html", drawn, page=page)


def contents(page: Page) -> tuple[list[Chart], Page]:
    """(its charts, the page). A chart that would stand alone in its row of two gets the whole of it."""
    sections = tuple(replace(section, charts=tuple(filled(section.charts))) for section in page.sections)
    return [chart for section in sections for chart in section.charts], replace(page, sections=sections)


def render_page(template: str, drawn: Sequence[Chart], **values: Any) -> str:
    """A template with its charts, the shared style and scripts, and the hashes of those."""
    scripts = [
        Markup((files("plotly") / "package_data" / "plotly.min.js").read_text(encoding="utf-8")),
        Markup((TEMPLATES / "report.js").read_text(encoding="utf-8")),
    ]  # fmt: skip
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES), autoescape=True, undefined=StrictUndefined, trim_blocks=True,
        lstrip_blocks=True,
    )  # fmt: skip
    return environment.get_template(template).render(
        css=Markup((TEMPLATES / "report.css").read_text(encoding="utf-8")),
        figures=script_json({chart.key: chart.figure for chart in drawn}),
        scripts=scripts,
        hashes=" ".join(f"'sha256-{_digest(script)}'" for script in scripts),
        **values,
    )


def filled(charts: Sequence[Chart]) -> list[Chart]:
    """The charts, the last of an odd number of narrow ones made wide."""
    found = list(charts)
    halves = [place for place, chart in enumerate(found) if not chart.wide]
    if len(halves) % 2:
        found[halves[-1]] = replace(found[halves[-1]], wide=True)
    return found


def script_json(value: Any) -> Markup:
    """JSON that may stand in a <script> block: nothing in it can end the block or begin a comment."""
    text = orjson.dumps(value, option=orjson.OPT_SERIALIZE_NUMPY | orjson.OPT_NON_STR_KEYS).decode()
    for character in "<>&\u2028\u2029":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return Markup(text)


def _digest(script: str) -> str:
    return base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
