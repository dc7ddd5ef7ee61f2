"""Faults of sockets, names and TLS, read out of whatever a client library has wrapped around them.

Such a library hides the reason somewhere in the chain of causes.
"""

from __future__ import annotations

import errno
import socket
import ssl
from collections.abc import Iterator

from perfbench.engine.errors import ConnectFault, Disconnected
from perfbench.engine.request import Reply

_RESET = frozenset({errno.ECONNRESET, errno.EPIPE, errno.ECONNABORTED})
_OUR_LIMITS = frozenset({errno.EMFILE, errno.ENFILE, errno.EADDRNOTAVAIL})


def causes(error: BaseException) -> Iterator[BaseException]:
    """The error, what it was raised from or during, and the members of groups; each once."""
    seen: set[int] = set()
    left: list[BaseException | None] = [error]
    while left:
        cause = left.pop(0)
        if cause is None or id(cause) in seen:
            continue
        seen.add(id(cause))
        yield cause
        left += [cause.__cause__, cause.__context__]
        if isinstance(cause, BaseExceptionGroup):
            left += cause.exceptions


def connect_fault(error: BaseException, where: str) -> ConnectFault:
    """Why no connection could be had."""
    chain = list(causes(error))
    for cause in chain:
        if isinstance(cause, socket.gaierror):
            return ConnectFault("dns", f"{where}: {cause.strerror}")
        if isinstance(cause, (ssl.SSLWantReadError, ssl.SSLWantWriteError)):
            continue  # a handshake that was waiting, not one that failed
        if isinstance(cause, (ssl.SSLError, ssl.CertificateError)):
            return ConnectFault("tls", f"{where}: {cause}")
    if any(isinstance(cause, OSError) and cause.errno == errno.ECONNREFUSED for cause in chain):
        return ConnectFault("connect_refused", where)
    ours = next((c for c in chain if isinstance(c, OSError) and c.errno in _OUR_LIMITS), None)
    if ours is not None:
        return ConnectFault("client_limit", f"{where}: {ours.strerror}")
    return ConnectFault("connect_failed", f"{where}: {error}")


def broken(error: BaseException, reply: Reply) -> Disconnected:
    """How an open connection ended before the reply did."""
    if any(isinstance(cause, OSError) and cause.errno in _RESET for cause in causes(error)):
        return Disconnected("reset", str(error))
    if reply.first_byte_ns is None:
        return Disconnected("disconnected", str(error))
    return Disconnected("truncated", f"after {reply.bytes_in} bytes")
