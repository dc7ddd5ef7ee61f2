"""evalcore show: what a benchmark is."""

from __future__ import annotations

import inspect
import sys
from typing import Annotated

from cyclopts import Parameter

from evalcore.benchmarks.base import Benchmark, Compares
from evalcore.benchmarks.table import benchmark
from perfbench.engine.errors import ExitCode


def show_(name: Annotated[str, Parameter(name="BENCHMARK", help="Its name, as `evalcore list` tells it.")], /) -> int:
    """Tell what a benchmark is, where it comes from, and how it is scored."""
    found = benchmark(name)
    module = inspect.getmodule(type(found))
    source = found.source
    facts = {
        "title": found.info.title, "paper": found.info.paper, "licence": found.info.licence,
        "items": str(found.info.items), "subsets": ", ".join(found.subsets), "few-shot": str(found.few_shot),
        "scores": ", ".join(found.protocols), "average": found.average, **_compared(found),
        "hubs": ", ".join(filter(None, (source.huggingface, source.modelscope))) or "none",
        "local files": "; ".join(f"{split}: {' or '.join(globs)}" for split, globs in source.local.items()),
    }  # fmt: skip
    out = "\n".join(f"{key:<12}{value}" for key, value in facts.items())
    sys.stdout.write(f"{name}\n{out}\n\n{inspect.cleandoc((module and module.__doc__) or '')}\n")
    return ExitCode.DONE


def _compared(found: Benchmark) -> dict[str, str]:
    if not isinstance(found, Compares):
        return {}
    names = ", ".join(found.likelihood_protocols) if found.compares == "texts" else "letter_acc"
    return {"likelihood": f"{names}, of the options' {found.compares} (--choice-method likelihood)"}
