"""Benchmarks as a workload: which items are sent, that every load asks the same ones, and what is refused before."""

from __future__ import annotations

import json

import pytest

from perfbench.engine.errors import ExitCode, PerfbenchError, ScenarioError
from perfbench.run import run_scenario
from perfbench.scenario import Scenario
from perfbench.workload import bounded, open_workload, quality
from perfbench.workload.quality import check_scoring, evals_of

URL = "http://127.0.0.1:9/v1"


@pytest.fixture
def rows(tmp_path):
    path = tmp_path / "rows.jsonl"
    lines = [{"id": f"q{n}", "question": f"What are {n} and {n}?", "answer": str(2 * n)} for n in range(40)]
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    return path


def scenario(rows, workload="eval:general_qa", eval_args=None, **keys):
    args = {"local_path": str(rows), **(eval_args or {})}
    return Scenario.from_mapping(
        {"url": URL, "model": "m", "workload": workload, "eval_args": args, **keys}, "here", environment={}
    )


def names(one, count=40):
    workload = open_workload(one)
    return [workload.item(index).item for index in range(count)]


def test_a_run_without_an_end_of_its_own_asks_every_item_once(rows):
    one = scenario(rows)
    assert bounded(one, open_workload(one)).number == 40
    assert sorted(names(one)) == sorted(f"general_qa/main/q{n}" for n in range(40))
    assert names(one, 80) == names(one) * 2


def test_the_items_and_their_order_do_not_hang_on_the_runs_seed_or_load(rows):
    assert names(scenario(rows, seed=1, parallel=4)) == names(scenario(rows, seed=2, rate=9))
    assert names(scenario(rows)) != names(scenario(rows, eval_args={"seed": 1}))


def test_the_order_is_not_that_of_the_file(rows):
    assert names(scenario(rows)) != [f"general_qa/main/q{n}" for n in range(40)]


def test_a_limit_takes_some_and_a_larger_one_takes_those_too(rows):
    few, more = (set(names(scenario(rows, eval_args={"limit": limit}), limit)) for limit in (10, 20))
    assert (len(few), len(more)) == (10, 20)
    assert few < more


def test_what_is_asked_is_what_evalcore_would_ask(rows):
    one = scenario(rows, eval_args={"system_prompt": "Be brief.", "prompt_template": "Q: {question}"})
    messages = open_workload(one).item(0).prompt.messages
    assert messages[0] == {"role": "system", "content": "Be brief."}
    assert messages[1]["content"].startswith("Q: What are ")


@pytest.mark.parametrize(
    ("keys", "options"),
    [
        pytest.param({}, {"max_tokens": 2048}, id="as much as evalcore would allow"),
        pytest.param({"max_tokens": 100}, {}, id="the scenario's own, which every request has"),
    ],
)
def test_how_long_an_answer_may_be(rows, keys, options):
    assert open_workload(scenario(rows, **keys)).item(0).options == options


def test_the_report_says_which_benchmarks_were_sent(rows):
    told = open_workload(scenario(rows)).facts()
    assert told == {"benchmarks": {"general_qa": {"items": 40, "few_shot": 0, "protocol": "exact_match"}}}


def test_a_part_of_a_mix_may_ask_items_among_other_traffic(rows):
    mix = {"probe": {"share": 0.2, "workload": "eval:general_qa", "eval_args": {"local_path": str(rows)}},
           "other": {"share": 0.8, "prompt_tokens": 20}}  # fmt: skip
    one = Scenario.from_mapping({"url": URL, "model": "m", "mix": mix, "number": 200}, "here", environment={})
    workload = open_workload(one)
    items = [workload.item(index) for index in range(200)]
    probes = [item.item for item in items if item.tag == "probe"]
    assert probes[:40] == names(scenario(rows))[: len(probes)]
    assert {item.item for item in items if item.tag == "other"} == {""}
    assert [one.benchmarks for one in evals_of(one.dump())] == [("general_qa",)]
    assert evals_of(Scenario.from_mapping({"url": URL}, environment={}).dump()) == []


def test_a_scenario_with_items_can_be_dumped_and_run_again(rows, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    flags = {"url": URL, "workload": "eval:general_qa", "eval_args": '{"local_path": "rows.jsonl"}'}
    one = Scenario.from_mapping(flags, environment={})
    monkeypatch.chdir("/")
    again = Scenario.from_mapping(one.dump(), environment={})
    assert again.eval_args == {"local_path": str(rows)}
    assert names(again) == names(one)


def test_in_a_file_paths_are_relative_to_it(rows, tmp_path):
    file = tmp_path / "run.yaml"
    file.write_text(f"url: {URL}\nworkload: eval:general_qa\neval_args: {{local_path: rows.jsonl, dataset_dir: sub}}\n")
    found = Scenario.from_yaml(file, environment={}).eval_args
    assert found == {"local_path": str(rows), "dataset_dir": str(tmp_path / "sub")}


@pytest.mark.parametrize(
    ("keys", "says"),
    [
        pytest.param({"workload": "eval"}, "workload is 'eval'; name a benchmark too", id="no benchmark"),
        pytest.param({"workload": "eval:"}, "name a benchmark too", id="no benchmark behind the colon"),
        pytest.param({"workload": "evals:gsm8k"}, "did you mean eval", id="another word"),
        pytest.param({"workload": "fixed:x", "prompt": "x"}, "workload is 'fixed:x'", id="a colon where none belongs"),
        pytest.param({"workload": None}, "eval_args is for benchmarks, but workload is synthetic", id="none asked"),
        pytest.param({"api": "completions"}, "questions are messages, but api is completions", id="api"),
        pytest.param({"output_tokens": 5}, "output_tokens would change what benchmarks ask", id="length of replies"),
        pytest.param({"prompt_tokens": 5}, "prompt_tokens is for workload synthetic", id="another workload's key"),
    ],
)
def test_a_scenario_that_contradicts_itself_is_refused(rows, keys, says):
    with pytest.raises(ScenarioError) as refused:
        scenario(rows, **keys)
    assert says in str(refused.value)


@pytest.mark.parametrize(
    ("workload", "args", "says"),
    [
        pytest.param("eval:gsm8", {}, ["eval:gsm8", "not a benchmark; did you mean gsm8k?"], id="benchmark"),
        pytest.param("eval:general_qa", {"limitt": 5}, ["eval_args.limitt", "did you mean limit?"], id="key"),
        pytest.param("eval:general_qa", {"limit": -5}, ["eval_args", "limit is -5"], id="value"),
        pytest.param("eval:general_qa", {"shuffle": True}, ["eval_args.shuffle means nothing here"], id="order"),
        pytest.param("eval:general_qa", {"local_path": "/nowhere.jsonl"}, ["/nowhere.jsonl"], id="data"),
        pytest.param("eval:simple_qa", {}, ["no rule can score simple_qa"], id="needs a judge"),
    ],
)
def test_what_cannot_be_asked_is_refused_before_anything_is_sent(rows, workload, args, says):
    with pytest.raises(PerfbenchError) as refused:
        run_scenario(scenario(rows, workload, args), quiet=True)
    assert refused.value.exit_code == ExitCode.USAGE
    assert all(part in str(refused.value) for part in says), str(refused.value)


def test_without_evalcore_it_is_said_that_it_is_missing(rows, monkeypatch):
    monkeypatch.setattr(quality, "ROOM", "evalcore_that_is_not_there.door")
    for act in (open_workload, check_scoring):
        with pytest.raises(ScenarioError, match=r"needs evalcore, which cannot be imported here .*install both"):
            act(scenario(rows))


def test_other_workloads_need_no_evalcore(monkeypatch):
    monkeypatch.setattr(quality, "ROOM", "evalcore_that_is_not_there.door")
    plain = Scenario.from_mapping({"url": URL, "prompt": "x"}, environment={})
    open_workload(plain)
    check_scoring(plain)
