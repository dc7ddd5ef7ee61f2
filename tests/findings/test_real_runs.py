"""Findings of whole runs against truthd, whose behaviour is asked for by the name of the model, and the simulator."""

from __future__ import annotations

import pytest

from perfbench.run import run_scenario
from perfbench.scenario import Scenario
from perfbench.simulator.config import SimulatorConfig
from perfbench.simulator.process import SimulatorProcess

NOISE = frozenset({"client_limited", "arrivals_late", "arrivals_not_as_asked", "cold_start", "drift"})
"""Of a machine that has other work; whether they are said is tested where time is made up."""


def findings(folder, **given):
    values = {"model": "m", "parallel": 8, "number": 80, "max_tokens": 12, "outputs_dir": str(folder), "seed": 5}
    settings = {name: value for name, value in (values | given).items() if value is not None}
    found = run_scenario(Scenario.from_mapping(settings, environment={}), quiet=True)
    return {one["name"]: one for one in found.summary["findings"]}


@pytest.mark.parametrize(
    ("model", "given", "names"),
    [
        pytest.param("sim:ttft=20,itl=10", {}, set(), id="a clean server"),
        pytest.param("sim:ttft=20,itl=10,multi=3", {}, {"several_tokens_per_chunk"}, id="tokens by threes"),
        pytest.param("sim:ttft=20,blast=1", {}, {"glued_chunks"}, id="a stream in one piece"),
        pytest.param("sim:ttft=20,itl=10,n=12", {"max_tokens": None}, {"cut_answers"}, id="a length nobody asked for",
                     marks=pytest.mark.slow),
        pytest.param("sim:ttft=20,itl=10,nousage=1", {}, {"usage_absent"}, id="no usage", marks=pytest.mark.slow),
        pytest.param("sim:ttft=20,itl=10,e500=0.1", {"retries": 5}, {"retries_hidden"}, id="retries",
                     marks=pytest.mark.slow),
        pytest.param("sim:ttft=20,itl=10", {"number": 6}, {"concurrency_not_reached"}, id="less than asked for"),
        pytest.param("sim:ttft=20,itl=10", {"slo": "p99 ttft < 1s"}, {"too_few_requests"}, id="too few for a p99",
                     marks=pytest.mark.slow),
        pytest.param("sim:ttft=20,itl=10", {"rate": 200, "parallel": 4, "number": 150}, {"rate_not_reached"},
                     id="a cap", marks=pytest.mark.slow),
        pytest.param("sim:ttft=40,itl=1,slots=4", {"rate": 250, "parallel": None, "duration": "1500ms", "number": None,
                                                   "grace": "100ms"}, {"did_not_keep_up"}, id="too slow an endpoint"),
    ],
)  # fmt: skip
def test_what_truthd_was_told_to_do_is_found_and_nothing_else(tmp_path, truthd, model, given, names):
    found = findings(tmp_path, url=truthd.url, model=model, **given)
    assert names <= found.keys()
    if "rate" not in given:  # where a load is not carried, what follows from it is said too
        assert found.keys() - NOISE <= names


@pytest.mark.slow
@pytest.mark.parametrize(("other_ms", "names"), [(50.0, {"one_replica_slow"}), (20.0, set())])
def test_a_slow_replica_is_named_and_one_that_is_alike_is_not(tmp_path, other_ms, names):
    first, second = (SimulatorConfig(ttft_ms=ms, itl_ms=10.0) for ms in (20.0, other_ms))
    with SimulatorProcess(first) as one, SimulatorProcess(second) as other:
        found = findings(tmp_path, url=[one.url, other.url], model="sim")
    assert {"one_replica_slow"} & found.keys() == names
