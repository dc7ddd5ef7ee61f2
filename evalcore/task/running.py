"""Running: where a run writes, what it goes on with, when it ends, and when it counts as good."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Literal

from evalcore.task.section import RUNNING, Rule, Section
from evalcore.task.values import Budget, Cache, Deadline
from perfbench import fieldtypes as t
from perfbench.fieldtypes import key

if TYPE_CHECKING:
    from evalcore.task.config import TaskConfig


class Running(Section):
    work_dir: t.Folder = key(Path("outputs"), RUNNING, "Folder in which run folders are made.", metavar="FOLDER")
    use_cache: str | None = key(None, RUNNING, "Run folder to go on with.", metavar="FOLDER")
    cache: Cache = key(
        None, RUNNING, "Keep answers across runs, here; true: beside the data sets.", metavar="FOLDER|true"
    )
    rerun_review: bool = key(False, RUNNING, "Score again what is in the cache.")
    ignore_errors: bool = key(False, RUNNING, "Samples without an answer do not fail the run.")
    min_coverage: t.Share | None = key(
        None, RUNNING, "Share of samples that must have been scored.", shown="1, or 0 with ignore_errors"
    )
    strict: bool = key(False, RUNNING, "Exit 3 when more than 5 % of the answers were cut, empty or unreadable.")
    price_in: float | None = key(None, RUNNING, "Price of a million prompt tokens.", metavar="NUMBER", ge=0)
    price_out: float | None = key(None, RUNNING, "Price of a million output tokens.", metavar="NUMBER", ge=0)
    budget: Budget = key(
        None, RUNNING, "Ask no more once so much is spent, judges included: money (5.00) or tokens (2Mtok).",
        metavar="AMOUNT",
    )  # fmt: skip
    deadline: Deadline = key(
        None, RUNNING, "Ask no more after that time: a duration (30m), or a time of day (18:30).", metavar="TIME"
    )
    sandbox: Literal["bubblewrap", "docker"] = key(
        "bubblewrap", RUNNING, "Where model-written programs run. docker is podman where there is no docker."
    )
    sandbox_image: str | None = key(
        None, RUNNING, "Image with python3, for sandbox docker.", metavar="IMAGE", shown="python:3.11-slim"
    )
    debug: bool = key(False, RUNNING, "Say more in the log.")


def conflicts(task: TaskConfig) -> list[Rule]:
    costs_money = task.budget is not None and not task.budget.endswith("tok")
    return [
        (costs_money and not (task.price_in or task.price_out), "budget",
         "is money, and there is no price; give price_in and price_out, or a budget of tokens like 2Mtok"),
        (task.sandbox_image is not None and task.sandbox != "docker", "sandbox_image",
         f"means something to sandbox docker alone, and sandbox is {task.sandbox}"),
    ]  # fmt: skip
