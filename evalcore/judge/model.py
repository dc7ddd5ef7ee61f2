"""Model: one judging endpoint, with a lane, limits and a key of its own.

It is asked for JSON by a schema as long as the endpoint takes that; one that refuses it (400, 422) and then answers the
same question in plain words is not asked for JSON again. A reply without a verdict is asked for again, a few times: a
little warmer, because a cold model would only repeat itself, and in JSON without a reason, which may be what it never
came to the end of.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from evalcore.answers import split_thinking
from evalcore.errors import TaskError
from evalcore.judge.form import Form, response_format
from evalcore.judge.settings import JudgeSettings, judges_of, key_of
from evalcore.task import TaskConfig
from evalcore.types import Message
from perfbench.engine.dialect.base import Options, Prompt, dialect
from perfbench.engine.lane import Keep, Lane
from perfbench.engine.limits import Limits
from perfbench.engine.request import Deadlines, Record, Request
from perfbench.engine.retry import RetryPolicy
from perfbench.engine.scheduler import Scheduler
from perfbench.engine.transport.base import Endpoint, open_transport

JUDGE_LANE = "judge"
JUDGE_TRIES = 3
"""A reply without a verdict is asked for again, until it was asked for this often."""
RETRY_TEMPERATURE = 0.5
REFUSED = frozenset({400, 415, 422, 501})
"""Statuses with which endpoints refuse a response_format that they do not know."""


@dataclass(frozen=True, slots=True)
class Reply:
    """What became of one question to one judge."""

    text: str
    verdict: str | None
    """None: none could be read."""
    fault: str
    """Kind of fault when it never answered."""
    detail: str
    attempts: int


class JudgeModel:
    """One judge of a task."""

    def __init__(self, settings: JudgeSettings, number: int, task: TaskConfig, name: str) -> None:
        self.settings = settings
        self.name = name
        self.lane_name = JUDGE_LANE if number == 0 else f"{JUDGE_LANE}.{number + 1}"
        self._task = task
        self._url = settings.api_url or task.api_url
        self._key = key_of(settings, number, task)
        self._options = _options(settings, task)
        self._speak = dialect("chat")
        self._structured = settings.structured
        self._probing = False  # one request finds out whether schemas are taken, the others wait for it
        self._probed = asyncio.Event()

    @property
    def is_tested(self) -> bool:
        """Whether it is the model under test itself."""
        return self._options.model == self._task.model and self._url == self._task.api_url

    @property
    def address(self) -> str:
        """Where it is asked. Raises TaskError when nobody knows."""
        if self._url is None:
            raise TaskError("judge_model_args: api_url is missing; name the judge's endpoint")
        return self._url

    @property
    def client(self) -> str:
        return self.settings.client or self._task.client

    def describe(self) -> dict[str, Any]:
        """What shapes its verdicts: no addresses, no secrets."""
        given = self.settings.model_dump(
            mode="json", include={"votes", "prompt_template", "system_prompt", "grades", "generation_config"}
        )
        return {"name": self.name, "model": self._options.model, **given}

    async def ask(
        self, messages: Sequence[Message], form: Form | None, read: Any, key: str, vote: int, scheduler: Scheduler
    ) -> Reply:
        """Ask until `read(text)` finds a verdict, at most JUDGE_TRIES times. A failure is in the reply, not raised."""
        text = ""
        for attempt in range(1, JUDGE_TRIES + 1):
            record = await self._send(messages, form, f"{key}/{attempt}", vote, attempt, scheduler)
            if record.outcome != "ok":
                return Reply(text, None, record.error or record.outcome, record.error_detail, attempt)
            text = record.text or ""
            verdict = read(judgement(text))
            if verdict is not None:
                return Reply(text, verdict, "", "", attempt)
        return Reply(text, None, "", "", JUDGE_TRIES)

    async def _send(
        self, messages: Sequence[Message], form: Form | None, key: str, vote: int, attempt: int, scheduler: Scheduler
    ) -> Record:
        options = self._options
        if options.seed is not None:
            options = replace(options, seed=options.seed + vote * JUDGE_TRIES + attempt - 1)
        if attempt > 1 and options.temperature is not None:
            options = replace(options, temperature=max(options.temperature, RETRY_TEMPERATURE))
        if form is not None and self._structured and self._probing:
            await self._probed.wait()
        if form is not None and self._structured:
            self._probing = True
            asked = {"response_format": response_format(form, reasoned=attempt == 1), **options.extra}
            try:
                record = await self._submit(messages, replace(options, extra=asked), f"{key}/json", scheduler)
                if record.status not in REFUSED:
                    return record
                plain = await self._submit(messages, options, key, scheduler)
                if plain.outcome == "ok":  # else it was not the schema that was refused
                    self._structured = False
                return plain
            finally:
                self._probed.set()
        return await self._submit(messages, options, key, scheduler)

    async def _submit(self, messages: Sequence[Message], options: Options, key: str, scheduler: Scheduler) -> Record:
        body = self._speak.encode(Prompt(messages=list(messages)), options)
        request = Request(
            key=key, body=body, dialect=self._speak, stream=options.stream, model=options.model,
            expected_tokens=options.max_tokens or 0,
        )  # fmt: skip
        return await scheduler.submit(request, self.lane_name)

    def lane(self) -> Lane:
        """The rules for what goes to this judge. Raises TaskError when nobody knows where it is."""
        settings, task = self.settings, self._task
        args, client = settings.model_args, self.client
        headers = {**(args.get("default_headers") or {}), **settings.default_headers}
        for name, header in (("organization", "OpenAI-Organization"), ("project", "OpenAI-Project")):
            if args.get(name) and client != "sdk":
                headers[header] = str(args[name])
        endpoint = Endpoint(
            (self.address,), api_key=self._key, headers=headers, model_args=args if client == "sdk" else {}
        )
        timeout_s = float(args.get("timeout", settings.generation_config.timeout))
        retries = int(args.get("max_retries", task.retries))
        return Lane(
            transport=open_transport(client, endpoint),
            limits=Limits(
                concurrency=settings.worker_num or task.judge_worker_num,
                requests_per_s=None if settings.rpm is None else settings.rpm / 60,
                tokens_per_min=settings.tpm,
            ),
            retry=RetryPolicy(attempts=1 + retries, budget_share=float(retries)),
            deadlines=Deadlines(timeout_s, timeout_s, None), keep=Keep(texts=True), secrets=endpoint.secrets(),
        )  # fmt: skip


def judge_models(task: TaskConfig) -> list[JudgeModel]:
    """The judges of a task, each under a name of its own."""
    settings = judges_of(task)
    names: list[str] = []
    for judge in settings:
        name = _model_of(judge, task)
        names.append(name if name not in names else f"{name} ({sum(n.startswith(name) for n in names) + 1})")
    return [JudgeModel(judge, number, task, names[number]) for number, judge in enumerate(settings)]


def judgement(text: str) -> str:
    """A judge's reply without its thinking."""
    return split_thinking(text)[1]


def _model_of(judge: JudgeSettings, task: TaskConfig) -> str:
    return judge.model_id or judge.model or task.model or "sim"


def _options(judge: JudgeSettings, task: TaskConfig) -> Options:
    given = judge.generation_config
    named = given.model_dump(exclude={"timeout", "extra_body", *(given.model_extra or {})})
    return Options(**named, model=_model_of(judge, task), extra={**(given.model_extra or {}), **given.extra_body})
