"""Responses: OpenAI's /responses.

A stream is whole when it has brought `response.completed`, or `response.incomplete` with its reason (which becomes the
finish reason); there is no [DONE]. Every event names its type inside the JSON, so the `event:` lines are not needed
(transformers serve sends none). Text is what the deltas brought; what only the closing event or the body holds is taken
from there. Tool calls are put into the shape that chat uses.
"""

from __future__ import annotations

from array import array
from io import StringIO
from typing import Any

import msgspec

from perfbench.engine.dialect.base import Options, Prompt
from perfbench.engine.dialect.bodies import chosen, encode, misfit
from perfbench.engine.dialect.choices import ToolCalls, whole
from perfbench.engine.dialect.error_object import message_of
from perfbench.engine.dialect.stream import EventReader, decode_body
from perfbench.engine.errors import BadReply, TransportFault
from perfbench.engine.request import Answer

_NAMES = {"max_tokens": "max_output_tokens", "temperature": "temperature", "top_p": "top_p"}
_TEXT = "response.output_text.delta"
_REASONING = frozenset({"response.reasoning_text.delta", "response.reasoning_summary_text.delta"})
_ARGUMENTS = "response.function_call_arguments.delta"
_ITEM = "response.output_item.added"
_LAST = frozenset({"response.completed", "response.incomplete", "response.failed", "response.cancelled"})
_ERROR = "error"


class _Part(msgspec.Struct, gc=False):
    text: str | None = None


class _Item(msgspec.Struct, gc=False):
    type: str | None = None
    id: str | None = None
    call_id: str | None = None
    name: str | None = None
    arguments: str | None = None
    content: list[_Part] | None = None
    summary: list[_Part] | None = None


class _Usage(msgspec.Struct, gc=False):
    input_tokens: int | float | None = None
    output_tokens: int | float | None = None
    input_tokens_details: dict[str, Any] | None = None
    output_tokens_details: dict[str, Any] | None = None


class _Response(msgspec.Struct, gc=False):
    status: str | None = None
    output: list[_Item] | None = None
    usage: _Usage | None = None
    incomplete_details: dict[str, Any] | None = None
    error: Any = None


class _Event(msgspec.Struct, gc=False):
    type: str = ""
    delta: Any = None  # a string wherever it is read
    item_id: str | None = None
    item: _Item | None = None
    response: _Response | None = None
    error: Any = None
    message: Any = None
    timings: Any = None  # llama-server's own account


_EVENTS = msgspec.json.Decoder(_Event)
_BODIES = msgspec.json.Decoder(_Response)


class Responses:
    name = "responses"
    method = "POST"
    path = "/responses"
    can_stream = True

    def encode(self, prompt: Prompt, options: Options) -> bytes:
        """A text or messages become `input` as they are."""
        if prompt.body is not None:
            return encode(prompt.body, options)
        asked = prompt.messages if prompt.text is None else prompt.text
        if asked is None:
            raise misfit(
                self.name, prompt, "a text or messages; for several texts use api embeddings, or one request each"
            )
        body: dict[str, Any] = {"input": asked} | chosen(self.name, options, _NAMES)
        body["stream"] = options.stream  # said even when off: transformers serve streams unless told not to
        return encode(body, options)

    def reader(self) -> EventReader[Any]:
        return EventReader(_EVENTS, _ResponseCollector("stream_error"))

    def read(self, body: bytes) -> Answer:
        decoded = decode_body(_BODIES, body)
        if isinstance(decoded, BadReply):
            answer = Answer()
            answer.fault = decoded
            return answer
        collector = _ResponseCollector("error_body")
        collector.close(decoded)
        return collector.answer(complete=True, done=False)


class _ResponseCollector:
    """Gathers one response."""

    def __init__(self, error_kind: str) -> None:
        self.fault: TransportFault | None = None
        self._error_kind = error_kind
        self._began = False
        self._text = StringIO()
        self._reasoning = StringIO()
        self._calls = _Calls()
        self._last: _Response | None = None
        self._timings: Any = None
        self._output_ns = array("q")
        self._first_answer_ns: int | None = None

    def add(self, events: list[_Event], instants: list[int]) -> None:
        for event, instant in zip(events, instants, strict=True):
            kind, delta = event.type, event.delta
            answered = reasoned = False
            if kind == _TEXT:
                if delta and isinstance(delta, str):
                    self._text.write(delta)
                    answered = True
            elif kind in _REASONING:
                if delta and isinstance(delta, str):
                    self._reasoning.write(delta)
                    reasoned = True
            elif kind == _ARGUMENTS:
                answered = isinstance(delta, str) and self._calls.more(event.item_id, delta)
            elif kind == _ITEM and event.item is not None and event.item.type == "function_call":
                answered = self._calls.begin(event.item)
            elif kind in _LAST and event.response is not None:
                self.close(event.response)
            if event.error is not None or kind == _ERROR or (event.message is not None and not kind):
                self._fail(event.error or event.message)
            if event.timings is not None:
                self._timings = event.timings
            self._began |= kind.startswith("response.")
            if answered and self._first_answer_ns is None:
                self._first_answer_ns = instant
            if answered or reasoned:
                self._output_ns.append(instant)

    def close(self, response: _Response) -> None:
        """Take the response as it stands at its end."""
        self._began |= response.status is not None or response.output is not None
        self._last = response
        if response.error is not None or response.status in ("failed", "cancelled"):
            self._fail(response.error or f"the response has the status {response.status}")

    def _fail(self, error: Any) -> None:
        if self.fault is None:
            self.fault = BadReply(self._error_kind, message_of(error) if error is not None else "no reason given")

    def answer(self, *, complete: bool, done: bool) -> Answer:
        answer = Answer()
        last = self._last or _Response()
        text, reasoning, calls = _contents(last.output or [])
        if self._began:
            answer.text = self._text.getvalue() or text
        answer.reasoning = self._reasoning.getvalue() or reasoning or None
        answer.tool_calls = self._calls.all() or calls.all() or None
        reason = _finish_reason(last)
        answer.finish_reasons = [reason] if reason else []
        answer.output_ns = self._output_ns.tolist()
        answer.first_answer_ns = self._first_answer_ns
        if (usage := last.usage) is not None:
            answer.input_tokens = whole(usage.input_tokens)
            answer.output_tokens = whole(usage.output_tokens)
            answer.cached_tokens = whole((usage.input_tokens_details or {}).get("cached_tokens"))
            answer.reasoning_tokens = whole((usage.output_tokens_details or {}).get("reasoning_tokens"))
        if self._timings is not None:
            answer.extra = {"timings": self._timings}
        answer.fault = self.fault
        if complete and self.fault is None:
            if not self._began:
                answer.fault = BadReply("empty_reply", "no response in it")
            elif not reason:
                status = f"the status is {last.status}" if last.status else "the response was not closed"
                answer.fault = BadReply("no_finish", status)
        return answer


class _Calls:
    """Tool calls by the id of their item; a piece of an unknown item belongs to the latest one."""

    def __init__(self) -> None:
        self._calls = ToolCalls()
        self._positions: dict[str | None, int] = {}
        self._count = 0

    def begin(self, item: _Item) -> bool:
        position = self._positions[item.id] = self._count
        self._count += 1
        return self._calls.add(index=position, id=item.call_id or item.id, name=item.name, arguments=item.arguments)

    def more(self, item_id: str | None, arguments: str) -> bool:
        position = self._positions.get(item_id, max(self._count - 1, 0))
        return self._calls.add(index=position, id=None, name=None, arguments=arguments)

    def all(self) -> list[dict[str, Any]]:
        return self._calls.all()


def _contents(items: list[_Item]) -> tuple[str, str, _Calls]:
    """Text, reasoning and tool calls of a whole response."""
    text, reasoning, calls = "", "", _Calls()
    for item in items:
        inside = "".join(part.text or "" for part in item.content or ())
        if item.type == "function_call":
            calls.begin(item)
        elif item.type == "reasoning":
            reasoning += inside or "".join(part.text or "" for part in item.summary or ())
        else:
            text += inside
    return text, reasoning, calls


def _finish_reason(response: _Response) -> str:
    if response.status == "incomplete":
        return str((response.incomplete_details or {}).get("reason") or "incomplete")
    return "completed" if response.status == "completed" else ""
