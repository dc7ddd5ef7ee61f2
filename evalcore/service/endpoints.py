"""Endpoints: one line of the API's table each: path, models, handler. Here queries are read, and answers written.

A handler gets a `Call` and returns a model, bytes of JSON that a helper process has encoded as that model, or a
response of its own; what it refuses it raises.
"""

from __future__ import annotations

import asyncio
import types
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeAlias, Union, get_args, get_origin

import orjson
from aiohttp import web
from pydantic import BaseModel, ConfigDict, ValidationError

from evalcore.service.problems import KeyProblem, Refused, of_validation

if TYPE_CHECKING:
    from evalcore.service.app import Service

JSON = "application/json"


class Query(BaseModel):
    """Parameters of a query; none, unless a subclass has some."""

    model_config = ConfigDict(extra="forbid", frozen=True)


@dataclass(frozen=True, slots=True)
class Call:
    """One request that has passed the doors."""

    service: Service
    request: web.Request
    query: Any
    """Of the endpoint's query model."""

    @property
    def id(self) -> str:
        return self.request.match_info["id"]

    async def body(self, *, empty_is: dict[str, Any] | None = None) -> dict[str, Any]:
        """The body, a JSON object, whatever its Content-Type says. Raises Refused."""
        return await read_body(self.request, self.service.settings.body_timeout_s, empty_is)


Answer: TypeAlias = BaseModel | bytes | web.StreamResponse
Handler: TypeAlias = Callable[[Call], Awaitable[Answer]]


@dataclass(frozen=True, slots=True)
class Reply:
    """What an endpoint may answer with one status."""

    text: str
    model: type[BaseModel] | None = None
    content_type: str = JSON
    other: str | None = None
    """Another content type that may be asked for; text."""
    headers: Mapping[str, str] = field(default_factory=dict)
    """Name and meaning."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Endpoint:
    """One line of the table; each is itself alone."""

    method: str
    path: str
    name: str
    """Of the operation, in /openapi.json."""
    text: str
    tag: str
    handler: Handler
    query: type[Query] = Query
    body: str | None = None
    """Name of the schema of the body, see openapi.BODIES; None: it takes none."""
    body_needed: bool = True
    replies: Mapping[int, Reply]
    problems: tuple[int, ...] = ()
    """Statuses of problems, beside those that any endpoint may answer."""


async def read_body(request: web.Request, within_s: float, empty_is: dict[str, Any] | None) -> dict[str, Any]:
    try:
        async with asyncio.timeout(within_s):
            data = await request.read()
    except TimeoutError:
        raise Refused(408, f"the body did not arrive within {within_s:g} s", headers={"Connection": "close"}) from None
    if not data.strip() and empty_is is not None:
        return empty_is
    try:
        found = orjson.loads(data)
    except orjson.JSONDecodeError as error:
        raise Refused(400, f"the body is not JSON: {error}") from None
    if not isinstance(found, dict):
        problem = KeyProblem(key="body", message=f"is a {type(found).__name__}, not an object of keys and values")
        raise Refused(422, f"the body {problem.message}", [problem])
    return found


def read_query(request: web.Request, model: type[Query]) -> Query:
    """Raises Refused, naming every parameter that is wrong."""
    given: dict[str, Any] = {}
    for name in request.query:
        values = request.query.getall(name)
        known = model.model_fields.get(name)
        if known is not None and _is_list(known.annotation):
            given[name] = [word for value in values for word in value.split(",")]
        elif len(values) > 1:
            problem = KeyProblem(key=name, message=f"is given {len(values)} times; once is enough")
            raise Refused(422, f"{name} {problem.message}", [problem])
        else:
            given[name] = values[0]
    try:
        return model.model_validate(given)
    except ValidationError as error:
        raise of_validation(error, model.model_fields, "parameter of this address") from None


def _is_list(annotation: Any) -> bool:
    if get_origin(annotation) in (Union, types.UnionType):
        return any(map(_is_list, get_args(annotation)))
    return get_origin(annotation) is list


def handled(endpoint: Endpoint, service: Service) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
    """An endpoint as aiohttp calls it."""

    async def handle(request: web.Request) -> web.StreamResponse:
        call = Call(service, request, read_query(request, endpoint.query))
        return written(await endpoint.handler(call))

    return handle


def written(answer: Answer, status: int = 200, headers: Mapping[str, str] | None = None) -> web.StreamResponse:
    if isinstance(answer, web.StreamResponse):
        return answer
    data = answer if isinstance(answer, bytes) else orjson.dumps(answer.model_dump(mode="json"))
    return web.Response(body=data, status=status, content_type=JSON, headers=headers)
