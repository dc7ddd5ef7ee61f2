"""evalcore list: the benchmarks there are."""

from __future__ import annotations

import sys
from typing import Annotated

from cyclopts import Parameter

from evalcore.benchmarks.table import BENCHMARKS, benchmark
from perfbench.engine.errors import ExitCode


def list_(*, tag: Annotated[str | None, Parameter(help="Only those with this tag.", show_default=False)] = None) -> int:
    """List the benchmarks: name, items, few-shot default, headline score, tags."""
    from rich.console import Console
    from rich.table import Table

    table = Table(box=None, pad_edge=False)
    for column in ("name", "items", "shots", "headline", "tags"):
        table.add_column(column, justify="right" if column in ("items", "shots") else "left")
    for name in BENCHMARKS:
        found = benchmark(name)
        if tag is None or tag in found.info.tags:
            row = (name, f"{found.info.items}", f"{found.few_shot}", found.protocols[0], ", ".join(found.info.tags))
            table.add_row(*row)
    Console(file=sys.stdout).print(table)
    return ExitCode.DONE
