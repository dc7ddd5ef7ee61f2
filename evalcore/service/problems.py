"""Problems: RFC 9457, with the keys that are wrong."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from http import HTTPStatus

from aiohttp import web
from pydantic import BaseModel, ConfigDict, ValidationError

from perfbench.settings.problems import describe

CONTENT_TYPE = "application/problem+json"


class KeyProblem(BaseModel):
    """One key that is wrong."""

    key: str
    """Name of a key of the body, of a parameter, or of a header; dots between nested names."""
    message: str
    """What is wrong with it, and what would be right."""


class Problem(BaseModel):
    """Why a request was refused (RFC 9457)."""

    model_config = ConfigDict(extra="forbid")

    type: str = "about:blank"
    title: str
    status: int
    detail: str = ""
    errors: list[KeyProblem] = []


class Refused(Exception):
    """The request is not carried out."""

    def __init__(
        self, status: int, detail: str, errors: Iterable[KeyProblem] = (), headers: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(detail)
        self.status, self.detail, self.errors = status, detail, list(errors)
        self.headers = dict(headers or {})

    def answer(self) -> web.Response:
        return answer(self.status, self.detail, self.errors, self.headers)


def answer(
    status: int, detail: str, errors: Iterable[KeyProblem] = (), headers: Mapping[str, str] | None = None
) -> web.Response:
    problem = Problem(title=HTTPStatus(status).phrase, status=status, detail=detail, errors=list(errors))
    return web.Response(
        body=problem.model_dump_json().encode(), status=status, content_type=CONTENT_TYPE, headers=headers
    )


def wrong_key(key: str, message: str, status: int = 422) -> Refused:
    return Refused(status, f"{key} {message}", [KeyProblem(key=key, message=message)])


def of_validation(error: ValidationError, known: Iterable[str], what: str) -> Refused:
    """What pydantic found wrong with a query or a small body."""
    names = list(known)
    found = [
        KeyProblem(
            key=".".join(map(str, line["loc"])), message=describe(dict(line), names, what=what, secret=False)
        ) for line in error.errors(include_url=False)
    ]  # fmt: skip
    return Refused(422, "; ".join(f"{one.key} {one.message}" for one in found), found)
