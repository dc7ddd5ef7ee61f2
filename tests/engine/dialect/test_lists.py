"""Embeddings, rerank, models: replies that are lists of things."""

from __future__ import annotations

import base64
import struct
from typing import Any

import orjson
import pytest

from perfbench.engine.dialect.base import dialect
from perfbench.engine.request import Answer
from tests.engine.dialect.streams import kind


def embedded(*vectors: Any, **more: Any) -> Answer:
    data = [{"object": "embedding", "index": index, "embedding": vector} for index, vector in enumerate(vectors)]
    return dialect("embeddings").read(orjson.dumps({"object": "list", "data": data} | more))


def packed(*floats: float) -> str:
    return base64.b64encode(struct.pack(f"<{len(floats)}f", *floats)).decode()


@pytest.mark.parametrize(
    ("vectors", "floats"),
    [
        pytest.param([[0.5, -1.0]], [[0.5, -1.0]], id="numbers"),
        pytest.param([[1, 2]], [[1.0, 2.0]], id="whole numbers"),
        pytest.param([packed(0.5, -1.0), packed(2.0)], [[0.5, -1.0], [2.0]], id="base64"),
    ],
)
def test_vectors(vectors: list[Any], floats: list[list[float]]):
    answer = embedded(*vectors, usage={"prompt_tokens": 4, "total_tokens": 4})
    assert answer.extra == {"embeddings": floats, "count": len(floats)} and answer.fault is None
    assert (answer.input_tokens, answer.output_tokens, answer.text, answer.output_ns) == (4, None, None, [])


def test_vectors_come_in_the_order_of_the_inputs():
    data = [{"index": 1, "embedding": [1.0]}, {"index": 0, "embedding": [0.0]}]
    answer = dialect("embeddings").read(orjson.dumps({"data": data}))
    assert answer.extra is not None and answer.extra["embeddings"] == [[0.0], [1.0]]


@pytest.mark.parametrize(
    ("answer", "fault"),
    [
        pytest.param(embedded(), "empty_reply", id="no vector"),
        pytest.param(embedded([1.0], []), "empty_reply", id="an empty vector"),
        pytest.param(embedded([1.0], None), "empty_reply", id="null for a vector"),
        pytest.param(embedded("AAA"), "bad_body", id="no base64"),
        pytest.param(embedded("AAAA"), "bad_body", id="no whole number of floats"),
        pytest.param(embedded([1.0, "x"]), "bad_body", id="a word among the numbers"),
        pytest.param(embedded(error={"message": "no"}), "error_body", id="an error object"),
        pytest.param(dialect("embeddings").read(b"oops"), "bad_body", id="no JSON"),
        pytest.param(dialect("embeddings").read(b"{}"), "empty_reply", id="an empty object"),
    ],
)
def test_embeddings_that_are_none(answer: Answer, fault: str):
    assert kind(answer) == fault and answer.extra is None


@pytest.mark.parametrize(
    ("usage", "tokens"),
    [
        pytest.param({"prompt_tokens": 7, "total_tokens": 7}, 7, id="both counts"),
        pytest.param({"total_tokens": 7}, 7, id="the total alone (Jina)"),
        pytest.param(None, None, id="none"),
    ],
)
def test_rerank(usage: dict[str, int] | None, tokens: int | None):
    results = [{"index": 1, "relevance_score": 0.9, "document": {"text": "b"}}, {"index": 0, "relevance_score": -1}]
    answer = dialect("rerank").read(orjson.dumps({"id": "r", "results": results, "usage": usage}))
    kept = [{"index": 1, "relevance_score": 0.9}, {"index": 0, "relevance_score": -1.0}]
    assert answer.extra == {"results": kept, "count": 2}
    assert (answer.input_tokens, answer.fault) == (tokens, None)


@pytest.mark.parametrize(
    ("body", "fault"),
    [
        pytest.param(b'{"results":[]}', "empty_reply", id="no result"),
        pytest.param(b'{"error":"no"}', "error_body", id="an error"),
        pytest.param(b'{"results":[{"index":0}]}', "bad_body", id="no score"),
        pytest.param(b"oops", "bad_body", id="no JSON"),
    ],
)
def test_rerank_that_is_none(body: bytes, fault: str):
    assert kind(dialect("rerank").read(body)) == fault


@pytest.mark.parametrize(
    ("body", "models", "fault"),
    [
        pytest.param(b'{"object":"list","data":[{"id":"a"},{"id":"b","owned_by":"x"}]}', ["a", "b"], None, id="two"),
        pytest.param(b'{"object":"list","data":[]}', None, "empty_reply", id="none (transformers serve)"),
        pytest.param(b'{"error":{"message":"no"}}', None, "error_body", id="an error"),
        pytest.param(b"<html>", None, "bad_body", id="a page"),
    ],
)
def test_models(body: bytes, models: list[str] | None, fault: str | None):
    answer = dialect("models").read(body)
    assert (answer.extra or {}).get("models") == models and kind(answer) == fault
