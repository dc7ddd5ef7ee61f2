"""Traces: every format as it is found in the wild, parts of them, limits, and files that are none."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import pytest

from perfbench.engine.errors import ScenarioError
from perfbench.workload.traces.columns import instant_ns
from perfbench.workload.traces.reading import NOT_SAID, Limits, Part, TraceTable, read_trace
from perfbench.workload.traces.table import FORMATS

S = 1_000_000_000
SAMPLES = {
    "azure": "TIMESTAMP,ContextTokens,GeneratedTokens\r\n"
    "2023-11-16 18:17:03.9799600,4808,10\r\n2023-11-16 18:17:04.0319600,3180,8\r\n",
    "azure 2024": "TIMESTAMP,ContextTokens,GeneratedTokens\n"
    "2024-05-10 00:00:59.974000+00:00,4808,10\n2024-05-10 00:01:00.026+00:00,3180,8\n",
    "burstgpt": "Timestamp,Model,Request tokens,Response tokens,Total tokens,Log Type\n"
    "5,ChatGPT,4808,10,4818,Conversation log\n5.052,GPT-4,3180,8,3188,API log\n",
    "burstgpt with sessions": "Timestamp,Session ID,Elapsed time,Model,Request tokens,Response tokens,Total tokens,"
    "Log Type\n"
    '5,x,1,"ChatGPT, new",4808,10,4818,API log\n5.052,x,1,GPT-4,3180,8,3188,API log\n',
    "mooncake": '{"timestamp": 0, "input_length": 4808, "output_length": 10, "hash_ids": [0, 1]}\n'
    '{"timestamp": 52, "input_length": 3180, "output_length": 8, "hash_ids": [0, 2]}\n',
    "bailian": '{"chat_id": 1, "parent_chat_id": -1, "timestamp": 61.0, "input_length": 4808, "output_length": 10, '
    '"type": "text", "turn": 1, "hash_ids": [0, 1]}\n'
    '{"chat_id": 2, "parent_chat_id": 1, "timestamp": 61.052, "input_length": 3180, "output_length": 8, '
    '"hash_ids": [0]}\n',
    "lengths": "num_prefill_tokens,num_decode_tokens,num_total_tokens,pd_ratio\n4808,10,4818,0.1\n3180,8,3188,0.2\n",
    "own": '{"at": 1.0, "input_tokens": 4808, "output_tokens": 10}\n'
    '{"at": 1.052, "input_tokens": 3180, "output_tokens": 8}\n',
    "own with dates": '{"timestamp": "2024-05-10T00:00:01Z", "input_tokens": 4808, "output_tokens": 10}\n\n'
    '{"timestamp": "2024-05-10T02:00:01.052+02:00", "input_tokens": 3180, "output_tokens": 8}\n',
}  # fmt: skip


def written(folder: Path, text: str, name: str = "trace") -> Path:
    path = folder / name
    path.write_bytes(gzip.compress(text.encode()) if name.endswith(".gz") else text.encode())
    return path


def rows(*given: dict[str, Any]) -> str:
    return "".join(json.dumps(row) + "\n" for row in given)


def own(*at_s: float, **more: Any) -> str:
    return rows(
        *({"at": at, "input_tokens": 10 + number, "output_tokens": 5, **more} for number, at in enumerate(at_s))
    )


def columns(table: TraceTable) -> dict[str, list[int]]:
    return {name: getattr(table, name).tolist() for name in ("at_ns", "input_tokens", "output_tokens")}


@pytest.mark.parametrize("packed", ["", ".gz"])
@pytest.mark.parametrize("sample", SAMPLES)
def test_a_format_is_known_by_its_first_line_plain_or_packed(tmp_path, sample, packed):
    table = read_trace(written(tmp_path, SAMPLES[sample], f"t{packed}"))
    assert table.format.name == sample.partition(" ")[0]
    times = [] if sample == "lengths" else [0, 52_000_000]
    assert columns(table) == {"at_ns": times, "input_tokens": [4808, 3180], "output_tokens": [10, 8]}


def test_no_sample_is_recognised_as_two_formats():
    for sample, text in SAMPLES.items():
        first = text.encode().splitlines()[0]
        assert [name for name, made in FORMATS.items() if made.recognises(first)] == [sample.partition(" ")[0]]
    assert {sample.partition(" ")[0] for sample in SAMPLES} == FORMATS.keys()


def test_instants_are_kept_to_the_digit():
    assert instant_ns("2023-11-16 18:17:03.9799600") - instant_ns("2023-11-16 18:17:03") == 979_960_000
    assert instant_ns("1970-01-01 00:00:00.123456789") == 123_456_789
    assert instant_ns("1970-01-01T02:00:00+02:00") == 0


def test_blocks_are_kept_row_by_row(tmp_path):
    table = read_trace(written(tmp_path, SAMPLES["mooncake"]))
    assert [table.blocks_of(row).tolist() for row in range(2)] == [[0, 1], [0, 2]]
    huge = {"timestamp": 60, "input_length": 600, "output_length": 1, "hash_ids": [1 << 40, 7, 9]}
    table = read_trace(written(tmp_path, SAMPLES["mooncake"] + rows(huge)))
    assert [table.blocks_of(row).tolist() for row in range(3)] == [[0, 1], [0, 2], [1 << 40, 7]]


def test_a_plain_row_costs_sixteen_bytes(tmp_path):
    table = read_trace(written(tmp_path, own(*range(1000))))
    held = [name for name in table.__slots__ if hasattr(value := getattr(table, name), "itemsize") and len(value)]
    assert sum(getattr(table, name).itemsize for name in held) == 16


@pytest.mark.parametrize(
    ("part", "offsets_s", "first"),
    [
        (Part(), [0, 1, 2, 5, 9], 10),
        (Part(from_ns=2 * S), [0, 3, 7], 12),
        (Part(lasts_ns=2 * S), [0, 1], 10),
        (Part(3 * S, 6 * S), [2], 13),  # the silence before the first request of a part stays
    ],
)
@pytest.mark.parametrize("turned", [False, True], ids=["in order", "latest first"])
def test_a_part_begins_and_ends_in_the_time_of_the_trace(tmp_path, part, offsets_s, first, turned):
    lines = own(100, 101, 102, 105, 109).splitlines(keepends=True)
    table = read_trace(written(tmp_path, "".join(reversed(lines) if turned else lines)), part=part)
    assert table.at_ns.tolist() == [at * S for at in offsets_s]
    assert table.input_tokens[0] == first
    assert (table.out_of_order > 0) is turned


def test_rows_out_of_order_are_sorted_with_all_that_belongs_to_them(tmp_path):
    one = {"timestamp": 50, "input_length": 600, "output_length": 1, "hash_ids": [5, 6]}
    two = {"timestamp": 20, "input_length": 700, "output_length": 2, "hash_ids": [5, 7]}
    table = read_trace(written(tmp_path, rows(one, two)))
    assert columns(table) == {"at_ns": [0, 30_000_000], "input_tokens": [700, 600], "output_tokens": [2, 1]}
    assert [table.blocks_of(row).tolist() for row in range(2)] == [[5, 7], [5, 6]]
    assert table.out_of_order == 1


def test_what_cannot_be_sent_is_left_out_and_counted(tmp_path):
    text = own(0, 1) + rows(
        {"at": 2, "input_tokens": 0, "output_tokens": 5},
        {"at": 3, "input_tokens": 7, "output_tokens": 0},
        {"at": 4, "input_tokens": 7, "output_tokens": 0},
    )
    table = read_trace(written(tmp_path, text))
    assert (len(table), table.left_out) == (2, {"no input": 1, "no output": 2})


def test_long_prompts_are_cut_or_left_out(tmp_path):
    path = written(tmp_path, SAMPLES["mooncake"])
    cut = read_trace(path, limits=Limits(400))
    assert (cut.input_tokens.tolist(), cut.cut, cut.left_out) == ([400, 400], 2, {})
    assert [cut.blocks_of(row).tolist() for row in range(2)] == [[0], [0]]
    left_out = read_trace(path, limits=Limits(4000, skips=True))
    assert (left_out.input_tokens.tolist(), left_out.cut, left_out.left_out) == ([3180], 0, {"too long": 1})


def test_a_given_prompt_cannot_be_cut(tmp_path):
    text = rows({"at": 0, "prompt": "long", "input_tokens": 900}, {"at": 1, "prompt": "short"})
    table = read_trace(written(tmp_path, text), limits=Limits(400))
    assert (table.input_tokens.tolist(), table.left_out) == ([NOT_SAID], {"too long": 1})


def test_a_part_of_a_trace_in_order_is_read_no_further_than_its_end(tmp_path):
    text = own(0, 1, 2) + "this is no row\n"
    assert len(read_trace(written(tmp_path, text), part=Part(lasts_ns=2 * S))) == 2
    with pytest.raises(ScenarioError, match="line 4: is no JSON object"):
        read_trace(written(tmp_path, text))


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "is empty"),
        ("a,b\n1,2\n", "'a,b', is that of no known format"),
        ("TIMESTAMP,ContextTokens,GeneratedTokens\n", "is empty"),
        ("TIMESTAMP,ContextTokens,GeneratedTokens\nyesterday,1,2\n", "line 2: 'yesterday' is no date"),
        ("TIMESTAMP,ContextTokens,GeneratedTokens\n2023-11-16 18:17:03,1\n", "line 2: has 2 columns"),
        ("TIMESTAMP,ContextTokens,GeneratedTokens\n2023-11-16 18:17:03,1,two\n", "GeneratedTokens is 'two'"),
        ("Timestamp,Request tokens,Response tokens\nsoon,1,2\n", "a time in seconds is 'soon'"),
        ('{"timestamp": 0, "input_length": 9, "output_length": 1, "hash_ids": [-1]}\n', "hash_ids is not a list"),
        ('{"timestamp": 0, "input_length": 1.5, "output_length": 1}\n', "input_length is 1.5"),
        ('{"timestamp": 0, "input_length": 9, "output_length": 1}\n{"timestamp": 1}\n', "line 2: has no input_length"),
        ('{"at": 0, "output_tokens": 1}\n', "neither input_tokens nor what to ask"),
        ('{"at": 0, "timestamp": 0, "input_tokens": 1}\n', "has at and timestamp"),
        ('{"at": true, "input_tokens": 1}\n', "at is True, not a number"),
        ('{"at": 0, "prompt": "a", "messages": [{}]}\n', "has prompt and messages"),
        ('{"at": 0, "messages": "a"}\n', "messages is not a list"),
        ('{"at": 0, "messages": ["a"]}\n', "messages is not a list of objects"),
        ('{"at": 0, "input_tokens": 0}\n', "no row of it can be sent (1 no input)"),
    ],
)
def test_a_file_that_is_none_says_where_and_why(tmp_path, text, says):
    path = written(tmp_path, text)
    with pytest.raises(ScenarioError) as error:
        read_trace(path)
    assert says in str(error.value)
    assert str(path) in str(error.value)


def test_problems_are_listed_together_but_not_without_end(tmp_path):
    path = written(tmp_path, own(0) + "no\n" * 20)
    with pytest.raises(ScenarioError) as error:
        read_trace(path)
    assert str(error.value).count("line ") == 5


def test_a_format_that_is_named_is_not_guessed(tmp_path):
    path = written(tmp_path, SAMPLES["azure"])
    with pytest.raises(ScenarioError, match="as burstgpt: its first line names no column 'Timestamp'"):
        read_trace(path, "burstgpt")


def test_a_torn_file_says_so(tmp_path):
    path = tmp_path / "torn.gz"
    path.write_bytes(gzip.compress(SAMPLES["own"].encode() * 1000)[:-20])
    with pytest.raises(ScenarioError, match="no whole gzip file"):
        read_trace(path)


def test_a_part_in_which_nothing_comes_says_how_long_the_trace_is(tmp_path):
    with pytest.raises(ScenarioError, match=r"no request comes in the part .* it lasts 9 s"):
        read_trace(written(tmp_path, own(0, 9)), part=Part(from_ns=60 * S))
