"""Embeddings and rerank: replies of one piece, computed from the texts alone.

A vector counts the words of its text, each in a place and with a sign that its hash chooses, and has length 1: the same
text always has the same vector, and texts that share words are nearer than texts that do not. A relevance score is
the share of the query's words that a document holds.
"""

from __future__ import annotations

import base64
import math
import re
import zlib
from array import array
from typing import Any

import orjson

from perfbench.simulator.ask import Ask

DIMENSIONS = 384
_WORD = re.compile(r"\w+")


def embedding(text: str, dimensions: int = DIMENSIONS) -> list[float]:
    """A vector of length 1."""
    values = [0.0] * dimensions
    for word in _WORD.findall(text.casefold()) or [text]:
        hashed = zlib.crc32(word.encode("utf-8", "surrogatepass"))
        values[(hashed >> 1) % dimensions] += 1.0 if hashed & 1 else -1.0
    length = math.sqrt(sum(value * value for value in values))
    if not length:  # two words in one place that cancel each other
        return [1.0, *values[1:]]
    return [value / length for value in values]


def relevance(query: str, document: str) -> float:
    """From 0 to 1."""
    wanted = set(_WORD.findall(query.casefold()))
    return len(wanted.intersection(_WORD.findall(document.casefold()))) / len(wanted) if wanted else 0.0


def embeddings_body(ask: Ask, prompt_tokens: int, *, say_usage: bool) -> bytes:
    vectors = [embedding(text, ask.dimensions or DIMENSIONS) for text in ask.inputs]
    body: dict[str, Any] = {
        "object": "list",
        "model": ask.model,
        "data": [
            {"object": "embedding", "index": index, "embedding": _base64(vector) if ask.base64 else vector}
            for index, vector in enumerate(vectors)
        ],
    }
    if say_usage:
        body["usage"] = {"prompt_tokens": prompt_tokens, "total_tokens": prompt_tokens}
    return orjson.dumps(body)


def rerank_body(ask: Ask, number: int, prompt_tokens: int, *, say_usage: bool) -> bytes:
    """Best first; of equals the one that came first."""
    scores = [relevance(ask.query, document) for document in ask.inputs]
    order = sorted(range(len(scores)), key=lambda index: -scores[index])[: ask.top_n]
    results: list[dict[str, Any]] = [{"index": index, "relevance_score": scores[index]} for index in order]
    if ask.return_documents:
        for result in results:
            result["document"] = {"text": ask.inputs[result["index"]]}
    body: dict[str, Any] = {"id": f"rerank-{number}", "model": ask.model, "results": results}
    if say_usage:
        body["usage"] = {"prompt_tokens": prompt_tokens, "total_tokens": prompt_tokens}
    return orjson.dumps(body)


def _base64(vector: list[float]) -> str:
    return base64.b64encode(array("f", vector).tobytes()).decode()
