"""Framing: the same events and instants from the same bytes, however they are cut and taken."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from perfbench.engine.dialect.sse import Framer
from perfbench.engine.request import Reply
from tests.engine.dialect.streams import cut


def frame(*reads: bytes, spills: tuple[int, ...] = (), complete: bool = True) -> list[tuple[bytes, int]]:
    """Payloads and instants; read i is stamped 1000 + i."""
    framer, reply = Framer(), Reply()
    found: list[tuple[bytes, int]] = []
    for nth, read in enumerate(reads):
        reply.add(read, 1000 + nth)
        if nth in spills or nth == len(reads) - 1:
            events = framer.take(reply)
            found += zip(events.split(), events.instants, strict=True) if events else []
    events = framer.rest(reply) if complete else None
    found += zip(events.split(), events.instants, strict=True) if events else []
    return found


@pytest.mark.parametrize(
    ("body", "payloads"),
    [
        pytest.param(b'data: {"a":1}\n\n', [b'{"a":1}'], id="one event"),
        pytest.param(b"data: {}\n\ndata: {}\n\n", [b"{}", b"{}"], id="several in one read"),
        pytest.param(b"data: {}\r\n\r\ndata: {}\r\n\r\n", [b"{}", b"{}"], id="CRLF"),
        pytest.param(b"data: {}\r\rdata: {}\r\r", [b"{}", b"{}"], id="bare CR"),
        pytest.param(b"data: {}\r\n\ndata: 1\n\r\ndata: 2\r\r\n", [b"{}", b"1", b"2"], id="line ends mixed"),
        pytest.param(b"data: {}\r\rdata: {}\n\n", [b"{}", b"{}"], id="bare CR, then LF"),
        pytest.param(b"data:{}\n\n", [b"{}"], id="no space after the colon"),
        pytest.param(b"data:  {}\n\n", [b" {}"], id="only one space belongs to the framing"),
        pytest.param(b": hello\n\ndata: {}\n\n: bye\n\n", [b"{}"], id="comments are no events"),
        pytest.param(b": hello\ndata: {}\n: bye\n\n", [b"{}"], id="comments inside an event"),
        pytest.param(b"event: x\nid: 7\nretry: 5\ndata: {}\n\n", [b"{}"], id="other fields"),
        pytest.param(b"data: {}\nid: 7\n\n", [b"{}"], id="fields after the data"),
        pytest.param(b'data: {"a":\ndata: 1}\n\n', [b'{"a":\n1}'], id="data of several lines"),
        pytest.param(b"\xef\xbb\xbfdata: {}\n\n", [b"{}"], id="byte order mark"),
        pytest.param(
            b"data: {}\n\n\xef\xbb\xbfdata: {}\n\n", [b"{}"], id="a byte order mark later on is an unknown field"
        ),
        pytest.param(b"\n\n\ndata: {}\n\n\n\ndata: {}\n\n\n", [b"{}", b"{}"], id="blank lines to spare"),
        pytest.param(b"data: {}\n\ndata: {}", [b"{}", b"{}"], id="the last event without any line end"),
        pytest.param(b"data: {}\n\ndata: {}\n", [b"{}", b"{}"], id="the last event without its blank line"),
        pytest.param(b"data: {}\r", [b"{}"], id="a last line ended by CR"),
        pytest.param(b"data:\n\ndata: \n\ndata\n\ndata: {}\n\n", [b"{}"], id="blank data is no event"),
        pytest.param(b"event: x\n\nid: 1\n\ndata: {}\n\n", [b"{}"], id="events without data are none"),
        pytest.param(b"data: {}\n\ndata: [DONE]\n\n", [b"{}"], id="DONE is no event"),
        pytest.param(b"data:[DONE] \n\ndata: {}\n\n", [], id="nothing counts after DONE"),
        pytest.param(b"data: {}\n\ndata: [DONE]\n\ndata: {}\n\ndata: [DONE]\n\n", [b"{}"], id="nor up to a second one"),
        pytest.param(b"data: {}\n\ndata: [DONE]", [b"{}"], id="DONE without a line end"),
        pytest.param(b"datum: {}\n\n{}\n\n", [], id="unknown fields are ignored"),
        pytest.param(b"", [], id="nothing"),
        pytest.param(b"\xef\xbb", [], id="half a byte order mark"),
    ],
)
def test_payloads(body: bytes, payloads: list[bytes]):
    assert [payload for payload, _ in frame(body)] == payloads
    single = [body[at : at + 1] for at in range(len(body))] or [b""]
    assert [payload for payload, _ in frame(*single, spills=tuple(range(len(body))))] == payloads, "byte by byte"


@pytest.mark.parametrize(
    ("reads", "instants"),
    [
        pytest.param([b"data: {}\n\ndata: {}\n\n"], [1000, 1000], id="events of one read share its stamp"),
        pytest.param([b"data: {}\n\n", b"data: {}\n\n"], [1000, 1001], id="one event a read"),
        pytest.param([b"data: {", b"}\n\nda", b"ta: {}\n\n"], [1001, 1002], id="the read that completes the data line"),
        pytest.param([b"data: {}\n", b"\n"], [1000], id="the blank line is not waited for"),
        pytest.param([b"data: {}", b"\n\n"], [1001], id="the line end is"),
        pytest.param([b"data: {}\r", b"\n\r\n"], [1000], id="the CR of a CRLF is its end"),
        pytest.param([b"data: {\n", b"data: }\n", b"id: 1\n\n"], [1001], id="the last of several data lines"),
        pytest.param([b": x\n\n", b"data: {}\n\n"], [1001], id="comments do not count"),
        pytest.param([b"data: {}", b""], [1000], id="a last line without line end is done with its last byte"),
    ],
)
def test_instants(reads: list[bytes], instants: list[int]):
    for spills in ((), tuple(range(len(reads)))):
        assert [instant for _, instant in frame(*reads, spills=spills)] == instants


def test_a_broken_wire_leaves_the_last_event_unread():
    assert frame(b"data: {}\n\ndata: {}\n", complete=False) == [(b"{}", 1000)]


def test_what_is_taken_leaves_the_reply_and_the_rest_is_counted_anew():
    framer, reply = Framer(), Reply()
    for stamp, read in enumerate([b"data: {}\n\nda", b"ta: 1", b"2"]):
        reply.add(read, stamp)
    body, ends, stamps = reply.body, reply.ends, reply.stamps
    events = framer.take(reply)
    assert events is not None and events.split() == [b"{}"]
    assert bytes(reply.body) == b"data: 12"
    assert (list(reply.ends), list(reply.stamps)) == ([2, 7, 8], [0, 1, 2])
    assert (reply.body, reply.ends, reply.stamps) == (body, ends, stamps)
    assert reply.body is body and reply.ends is ends and reply.stamps is stamps, "transports hold on to these objects"


def test_a_read_that_brought_nothing_of_the_rest_is_forgotten():
    framer, reply = Framer(), Reply()
    for stamp, read in enumerate([b"data: {}\n\n", b"da"]):
        reply.add(read, stamp)
    framer.take(reply)
    assert (list(reply.ends), list(reply.stamps)) == ([2], [1])


@pytest.mark.parametrize("end", [b"\n", b"\r\n", b"\r"])
def test_an_event_is_taken_as_soon_as_it_is_whole(end: bytes):
    framer, reply, count = Framer(), Reply(), 0
    event = b"data: {}" + end + end
    for nth, byte in enumerate(b": x" + end + end + 3 * event):
        reply.add(bytes([byte]), nth)
        events = framer.take(reply)
        count += len(events.instants) if events else 0
        assert len(reply.body) <= len(event) + 2
    assert count == 3


def test_a_long_event_in_pieces_does_not_hide_the_short_one_after_it():
    framer, reply = Framer(), Reply()
    for nth, read in enumerate([b"data: " + b"x" * 100, b"\n\n", b"data: {}\n\nda"]):
        reply.add(read, nth)
        events = framer.take(reply)
    assert events is not None and events.split() == [b"{}"]


def test_nothing_is_left_or_kept_after_done():
    framer, reply = Framer(), Reply()
    reply.add(b"data: {}\n\ndata: [DONE]\n\ndata: {}", 0)
    framer.take(reply)
    assert framer.done and not reply.body and not reply.ends and not reply.stamps
    reply.add(b"}\n\n", 1)
    assert framer.take(reply) is None and not reply.body and not reply.ends


def test_a_server_can_call_an_event_an_error():
    framer, reply = Framer(), Reply()
    reply.add(b"data: {}\n\nevent: error\ndata: {}\n\ndata: {}\n\nerror: {}\n\n", 5)
    events = framer.take(reply)
    assert events is not None and events.errors == {1, 3}


PAYLOADS = st.sampled_from(
    [b'{"a":1}', b'{"b":"x y"}', '{"ä":"€ 😀"}'.encode(), b"{}", b"1", b"{} ", b'{"a":"}', b"[]", b'{"a"', b"oops"]
)
LINE_ENDS = st.sampled_from([b"\n", b"\r\n", b"\r"])
PLAIN = st.sampled_from([b"\n"])
NOISE = st.sampled_from([b": ping", b"event: x", b"id: 1", b"retry: 10", b":", b"unknown"])


@dataclass
class Stream:
    body: bytes
    events: list[tuple[bytes, int]]
    """Payload, and the offset that must have come for its data to be complete."""


@st.composite
def streams(draw: st.DrawFn) -> Stream:
    """Any mixture of what the framing allows, and what is in it."""
    ends = draw(st.sampled_from([LINE_ENDS, PLAIN]))
    noise = draw(st.sampled_from([NOISE, None]))
    body = draw(st.sampled_from([b"", b"", b"\xef\xbb\xbf"]))
    events: list[tuple[bytes, int]] = []
    for _ in range(draw(st.integers(0, 6))):
        complete_at = 0
        data: list[bytes] = []
        lines = [("data", draw(PAYLOADS)) for _ in range(draw(st.integers(1, 2) if noise is not None else st.just(1)))]
        if noise is not None:
            lines = [("noise", n) for n in draw(st.lists(noise, max_size=2))] + lines
            lines += [("noise", n) for n in draw(st.lists(noise, max_size=1))]
        for what, text in lines:
            if what == "data":
                data.append(text)
                body += (draw(st.sampled_from([b"data: ", b"data:"])) if noise is not None else b"data: ") + text
                complete_at = len(body) + 1
            else:
                body += text
            body += draw(ends)
        body += draw(ends)
        if body.endswith(b"\r\n") and not body.endswith((b"\n\r\n", b"\r\r\n")):
            body += b"\n"  # a CR and an LF that met have become one line end
        events.append((b"\n".join(data), complete_at))
    return Stream(body, events)


@given(streams(), st.data())
def test_cuts_and_takings_change_nothing(stream: Stream, data: st.DataObject):
    points = data.draw(st.lists(st.integers(0, len(stream.body)), max_size=30))
    reads = cut(stream.body, points)
    spills = tuple(data.draw(st.lists(st.integers(0, len(reads)), max_size=8)))
    reached: list[int] = []
    for _, complete_at in stream.events:
        length, nth = 0, -1
        while length < complete_at:
            nth += 1
            length += len(reads[nth])
        reached.append(1000 + nth)
    assert frame(*reads, spills=spills) == list(zip([payload for payload, _ in stream.events], reached, strict=True))
