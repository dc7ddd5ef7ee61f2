"""Made-up endpoints: functions from a body to a reply, with one true table of likelihoods behind all of them."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any

from evalcore.likelihood.base import Ask, Refused
from perfbench.engine.dialect.base import dialect
from perfbench.engine.request import Answer

Server = Callable[[str, dict[str, Any]], dict[str, Any]]
PIECE = re.compile(r"\s*\S+|\s+$")
NEXT = " day"


def truth(token: str, at: int) -> float:
    """Log-likelihood of the token at its place."""
    return -0.1 * len(token) - 0.01 * at


def pieces(prompt: str) -> list[str]:
    return PIECE.findall(prompt)


def asker(server: Server, heard: list[dict[str, Any]] | None = None) -> Ask:
    """Asks that server, through the dialect that reads a real one."""

    async def ask(api: str, body: dict[str, Any]) -> Answer:
        if heard is not None:
            heard.append(body)
        answer = dialect(api).read(json.dumps(server(api, body)).encode())
        if answer.fault is not None:
            raise Refused(str(answer.fault))
        return answer

    return ask


def completion(text: str, **fields: Any) -> dict[str, Any]:
    return {"choices": [{"index": 0, "text": text, "finish_reason": "length", **fields}]}


def chat(text: str, **fields: Any) -> dict[str, Any]:
    message = {"role": "assistant", "content": text}
    return {"choices": [{"index": 0, "message": message, "finish_reason": "stop", **fields}]}


def legacy(tokens: list[str], logprobs: list[float | None]) -> dict[str, Any]:
    tops = [None if p is None else {t: p} for t, p in zip(tokens, logprobs, strict=True)]
    return {"tokens": tokens, "token_logprobs": logprobs, "top_logprobs": tops}


def generated(body: dict[str, Any], **fields: Any) -> dict[str, Any]:
    """One word more, and its likelihood if that is asked for."""
    at = len(pieces(body["prompt"]))
    told = legacy([NEXT], [truth(NEXT, at)]) if body.get("logprobs") is not None else None
    return completion(NEXT, logprobs=told, **fields)


def echoing(
    api: str, body: dict[str, Any], *, shift: int = 0, sign: float = 1.0, bos: str = "", last: bool = True
) -> Any:
    """A server that echoes; `shift` reads likelihoods at the wrong token, `last` tells of the generated one too."""
    if api != "completions":
        return chat("Hello.")
    if not body.get("echo"):
        return generated(body)
    tokens = pieces(body["prompt"]) + ([NEXT] if last else [])
    logprobs: list[float | None] = [sign * truth(token, at + shift * 50) for at, token in enumerate(tokens)]
    logprobs[0] = logprobs[0] if bos else None
    if bos:
        tokens, logprobs = [bos, *tokens], [None, *logprobs]
    return completion(body["prompt"] + NEXT, logprobs=legacy(tokens, logprobs))


def vllm(api: str, body: dict[str, Any]) -> Any:
    """prompt_logprobs, with a token before the prompt; echo is ignored in silence."""
    if api != "completions":
        return chat("Hello.")
    if "prompt_logprobs" not in body:
        return generated(body)
    entries = [
        {str(at): {"logprob": truth(token, at), "rank": 1, "decoded_token": token}}
        for at, token in enumerate(pieces(body["prompt"]))
    ]
    return generated(body, prompt_logprobs=[None, *entries])


def listing(most: int, only: str = "chat") -> Server:
    """A server that lists first tokens, at most so many, in one of the two dialects."""

    def server(api: str, body: dict[str, Any]) -> Any:
        if api != only:
            return {"error": {"message": f"no {api} here"}}
        asked = body.get("top_logprobs") if api == "chat" else body.get("logprobs")
        if asked is not None and asked > most:
            return {"error": {"message": f"at most {most}"}}
        words = {"B": -0.2, " B": -2.0, "The": -2.5, "A": -4.0}
        if api == "completions":
            return completion("B", logprobs={"tokens": ["B"], "token_logprobs": [-0.2], "top_logprobs": [words]})
        listed = [{"token": token, "logprob": p} for token, p in words.items()]
        return chat("B", logprobs={"content": [{"token": "B", "logprob": -0.2, "top_logprobs": listed}]})

    return server


def obeying(field: str) -> Server:
    """A server that only knows to mask, by one field, and chats otherwise."""

    def server(api: str, body: dict[str, Any]) -> Any:
        if api == "chat" and field in body:
            return chat('```json\n{"answer": "Q"}\n```' if field == "response_format" else "Q")
        return chat("The sea is wide.") if api == "chat" else completion("The sea is wide.")

    return server
