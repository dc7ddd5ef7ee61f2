"""Data: which benchmarks, from where, and how many of their samples."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from evalcore.benchmarks.table import BENCHMARKS
from evalcore.scoring.filters import read_filters
from evalcore.task import values
from evalcore.task.section import DATA, Rule, Section
from evalcore.task.values import Limit, Names
from perfbench import fieldtypes as t
from perfbench.fieldtypes import key
from perfbench.settings.suggest import did_you_mean

if TYPE_CHECKING:
    from evalcore.task.config import TaskConfig

Method = Literal["generate", "likelihood", "auto"]
"""Options answered in words, or compared by likelihood; auto: the latter where the endpoint tells likelihoods."""


class DatasetArgs(BaseModel):
    """What a task changes of one benchmark."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    subset_list: Names | None = None
    few_shot_num: int | None = Field(default=None, ge=0)
    few_shot_random: bool = False
    prompt_template: str | None = None
    system_prompt: str | None = None
    filters: Annotated[tuple[dict[str, Any], ...], BeforeValidator(read_filters)] = ()
    """What is done to an answer before it is read, in order: remove_until, regex, ... (evalcore.scoring.filters)."""
    shuffle: bool = False
    """Samples in an order drawn from the seed, before a limit of the first ones; a subset is held in memory for it."""
    shuffle_choices: bool = False
    method: Method | None = None
    """How options are chosen among; None: the task's `choice_method`."""
    local_path: str | None = None
    eval_split: str | None = None
    extra: dict[str, Any] = {}


class Data(Section):
    datasets: Names = key((), DATA, "Benchmarks to run; `evalcore list` names them.", metavar="NAME", words=True)
    dataset_args: Annotated[dict[str, DatasetArgs], BeforeValidator(values.json)] = key(
        {}, DATA, "Per benchmark: few_shot_num, subset_list, prompt_template, ...", metavar="JSON"
    )
    dataset_dir: str | None = key(
        None, DATA, "Folder of the data sets.", shown="$EVALCORE_CACHE, or the hub's own cache"
    )
    dataset_hub: Literal["modelscope", "huggingface", "local"] = key("modelscope", DATA, "Where they come from.")
    limit: Limit | None = key(
        None, DATA, "Items per subset: a count, or a share below 1.", metavar="COUNT|SHARE"
    )  # fmt: skip
    limit_mode: Literal["stratified", "head"] = key("stratified", DATA, "Which items a limit takes.")
    repeats: t.Count = key(1, DATA, "Times each item is asked.")


def conflicts(task: TaskConfig) -> list[Rule]:
    odd = [(at, name) for at in ("datasets", "dataset_args") for name in getattr(task, at) if name not in BENCHMARKS]
    return [
        (not task.datasets, "datasets", "is empty; name at least one benchmark, see `evalcore list`"),
        *((True, at, f"names {name!r}, which is no benchmark{did_you_mean(name, BENCHMARKS)}") for at, name in odd),
    ]
