"""evalcore list: the benchmarks there are."""

from __future__ import annotations

import sys
from typing import Annotated

from cyclopts import Parameter

from evalcore.benchmarks.table import BENCHMARKS, benchmark
from evalcore.errors import TaskError
from perfbench.engine.errors import ExitCode
from perfbench.settings.suggest import did_you_mean


def list_(*, tag: Annotated[str | None, Parameter(help="Only those with this tag.", show_default=False)] = None) -> int:
    """List the benchmarks: name, items, few-shot default, headline score, tags."""
    from rich.console import Console
    from rich.table import Table

    tags: dict[str, None] = {}
    table = Table(box=None, pad_edge=False)
    for column in ("name", "items", "shots", "headline", "tags"):
        table.add_column(column, justify="right" if column in ("items", "shots") else "left")
    for name in BENCHMARKS:
        found = benchmark(name)
        tags.update(dict.fromkeys(found.info.tags))
        if tag is None or tag in found.info.tags:
            row = (name, f"{found.info.items}", f"{found.few_shot}", found.protocols[0], ", ".join(found.info.tags))
            table.add_row(*row)
    if tag is not None and tag not in tags:
        raise TaskError(f"--tag {tag!r} is none of them{did_you_mean(tag, tags)}; there are {', '.join(sorted(tags))}")
    Console(file=sys.stdout).print(table)
    return ExitCode.DONE
