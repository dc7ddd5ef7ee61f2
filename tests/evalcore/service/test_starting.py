"""Starting: bodies are tasks and scenarios, with the defaults and the errors of the command line."""

from __future__ import annotations

import pytest
import yaml

from evalcore.service.bodies import plan_of
from evalcore.service.process import command_of
from evalcore.service.schema import model_of, params
from evalcore.service.settings import Settings
from evalcore.task import TaskConfig
from perfbench.scenario import Scenario
from tests.evalcore.service.serving import AT_ONCE, SCENARIO, TASK, serving


@pytest.fixture
def settings(tmp_path):
    return Settings(outputs=tmp_path / "outputs", allow_paths=(tmp_path,))


@pytest.mark.parametrize(
    ("kind", "body", "keys"),
    [
        pytest.param("eval", {}, ["api_url", "datasets", "model"], id="nothing"),
        pytest.param("eval", {**TASK, "model": "m", "datasts": ["x"]}, ["datasts"], id="an unknown key"),
        pytest.param("eval", {**TASK, "model": "m", "limit": -1, "repeats": "x"}, ["limit", "repeats"], id="two"),
        pytest.param("eval", {**TASK, "model": "m", "dataset_args": {"gsm8k": {"shots": 1}}},
                     ["dataset_args.gsm8k.shots"], id="a key within a key"),
        pytest.param("eval", {**TASK, "model": 7}, ["model"], id="a value of another type"),
        pytest.param("perf", {}, ["url"], id="nothing, of a load test"),
        pytest.param("perf", {**SCENARIO, "a key. with: signs": 1}, ["a key. with: signs"], id="a key with signs"),
        pytest.param("perf", {**SCENARIO, "rate": 3, "shape": "ramp 1/s -> 5/s over 9s"}, ["rate"], id="both"),
        pytest.param("perf", {**SCENARIO, "parallel": [1, 1]}, ["parallel"], id="a sweep's load given twice"),
        pytest.param("perf", {**SCENARIO, "parallel": [1, 2], "rate": [1]}, ["parallel"], id="a sweep over two"),
        pytest.param("perf", {**SCENARIO, "parallel": [1, 2], "number": [1]}, ["number"], id="too few numbers"),
        pytest.param("perf", {**SCENARIO, "number": [1, 2]}, ["number"], id="numbers without loads"),
        pytest.param("perf", {"url": "http://127.0.0.1:9", "parallel": [1], "duration": "x"}, ["duration"],
                     id="a sweep's time"),
    ],
)  # fmt: skip
async def test_what_is_wrong_is_named_by_its_key(tmp_path, kind, body, keys):
    async with serving(tmp_path / "outputs") as client:
        status, problem = await client.ask("POST", f"/api/v1/{kind}", body, headers=AT_ONCE)
        assert (status, problem["title"]) == (422, "Unprocessable Entity")
        assert sorted({error["key"] for error in problem["errors"]} & set(keys)) == keys, problem
        assert all(error["message"] for error in problem["errors"])
        assert (await client.get("/api/v1/jobs"))["total"] == 0


def test_the_file_of_a_job_is_the_whole_task_again(settings, tmp_path):
    body = {**TASK, "model": "org/m", "parallel": 3, "api_key": "k" * 20, "dataset_args": {
        "gsm8k": {"prompt_template": "${HOME} {question}"}}}  # fmt: skip
    plan = plan_of("eval", body, settings)
    (tmp_path / "task.yaml").write_text(plan.file())
    again = TaskConfig.from_yaml(tmp_path / "task.yaml", environment=plan.secrets)
    direct = TaskConfig.from_mapping({**body, "work_dir": str(settings.outputs)}, "test", environment={})
    assert again == direct
    assert plan.given == ["model", "api_url", "api_key", "datasets", "dataset_args", "eval_batch_size"]


def test_the_file_of_a_job_is_the_whole_scenario_again(settings, tmp_path):
    body = {
        "url": "http://127.0.0.1:9/v1", "rate": "120/m", "duration": "1m", "prompt": ["${HOME}", "@@you"], "seed": 3,
        "headers": {"Authorization": "Bearer ${x}", "A": "b"}, "api_key": "k" * 20,
        "mix": None, "extra_body": {"token": "t" * 9, "n": 1},
    }  # fmt: skip
    plan = plan_of("perf", body, settings)
    (tmp_path / "task.yaml").write_text(plan.file())
    again = Scenario.from_yaml(tmp_path / "task.yaml", environment=plan.secrets)
    direct = Scenario.from_mapping({**body, "outputs_dir": str(settings.outputs)}, "test", environment={})
    assert again == direct
    assert len(plan.needs) == 3


def test_a_list_of_loads_is_a_sweep(settings, tmp_path):
    plan = plan_of("perf", {"url": "http://127.0.0.1:9", "parallel": [1, 8, 32], "number": [10, 80, 320]}, settings)
    file = yaml.safe_load(plan.file())
    assert (plan.form, plan.runs, file["parallel"], file["number"]) == ("sweep", 3, [1, 8, 32], [10, 80, 320])
    assert command_of("perf", plan.form, tmp_path, None)[:2] == ["perfbench", "sweep"]
    assert plan_of("perf", {"url": "http://127.0.0.1:9", "repeat": 3}, settings).form == "series"


@pytest.mark.parametrize("kind", ["eval", "perf"])
async def test_params_tell_every_key_of_the_model(tmp_path, kind):
    async with serving(tmp_path / "outputs") as client:
        schema = await client.get(f"/api/v1/{kind}/params")
        table = await client.get(f"/api/v1/{kind}/params?format=table")
    assert schema == params(kind)
    fields = model_of(kind).model_fields
    assert set(fields) < set(schema["properties"])
    for name, field in fields.items():
        of_key = schema["properties"][name]
        assert of_key["description"] == field.description
        assert any(line.split()[:1] == [name] for line in table.splitlines())
    assert {"ge", "gt", "le", "lt"}.isdisjoint(str(schema).replace("'", " ").split())


async def test_bounds_and_types_of_keys_are_told(tmp_path):
    properties = params("perf")["properties"]
    assert {"type": "integer", "minimum": 1} in properties["parallel"]["anyOf"]
    assert {"type": "string", "x-metavar": "TIME"} in properties["duration"]["anyOf"]
    assert params("eval")["properties"]["order"]["enum"] == ["auto", "data", "longest"]
    assert params("eval")["properties"]["limit"]["description"] == "Items per subset: a count, or a share below 1."


async def test_benchmarks_are_told(tmp_path):
    async with serving(tmp_path / "outputs") as client:
        found = {one["name"]: one for one in (await client.get("/api/v1/benchmarks"))["benchmarks"]}
    assert found["gsm8k"]["items"] == 1319
    assert found["gsm8k"]["metrics"]


async def test_the_description_names_every_endpoint_and_the_docs_tell_them_without_a_script(tmp_path):
    async with serving(tmp_path / "outputs") as client:
        api = await client.get("/openapi.json")
        docs = await client.get("/docs")
        for path, operations in api["paths"].items():
            for method, operation in operations.items():
                assert operation["operationId"] in docs
                assert path in docs
                filled = path.replace("{id}", "none").replace("{key}", "none").replace("{n}", "0")
                status, _ = await client.ask(method.upper(), filled, {} if method == "post" else None)
                assert str(status) in operation["responses"], (method, path, status)
    assert "<script" not in docs
    assert "http://" not in docs.replace("http://127.0.0.1", "")


@pytest.mark.parametrize("query", ["limit=0", "limit=x", "unknown=1", "kind=other", "limit=1&limit=2", "status=odd"])
async def test_a_parameter_that_is_wrong_is_named(tmp_path, query):
    async with serving(tmp_path / "outputs") as client:
        status, problem = await client.ask("GET", f"/api/v1/jobs?{query}")
        assert status == 422
        assert problem["errors"][0]["key"].split(".")[0] == query.split("=")[0]
