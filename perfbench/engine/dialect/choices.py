"""Choices: what the replies of chat and completions have in common, streamed or not.

One set of permissive structs and one collector read all four shapes: a chunk's `delta`, a body's `message`, and the
`text` of a completion are the same thing at another address. Only the fields that are used are declared; the decoder
skips the rest. Servers vary more than their documentation, so a field's type is as wide as what was seen.

An event carries output when it brings text, reasoning or tool-call text (a function's name or arguments) that is not
empty. A role, an empty delta, usage: none of these is a token.
"""

from __future__ import annotations

from array import array
from io import StringIO
from typing import Any

import msgspec

from perfbench.engine.dialect.error_object import message_of
from perfbench.engine.dialect.stream import decode_body
from perfbench.engine.errors import BadReply, TransportFault
from perfbench.engine.request import Answer

FAILED = frozenset({"error", "abort"})
"""Reasons by which a server says that it gave up (vLLM, SGLang), not that the answer is whole."""


class Function(msgspec.Struct, gc=False):
    name: str | None = None
    arguments: Any = None  # a string by the book, an object on some servers


class ToolCall(msgspec.Struct, gc=False):
    index: int | None = None
    id: str | None = None
    function: Function | None = None


class Delta(msgspec.Struct, gc=False):
    content: str | list[Any] | None = None
    reasoning_content: str | None = None
    reasoning: Any = None  # the newer name of the same; elsewhere an object of settings
    tool_calls: list[ToolCall] | None = None


class Choice(msgspec.Struct, gc=False):
    index: int | None = None
    delta: Delta | None = None
    message: Delta | None = None
    text: str | None = None
    finish_reason: str | None = None
    logprobs: Any = None


class Usage(msgspec.Struct, gc=False):
    prompt_tokens: int | float | None = None
    completion_tokens: int | float | None = None
    prompt_tokens_details: dict[str, Any] | None = None
    completion_tokens_details: dict[str, Any] | None = None


class Chunk(msgspec.Struct, gc=False):
    """One event of a stream, or a whole body."""

    choices: list[Choice] | None = None
    usage: Usage | None = None
    error: Any = None
    message: Any = None  # of an error that stands at the top (vLLM's older shape)
    detail: Any = None  # the same of FastAPI
    timings: Any = None  # llama-server's own account


class BodyChoice(Choice, gc=False):
    """A choice of a body that was not streamed."""

    prompt_logprobs: list[Any] | None = None  # vLLM, when asked for: an entry per token of the prompt


class Body(Chunk, gc=False):
    choices: list[BodyChoice] | None = None  # type: ignore[assignment]  # wider than a chunk's


_MOST_TOKENS = 1 << 53

CHUNKS = msgspec.json.Decoder(Chunk)
BODIES = msgspec.json.Decoder(Body)


class ToolCalls:
    """The tool calls of one choice, put together from their pieces."""

    __slots__ = ("_calls", "_last")

    def __init__(self) -> None:
        self._calls: dict[int, dict[str, Any]] = {}
        self._last = -1

    def add(self, *, index: int | None, id: str | None, name: str | None, arguments: Any) -> bool:
        """Take one piece. True if it carried output."""
        if index is None:  # a whole call at a time, or the next piece of the last one
            index = self._last if self._last >= 0 and not (id or name) else len(self._calls)
        self._last = index
        call = self._calls.get(index)
        if call is None:
            call = self._calls[index] = {"id": "", "type": "function", "function": {"name": "", "arguments": ""}}
        if id:
            call["id"] = id
        text = (
            arguments
            if isinstance(arguments, str)
            else ""
            if arguments is None
            else msgspec.json.encode(arguments).decode()
        )
        call["function"]["name"] += name or ""
        call["function"]["arguments"] += text
        return bool(name or text)

    def all(self) -> list[dict[str, Any]]:
        """In the order of their index."""
        return [self._calls[index] for index in sorted(self._calls)]


class _One:
    """One choice, as far as it has come."""

    __slots__ = ("calls", "finish_reason", "logprobs", "reasoning", "text")

    def __init__(self) -> None:
        self.text = StringIO()
        self.reasoning = StringIO()
        self.calls: ToolCalls | None = None
        self.finish_reason = ""
        self.logprobs: dict[str, Any] | None = None


class ChoiceCollector:
    """Gathers the choices of one reply. `error_kind` is the fault that an error object in it means."""

    __slots__ = ("_choices", "_error_kind", "_first_answer_ns", "_output_ns", "_timings", "_usage", "fault")

    def __init__(self, error_kind: str) -> None:
        self.fault: TransportFault | None = None
        self._error_kind = error_kind
        self._choices: dict[int, _One] = {}
        self._output_ns = array("q")
        self._first_answer_ns: int | None = None
        self._usage: Usage | None = None
        self._timings: Any = None

    def add(self, events: list[Chunk], instants: list[int]) -> None:
        """The hot path: a hundred events at a time, most of them one piece of text."""
        choices, output_ns = self._choices, self._output_ns
        for event, instant in zip(events, instants, strict=True):
            # Where every chunk has one, the last is the whole. Zeros are a placeholder (litellm): no prompt has 0.
            if (usage := event.usage) is not None and (usage.prompt_tokens or usage.completion_tokens):
                self._usage = usage
            if event.error is not None or not event.choices:
                self._aside(event)
                if not event.choices:
                    continue
            answered = reasoned = False
            for choice in event.choices:
                index = choice.index or 0
                one = choices.get(index)
                if one is None:
                    one = choices[index] = _One()
                delta = choice.delta
                if delta is None:
                    delta = choice.message
                if delta is not None:
                    if content := delta.content:
                        if isinstance(content, str):
                            one.text.write(content)
                            answered = True
                        else:
                            text, reasoning = _parts(content)
                            answered, reasoned = _keep(one, text, reasoning, answered, reasoned)
                    if delta.reasoning_content:  # where both names are sent they hold the same
                        one.reasoning.write(delta.reasoning_content)
                        reasoned = True
                    elif delta.reasoning and isinstance(delta.reasoning, str):
                        one.reasoning.write(delta.reasoning)
                        reasoned = True
                    if delta.tool_calls:
                        answered |= _call(one, delta.tool_calls)
                elif choice.text:
                    one.text.write(choice.text)
                    answered = True
                if choice.finish_reason:
                    one.finish_reason = choice.finish_reason
                if choice.logprobs is not None:
                    _merge_logprobs(one, choice.logprobs)
            if answered:
                if self._first_answer_ns is None:
                    self._first_answer_ns = instant
                output_ns.append(instant)
            elif reasoned:
                output_ns.append(instant)
            if event.timings is not None:
                self._timings = event.timings

    def _aside(self, event: Chunk) -> None:
        """An event that is an error, or has no choices."""
        if event.timings is not None:
            self._timings = event.timings
        error = event.error
        if error is None and not event.choices and event.usage is None:
            error = event.message or event.detail
        if error is not None and error is not False and error != "" and self.fault is None:
            self.fault = BadReply(self._error_kind, message_of(error))

    def answer(self, *, complete: bool, done: bool) -> Answer:
        answer = Answer()
        ordered = sorted(self._choices.items()) if len(self._choices) > 1 else list(self._choices.items())
        answer.finish_reasons = [one.finish_reason for _, one in ordered if one.finish_reason]
        answer.output_ns = self._output_ns.tolist()
        answer.first_answer_ns = self._first_answer_ns
        if ordered:
            first = ordered[0][1]
            answer.text = first.text.getvalue()
            answer.reasoning = first.reasoning.getvalue() or None
            answer.tool_calls = first.calls.all() if first.calls is not None else None
            if first.logprobs is not None:
                answer.extra = {"logprobs": first.logprobs}
            if len(ordered) > 1:
                answer.extra = (answer.extra or {}) | {"choices": [one.text.getvalue() for _, one in ordered]}
        if self._timings is not None:
            answer.extra = (answer.extra or {}) | {"timings": self._timings}
        if self._usage is not None:
            fill_usage(answer, self._usage)
        answer.fault = self.fault or (self._incomplete(ordered, done) if complete else None)
        return answer

    def _incomplete(self, ordered: list[tuple[int, _One]], done: bool) -> BadReply | None:
        """Why this is not a whole answer, if it is not."""
        if not ordered:
            return BadReply("empty_reply", "no choice in it")
        for index, one in ordered:
            if not one.finish_reason:
                return BadReply("no_finish", f"choice {index} has no finish_reason{', only [DONE]' if done else ''}")
            if one.finish_reason in FAILED:
                return BadReply(self._error_kind, f"choice {index} has the finish_reason {one.finish_reason}")
        return None


def read_choices(body: bytes) -> Answer:
    """The answer in a body that was not streamed. Likelihoods of the prompt are in `extra`, if any came."""
    decoded = decode_body(BODIES, body)
    if isinstance(decoded, BadReply):
        answer = Answer()
        answer.fault = decoded
        return answer
    collector = ChoiceCollector("error_body")
    collector.add([decoded], [0])
    answer = collector.answer(complete=True, done=False)
    answer.output_ns = []
    answer.first_answer_ns = None
    if decoded.choices and decoded.choices[0].prompt_logprobs is not None:
        answer.extra = (answer.extra or {}) | {"prompt_logprobs": decoded.choices[0].prompt_logprobs}
    return answer


def fill_usage(answer: Answer, usage: Usage) -> None:
    answer.input_tokens = whole(usage.prompt_tokens)
    answer.output_tokens = whole(usage.completion_tokens)
    if usage.completion_tokens_details:
        answer.reasoning_tokens = whole(usage.completion_tokens_details.get("reasoning_tokens"))
    if usage.prompt_tokens_details:
        answer.cached_tokens = whole(usage.prompt_tokens_details.get("cached_tokens"))


def whole(count: Any) -> int | None:
    """A token count as it should be; some servers write 12.0, none means 12.5, -1 or 1e300."""
    return int(count) if isinstance(count, int | float) and 0 <= count < _MOST_TOKENS else None


def _parts(parts: list[Any]) -> tuple[str, str]:
    """Text and reasoning of content that comes in typed parts."""
    text = reasoning = ""
    for part in parts:
        if isinstance(part, dict):
            text += part["text"] if isinstance(part.get("text"), str) else ""
            thinking = part.get("thinking")
            if isinstance(thinking, str):
                reasoning += thinking
            elif isinstance(thinking, list):
                reasoning += _parts(thinking)[0]
    return text, reasoning


def _keep(one: _One, text: str, reasoning: str, answered: bool, reasoned: bool) -> tuple[bool, bool]:
    one.text.write(text)
    one.reasoning.write(reasoning)
    return answered or bool(text), reasoned or bool(reasoning)


def _call(one: _One, pieces: list[ToolCall]) -> bool:
    """Take pieces of tool calls; True if one of them carried output."""
    carried = False
    if one.calls is None:
        one.calls = ToolCalls()
    for piece in pieces:
        function = piece.function or Function()
        carried |= one.calls.add(
            index=piece.index, id=piece.id, name=function.name, arguments=function.arguments
        )  # fmt: skip
    return carried


def _merge_logprobs(one: _One, logprobs: Any) -> None:
    """Chat and completions differ in the keys; both give lists that grow by one entry a token."""
    if not isinstance(logprobs, dict):
        return
    if one.logprobs is None:
        one.logprobs = {}
    for key, entries in logprobs.items():
        if isinstance(entries, list):
            one.logprobs.setdefault(key, []).extend(entries)
