"""Errors: every way a run, or one request, can go wrong.

The tree is drawn once, here. Errors of HTTP and socket libraries are translated into it in one place per transport
and go no further; a `TransportFault` becomes part of a record and never ends a run. To add a kind of fault, add a
line to `KINDS` and raise it; the kind is the word that users read in tables, so it is chosen for them.

    PerfbenchError
    ├── ScenarioError       the user's input is wrong: all problems listed, before any request is sent
    ├── TargetUnreachable   nothing at that address answers as an endpoint should
    ├── SinkFailed          records can no longer be written (disk full, folder gone)
    ├── NoData              a statistic was asked of nothing
    └── TransportFault      the server or the wire failed one request
        ├── ConnectFault    no connection could be had
        ├── TimedOut        a deadline of ours passed
        ├── Disconnected    the connection ended before the reply did
        ├── BadHttp         what came is not HTTP/1.1, or more of it than we accept
        ├── BadStatus       a whole reply, but not a 2xx
        └── BadReply        a 2xx whose content is not a whole answer
"""

from enum import IntEnum
from typing import ClassVar

KINDS: dict[str, str] = {
    "dns": "the host name could not be resolved",
    "connect_refused": "nothing listens at the address",
    "connect_failed": "the connection could not be opened",
    "client_limit": "this machine had no file or port left for a connection: the client's limit, not the server's",
    "tls": "the TLS handshake failed",
    "timeout_connect": "no connection within the connect timeout",
    "timeout_first_byte": "connected and sent, but no byte came back in time",
    "timeout_idle": "the reply began and then fell silent",
    "timeout_total": "the whole request took longer than allowed",
    "disconnected": "closed before the first byte of the reply",
    "reset": "connection reset by the server",
    "truncated": "closed in the middle of the reply",
    "bad_http": "the reply is not well-formed HTTP",
    "bad_encoding": "the compressed body could not be decoded",
    "http_NNN": "the server answered with that status",
    "bad_event": "an event of the stream is not the JSON it should be",
    "bad_body": "the body is not the JSON it should be",
    "stream_error": "the server reported an error inside a stream that began well",
    "error_body": "status 2xx, but the body is an error object",
    "no_finish": "the stream ended without saying why (no finish_reason): a cut answer",
    "empty_reply": "a 2xx reply without any choice, vector or result",
    "cancelled": "cut off by us: the run was over, interrupted, or the caller gave up",
    "hung_up": "the client hung up on the reply, as the workload asked for",
    "unsent": "an arrival that was due but never left",
}


class ExitCode(IntEnum):
    """What the shell learns. One table for both commands."""

    DONE = 0
    BUG = 1  # ours, or this machine's (disk full)
    USAGE = 2
    GATE_MISSED = 3
    TARGET = 4
    INCONCLUSIVE = 5
    INTERRUPTED = 130


class PerfbenchError(Exception):
    """The root. `exit_code` is what a command ends with when nobody handles the error."""

    exit_code: ClassVar[ExitCode] = ExitCode.BUG


class ScenarioError(PerfbenchError):
    """Input that cannot be run. The message names the place, the value and the remedy."""

    exit_code = ExitCode.USAGE


class TargetUnreachable(PerfbenchError):
    """The endpoint does not answer as one; the message says what was tried."""

    exit_code = ExitCode.TARGET


class SinkFailed(PerfbenchError):
    """Records cannot be written any more. What was written before stays readable."""


class NoData(PerfbenchError):
    """A statistic of no values was asked for: an empty run is not a fast one."""


class TransportFault(PerfbenchError):
    """One request failed. `kind` is a key of `KINDS` (`http_NNN` stands for every status)."""

    def __init__(self, kind: str, detail: str = "") -> None:
        super().__init__(f"{kind}: {detail}" if detail else kind)
        self.kind = kind
        self.detail = detail


class ConnectFault(TransportFault):
    """dns, connect_refused, connect_failed, client_limit, tls."""


class TimedOut(TransportFault):
    """timeout_connect, timeout_first_byte, timeout_idle, timeout_total."""


class Disconnected(TransportFault):
    """disconnected, reset, truncated."""


class BadHttp(TransportFault):
    """bad_http, bad_encoding."""


class BadStatus(TransportFault):
    """http_NNN; `status` is the number, `retry_after_s` the server's wish, if it gave one."""

    def __init__(self, status: int, detail: str = "", retry_after_s: float | None = None) -> None:
        super().__init__(f"http_{status}", detail)
        self.status = status
        self.retry_after_s = retry_after_s


class BadReply(TransportFault):
    """bad_event, bad_body, stream_error, error_body, no_finish, empty_reply."""
