"""Embeddings: OpenAI's /embeddings. Vectors come back as numbers or as base64 of little-endian float32; both are read.

`Answer.extra`: "embeddings", a list of floats for each input in the order of the inputs, and "count", how many.
"""

from __future__ import annotations

import base64
import binascii
import sys
from array import array
from typing import Any

import msgspec

from perfbench.engine.dialect.base import Options, Prompt
from perfbench.engine.dialect.bodies import chosen, encode, misfit
from perfbench.engine.dialect.choices import Usage, fill_usage
from perfbench.engine.dialect.error_object import message_of
from perfbench.engine.dialect.stream import Unstreamed, decode_body, excerpt
from perfbench.engine.errors import BadReply
from perfbench.engine.request import Answer


class _Vector(msgspec.Struct, gc=False):
    index: int | None = None
    embedding: list[float] | str | None = None


class _Body(msgspec.Struct, gc=False):
    data: list[_Vector] | None = None
    usage: Usage | None = None
    error: Any = None


_BODIES = msgspec.json.Decoder(_Body)


class Embeddings:
    name = "embeddings"
    method = "POST"
    path = "/embeddings"
    can_stream = False

    def encode(self, prompt: Prompt, options: Options) -> bytes:
        """One text or several. `dimensions` and `encoding_format` go into the extra body fields."""
        if prompt.body is not None:
            return encode(prompt.body, options)
        asked = prompt.texts if prompt.text is None else prompt.text
        if asked is None:
            raise misfit(self.name, prompt, "a text or texts; for messages use api chat, for a query api rerank")
        return encode({"input": asked} | chosen(self.name, options, {}), options)

    def reader(self) -> Unstreamed:
        return Unstreamed(self.name)

    def read(self, body: bytes) -> Answer:
        answer = Answer()
        decoded = decode_body(_BODIES, body)
        if isinstance(decoded, BadReply):
            answer.fault = decoded
        elif decoded.error is not None:
            answer.fault = BadReply("error_body", message_of(decoded.error))
        else:
            if decoded.usage is not None:
                fill_usage(answer, decoded.usage)
            answer.fault = _take(answer, decoded.data or [], body)
        return answer


def _take(answer: Answer, data: list[_Vector], body: bytes) -> BadReply | None:
    """Put the vectors into the answer, in the order of the inputs; the fault that there are none."""
    ordered = sorted(enumerate(data), key=lambda at: at[0] if at[1].index is None else at[1].index)
    try:
        vectors = [_floats(vector.embedding) for _, vector in ordered]
    except ValueError as error:
        return BadReply("bad_body", f"a vector is not base64 of float32: {error}: {excerpt(body)}")
    if not vectors or not all(vectors):
        return BadReply("empty_reply", "no vector in it" if not vectors else f"vector {vectors.index([])} is empty")
    answer.extra = {"embeddings": vectors, "count": len(vectors)}
    return None


def _floats(embedding: list[float] | str | None) -> list[float]:
    if not isinstance(embedding, str):
        return embedding or []
    try:
        packed = base64.b64decode(embedding, validate=True)
    except binascii.Error as error:
        raise ValueError(str(error)) from None
    floats = array("f")
    floats.frombytes(packed)  # ValueError when it is not a multiple of 4
    if sys.byteorder == "big":
        floats.byteswap()
    return floats.tolist()
