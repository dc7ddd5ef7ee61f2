"""Rerank: the shape of Jina and Cohere, as vLLM and llama-server serve it at /rerank.

`Answer.extra`: "results", one {"index", "relevance_score"} a document, best first as the server sent them, and "count".
"""

from __future__ import annotations

from typing import Any

import msgspec

from perfbench.engine.dialect.base import Options, Prompt
from perfbench.engine.dialect.bodies import chosen, encode, misfit
from perfbench.engine.dialect.choices import whole
from perfbench.engine.dialect.error_object import message_of
from perfbench.engine.dialect.stream import Unstreamed, decode_body
from perfbench.engine.errors import BadReply
from perfbench.engine.request import Answer


class _Result(msgspec.Struct, gc=False):
    index: int
    relevance_score: float


class _Usage(msgspec.Struct, gc=False):
    prompt_tokens: int | float | None = None
    total_tokens: int | float | None = None


class _Body(msgspec.Struct, gc=False):
    results: list[_Result] | None = None
    usage: _Usage | None = None
    error: Any = None


_BODIES = msgspec.json.Decoder(_Body)


class Rerank:
    name = "rerank"
    method = "POST"
    path = "/rerank"
    can_stream = False

    def encode(self, prompt: Prompt, options: Options) -> bytes:
        """A query and its documents. `top_n` goes into the extra body fields."""
        if prompt.body is not None:
            return encode(prompt.body, options)
        if prompt.query is None or not prompt.documents:
            raise misfit(self.name, prompt, "a query with documents; give both, or use api embeddings for texts")
        asked = {"query": prompt.query, "documents": prompt.documents}
        return encode(asked | chosen(self.name, options, {}), options)

    def reader(self) -> Unstreamed:
        return Unstreamed(self.name)

    def read(self, body: bytes) -> Answer:
        answer = Answer()
        decoded = decode_body(_BODIES, body)
        if isinstance(decoded, BadReply):
            answer.fault = decoded
            return answer
        if decoded.error is not None:
            answer.fault = BadReply("error_body", message_of(decoded.error))
            return answer
        if decoded.usage is not None:  # some servers give the total only, and there is no output to tell it from
            answer.input_tokens = whole(decoded.usage.prompt_tokens or decoded.usage.total_tokens)
        if not decoded.results:
            answer.fault = BadReply("empty_reply", "no result in it")
            return answer
        results = [{"index": result.index, "relevance_score": result.relevance_score} for result in decoded.results]
        answer.extra = {"results": results, "count": len(results)}
        return answer
