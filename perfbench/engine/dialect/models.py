"""Models: GET /models, what an endpoint says it serves. `Answer.extra["models"]` is the list of their names."""

from __future__ import annotations

from typing import Any

import msgspec

from perfbench.engine.dialect.base import Options, Prompt
from perfbench.engine.dialect.error_object import message_of
from perfbench.engine.dialect.stream import Unstreamed, decode_body
from perfbench.engine.errors import BadReply
from perfbench.engine.request import Answer


class _Model(msgspec.Struct, gc=False):
    id: str


class _Body(msgspec.Struct, gc=False):
    data: list[_Model] | None = None
    error: Any = None


_BODIES = msgspec.json.Decoder(_Body)


class Models:
    name = "models"
    method = "GET"
    path = "/models"
    can_stream = False

    def encode(self, prompt: Prompt, options: Options) -> bytes:
        """A question without a body, whatever the prompt."""
        return b""

    def reader(self) -> Unstreamed:
        return Unstreamed(self.name)

    def read(self, body: bytes) -> Answer:
        answer = Answer()
        decoded = decode_body(_BODIES, body)
        if isinstance(decoded, BadReply):
            answer.fault = decoded
        elif decoded.error is not None:
            answer.fault = BadReply("error_body", message_of(decoded.error))
        elif not decoded.data:
            answer.fault = BadReply("empty_reply", "the list of models is empty")
        else:
            names = [model.id for model in decoded.data]
            answer.text = "\n".join(names)  # so that a record that keeps texts tells them too
            answer.extra = {"models": names}
        return answer
