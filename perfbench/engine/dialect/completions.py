"""Completions: OpenAI's older /completions, a text in and its continuation out."""

from __future__ import annotations

from typing import Any

from perfbench.engine.dialect.base import Options, Prompt
from perfbench.engine.dialect.bodies import SAMPLING, chosen, encode, misfit
from perfbench.engine.dialect.chat import streaming
from perfbench.engine.dialect.choices import CHUNKS, ChoiceCollector, read_choices
from perfbench.engine.dialect.stream import EventReader
from perfbench.engine.request import Answer

_NAMES = {option: option for option in SAMPLING}


class Completions:
    name = "completions"
    method = "POST"
    path = "/completions"
    can_stream = True

    def encode(self, prompt: Prompt, options: Options) -> bytes:
        """`logprobs` is a number here; True asks for one alternative, False for none at all."""
        if prompt.body is not None:
            return encode(prompt.body, options)
        if prompt.text is None:
            raise misfit(self.name, prompt, "a text; for messages use api chat, for several texts api embeddings")
        body: dict[str, Any] = {"prompt": prompt.text} | chosen(self.name, options, _NAMES)
        if options.logprobs is True:
            body["logprobs"] = 1
        elif options.logprobs is False:
            del body["logprobs"]
        return encode(body | streaming(options), options)

    def reader(self) -> EventReader[Any]:
        return EventReader(CHUNKS, ChoiceCollector("stream_error"))

    def read(self, body: bytes) -> Answer:
        return read_choices(body)
