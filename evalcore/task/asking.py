"""Asking: what every request asks for, and how many may leave at a time."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from evalcore.task import values
from evalcore.task.data import Method
from evalcore.task.section import ASKING, Rule, Section
from evalcore.task.values import Parallel
from perfbench import fieldtypes as t
from perfbench.fieldtypes import key

if TYPE_CHECKING:
    from evalcore.task.config import TaskConfig


class GenerationConfig(BaseModel):
    """What every request asks for. Keys beyond these go into the body as they are."""

    model_config = ConfigDict(frozen=True, extra="allow")

    max_tokens: int | None = Field(default=2048, ge=1)
    temperature: float | None = Field(default=0.0, ge=0)
    top_p: float | None = None
    top_k: int | None = None
    seed: int | None = None
    stop: t.Texts | None = None
    n: int | None = Field(default=None, ge=1)
    logprobs: bool | int | None = None
    frequency_penalty: float | None = None
    repetition_penalty: float | None = None
    stream: bool = False
    timeout: t.Limit = 60.0
    """Longest silence, in seconds: before the first byte and within the reply."""
    extra_body: dict[str, Any] = {}


class Asking(Section):
    generation_config: Annotated[GenerationConfig, BeforeValidator(values.json)] = key(
        GenerationConfig(), ASKING, "max_tokens, temperature, stream, ...", metavar="JSON"
    )
    choice_method: Method = key(
        "generate", ASKING, "Options: answered in words, compared by likelihood, or auto: likelihood where it is told."
    )
    eval_batch_size: Parallel = key(
        8, ASKING, "Requests in flight, or auto: as many as the endpoint bears. Also called --parallel.",
        metavar="COUNT|auto",
    )  # fmt: skip
    order: Literal["auto", "data", "longest"] = key(
        "auto", ASKING, "What is asked first; auto: the longest, as far as that is known."
    )
    tokenizer: t.File | None = key(
        None, ASKING, "tokenizer.json to count tokens with, where the server does not.", metavar="FILE"
    )
    retries: t.CountOrNone = key(5, ASKING, "Tries again per failed request.")
    rpm: t.Count | None = key(None, ASKING, "Limit: requests a minute.")
    tpm: t.Count | None = key(None, ASKING, "Limit: tokens a minute.")
    seed: int = key(42, ASKING, "Fixes samples, shots and shuffles.")


def conflicts(task: TaskConfig) -> list[Rule]:
    return []
