"""Static: style and scripts, ours and Plotly's, from memory.

Their addresses change with their content, so browsers keep them for good.
"""

from __future__ import annotations

import asyncio
import gzip
import hashlib
import re
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from pathlib import Path

from aiohttp import web

from evalcore.service.endpoints import Call
from evalcore.service.problems import Refused
from perfbench.report.page import TEMPLATES as PERF_REPORT

OWN = Path(__file__).parent / "static"
EVAL_REPORT = Path(__file__).parents[2] / "report" / "templates"
TYPES = {".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}
BORROWED = {
    "report.css": PERF_REPORT / "report.css",
    "report.js": PERF_REPORT / "report.js",
    "samples.css": EVAL_REPORT / "report.css",
}
"""Of the report pages: what stands in both looks the same."""
PLOTLY = "plotly.js"
FOR_GOOD = "public, max-age=31536000, immutable"


@dataclass(frozen=True, slots=True)
class File:
    content_type: str
    plain: bytes
    packed: bytes
    digest: str


@cache
def file(name: str) -> File:
    """Raises KeyError where there is none of that name."""
    data = _content(name)
    return File(TYPES[Path(name).suffix], data, gzip.compress(data, 6, mtime=0), hashlib.sha256(data).hexdigest()[:16])


def _content(name: str) -> bytes:
    if name == PLOTLY:
        return _plotly()
    return (BORROWED.get(name) or OWN / {one.name: one.name for one in OWN.iterdir()}[name]).read_bytes()


@cache
def _plotly() -> bytes:
    return (files("plotly") / "package_data" / "plotly.min.js").read_bytes()


@cache
def style_ids() -> list[str]:
    """Of elements that Plotly's bundle looks for before it puts a style of its own (that of its maps) into the page."""
    return sorted({word.decode() for word in re.findall(rb'getElementById\("([0-9a-f]{64})"\)', _plotly())})


def address(name: str) -> str:
    return f"/static/{file(name).digest}/{name}"


async def serve(call: Call) -> web.StreamResponse:
    name = call.request.match_info["name"]
    try:
        found = await asyncio.to_thread(file, name)
    except KeyError:
        raise Refused(404, f"there is no file {name[:100]!r}") from None
    is_packed = "gzip" in call.request.headers.get("Accept-Encoding", "")
    kept = FOR_GOOD if call.request.match_info["digest"] == found.digest else "no-store"
    headers = {"Cache-Control": kept, "Vary": "Accept-Encoding"} | ({"Content-Encoding": "gzip"} if is_packed else {})
    return web.Response(
        body=found.packed if is_packed else found.plain, content_type=found.content_type, charset="utf-8",
        headers=headers,
    )  # fmt: skip
