"""SSE: from the bytes of an event stream to whole events and their instants.

Framing only: what a payload means is a dialect's business. Follows the WHATWG rules (LF, CR and CRLF, comments,
multi-line data, byte order mark) with four departures, each seen on a real server: data that is blank is no event (some
send it to keep the line open), `[DONE]` ends the stream whatever follows, a field called `error` is an event of type
error, and the last event counts without its blank line when the body is over.

What must stay true: the same bytes and the same reads give the same events and instants, whatever was taken when.
An event's instant is the stamp of the read that brought the first byte of the line end after its last data line.
"""

from __future__ import annotations

import re
from array import array
from bisect import bisect_right
from itertools import repeat
from operator import contains

from perfbench.engine.request import Reply

_BOM = b"\xef\xbb\xbf"
_OPEN = b"data: {"
_CLOSE = b"}\n\n"
_LF, _BRACE, _UNBRACE = b"\n{}"
_DONE = b"[DONE]"
_DONE_EVENT = b"data: [DONE]\n\n"
_EVENT_END = re.compile(rb"\n\n|\r\r|\n\r")  # every blank line holds one of these where it begins


class Events:
    """Whole events, in order; none of them is blank."""

    __slots__ = ("errors", "instants", "objects", "payloads")

    def __init__(
        self,
        instants: list[int],
        *,
        objects: bytes | None = None,
        payloads: list[bytes] | None = None,
        errors: frozenset[int] = frozenset(),
    ) -> None:
        self.instants = instants
        self.objects = objects
        """All payloads, joined by line feeds, when each begins with a brace and ends with one; else None.

        Given that, no JSON value can reach from one payload into the next: a raw line feed cannot be inside a string,
        and "}" followed by "{" cannot be inside an array or object. So when a decoder of concatenated values finds
        exactly as many values as there are payloads, each is one valid value by itself, and not, say, half of one.
        """
        self.payloads = payloads
        self.errors = errors
        """Positions of the events that the server sent as errors (`event: error`)."""

    def split(self) -> list[bytes]:
        """The payloads one by one."""
        if self.payloads is not None:
            return self.payloads
        return [] if self.objects is None else self.objects.split(b"\n")


class Framer:
    """Takes whole events off the front of a reply. `done` says that `[DONE]` has come."""

    __slots__ = ("_begun", "_searched", "done")

    def __init__(self) -> None:
        self.done = False
        self._begun = False
        self._searched = 0  # so many bytes of the body are known to hold no event end

    def take(self, reply: Reply) -> Events | None:
        """The whole events that have come, removed from the reply; None if there are none."""
        body = reply.body
        if self.done:
            _drop(reply, len(body))
            return None
        if not self._begun and not self._begin(reply):
            return None
        # One byte back: the first half of an event end may have been there before.
        if _EVENT_END.search(body, max(self._searched - 1, 0)) is None:
            self._searched = len(body)
            return None
        events: Events | None = None
        end = body.rfind(b"\n\n") + 2
        if end >= 2 and b"\r" not in body:
            events = self._plain(reply, end)
        if events is None:
            events, end = self._any(reply, final=False)
        _drop(reply, len(body) if self.done else end)
        self._searched = len(body)
        return events if events.instants else None

    def rest(self, reply: Reply) -> Events | None:
        """The event that the end of the body completes, if any; nothing is left in the reply."""
        if not self._begun and reply.body.startswith(_BOM):
            _drop(reply, len(_BOM))
        events = None if self.done or not reply.body else self._any(reply, final=True)[0]
        _drop(reply, len(reply.body))
        return events if events is not None and events.instants else None

    def _begin(self, reply: Reply) -> bool:
        """Take off the byte order mark. False while it cannot be told whether there is one."""
        head = bytes(reply.body[:3])
        if len(head) < 3 and _BOM.startswith(head):
            return False
        if head == _BOM:
            _drop(reply, len(_BOM))
        self._begun = True
        return True

    def _plain(self, reply: Reply, end: int) -> Events | None:
        """The hot path: nothing but "data: {...}" lines and blank lines, ended by LF. None if it is not that."""
        text = bytes(reply.body[:end])
        done = text.endswith(_DONE_EVENT)
        if done:
            text = text[: -len(_DONE_EVENT)]
        if not (text.startswith(_OPEN) and text.endswith(_CLOSE)):
            return None
        insides = text[len(_OPEN) : -len(_CLOSE)].split(_CLOSE + _OPEN)
        if any(map(contains, insides, repeat(_LF))):  # lines of another kind among them
            return None
        self.done = done
        objects = b"{" + b"}\n{".join(insides) + b"}"
        if len(text) - 1 <= reply.ends[0]:
            return Events([reply.stamps[0]] * len(insides), objects=objects)
        # As in `_instants`, one pass instead of three.
        instants: list[int] = []
        reads = zip(reply.ends.tolist(), reply.stamps.tolist(), strict=True)
        read_end = stamp = 0
        at = -1  # the blank line's LF is not waited for
        for size in map(len, insides):
            at += size + len(_OPEN + _CLOSE)
            while read_end < at:
                read_end, stamp = next(reads)
            instants.append(stamp)
        return Events(instants, objects=objects)

    def _any(self, reply: Reply, *, final: bool) -> tuple[Events, int]:
        """Any stream, line by line: its whole events, and how many bytes they took."""
        payloads: list[bytes] = []
        needed: list[int] = []
        errors: list[int] = []
        data: list[bytes] = []
        kind = b""
        at = taken = data_end = 0
        text = bytes(reply.body)
        lines = text.splitlines(keepends=True)
        if final:
            lines.append(b"\n")  # the blank line that ends the last event
        elif not lines[-1].endswith((b"\n", b"\r")):
            lines.pop()  # not whole; should the LF of a last CR be still to come, it will be one more blank line
        for line in lines:
            bare = line.rstrip(b"\r\n")
            if bare.startswith(b"data: "):  # nearly all of them; the next branch says the same of other spellings
                data.append(bare[6:])
                data_end = at + len(bare) + 1
            elif bare:
                name, _, value = bare.partition(b":")
                value = value.removeprefix(b" ")
                if name == b"event":
                    kind = value
                elif name == b"data" or name == b"error":
                    data.append(value)
                    data_end = at + len(bare) + 1
                    kind = kind if name == b"data" else name
            at += len(line)
            if bare:
                continue
            if data:
                payload = b"\n".join(data)
                if payload.strip() == _DONE:
                    self.done = True
                    break
                if payload.strip():
                    if kind == b"error":
                        errors.append(len(payloads))
                    payloads.append(payload)
                    needed.append(data_end)
                data = []
            kind = b""
            taken = at
        if needed and needed[-1] > len(text):
            needed[-1] = len(text)  # the end of the body is the end of its last line
        instants = _instants(needed, reply.ends, reply.stamps)
        plain = not errors and all(payload[0] == _BRACE and payload[-1] == _UNBRACE for payload in payloads)
        objects = b"\n".join(payloads) if plain else None
        return Events(instants, objects=objects, payloads=payloads, errors=frozenset(errors)), taken


def _instants(needed: list[int], ends: array[int], stamps: array[int]) -> list[int]:
    """For each offset, the stamp of the read that brought the body to that length. Offsets never decrease."""
    found: list[int] = []
    reads = zip(ends.tolist(), stamps.tolist(), strict=True)
    end = stamp = 0
    for offset in needed:
        while end < offset:
            end, stamp = next(reads)
        found.append(stamp)
    return found


def _drop(reply: Reply, size: int) -> None:
    """Remove the first `size` bytes and the reads that brought nothing else. In place: transports hold on to these."""
    ends = reply.ends
    if size == len(reply.body):
        reply.body.clear()
        del ends[:], reply.stamps[:]
    elif size:
        del reply.body[:size]
        over = bisect_right(ends, size)
        del ends[:over], reply.stamps[:over]
        for read in range(len(ends)):
            ends[read] -= size
