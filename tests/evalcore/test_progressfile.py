"""The progress file of an evaluation: where it writes, how far it is, and the scores so far."""

from __future__ import annotations

import io
import json

from evalcore.live import open_progress
from evalcore.run import run_task
from evalcore.task import TaskConfig
from perfbench.live.base import PROGRESS_FILE
from tests.evalcore.recorder import recorder


def test_an_evaluation_tells_its_folder_its_counts_and_its_scores(tmp_path, monkeypatch):
    monkeypatch.setenv(PROGRESS_FILE, str(tmp_path / "p.jsonl"))
    rows = [{"id": f"q{number}", "question": f"Number {number}?", "answer": "yes"} for number in range(6)]
    (tmp_path / "qa.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    with recorder(text=lambda question: "no" if "5" in question else "yes") as server:
        given = {
            "model": "m", "api_url": server.url, "datasets": ["general_qa"], "work_dir": str(tmp_path / "outputs"),
            "dataset_args": {"general_qa": {"local_path": str(tmp_path / "qa.jsonl")}},
        }  # fmt: skip
        task = TaskConfig.from_mapping(given, "test", environment={})
        out = io.StringIO()
        with open_progress(task, False, out) as progress:
            result = run_task(task, progress)
    told = [json.loads(line) for line in (tmp_path / "p.jsonl").read_bytes().splitlines()]
    assert told[-1]["event"] == "stop"
    last = told[-2]
    assert (last["event"], last["folder"]) == ("figures", str(result.folder))
    assert (last["done"], last["planned"], last["fraction"], last["ok"]) == (6, 6, 1.0, 6)
    of_benchmark = last["benchmarks"]["general_qa"]
    assert (of_benchmark["scored"], of_benchmark["unscored"]) == (6, 0)
    assert of_benchmark["score"][0] == 5 / 6
    assert "general_qa 6/6" in out.getvalue()
