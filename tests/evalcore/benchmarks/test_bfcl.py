"""BFCL as a benchmark: what is offered, what is asked, and a whole run against an endpoint that calls functions."""

from __future__ import annotations

import json

import pytest

from evalcore.benchmarks.base import PromptOptions
from evalcore.benchmarks.bfcl import Bfcl
from evalcore.errors import DataError, TaskError
from evalcore.run import run_task
from evalcore.task import TaskConfig
from evalcore.types import Answer
from tests.evalcore.recorder import recorder
from tests.evalcore.shared import shared_rows

pytest.importorskip("tree_sitter_java")

ROOM = {
    "name": "hotel.book_room",
    "description": "Books a room.",
    "parameters": {
        "type": "dict",
        "properties": {
            "nights": {"type": "integer", "description": "How many."},
            "rate": {"type": "float", "description": "Highest price.", "default": 90.0},
            "guests": {"type": "array", "items": {"type": "dict", "properties": {"age": {"type": "integer"}}}},
            "where": {"type": "tuple", "items": {"type": "float"}},
        },
        "required": ["nights"],
    },
}
ROW = {"id": "simple_0", "question": "Two nights, please.", "function": ROOM,
       "ground_truth": {"hotel.book_room": {"nights": [2], "rate": [90.0, ""]}}}  # fmt: skip
JAVA = {"id": "java_0", "question": "Sort.", "ground_truth": {"Sorter.sort": {"items": [["a"]]}},
        "function": [{"name": "Sorter.sort", "parameters": {"required": ["items"], "properties": {
            "items": {"type": "ArrayList", "items": {"type": "String"}, "description": "What."}}}}]}  # fmt: skip
AS_TEXT = PromptOptions(extra={"functions": "text"})


def called(name, **arguments):
    return {"id": "1", "type": "function", "function": {"name": name, "arguments": json.dumps(arguments)}}


def test_functions_are_offered_in_json_schema_under_names_that_servers_take():
    bench = Bfcl()
    (tool,) = bench.tools(bench.sample(ROW, "simple"), PromptOptions())
    assert tool["function"]["name"] == "hotel_book_room"
    assert tool["function"]["parameters"] == {
        "type": "object",
        "properties": {
            "nights": {"type": "integer", "description": "How many."},
            "rate": {"type": "number", "description": "Highest price. (a float)", "default": 90.0},
            "guests": {"type": "array", "items": {"type": "object", "properties": {"age": {"type": "integer"}}}},
            "where": {"type": "array", "items": {"type": "number"}},
        },
        "required": ["nights"],
    }


def test_arguments_of_java_are_asked_for_as_source_text():
    bench = Bfcl()
    (tool,) = bench.tools(bench.sample(JAVA, "java"), PromptOptions())
    items = tool["function"]["parameters"]["properties"]["items"]
    assert items == {"type": "string", "description": "What. A Java ArrayList of String, as source text."}


def test_functions_stand_in_the_prompt_where_they_are_asked_for_as_text():
    bench = Bfcl()
    sample = bench.sample(ROW, "simple")
    assert bench.tools(sample, AS_TEXT) == []
    system, user = bench.messages(sample, [], AS_TEXT)
    assert json.dumps(ROOM) in system["content"] and user["content"] == ROW["question"]
    assert [message["role"] for message in bench.messages(sample, [], PromptOptions())] == ["user"]
    with pytest.raises(TaskError, match="functions is 'prose'; write one of tools, text"):
        bench.messages(sample, [], PromptOptions(extra={"functions": "prose"}))


RIGHT = called("hotel_book_room", nights=2)
ANSWERS = [
    pytest.param("", [RIGHT], (1, 1, 1), id="a call by the API"),
    pytest.param("I shall book.", [RIGHT], (1, 1, 1), id="with words beside it"),
    pytest.param("", [called("hotel_book_room", nights="2")], (0, 0, 0), id="a wrong type"),
    pytest.param("", [RIGHT, RIGHT], (0, 0, 0), id="twice"),
    pytest.param("[hotel.book_room(nights=2)]", [], (1, 1, 0), id="a list in the text"),
    pytest.param("hotel.book_room(nights=2)", [], (1, 0, 0), id="a call in the text"),
    pytest.param("[hotel_book_room(nights=2)]", [], (0, 0, 0), id="in a text names keep their dots"),
    pytest.param("Call hotel.book_room with nights=2.", [], (0, 0, 0), id="words"),
    pytest.param("", [], (0, 0, 0), id="nothing"),
]


@pytest.mark.parametrize(("text", "calls", "values"), ANSWERS)
def test_scores_of_an_answer(text, calls, values):
    bench = Bfcl()
    scores = bench.score(bench.sample(ROW, "simple"), Answer(text=text, tool_calls=tuple(calls)))
    assert tuple(scores[name].value for name in bench.protocols) == values


@pytest.mark.parametrize(("text", "calls", "values"), [row.values for row in ANSWERS])
def test_where_no_function_fits_whatever_is_a_call_is_wrong(text, calls, values):
    bench = Bfcl()
    scores = bench.score(bench.sample(ROW, "relevance"), Answer(text=text, tool_calls=tuple(calls)))
    is_call = (bool(calls) or "(nights" in text, bool(calls) or text.startswith("["), bool(calls))
    assert tuple(scores[name].value for name in bench.protocols) == tuple(float(not one) for one in is_call)
    assert all(score.extracted is not None for score in scores.values())


@pytest.mark.parametrize(
    ("row", "says"),
    [
        pytest.param({**ROW, "function": []}, "no usable 'function'", id="no function"),
        pytest.param({**ROW, "function": [{"name": "f"}]}, "no usable 'function'", id="no parameters"),
        pytest.param({**ROW, "ground_truth": None}, "join the possible answers", id="no answers"),
    ],
)
def test_rows_that_cannot_be_used_are_named(row, says):
    with pytest.raises(DataError, match=f"simple_0.*{says}"):
        Bfcl().sample(row, "simple")


def test_a_run_offers_functions_and_scores_the_calls(tmp_path):
    folder = tmp_path / "bfcl"
    folder.mkdir()
    for subset, rows in {"simple": [ROW], "relevance": [{**ROW, "id": "relevance_0"}], "java": [JAVA]}.items():
        (folder / f"{subset}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    args = {"bfcl": {"subset_list": ["simple", "relevance", "java"]}}
    given = {"model": "m", "datasets": ["bfcl"], "dataset_dir": str(tmp_path), "work_dir": str(tmp_path / "out"),
             "dataset_hub": "local", "dataset_args": args}  # fmt: skip
    calls = {"Sort.": called("Sorter_sort", items='new ArrayList<>(Arrays.asList("a"))')}

    def says(body):
        return {"content": None, "tool_calls": [calls.get(body["messages"][-1]["content"], RIGHT)]}

    with recorder(says=says) as endpoint:
        task = TaskConfig.from_mapping({"api_url": endpoint.url, **given}, "test", environment={})
        result = run_task(task)
    assert {seen.body["tools"][0]["function"]["name"] for seen in endpoint.seen} == {"hotel_book_room", "Sorter_sort"}
    report = result.reports["bfcl"]
    assert {one.name: one.protocols["ast"].score for one in report.subsets} == {
        "simple": 1.0,
        "relevance": 0.0,
        "java": 1.0,
    }
    assert report.integrity.empty == 0
    reviews = "".join(file.read_text() for file in result.folder.glob("reviews/m/bfcl_*.jsonl"))
    assert "hotel_book_room({" in reviews


def test_every_row_of_the_data_is_offered_and_none_of_its_types_is_lost():
    bench, kinds = Bfcl(), set()
    for subset in bench.subsets:
        for row in shared_rows(f"correctness/bfcl/{subset}.jsonl"):
            for tool in bench.tools(bench.sample(row, subset), PromptOptions()):
                kinds |= {one["type"] for one in tool["function"]["parameters"]["properties"].values()}
    assert kinds == {"string", "integer", "number", "boolean", "array", "object"}
