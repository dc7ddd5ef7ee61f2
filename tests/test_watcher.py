"""A watcher of a run: what it is told, and what becomes of a run that it ends."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from perfbench.engine.errors import ExitCode
from perfbench.live.base import RunStart
from perfbench.live.snapshot import Snapshot
from perfbench.run import run_scenario
from perfbench.runfolder import RunFolder
from perfbench.scenario import Scenario


class After:
    """Ends a run once so many requests are over."""

    def __init__(self, count: int | None) -> None:
        self.count, self.over = count, 0
        self.begun: RunStart | None = None

    def start(self, info: RunStart) -> None:
        self.begun = info

    def watch(self, snapshots: Sequence[Snapshot], now_ns: int) -> str | None:
        assert self.begun is not None and now_ns > self.begun.began_ns - 1e9
        for snapshot in snapshots:
            self.over = max(self.over, snapshot.finished)
        return None if self.count is None or self.over < self.count else f"{self.count} are over"


def scenario(folder: Path, **more: object) -> Scenario:
    settings = {"url": "simulator", "simulator": {"ttft": "2ms", "itl": "1ms", "tokens": 2}, "outputs_dir": folder}
    return Scenario.from_mapping({**settings, "seed": 1, **more}, environment={})


def test_a_watcher_ends_a_run_and_the_run_says_so(tmp_path):
    watcher = After(20)
    result = run_scenario(
        scenario(tmp_path, parallel=2, duration="60s"), quiet=True, watcher=watcher, folder=tmp_path / "point"
    )
    assert result.folder == tmp_path / "point"
    assert result.exit_code == ExitCode.DONE
    info = RunFolder(result.folder).info()
    assert info is not None and info.ended == "watched"
    assert "watched: 20 are over" in info.notes
    assert result.summary["requests"]["succeeded"] >= 20


def test_a_watcher_without_a_wish_sees_the_run_to_its_end(tmp_path):
    watcher = After(None)
    result = run_scenario(scenario(tmp_path, parallel=2, number=30), quiet=True, watcher=watcher)
    assert watcher.over == 30
    assert result.summary["run"]["ended"] == "number"
