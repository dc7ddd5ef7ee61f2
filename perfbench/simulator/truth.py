"""The log of truth: what really happened to each request, on the clock that `time.perf_counter_ns` reads.

The columns are those of truthd, so that one reader serves both. A row is made when a request is complete and filled
in place; zero means it never happened. Rows are kept until POST /reset (about 200 bytes each).

`first_token_ns` and `last_token_ns` are taken just before the write that carries the token. `first_byte_ns` is when
the head of the request had been read, which for a body that came along with it is the same read.

Outcomes: ok, 400, 401, 429, 500, reset, trunc, junk, mid, client_gone, open (not over yet). A stream that stalls stays
open until the client leaves and is client_gone then, as with truthd.
"""

from __future__ import annotations

from collections.abc import Iterator

COLUMNS = "id,first_byte_ns,complete_ns,started_ns,first_token_ns,last_token_ns,tokens,events,stream,outcome"


class Row:
    """What became of one request."""

    __slots__ = (
        "complete_ns", "events", "first_byte_ns", "first_token_ns", "last_token_ns", "number", "outcome",
        "started_ns", "stream", "tokens",
    )  # fmt: skip

    def __init__(self, number: int, first_byte_ns: int, complete_ns: int) -> None:
        self.number = number
        self.first_byte_ns = first_byte_ns
        self.complete_ns = complete_ns
        self.started_ns = 0  # when it got its slot
        self.first_token_ns = 0
        self.last_token_ns = 0
        self.tokens = 0
        self.events = 0  # that carried tokens
        self.stream = 0
        self.outcome = "open"


class TruthLog:
    def __init__(self) -> None:
        self._rows: list[Row] = []
        self._settled = self._settled_ok = self._settled_tokens = 0  # rows at the head of the list that are over

    def open(self, first_byte_ns: int, complete_ns: int) -> Row:
        row = Row(len(self._rows), first_byte_ns, complete_ns)
        self._rows.append(row)
        return row

    def forget(self) -> None:
        self._rows = []
        self._settled = self._settled_ok = self._settled_tokens = 0

    def totals(self) -> tuple[int, int]:
        """Requests that were answered to the end, and tokens that were sent. Looks only at what is new."""
        while self._settled < len(self._rows) and (row := self._rows[self._settled]).outcome != "open":
            self._settled += 1
            self._settled_ok += row.outcome == "ok"
            self._settled_tokens += row.tokens
        rest = self._rows[self._settled :]
        return (
            self._settled_ok + sum(row.outcome == "ok" for row in rest),
            self._settled_tokens + sum(row.tokens for row in rest),
        )

    def csv(self) -> str:
        return "\n".join(self._lines()) + "\n"

    def _lines(self) -> Iterator[str]:
        yield COLUMNS
        for r in self._rows:
            yield (
                f"{r.number},{r.first_byte_ns},{r.complete_ns},{r.started_ns},{r.first_token_ns},{r.last_token_ns},"
                f"{r.tokens},{r.events},{r.stream},{r.outcome}"
            )
