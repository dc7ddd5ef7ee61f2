"""Output: gates, what is kept and where, and how many processes do the work."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from perfbench import fieldtypes as t
from perfbench.fieldtypes import key
from perfbench.scenario.section import GATES, OUTPUT, Rule, Section

if TYPE_CHECKING:
    from perfbench.scenario.scenario import Scenario


class Output(Section):
    name: t.Name | None = key(None, OUTPUT, "Name of the run.", shown="the file's name, or 'run'")
    slo: t.SloText | None = key(
        None, GATES,
        "What must hold, e.g. 'p99 ttft < 500ms and error_rate < 1%', or a preset like mlperf:llama2-70b-interactive; "
        "exit 3 if not.", metavar="TEXT",
    )  # fmt: skip
    until: t.UntilText | None = key(
        None, GATES, "Go on until an interval is narrow enough, e.g. 'p99 ttft +-5%'; number or duration is the most.",
        metavar="TEXT",
    )  # fmt: skip
    repeat: t.Count = key(1, GATES, "Runs one after the other, seed by seed: tells the service from the day.")
    max_error_rate: t.Share = key(0.5, GATES, "Share of failed requests above which the run ends with exit 4.")

    workers: t.Workers = key(1, OUTPUT, "Client processes; auto is one per core.", metavar="COUNT|auto")
    outputs_dir: t.Folder = key(Path("outputs"), OUTPUT, "Folder in which run folders are made.", metavar="FOLDER")
    keep_texts: bool = key(False, OUTPUT, "Keep the replies' texts in the records.")
    keep_chunks: bool = key(True, OUTPUT, "Keep the gaps between chunks in the records; ITL needs them.")


def conflicts(scenario: Scenario) -> list[Rule]:
    s = scenario
    return [
        (s.until is not None and s.number is None and s.duration is None, "until",
         "may never come; say how much is enough with number or duration, e.g. duration: 10m"),
        (s.until is not None and s.shape is not None, "until",
         "waits for one figure to settle, but shape changes the load; take one of them out"),
        (isinstance(s.workers, int) and s.workers < 1, "workers", "must be at least 1, or auto"),
        (isinstance(s.workers, int) and s.shape is None and (not s.open_loop or s.parallel is not None)
         and s.workers > (s.parallel or 1), "workers",
         f"is {s.workers}, more than parallel {s.parallel or 1}: a worker would have nothing to do"),
    ]  # fmt: skip


def defaults(scenario: Scenario) -> dict[str, Any]:
    return {"name": "run"}
