"""HTML: the report page of an evaluation, one file that needs nothing else.

Everything foreign reaches the page as text that the template escapes, or as JSON in a block that no browser executes
and whose texts the script puts in as text, never as markup. Only the page's own scripts may run, by their hashes, and
nothing may be fetched: what a model wrote stays dead.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict
from datetime import datetime
from importlib.resources import files
from pathlib import Path
from typing import Any

import msgspec
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from evalcore.outputs import EvalFolder
from evalcore.report import facts
from evalcore.report.browser import Samples, browse, most_each
from evalcore.report.charts import charts, height_px
from evalcore.report.schema import Report
from evalcore.types import Review
from perfbench.report.charts import Chart
from perfbench.report.page import TEMPLATES as SHARED
from perfbench.report.text import harmless
from perfbench.runfolder import write_whole

TEMPLATES = Path(__file__).parent / "templates"


def write_page(folder: EvalFolder, reports: Mapping[str, Report]) -> Path:
    """Write reports/report.html from the reports and the reviews behind them."""
    most = most_each(len(reports))
    samples = [browse(_reviews(folder, report), report.benchmark, report.headline, most) for report in reports.values()]
    page = folder.page()
    page.parent.mkdir(parents=True, exist_ok=True)
    write_whole(page, render(list(reports.values()), samples, title=folder.path.name).encode())
    return page


def _reviews(folder: EvalFolder, report: Report) -> Iterator[Review]:
    return folder.reviews_of(report.benchmark, (part.name for part in report.subsets))


def render(reports: Sequence[Report], samples: Sequence[Samples], *, title: str) -> str:
    """The whole page."""
    drawn = charts(reports)
    scripts = [
        Markup((files("plotly") / "package_data" / "plotly.min.js").read_text(encoding="utf-8")),
        Markup((SHARED / "report.js").read_text(encoding="utf-8")),
        Markup((TEMPLATES / "samples.js").read_text(encoding="utf-8")),
    ]
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES), autoescape=True, undefined=StrictUndefined, trim_blocks=True,
        lstrip_blocks=True,
    )  # fmt: skip
    rows = [row for report in reports for row in facts.score_rows(report)]
    return environment.get_template("report.html").render(
        title=harmless(title),
        models=", ".join(dict.fromkeys(harmless(report.model) for report in reports)),
        when=datetime.now().astimezone().strftime("%d %B %Y, %H:%M:%S %Z").strip(),
        warnings=[(harmless(report.benchmark), said) for report in reports for said in facts.warnings(report)],
        tiles=[tile(report) for report in reports],
        rows=rows,
        brackets=any(row.bracket for row in rows),
        sections=[section(report, drawn) for report in reports],
        top=[chart for chart in drawn if chart.group == "Scores"],
        height_px=height_px,
        css=Markup(
            (SHARED / "report.css").read_text(encoding="utf-8") + (TEMPLATES / "report.css").read_text(encoding="utf-8")
        ),
        figures=script_json({chart.key: chart.figure for chart in drawn}),
        samples=script_json([asdict(one) for one in samples]),
        scripts=scripts,
        hashes=" ".join(f"'sha256-{_digest(script)}'" for script in scripts),
    )


def tile(report: Report) -> dict[str, str]:
    quoted = report.protocols.get(report.headline)
    if quoted is None:
        return {"label": harmless(report.benchmark), "value": "no score", "hint": "nothing could be scored"}
    shares = facts.is_share(quoted.score, quoted.bracket)
    return {
        "label": harmless(report.benchmark), "value": facts.score(quoted.score, shares),
        "hint": f"{facts.interval(quoted, shares)} · {harmless(report.headline)} · n {quoted.micro.n}",
    }  # fmt: skip


def section(report: Report, drawn: Iterable[Chart]) -> dict[str, Any]:
    return {
        "name": harmless(report.benchmark),
        "title": harmless(report.title),
        "counts": facts.integrity_rows(report.integrity),
        "planned": report.integrity.planned,
        "coverage": facts.score(report.coverage),
        "lines": [
            (name, found)
            for name, found in (
                ("Repeats", facts.repeat_facts(report)),
                ("Judging", facts.judging_facts(report.integrity)),
                ("Speed of this evaluation", facts.perf_facts(report.perf)),
            )
            if found
        ],
        "settings": facts.setting_facts(report.settings),
        "charts": [chart for chart in drawn if chart.group == report.benchmark],
    }


def script_json(value: Any) -> Markup:
    """JSON for a <script> block. Of the characters that could end the block none is left as it is."""
    text = msgspec.json.encode(value).decode()
    return Markup(text.translate({ord(character): f"\\u{ord(character):04x}" for character in "<>&\u2028\u2029"}))


def _digest(script: str) -> str:
    return base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
