"""Messages: Anthropic's /messages.

The key travels as `x-api-key`, with the version of the API beside it. A server that wants a bearer token here (vLLM
does) gets it by an extra header. The API demands `max_tokens`; when the options have none, 1024 is sent.

Counts: Anthropic's `input_tokens` leaves out what came from or went into the cache, other dialects include it. Here
`Answer.input_tokens` is the whole prompt, as everywhere, and `cached_tokens` the part read from the cache.
Reasons to stop (`end_turn`, `max_tokens`, ...) and texts are passed on as they are; tool calls are put into the shape
that chat uses.
"""

from __future__ import annotations

from array import array
from io import StringIO
from typing import Any

import msgspec

from perfbench.engine.dialect.base import Options, Prompt
from perfbench.engine.dialect.bodies import chosen, encode, messages_of
from perfbench.engine.dialect.choices import ToolCalls, whole
from perfbench.engine.dialect.error_object import message_of
from perfbench.engine.dialect.stream import EventReader, decode_body
from perfbench.engine.errors import BadReply, TransportFault
from perfbench.engine.request import Answer

API_VERSION = "2023-06-01"
DEFAULT_MAX_TOKENS = 1024
_NAMES = {
    "max_tokens": "max_tokens", "temperature": "temperature", "top_p": "top_p", "top_k": "top_k",
    "stop": "stop_sequences",
}  # fmt: skip


class _Block(msgspec.Struct, gc=False):
    """A piece of content: whole, or as it begins in a stream."""

    text: str | None = None
    thinking: str | None = None
    id: str | None = None
    name: str | None = None
    type: str | None = None
    input: Any = None


class _Delta(msgspec.Struct, gc=False):
    text: str | None = None
    thinking: str | None = None
    partial_json: str | None = None
    stop_reason: str | None = None


class _Usage(msgspec.Struct, gc=False):
    input_tokens: int | float | None = None
    output_tokens: int | float | None = None
    cache_read_input_tokens: int | float | None = None
    cache_creation_input_tokens: int | float | None = None


class _Message(msgspec.Struct, gc=False):
    content: list[_Block] | None = None
    stop_reason: str | None = None
    usage: _Usage | None = None
    error: Any = None


class _Event(msgspec.Struct, gc=False):
    type: str = ""
    index: int | None = None
    delta: _Delta | None = None
    content_block: _Block | None = None
    message: _Message | None = None
    usage: _Usage | None = None
    error: Any = None


_EVENTS = msgspec.json.Decoder(_Event)
_BODIES = msgspec.json.Decoder(_Message)


class Messages:
    name = "messages"
    method = "POST"
    path = "/messages"
    can_stream = True

    def headers(self, api_key: str | None) -> dict[str, str]:
        """How the key is shown, instead of a bearer token."""
        return {"anthropic-version": API_VERSION} | ({"x-api-key": api_key} if api_key else {})

    def encode(self, prompt: Prompt, options: Options) -> bytes:
        """System messages move to the field that this API has for them."""
        if prompt.body is not None:
            return encode(prompt.body, options)
        messages = messages_of(self.name, prompt)
        system = [message["content"] for message in messages if message.get("role") == "system"]
        body: dict[str, Any] = {"messages": [message for message in messages if message.get("role") != "system"]}
        if system:
            body["system"] = (
                system[0] if len(system) == 1 else [block for content in system for block in _blocks(content)]
            )
        body |= {"max_tokens": DEFAULT_MAX_TOKENS} | chosen(self.name, options, _NAMES)
        if options.stream:
            body["stream"] = True
        return encode(body, options)

    def reader(self) -> EventReader[Any]:
        return EventReader(_EVENTS, _MessageCollector("stream_error"))

    def read(self, body: bytes) -> Answer:
        decoded = decode_body(_BODIES, body)
        if isinstance(decoded, BadReply):
            answer = Answer()
            answer.fault = decoded
            return answer
        collector = _MessageCollector("error_body")
        collector.add_whole(decoded)
        return collector.answer(complete=True, done=False)


class _MessageCollector:
    """Gathers one message. Its end is `stop_reason` or the event `message_stop`, whichever a server sends."""

    def __init__(self, error_kind: str) -> None:
        self.fault: TransportFault | None = None
        self._error_kind = error_kind
        self._text = StringIO()
        self._reasoning = StringIO()
        self._calls: ToolCalls | None = None
        self._began = self._stopped = False
        self._stop_reason = ""
        self._usage = _Usage()
        self._output_ns = array("q")
        self._first_answer_ns: int | None = None

    def add(self, events: list[_Event], instants: list[int]) -> None:
        for event, instant in zip(events, instants, strict=True):
            answered = reasoned = False
            if (delta := event.delta) is not None:
                self._began = True
                if delta.text:
                    self._text.write(delta.text)
                    answered = True
                elif delta.thinking:
                    self._reasoning.write(delta.thinking)
                    reasoned = True
                elif delta.partial_json:
                    answered = self._call(event.index, None, delta.partial_json)
                if delta.stop_reason:
                    self._stop_reason = delta.stop_reason
            elif (block := event.content_block) is not None:
                self._began = True
                answered, reasoned = self._begin(event.index, block)
            elif event.message is not None:
                self._began = True
                self._count(event.message.usage)
            elif event.type == "message_stop":
                self._began = self._stopped = True
            if event.usage is not None:
                self._count(event.usage)
            if event.error is not None or event.type == "error":
                self._fail(event.error)
            if answered and self._first_answer_ns is None:
                self._first_answer_ns = instant
            if answered or reasoned:
                self._output_ns.append(instant)

    def add_whole(self, message: _Message) -> None:
        """Take a message that was not streamed."""
        if message.error is not None:
            self._fail(message.error)
        for index, block in enumerate(message.content or ()):
            self._began = True
            self._begin(index, block)
            if block.type == "tool_use" and block.input is not None:
                self._call(index, None, block.input)
        self._stop_reason = message.stop_reason or ""
        self._began |= bool(message.stop_reason)
        self._count(message.usage)

    def _begin(self, index: int | None, block: _Block) -> tuple[bool, bool]:
        """Take a block as it begins; whether that carried an answer, or reasoning."""
        if block.text:
            self._text.write(block.text)
        if block.thinking:
            self._reasoning.write(block.thinking)
        called = block.type == "tool_use" and self._call(index, block, None)
        return bool(block.text) or called, bool(block.thinking)

    def _call(self, index: int | None, block: _Block | None, arguments: Any) -> bool:
        if self._calls is None:
            self._calls = ToolCalls()
        id, name = (None, None) if block is None else (block.id, block.name)
        return self._calls.add(index=index, id=id, name=name, arguments=arguments)

    def _count(self, usage: _Usage | None) -> None:
        """Counts are totals so far: later ones replace earlier ones, but a 0 (a proxy's "unknown") replaces nothing."""
        if usage is None:
            return
        for field in _Usage.__struct_fields__:
            count = getattr(usage, field)
            if count or getattr(self._usage, field) is None:
                setattr(self._usage, field, count)

    def _fail(self, error: Any) -> None:
        if self.fault is None:
            self.fault = BadReply(self._error_kind, message_of(error) if error is not None else "no reason given")

    def answer(self, *, complete: bool, done: bool) -> Answer:
        answer = Answer()
        if self._began:
            answer.text = self._text.getvalue()
        answer.reasoning = self._reasoning.getvalue() or None
        answer.tool_calls = None if self._calls is None else self._calls.all()
        answer.finish_reasons = [self._stop_reason] if self._stop_reason else []
        answer.output_ns = self._output_ns.tolist()
        answer.first_answer_ns = self._first_answer_ns
        usage = self._usage
        prompt = [usage.input_tokens, usage.cache_read_input_tokens, usage.cache_creation_input_tokens]
        if usage.input_tokens is not None:
            answer.input_tokens = sum(whole(count) or 0 for count in prompt)
        answer.output_tokens = whole(usage.output_tokens)
        answer.cached_tokens = whole(usage.cache_read_input_tokens)
        answer.fault = self.fault
        if complete and self.fault is None:
            if not self._began:
                answer.fault = BadReply("empty_reply", "no message in it")
            elif not (self._stop_reason or self._stopped):
                answer.fault = BadReply("no_finish", "neither a stop_reason nor message_stop")
        return answer


def _blocks(content: Any) -> list[Any]:
    return [{"type": "text", "text": content}] if isinstance(content, str) else list(content)
