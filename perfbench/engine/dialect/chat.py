"""Chat: OpenAI's /chat/completions, the shape that nearly every server speaks."""

from __future__ import annotations

from typing import Any

from perfbench.engine.dialect.base import Options, Prompt
from perfbench.engine.dialect.bodies import SAMPLING, chosen, encode, messages_of
from perfbench.engine.dialect.choices import CHUNKS, ChoiceCollector, read_choices
from perfbench.engine.dialect.stream import EventReader
from perfbench.engine.request import Answer

_NAMES = {option: option for option in SAMPLING}


class Chat:
    name = "chat"
    method = "POST"
    path = "/chat/completions"
    can_stream = True

    def encode(self, prompt: Prompt, options: Options) -> bytes:
        """`logprobs` as a number asks for that many alternatives."""
        if prompt.body is not None:
            return encode(prompt.body, options)
        body: dict[str, Any] = {"messages": messages_of(self.name, prompt)} | chosen(self.name, options, _NAMES)
        if isinstance(options.logprobs, int) and not isinstance(options.logprobs, bool):
            body |= {"logprobs": True, "top_logprobs": options.logprobs}
        return encode(body | streaming(options), options)

    def reader(self) -> EventReader[Any]:
        return EventReader(CHUNKS, ChoiceCollector("stream_error"))

    def read(self, body: bytes) -> Answer:
        return read_choices(body)


def streaming(options: Options) -> dict[str, Any]:
    """A stream tells its token counts only when asked to."""
    return {"stream": True, "stream_options": {"include_usage": True}} if options.stream else {}
