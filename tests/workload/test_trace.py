"""Trace: what the requests of a replay are: their times, lengths, and what their prompts share."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from perfbench.engine.errors import ScenarioError
from perfbench.engine.request import Request
from perfbench.scenario import Scenario
from perfbench.workload import bounded, described, open_workload
from perfbench.workload.ahead import MOST, BuiltAhead
from perfbench.workload.base import Workload
from perfbench.workload.tokens import Tokenizer
from perfbench.workload.trace import Replay
from tests.evalcore.shared import shared
from tests.workload.test_traces import SAMPLES, own, rows, written

MS = 1_000_000


def scenario(path: Path, **keys: Any) -> Scenario:
    given = {"url": "http://127.0.0.1:8000/v1", "model": "m", "seed": 1, "trace": str(path), **keys}
    return Scenario.from_mapping(given, environment={})


def opened(path: Path, **keys: Any) -> Workload:
    return open_workload(scenario(path, **keys))


def texts(workload: Workload) -> list[str]:
    return [workload.item(index).prompt.text or "" for index in range(workload.length or 0)]


@given(st.lists(st.integers(0, 1 << 50), max_size=50), st.floats(0.01, 1000))
def test_arrivals_are_those_of_the_trace_faster(gaps, speed):
    from array import array
    from itertools import accumulate

    at_ns = array("q", accumulate(gaps))
    replay = Replay(at_ns, speed)
    found = list(replay)
    assert found == list(replay)
    assert found == [round(at / speed) for at in at_ns]
    assert all(before <= after for before, after in pairwise(found))


def test_a_replay_is_an_open_loop_that_ends_with_the_trace(tmp_path):
    asked = scenario(written(tmp_path, SAMPLES["mooncake"]), speed=2)
    workload = open_workload(asked)
    assert (asked.open_loop, asked.workload_name, asked.parallel, asked.arrival) == (True, "trace", None, None)
    assert list(workload.arrivals) == [0, 26 * MS]
    assert bounded(asked, workload).number == 2


def test_rows_are_as_long_as_the_trace_says_and_share_nothing_by_themselves(tmp_path):
    workload = opened(written(tmp_path, SAMPLES["azure"]))
    items = [workload.item(index) for index in range(2)]
    assert [(item.wanted_input_tokens, item.wanted_output_tokens) for item in items] == [(4808, 10), (3180, 8)]
    assert [len(text.split(" ")) for text in texts(workload)] == [4808, 3180]
    assert texts(workload)[0].split(" ")[:8] != texts(workload)[1].split(" ")[:8]
    assert workload.reuse == "none: no two prompts begin alike"
    assert [workload.item(1), workload.item(0)] == [opened(tmp_path / "trace").item(index) for index in (1, 0)]


def test_equal_blocks_are_equal_texts_behind_equal_texts(tmp_path):
    path = written(
        tmp_path,
        rows(
            {"timestamp": 0, "input_length": 1100, "output_length": 1, "hash_ids": [4, 9, 11]},
            {"timestamp": 1, "input_length": 1500, "output_length": 1, "hash_ids": [4, 9, 12]},
            {"timestamp": 2, "input_length": 1050, "output_length": 1, "hash_ids": [4, 9, 11]},
            {"timestamp": 3, "input_length": 600, "output_length": 1, "hash_ids": [4]},
            {"timestamp": 4, "input_length": 600, "output_length": 1, "hash_ids": [5, 6]},
        ),
    )
    workload = opened(path)
    words = [text.split(" ") for text in texts(workload)]
    assert [len(text) for text in words] == [1100, 1500, 1050, 600, 600]

    def alike(one: int, other: int) -> int:
        pairs = enumerate(zip(words[one], words[other], strict=False))
        return next((place for place, (left, right) in pairs if left != right), 1 << 20)

    assert alike(0, 1) == 1024  # two blocks, and not a word more
    assert alike(0, 2) == 1 << 20  # of a block that is not full, the beginning
    assert alike(0, 3) == 512  # what no block is named for is this request's own
    assert alike(0, 4) == 0
    told = described("trace", workload)
    assert told["trace"]["shared_share"] == pytest.approx((1024 + 1050 + 512) / (1100 + 1500 + 1050 + 600 + 600))
    assert "equal hashes of blocks of 512 tokens" in told["reuse"]
    assert "53.3% of all tokens" in told["reuse"]


def test_prompts_of_a_session_begin_alike(tmp_path):
    path = written(
        tmp_path,
        rows(
            *({"at": at, "input_tokens": 40 + 20 * at, "output_tokens": 1, "session": "ab"[at % 2]} for at in range(4))
        )
        + own(9),
    )
    workload = opened(path)
    first, other, second, _, alone = texts(workload)
    assert second.startswith(first + " ")
    assert other[:20] != first[:20] != alone[:20]
    assert "each of its 2 sessions begin alike" in workload.reuse


@pytest.mark.parametrize("name", ["t.jsonl", "t.jsonl.gz"])
def test_prompts_that_the_trace_brings_are_sent_as_they_are(tmp_path, name):
    said = [{"role": "user", "content": "héllo"}]
    path = written(
        tmp_path,
        own(0) + rows({"at": 1, "prompt": "ask this"}, {"at": 2, "messages": said, "output_tokens": 3, "tag": "chat"}),
        name,
    )
    workload = opened(path)
    made_up, asked, talked = (workload.item(index) for index in range(3))
    assert len(made_up.prompt.text.split(" ")) == 10
    assert (asked.prompt.text, asked.wanted_input_tokens, asked.wanted_output_tokens) == ("ask this", None, None)
    assert (talked.prompt.messages, talked.wanted_output_tokens, talked.tag) == (said, 3, "chat")
    assert (made_up.tag, asked.tag) == ("", "")


def test_lengths_are_exact_with_a_tokenizer(tmp_path):
    pytest.importorskip("tokenizers")
    file = shared("tokenizers/gpt2/tokenizer.json")
    workload = opened(written(tmp_path, SAMPLES["mooncake"]), tokenizer=str(file))
    assert [Tokenizer(file).count(text) for text in texts(workload)] == [4808, 3180]
    assert workload.facts()["prompt_tokens_source"].startswith("tokenizer tokenizer.json: exact")


def test_lengths_alone_go_with_a_load_of_ones_own(tmp_path):
    path = written(tmp_path, SAMPLES["lengths"])
    with pytest.raises(ScenarioError, match=r"holds lengths and no times; say trace_times: no"):
        opened(path)
    asked = scenario(path, trace_times=False, rate=5)
    workload = open_workload(asked)
    assert (workload.arrivals, asked.arrival, asked.replays) == (None, "poisson", False)
    assert workload.item(2).wanted_input_tokens == 4808  # and begins anew
    assert workload.item(2).prompt.text != workload.item(0).prompt.text
    assert scenario(path, trace_times=False).parallel == 1


def test_a_text_to_embed_has_no_reply(tmp_path):
    item = opened(written(tmp_path, own(0)), api="embeddings").item(0)
    assert ([len(text.split(" ")) for text in item.prompt.texts], item.wanted_output_tokens) == ([10], None)


def test_what_became_of_the_rows_is_stated(tmp_path):
    text = own(0, 1, 2) + rows({"at": 3, "input_tokens": 5, "output_tokens": 0})
    told = described("trace", opened(written(tmp_path, text), max_input=11, speed=4))
    assert told["trace"] == {
        "format": "own", "requests": 3, "left_out": {"no output": 1}, "cut": 1, "out_of_order": 0, "speed": 4.0,
        "lasts_s": 2.0, "mean_input_tokens": pytest.approx(32 / 3), "mean_output_tokens": 5.0, "shared_share": None,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("keys", "says"),
    [
        ({"rate": 5}, "rate and trace both say when requests leave"),
        ({"shape": "ramp 1/s -> 5/s over 3s"}, "shape and trace both say when requests leave"),
        ({"arrival": "poisson"}, "arrival and trace both say when requests leave"),
        ({"speed": 0}, "should be greater than 0"),
        ({"speed": 2, "trace_times": False}, "trace_times is off"),
        ({"too_long": "skip"}, "give that too"),
        ({"api": "rerank"}, "has no documents to rank"),
        ({"output_tokens": 5}, "workload is trace"),
        ({"trace_format": "azur"}, "did you mean azure?"),
        ({"prompt": "x"}, "both say what to send"),
        ({"trace": None, "speed": 2}, "is for a trace, but workload is synthetic"),
        ({"trace": None, "workload": "trace"}, "give trace too"),
    ],
)
def test_what_contradicts_a_replay_is_refused(tmp_path, keys, says):
    path = written(tmp_path, own(0))
    with pytest.raises(ScenarioError) as error:
        scenario(path, **keys)
    assert says.removeprefix("rate ").removeprefix("shape ").removeprefix("arrival ") in str(error.value)


def test_a_trace_with_times_is_no_part_of_a_mix(tmp_path):
    path = written(tmp_path, own(0))
    parts = {"a": {"trace": str(path)}, "b": {"prompt_tokens": 5}}
    mixed = Scenario.from_mapping({"url": "simulator", "mix": parts}, environment={})
    with pytest.raises(ScenarioError, match=r"mix.a: .* arrival times of its own"):
        open_workload(mixed)
    parts["a"]["trace_times"] = False
    assert open_workload(Scenario.from_mapping({"url": "simulator", "mix": parts}, environment={})).item(0)


# -- built ahead -------------------------------------------------------------------------------------------------------


class Builder:
    """Requests that say when they were built."""

    def __init__(self) -> None:
        self.built: list[int] = []

    def __call__(self, index: int) -> Request:
        self.built.append(index)
        return Request(key=str(index), body=b"x", dialect=None)  # type: ignore[arg-type]


@given(
    st.lists(st.integers(0, 6), min_size=1, max_size=120), st.sampled_from([1, 2, 3]), st.integers(0, 2),
    st.sampled_from([1, 100_000, 400_000]),
)  # fmt: skip
def test_every_position_gets_its_own_request_and_each_is_built_once(gaps, step, first, unit_ns):
    from array import array
    from itertools import accumulate

    replay = Replay(array("q", (at * unit_ns for at in accumulate(gaps))))
    builder = Builder()
    ahead = BuiltAhead(builder, replay, step)
    positions = range(first, len(gaps), step)
    assert [ahead(index).key for index in positions] == list(map(str, positions))
    assert builder.built == list(positions)


def test_those_due_at_one_instant_are_built_in_the_pause_before():
    from array import array

    replay = Replay(array("q", [0, 50 * MS, 50 * MS, 50 * MS, 50 * MS + 10, 90 * MS]))
    builder = Builder()
    ahead = BuiltAhead(builder, replay)
    ahead(0), ahead(1)
    assert builder.built == [0, 1, 2, 3, 4]
    ahead(2), ahead(3), ahead(4)
    assert builder.built == [0, 1, 2, 3, 4]


def test_without_a_pause_each_is_built_when_it_is_asked_for():
    from array import array

    builder = Builder()
    ahead = BuiltAhead(builder, Replay(array("q", [number * 100_000 for number in range(2000)])))
    before = 0
    for index in range(2000):
        ahead(index)
        assert len(builder.built) - before <= (MOST + 1 if index == 0 else 1)
        before = len(builder.built)
