"""Every scenario that goes against the built-in simulator, run as it is shipped."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from perfbench.run import run_scenario
from perfbench.scenario import Scenario

FOLDER = Path(__file__).parent.parent / "scenarios"
AGAINST_IT = [
    path
    for path in sorted(FOLDER.glob("*.yaml"))
    if f"perfbench run scenarios/{path.name}" in (text := path.read_text())
    and yaml.safe_load(text).get("url") == "simulator"
]

pytestmark = [pytest.mark.slow, pytest.mark.timeout(180)]


@pytest.mark.parametrize("path", AGAINST_IT, ids=lambda path: path.stem)
def test_it_runs_without_a_failure_and_sends_what_it_says(tmp_path, path):
    scenario = Scenario.from_yaml(path, {"outputs_dir": str(tmp_path)}, environment={})
    summary = run_scenario(scenario, live=False, quiet=True).summary
    requests = summary["requests"]
    assert (requests["failed"], requests["unsent"]) == (0, 0)
    assert requests["succeeded"] > 0
    assert requests["planned"] in (None, requests["sent"])
    assert summary["workload"]["name"] == scenario.workload_name
    replies = summary["tokens"]["output"]
    assert (replies is None or replies == 0) is (scenario.api == "embeddings")
