"""The small parts: draws, slots, timetable, scripts, configuration."""

import asyncio
import time

import pytest
import uvloop
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from perfbench.engine import clock
from perfbench.engine.clock import KernelTimer
from perfbench.simulator.config import SimulatorConfig
from perfbench.simulator.draws import Draws
from perfbench.simulator.plan import DEFAULTS, KEYS
from perfbench.simulator.script import plain_words, sentence
from perfbench.simulator.shapes.base import text_of
from perfbench.simulator.slots import Slots
from perfbench.simulator.timetable import LoopTimer, Timetable


def test_draws_repeat_with_their_seed_and_differ_without():
    first, again, other = Draws(7), Draws(7), Draws(8)
    drawn = [first.uniform() for _ in range(1000)]
    assert drawn == [again.uniform() for _ in range(1000)] != [other.uniform() for _ in range(1000)]
    assert all(0 <= value < 1 for value in drawn)
    assert sum(drawn) / 1000 == pytest.approx(0.5, abs=0.05)


class Guest:
    def __init__(self, name, started):
        self.name, self.started = name, started

    def start(self):
        self.started.append(self.name)


def test_slots_start_in_order_of_arrival():
    slots, started = Slots(), []
    guests = {name: Guest(name, started) for name in "abcde"}
    for guest in guests.values():
        slots.enter(guest, 2)
    assert started == ["a", "b"]
    slots.leave()
    assert started == ["a", "b", "c"]
    slots.withdraw(guests["d"])
    slots.leave()
    assert (started, slots.active) == (["a", "b", "c", "e"], 2)


def test_the_head_of_the_queue_holds_up_those_behind_it():
    slots, started = Slots(), []
    for name, limit in (("a", 0), ("b", 0), ("narrow", 1), ("wide", 3)):
        slots.enter(Guest(name, started), limit)
    assert started == ["a", "b", "wide"]  # two are active: room under a limit of 3, none under 1
    slots.enter(Guest("late", started), 3)
    slots.leave()
    assert "late" not in started  # it stands behind "narrow"
    slots.leave()
    assert slots.active == 1
    slots.leave()
    assert started == ["a", "b", "wide", "narrow", "late"]


class Served(list):
    """Who was served when, and a way to wait until there are enough of them."""

    def __init__(self):
        super().__init__()
        self.more = asyncio.Event()

    async def reaches(self, count):
        while len(self) < count:
            self.more.clear()
            await self.more.wait()


class Due:
    def __init__(self, name, served, raises=False):
        self.name, self.served, self.raises, self.failed = name, served, raises, None

    def tick(self):
        self.served.append((self.name, time.perf_counter_ns()))
        self.served.more.set()
        if self.raises:
            raise ZeroDivisionError

    def fail(self, error):
        self.failed = error


@pytest.mark.parametrize("loop_kind", ["asyncio", "uvloop"])
@pytest.mark.parametrize("alarm", [KernelTimer, LoopTimer])
def test_nothing_is_served_before_its_instant_and_all_in_order(loop_kind, alarm, monkeypatch):
    if alarm is LoopTimer:

        def none() -> int:
            raise OSError("no timerfd on this system")

        monkeypatch.setattr(clock, "_open_timer", none)

    async def scenario():
        table, served = Timetable(asyncio.get_running_loop()), Served()
        assert isinstance(table._alarm, alarm)
        began_ns = time.perf_counter_ns()
        instants = {name: began_ns + ms * 1_000_000 for name, ms in (("c", 12), ("a", 3), ("b", 3.3), ("past", -5))}
        for name, instant_ns in instants.items():
            table.at(int(instant_ns), Due(name, served))
        await served.reaches(4)
        table.close()
        return instants, served

    run = uvloop.run if loop_kind == "uvloop" else asyncio.run
    instants, served = run(scenario())
    assert [name for name, _ in served] == ["past", "a", "b", "c"]
    assert all(at_ns >= instants[name] for name, at_ns in served)


async def test_a_tick_that_raises_is_told_and_the_others_are_served():
    table, served = Timetable(asyncio.get_running_loop()), Served()
    now_ns = time.perf_counter_ns()
    bad = Due("bad", served, raises=True)
    table.at(now_ns, bad)
    table.at(now_ns + 1, Due("good", served))
    await served.reaches(2)
    table.close()
    assert isinstance(bad.failed, ZeroDivisionError)


def test_plain_words_come_round():
    script = plain_words(18, 2, cut=True)
    assert script.thought() == b" the of"
    assert script.said().startswith(b" and to in a") and script.said().endswith(b" on the of")
    assert script.text(0, 18) == script.thought() + script.said()


@given(st.text(st.characters(exclude_categories=["Cs"])), st.integers(0, 5))
def test_a_sentence_is_said_whole(text, reasoning):
    script = sentence(text, reasoning, None)
    assert text_of(script.said()) == text
    assert not script.cut


def test_a_sentence_longer_than_the_maximum_is_cut():
    script = sentence("The answer is 42.", 1, 3)
    assert (text_of(script.said()), script.length, script.reasoning, script.cut) == ("The answer", 3, 1, True)


def test_the_defaults_of_the_server_are_those_of_the_language():
    assert SimulatorConfig().plan() == DEFAULTS


def test_every_key_of_the_language_can_be_set_for_the_whole_server():
    names = {"ttft": "ttft_ms", "itl": "itl_ms", "n": "tokens", "jit": "jitter"}
    assert {names.get(key, key) for key in KEYS} <= SimulatorConfig.model_fields.keys()


@pytest.mark.parametrize(
    ("options", "says"),
    [
        pytest.param({"ttft": 5}, "ttft", id="unknown field"),
        pytest.param({"ttft_ms": -1}, "ttft=-1", id="unfit value"),
        pytest.param({"skill": 0.5}, "needs an answer key", id="skill without a key"),
        pytest.param({"answer_format": "It is {x}"}, "{answer}", id="a format without a place for the answer"),
        pytest.param({"port": 70000}, "port", id="no such port"),
    ],
)
def test_a_configuration_that_cannot_be_is_refused(options, says):
    with pytest.raises(ValidationError, match=says):
        SimulatorConfig(**options)


def test_a_key_is_not_shown():
    assert "hush" not in repr(SimulatorConfig(api_key="hush"))
