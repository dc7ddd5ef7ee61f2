"""When things leave: an absolute schedule, the queue, the batch, and a log that tells what truly happened."""

import asyncio
from itertools import pairwise

import pytest

from perfbench.simulator.draws import Draws
from perfbench.simulator.plan import Plan
from perfbench.simulator.reply import House, StreamedReply, WholeReply, Wire
from perfbench.simulator.script import plain_words
from perfbench.simulator.shapes import SHAPES
from perfbench.simulator.shapes.base import Speech
from perfbench.simulator.slots import Slots
from perfbench.simulator.truth import TruthLog
from tests.simulator.client import chat, exchange, hear, request_bytes

MS = 1_000_000


class Book:
    """A timetable that only notes what is entered; the test decides when it is served."""

    def __init__(self):
        self.entries = []

    def at(self, instant_ns, due):
        self.entries.append((instant_ns, due))


class Paper:
    """A transport that keeps what is written."""

    def __init__(self):
        self.writes = []

    def set_write_buffer_limits(self, high=None, low=None):
        pass

    def is_closing(self):
        return False

    def write(self, data):
        self.writes.append(bytes(data))


def reply(plan, *, stream=True, slots=None):
    """A reply on its own, started, and everything around it."""
    house, paper, row = House(slots or Slots(), Book(), Draws()), Paper(), TruthLog().open(1, 2)
    scripts = (plain_words(plan.n, plan.reason, cut=False),)
    speech = Speech(
        number=0, model="sim", created_s=0, scripts=scripts, prompt_tokens=1, say_usage=False, role_first=False
    )
    shape = SHAPES["chat"](speech)
    parts = (house, Wire(paper, True), row, plan)
    if stream:
        made = StreamedReply(*parts, shape=shape, scripts=scripts, fault=None)
    else:
        made = WholeReply(*parts, body=shape.whole, tokens=plan.n, gaps=plan.n - 1)
    house.slots.enter(made, plan.slots)
    return house.timetable, paper, row


def offsets_ms(book, row, paper):
    """Serve everything at once, late or early as it may be; when was each due?"""
    for _, due in book.entries:
        due.tick()
    return [(instant_ns - row.started_ns) / MS for instant_ns, _ in book.entries]


async def test_tokens_are_due_at_absolute_instants_however_late_the_ones_before():
    assert offsets_ms(*order(reply(Plan(ttft=200, itl=20, n=4)))) == [200, 220, 240, 260]


async def test_several_tokens_in_an_event_take_one_gap():
    assert offsets_ms(*order(reply(Plan(ttft=10, itl=20, n=5, multi=2)))) == [10, 30, 50]


async def test_a_blast_is_one_write():
    book, paper, row = reply(Plan(ttft=10, itl=20, n=128, blast=1))
    assert offsets_ms(book, row, paper) == [10]
    assert len(paper.writes) == 1
    assert (row.tokens, row.events, row.outcome) == (128, 128, "ok")


async def test_a_whole_reply_takes_the_time_of_all_its_tokens():
    assert offsets_ms(*order(reply(Plan(ttft=200, itl=20, n=4), stream=False))) == [260]


async def test_gaps_grow_with_the_batch():
    slots = Slots()
    slots.active = 3
    assert offsets_ms(*order(reply(Plan(ttft=10, itl=10, n=3, load=0.5), slots=slots))) == [25, 50, 75]


async def test_jitter_is_drawn_for_each_gap_and_keeps_the_mean():
    offsets = offsets_ms(*order(reply(Plan(ttft=0, itl=10, n=2001, jit=1.0))))
    gaps = [b - a for a, b in pairwise(offsets)]
    mean = sum(gaps) / len(gaps)
    assert mean == pytest.approx(10, rel=0.1)
    deviation = (sum((gap - mean) ** 2 for gap in gaps) / len(gaps)) ** 0.5
    assert deviation / mean == pytest.approx(1.0, abs=0.1)  # exponential


async def test_each_event_is_one_write_and_the_last_one_brings_the_end():
    book, paper, row = reply(Plan(n=3))
    offsets_ms(book, row, paper)
    assert len(paper.writes) == 3
    assert paper.writes[0].startswith(b"HTTP/1.1 200 OK\r\n") and paper.writes[0].count(b"data: ") == 1
    assert paper.writes[2].endswith(b"data: [DONE]\n\n\r\n0\r\n\r\n")


async def test_split_events_take_two_writes_each():
    book, paper, row = reply(Plan(n=1, split=1))
    offsets_ms(book, row, paper)
    head, *halves, last = paper.writes
    assert (head.count(b"\r\n\r\n"), len(halves), last) == (1, 6, b"0\r\n\r\n")  # token, finish, [DONE]


def order(made):
    book, paper, row = made
    return book, row, paper


async def test_the_log_tells_what_happened_in_order(simulator):
    heard = await simulator.ask(chat("sim:ttft=5,itl=2,n=6", max_tokens=4))
    (row,) = await simulator.log()
    assert (row["id"], row["tokens"], row["events"], row["stream"], row["outcome"]) == (0, 4, 4, 1, "ok")
    instants = [row[f"{name}_ns"] for name in ("first_byte", "complete", "started", "first_token", "last_token")]
    assert instants == sorted(instants)
    assert row["first_token_ns"] - row["started_ns"] >= 5 * MS
    assert row["last_token_ns"] - row["started_ns"] >= 11 * MS
    assert heard.headers["x-request-id"] == "sim-0"


async def test_a_slot_is_given_in_order_of_arrival_and_to_one_at_a_time(simulator):
    await asyncio.gather(*(simulator.ask(chat("sim:ttft=2,itl=1,n=4,slots=1")) for _ in range(8)))
    rows = await simulator.log()
    assert len(rows) == 8
    for row, following in pairwise(rows):
        assert row["last_token_ns"] <= following["started_ns"]


async def test_a_client_that_leaves_the_queue_is_skipped(start):
    simulator = await start(slots=1, itl_ms=0)
    stalled, stalled_writer = await asyncio.open_connection("127.0.0.1", simulator.port)
    stalled_writer.write(request_bytes("/v1/chat/completions", chat("sim:stall=1,n=1,ttft=0")))
    await stalled.readuntil(b"\r\n\r\n")
    _, waiting_writer = await asyncio.open_connection("127.0.0.1", simulator.port)
    waiting_writer.write(request_bytes("/v1/chat/completions", chat("sim")))
    await simulator.log_once(lambda rows: len(rows) == 2)
    last = asyncio.create_task(exchange(simulator.port, request_bytes("/v1/chat/completions", chat("sim"))))
    await simulator.log_once(lambda rows: len(rows) == 3)
    waiting_writer.close()
    await simulator.log_once(lambda rows: rows[1]["outcome"] == "client_gone")
    stalled_writer.close()
    assert (await last).end == "whole"
    rows = await simulator.log()
    assert [row["outcome"] for row in rows] == ["client_gone", "client_gone", "ok"]
    assert rows[1]["started_ns"] == 0


async def test_a_client_that_leaves_in_the_middle_frees_its_slot(start):
    simulator = await start(slots=1)
    reader, writer = await asyncio.open_connection("127.0.0.1", simulator.port)
    writer.write(request_bytes("/v1/chat/completions", chat("sim:ttft=0,itl=5,n=100000")))
    await reader.readuntil(b"\r\n\r\n")
    writer.close()
    assert (await simulator.ask(chat("sim:ttft=0,n=1"))).end == "whole"
    gone, after = await simulator.log()
    assert (gone["outcome"], after["outcome"]) == ("client_gone", "ok")
    assert 0 < gone["tokens"] < 100000


async def test_a_connection_carries_one_request_after_another(simulator):
    reader, writer = await asyncio.open_connection("127.0.0.1", simulator.port)
    for number, stream in enumerate((True, False, True)):
        writer.write(request_bytes("/v1/chat/completions", chat("sim:ttft=0,itl=0,n=2", stream=stream)))
        heard = await hear(reader)
        assert (heard.end, heard.headers["x-request-id"], heard.headers["connection"]) == (
            "whole", f"sim-{number}", "keep-alive",
        )  # fmt: skip
    writer.close()


async def test_a_client_that_asks_for_it_gets_the_connection_closed(simulator):
    reader, writer = await asyncio.open_connection("127.0.0.1", simulator.port)
    writer.write(request_bytes("/v1/chat/completions", chat("sim:n=1"), {"Connection": "close"}))
    assert (await hear(reader)).headers["connection"] == "close"
    assert await reader.read() == b""
    writer.close()


@pytest.mark.slow
async def test_hundreds_of_streams_at_once_all_end_whole(start):
    simulator = await start()
    model = "sim:ttft=50,itl=20,n=20"
    heard = await asyncio.gather(*(simulator.ask(chat(model)) for _ in range(400)))
    assert {one.end for one in heard} == {"whole"}
    rows = await simulator.log()
    assert {(row["tokens"], row["outcome"]) for row in rows} == {(20, "ok")}
