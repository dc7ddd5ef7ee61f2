"""Gates: the files that commands leave for CI beside their results, `--junit` and `--markdown`."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Group, Parameter

from perfbench.engine.errors import ScenarioError, SinkFailed
from perfbench.runfolder import write_whole

if TYPE_CHECKING:
    from perfbench.export.cases import Suite

GATE_FILES = Group("Files for CI", sort_key=1000)
Junit = Annotated[
    Path | None,
    Parameter(
        group=GATE_FILES, metavar="FILE", show_default=False,
        help="Write test cases as JUnit XML: a missed condition is a failure, an inconclusive one an error.",
    ),
]  # fmt: skip
Markdown = Annotated[
    Path | None,
    Parameter(
        group=GATE_FILES, metavar="FILE", show_default=False, allow_leading_hyphen=True,
        help="Add a summary to the end of that file as markdown; - is stdout, in place of the table.",
    ),
]  # fmt: skip
STDOUT = Path("-")


def check(*files: Path | None) -> None:
    """Refuse places that cannot be written, before anything is sent. Raises ScenarioError."""
    for file in files:
        if file is None or file == STDOUT:
            continue
        if file.is_dir():
            raise ScenarioError(f"{file} is a folder; name a file in it")
        if not file.parent.is_dir():
            raise ScenarioError(f"there is no folder {str(file.parent)!r} for {file.name}; make it, or name another")


def leave(folder: Path, junit: Path | None, markdown: Path | None) -> str | None:
    """Write those that were asked for, of what the folder holds; returns the markdown that is for stdout."""
    if junit is None and markdown is None:
        return None
    from perfbench.export.formats import markdown_of, suites
    from perfbench.export.held import held

    found = held(folder)
    return leave_both(junit, lambda: suites(found), markdown, lambda: markdown_of(found))


def leave_both(
    junit: Path | None, suites: Callable[[], list[Suite]], markdown: Path | None, text: Callable[[], str]
) -> str | None:
    from perfbench.export.junit import junit as as_junit

    if junit is not None:
        write_whole(junit, as_junit(suites()))
    if markdown is None:
        return None
    if markdown == STDOUT:
        return text()
    try:
        with markdown.open("a", encoding="utf-8") as file:  # a job's summary is one file that all its steps add to
            file.write(text() + "\n")
    except OSError as error:
        raise SinkFailed(f"cannot write {markdown}: {error.strerror}") from None
    return None
