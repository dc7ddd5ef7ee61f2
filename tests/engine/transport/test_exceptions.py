"""Nothing but a TransportFault or a ScenarioError comes out of an error of a library, and none is left out."""

import asyncio
import errno
import inspect
import socket
import ssl
from types import SimpleNamespace

import aiohttp
import httptools
import httpx2
import openai
import pytest
from aiohttp import client_exceptions, http_exceptions

from perfbench.engine.errors import KINDS, ScenarioError, TransportFault
from perfbench.engine.request import Reply
from perfbench.engine.transport import aiohttp as our_aiohttp
from perfbench.engine.transport import sdk as our_sdk
from perfbench.engine.transport.base import Endpoint
from perfbench.engine.transport.faults import connect_fault
from perfbench.engine.transport.wire import WireTransport

URL = "http://127.0.0.1:1/v1"
ENDPOINT = Endpoint((URL,))


def classes(module: object, root: type[BaseException]) -> list[type[BaseException]]:
    """Every public class below `root` in a module."""
    found = {thing for _, thing in inspect.getmembers(module, inspect.isclass) if issubclass(thing, root)}
    return sorted(found, key=lambda thing: thing.__name__)


def make(kind: type[BaseException]) -> BaseException:
    """An instance; constructors that want a whole response get something that looks like one."""
    lookalike = SimpleNamespace(
        real_url=URL, host="h", port=1, ssl=True, is_ssl=True, request=None, status_code=500, headers={}, strerror="x"
    )
    broken = OSError(errno.EIO, "x")
    attempts = ((), (lookalike, broken), ("x", lookalike, broken), ("x",), (lookalike, ()), (b"x", b"y", "h", 1))
    for arguments in attempts:
        try:
            error = kind(*arguments)
            str(error)
        except (TypeError, AttributeError):
            continue
        return error
    for keywords in (
        {"response": lookalike, "body": None},
        {"request": lookalike, "body": None},
        {"request": lookalike},
    ):
        for positional in (("x",), ()):
            try:
                return kind(*positional, **keywords)
            except (TypeError, AttributeError):
                continue
    instance = kind.__new__(kind)
    instance.args = ("x",)
    return instance


SOCKETS: list[BaseException] = [
    socket.gaierror(socket.EAI_NONAME, "no such name"), socket.herror(1, "x"), TimeoutError("x"), TimeoutError(),
    ConnectionRefusedError(errno.ECONNREFUSED, "x"), ConnectionResetError(errno.ECONNRESET, "x"),
    ConnectionAbortedError(errno.ECONNABORTED, "x"), BrokenPipeError(errno.EPIPE, "x"),
    OSError(errno.EHOSTUNREACH, "x"), OSError(errno.ENETUNREACH, "x"), OSError(errno.EMFILE, "x"),
    OSError(errno.EADDRNOTAVAIL, "x"), OSError(errno.ETIMEDOUT, "x"), PermissionError(errno.EPERM, "x"),
    ssl.SSLError(1, "x"), ssl.SSLCertVerificationError(1, "x"), ssl.SSLEOFError(8, "x"), ssl.SSLZeroReturnError(6, "x"),
    ssl.SSLSyscallError(5, "x"), UnicodeError("label too long"),
]  # fmt: skip


def rows(errors: list[BaseException]) -> list:
    return [pytest.param(error, id=f"{type(error).__name__}-{i}") for i, error in enumerate(errors)]


def replies() -> list[Reply]:
    """Before the request was written, before the first byte, inside the body."""
    unwritten, waiting, begun = Reply(), Reply(), Reply()
    waiting.written_ns = begun.written_ns = 1
    begun.first_byte_ns = 2
    return [unwritten, waiting, begun]


def is_ours(fault: BaseException) -> bool:
    return isinstance(fault, ScenarioError) or (isinstance(fault, TransportFault) and fault.kind in KINDS)


NOT_OVER_HTTP = {"WSServerHandshakeError", "WSMessageTypeError"}  # websockets, which nothing here opens
AIOHTTP = [make(kind) for kind in classes(client_exceptions, Exception) if kind.__name__ not in NOT_OVER_HTTP]


@pytest.mark.parametrize("number", [errno.EMFILE, errno.ENFILE, errno.EADDRNOTAVAIL])
def test_what_this_machine_has_run_out_of_is_not_the_server_s_fault(number):
    wrapped = RuntimeError("no connection")
    wrapped.__cause__ = OSError(number, "none left")
    assert [connect_fault(error, "h:1").kind for error in (wrapped, wrapped.__cause__)] == ["client_limit"] * 2


@pytest.mark.parametrize("error", rows(AIOHTTP + SOCKETS))
def test_aiohttp(error):
    caught = (aiohttp.ClientError, OSError, TimeoutError, ValueError)
    assert isinstance(error, caught), "what `_exchange` catches"
    for reply in replies():
        assert is_ours(our_aiohttp._fault(error, URL, reply, ENDPOINT))


@pytest.mark.parametrize(
    "error", rows([make(kind) for kind in classes(http_exceptions, http_exceptions.HttpProcessingError)])
)
def test_aiohttp_wraps_its_own_parser_errors(error):
    """They reach us inside a ClientResponseError or a ClientPayloadError."""
    for outer in (client_exceptions.ClientPayloadError("x"), make(client_exceptions.ClientResponseError)):
        outer.__cause__ = error
        assert is_ours(our_aiohttp._fault(outer, URL, replies()[2], ENDPOINT))


SDK = [make(kind) for kind in classes(openai, openai.OpenAIError) if kind is not openai.APIStatusError]
HTTPX = [
    make(kind) for root in (httpx2.HTTPError, httpx2.StreamError, httpx2.InvalidURL) for kind in classes(httpx2, root)
]


@pytest.mark.parametrize("error", rows(SDK + HTTPX + [e for e in SOCKETS if isinstance(e, OSError)]))
def test_sdk(error):
    assert isinstance(error, our_sdk._library_errors()), "what `_exchange` catches"
    for reply in replies():
        assert is_ours(our_sdk._fault(error, reply, our_sdk._Watch(reply)))


@pytest.mark.parametrize("error", rows(HTTPX + SOCKETS))
@pytest.mark.parametrize("outer", [openai.APIConnectionError, openai.APITimeoutError])
def test_sdk_wraps_the_errors_of_its_http_library(outer, error):
    wrapped = outer(request=httpx2.Request("POST", URL))
    wrapped.__cause__ = error
    for reply in replies():
        assert is_ours(our_sdk._fault(wrapped, reply, our_sdk._Watch(reply)))


@pytest.mark.parametrize(("inner", "cause", "kind"), [
    pytest.param(httpx2.ConnectTimeout("x"), None, "timeout_connect", id="no connection in time"),
    pytest.param(httpx2.ConnectTimeout("x"), ConnectionRefusedError(errno.ECONNREFUSED, "x"), "connect_refused",
                 id="refused, though the class says timeout"),
    pytest.param(httpx2.ConnectError("x"), socket.gaierror(-2, "x"), "dns", id="no such name"),
    pytest.param(httpx2.ConnectError("x"), ssl.SSLCertVerificationError(1, "x"), "tls", id="not trusted"),
    pytest.param(httpx2.PoolTimeout("x"), None, "timeout_connect", id="no connection free in the pool"),
    pytest.param(httpx2.ReadTimeout("x"), None, "timeout_first_byte", id="no answer in time"),
    pytest.param(httpx2.ReadError("x"), ConnectionResetError(errno.ECONNRESET, "x"), "reset", id="reset"),
    pytest.param(httpx2.ReadError("x"), None, "disconnected", id="lost"),
])  # fmt: skip
def test_the_cause_decides_what_an_sdk_timeout_or_connection_error_was(inner, cause, kind):
    inner.__cause__ = cause
    waiting = replies()[1]
    for outer in (openai.APITimeoutError, openai.APIConnectionError):
        error = outer(request=httpx2.Request("POST", URL))
        error.__cause__ = inner
        assert our_sdk._fault(error, waiting, our_sdk._Watch(waiting)).kind == kind


def test_every_kind_of_httptools_error_is_caught_by_its_root():
    kinds = [thing for _, thing in inspect.getmembers(httptools, inspect.isclass) if issubclass(thing, Exception)]
    assert len(kinds) >= 5
    caught = (httptools.HttpParserError, httptools.HttpParserUpgrade)
    request_side = {"HttpParserInvalidMethodError", "HttpParserInvalidURLError"}
    assert all(issubclass(kind, caught) for kind in kinds if kind.__name__ not in request_side)


class Unreachable:
    """An origin to which no connection opens."""

    host, port = "h", 1

    def __init__(self, error: BaseException) -> None:
        self._error = error

    async def connect(self) -> None:
        raise self._error


@pytest.mark.parametrize("error", rows(SOCKETS))
async def test_wire(error):
    with pytest.raises(TransportFault) as caught:
        await WireTransport(ENDPOINT)._connect(Unreachable(error))
    assert caught.value.kind in KINDS


async def test_cancellation_is_not_a_fault():
    with pytest.raises(asyncio.CancelledError):
        await WireTransport(ENDPOINT)._connect(Unreachable(asyncio.CancelledError()))
