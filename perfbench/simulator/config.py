"""SimulatorConfig: everything a simulator is started with.

Plain numbers only: what a user writes as "200ms" the caller has turned into 200.0 before. The names that `plan.KEYS`
knows mean the same here, for the whole server, and a model name overrides them request by request.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal, get_args

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator

from perfbench.engine.errors import ScenarioError
from perfbench.simulator.plan import Plan
from perfbench.simulator.skill import ANSWER_FORMAT, check_answer_format

_DEFAULT = Plan()
Likelihoods = Literal["logprobs", "echo", "prompt_logprobs", "guided_choice"]
"""Of the generated tokens; of the prompt's, by echo or in vLLM's field; and answers that are one of a given list."""


class SimulatorConfig(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    host: str = "127.0.0.1"
    port: int = Field(default=0, ge=0, le=65535)
    """0: any free one."""
    api_key: str | None = Field(default=None, repr=False)
    """When set, /v1 answers 401 without it (Authorization: Bearer, or x-api-key)."""
    models: tuple[Annotated[str, StringConstraints(min_length=1)], ...] = ("sim",)
    """What GET /v1/models lists; requests may name any model."""
    seed: int = 0
    """Of faults, jitter and skill."""

    ttft_ms: float = _DEFAULT.ttft
    itl_ms: float = _DEFAULT.itl
    tokens: int = _DEFAULT.n
    jitter: float = _DEFAULT.jit
    multi: int = _DEFAULT.multi
    blast: bool = False
    slots: int = _DEFAULT.slots
    load: float = _DEFAULT.load
    role: bool = False
    ka: bool = False
    crlf: bool = False
    split: bool = False
    reason: int = _DEFAULT.reason
    nousage: bool = False
    nodone: bool = False
    e429: float = 0.0
    e500: float = 0.0
    reset: float = 0.0
    trunc: float = 0.0
    stall: float = 0.0
    junk: float = 0.0
    mid: float = 0.0

    answer_key: Path | None = None
    """A JSONL file (see perfbench.simulator.skill)."""
    skill: float | None = None
    """Share of its questions that are answered rightly; 1 when only the key is given."""
    busy: int = _DEFAULT.busy
    """Requests served at a time beyond which the share is `busyskill`; 0: never."""
    busyskill: float | None = None
    answer_format: str = ANSWER_FORMAT
    likelihoods: tuple[Likelihoods, ...] = get_args(Likelihoods)
    """What is told of likelihoods, in whole replies, when a request asks for it; the rest is ignored in silence."""

    @model_validator(mode="after")
    def _check(self) -> SimulatorConfig:
        try:
            self.plan()
            check_answer_format(self.answer_format, "simulator")
        except ScenarioError as error:
            raise ValueError(str(error)) from None
        for name, share in (("skill", self.skill), ("busyskill", self.busyskill)):
            if share is not None and self.answer_key is None:
                raise ValueError(f"{name}={share:g} needs an answer key; give answer_key, a JSONL file")
        if self.busyskill is not None and not self.busy:
            raise ValueError(f"busyskill={self.busyskill:g} is of a batch that is too large; give busy, like 16")
        return self

    def plan(self) -> Plan:
        """What a request gets whose model name asks for nothing. Raises ScenarioError for an unfit value."""
        return Plan(
            ttft=self.ttft_ms, itl=self.itl_ms, n=self.tokens, jit=self.jitter, multi=self.multi,
            blast=int(self.blast), slots=self.slots, load=self.load, role=int(self.role), ka=int(self.ka),
            crlf=int(self.crlf), split=int(self.split), reason=self.reason, nousage=int(self.nousage),
            nodone=int(self.nodone), e429=self.e429, e500=self.e500, reset=self.reset, trunc=self.trunc,
            stall=self.stall, junk=self.junk, mid=self.mid,
            skill=1.0 if self.skill is None and self.answer_key is not None else self.skill, busy=self.busy,
            busyskill=self.busyskill,
        )  # fmt: skip
