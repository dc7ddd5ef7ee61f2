"""Whole runs of the command, in processes of their own: how they end, and what they leave behind."""

from __future__ import annotations

import json
import os
import resource
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest

from perfbench.engine.errors import ExitCode, ScenarioError
from perfbench.engine.request import Record
from perfbench.run import check_files
from perfbench.runfolder import SUMMARY, RunFolder
from perfbench.scenario import Scenario
from tests.truthd import REPOSITORY

PATIENCE_S = 60.0
SLOW_STREAM = "sim:ttft=50,itl=50,n=10000"  # runs until it is cut off
QUICK = "sim:ttft=5,itl=1,n=4"


class Command:
    """One `perfbench` command in `folder`, whose run folders are in `folder`/out."""

    def __init__(self, folder: Path, *words: str) -> None:
        self.folder = folder
        self.process = subprocess.Popen(
            [sys.executable, "-m", "perfbench", *words], cwd=folder, text=True, start_new_session=True,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, stdin=subprocess.DEVNULL,
            env={name: value for name, value in os.environ.items() if not name.endswith("API_KEY")}
            | {"PYTHONPATH": str(REPOSITORY)},
        )  # fmt: skip

    @property
    def pid(self) -> int:
        return self.process.pid

    def end(self) -> tuple[int, str, str]:
        """Exit code, stdout, stderr."""
        out, err = self.process.communicate(timeout=PATIENCE_S)
        return self.process.returncode, out, err

    def kill(self) -> None:
        self.process.kill()
        self.process.communicate(timeout=PATIENCE_S)

    def interrupt(self) -> None:
        self.process.send_signal(signal.SIGINT)

    def run_folder(self) -> RunFolder:
        (found,) = (self.folder / "out").iterdir()
        return RunFolder(found)

    def until_records(self, count: int) -> RunFolder:
        """Wait until that many have been written."""
        folder: RunFolder | None = None

        def written() -> int:
            nonlocal folder
            if folder is None and (self.folder / "out").is_dir() and list((self.folder / "out").iterdir()):
                folder = self.run_folder()
            if folder is None or not folder.has_records():
                return 0
            return sum(file.read_bytes().count(b"\n") for file in folder.record_files())

        until(lambda: written() >= count, f"{count} records are written", self)
        assert folder is not None
        return folder


def until(condition: Callable[[], object], what: str, command: Command | None = None) -> None:
    give_up_s = time.monotonic() + PATIENCE_S
    while not condition():
        assert command is None or command.process.poll() is None, f"it ended before {what}: {command.end()}"
        assert time.monotonic() < give_up_s, f"waited in vain until {what}"
        time.sleep(0.01)


@pytest.fixture
def start(tmp_path) -> Iterator[Callable[..., Command]]:
    """Start `perfbench run` with these words; whatever still runs at the end of the test is killed."""
    started: list[Command] = []

    def begin(*words: str, command: str = "run") -> Command:
        place = ["--outputs-dir", str(tmp_path / "out"), "--quiet"] if command == "run" else []
        started.append(Command(tmp_path, command, *words, *place))
        return started[-1]

    yield begin
    for command in started:
        if command.process.poll() is None:
            command.kill()


@contextmanager
def inherited(number: signal.Signals, handling: signal.Handlers) -> Iterator[None]:
    """How a command that is started within takes the signal, until it says otherwise."""
    before = signal.signal(number, handling)
    try:
        yield
    finally:
        signal.signal(number, before)


def descendants(pid: int) -> list[int]:
    """Children, and children of children, that are alive."""
    found = []
    for task in Path(f"/proc/{pid}/task").glob("*/children"):
        with suppress(OSError):  # over since it was listed
            for child in map(int, task.read_text().split()):
                found += [child, *descendants(child)]
    return found


def engines(pid: int) -> list[int]:
    """The engine processes of a run, in the order in which they were started."""
    found = []
    for child in sorted(descendants(pid)):
        with suppress(OSError):  # over since it was listed
            found += [child] * (b"perfbench.engine.workers" in Path(f"/proc/{child}/cmdline").read_bytes())
    return found


def is_running(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except FileNotFoundError:
        return False


def records_in(folder: RunFolder) -> list[Record]:
    return sorted((record for batch in folder.records() for record in batch), key=lambda record: record.index)


def summary_in(folder: RunFolder) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(folder.file(SUMMARY).read_text())
    return found


def files_in(folder: RunFolder) -> list[str]:
    return sorted(file.name for file in folder.path.iterdir())


WHOLE = ["client.jsonl", "report.html", "requests.jsonl", "run.json", "scenario.yaml", "summary.json"]


# -- runs that end by themselves ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("workers", [1, pytest.param(3, marks=pytest.mark.slow)])
def test_a_run_by_number_sends_exactly_that_many(start, truthd, workers):
    command = start(
        "--url", truthd.url, "--model", QUICK, "--parallel", "8", "--number", "200", "--workers", str(workers), "--json"
    )
    code, out, err = command.end()
    assert (code, err) == (ExitCode.DONE, "")
    folder = command.run_folder()
    assert files_in(folder) == WHOLE
    summary = summary_in(folder)
    assert json.loads(out) == summary
    requests = summary["requests"]
    assert [requests[name] for name in ("planned", "sent", "succeeded", "failed", "cancelled")] == [200, 200, 200, 0, 0]
    assert summary["run"]["ended"] == "number"
    assert summary["run"]["dispatched"] == 200
    records = records_in(folder)
    assert [record.index for record in records] == list(range(200))
    assert {record.worker for record in records} == set(range(workers))
    assert len(truthd.log()) == 200
    assert {row["outcome"] for row in truthd.log()} == {"ok"}


def test_the_scenario_in_the_folder_names_the_model_that_was_asked_for(start):
    command = start("--url", "simulator", "--number", "2", "--max-tokens", "2", "--json")
    code, out, _ = command.end()
    assert code == ExitCode.DONE
    assert json.loads(out)["scenario"]["model"] == "sim"
    assert "model: sim" in (command.run_folder().path / "scenario.yaml").read_text()


def test_a_run_by_duration_ends_with_grace_and_counts_what_it_cut_off(start, truthd):
    command = start(
        "--url", truthd.url, "--model", SLOW_STREAM, "--parallel", "5", "--duration", "400ms", "--grace", "200ms"
    )
    code, _, _ = command.end()
    summary = summary_in(command.run_folder())
    assert code == ExitCode.INCONCLUSIVE, "not one request came to its end"
    assert (summary["requests"]["cancelled"], summary["requests"]["failed"]) == (5, 0)
    assert summary["run"]["ended"] == "duration"
    records = records_in(command.run_folder())
    assert [(record.outcome, record.error) for record in records] == [("cancelled", "cancelled")] * 5
    assert all(record.chunks > 0 for record in records), "what had come is in the record"


def test_the_schedule_is_the_same_whatever_the_number_of_workers(start, truthd, tmp_path):
    def offsets(workers: int) -> list[int]:
        words = ["--url", truthd.url, "--model", QUICK, "--rate", "200", "--number", "80", "--seed", "5"]
        command = start(*words, "--workers", str(workers))
        assert command.end()[0] == ExitCode.DONE
        folder = command.run_folder()
        info, found = folder.info(), records_in(folder)
        assert info is not None
        assert [record.index for record in found] == list(range(80))
        folder.path.parent.rename(tmp_path / f"of {workers}")
        return [record.intended_ns - info.began_ns for record in found]

    assert offsets(1) == offsets(2)


def test_the_built_in_simulator_is_loaded_and_stopped(start):
    command = start("--url", "simulator", "--parallel", "4", "--number", "20", "--max-tokens", "4")
    until(lambda: len(descendants(command.pid)) == 2, "both children are there", command)
    children = descendants(command.pid)
    code, _, _ = command.end()
    assert code == ExitCode.DONE
    assert summary_in(command.run_folder())["requests"]["succeeded"] == 20
    assert not any(map(is_running, children))


@pytest.mark.slow
def test_a_run_can_be_run_again_from_its_own_scenario(start, truthd, tmp_path):
    first = start("--url", truthd.url, "--model", QUICK, "--number", "10", "--rate", "500")
    first.end()
    folder = first.run_folder().path
    folder.parent.rename(tmp_path / "first")
    second = start(str(tmp_path / "first" / folder.name / "scenario.yaml"))
    assert second.end()[0] == ExitCode.DONE
    again = RunFolder(tmp_path / "first" / folder.name)
    first_gaps = [record.intended_ns - records_in(again)[0].intended_ns for record in records_in(again)]
    second_records = records_in(second.run_folder())
    assert [record.intended_ns - second_records[0].intended_ns for record in second_records] == first_gaps


# -- interruption ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("number", "workers"),
    [
        pytest.param(signal.SIGINT, 1, id="Ctrl-C"),
        pytest.param(signal.SIGINT, 2, id="Ctrl-C, two workers"),
        pytest.param(signal.SIGTERM, 1, id="SIGTERM", marks=pytest.mark.slow),
        pytest.param(signal.SIGHUP, 1, id="the terminal is closed"),
    ],
)
def test_one_ctrl_c_summarises_what_is_there(start, truthd, number, workers):
    behaviour = "sim:ttft=20,itl=20,n=8"
    with inherited(signal.SIGHUP, signal.SIG_DFL):  # these tests may run under nohup
        command = start(
            "--url", truthd.url, "--model", behaviour, "--parallel", "10", "--number", "100000",
            "--workers", str(workers),
        )  # fmt: skip
    command.until_records(20)
    command.process.send_signal(number)
    code, out, err = command.end()
    assert code == ExitCode.INTERRUPTED
    assert "Traceback" not in err
    folder = command.run_folder()
    assert files_in(folder) == WHOLE
    summary = summary_in(folder)
    assert summary["run"]["ended"] == "interrupted"
    assert summary["requests"]["succeeded"] >= 20
    assert summary["requests"]["cancelled"] + summary["requests"]["unsent"] > 0
    assert summary["requests"]["failed"] == 0
    assert "requests" in out, "and is shown"
    outcomes = [record.outcome for record in records_in(folder)]
    assert outcomes.count("cancelled") == summary["requests"]["cancelled"]
    assert outcomes.count("ok") == sum(row["outcome"] == "ok" for row in truthd.log())


def test_a_second_ctrl_c_leaves_at_once_and_what_was_written_is_readable(start, truthd):
    """The worker is made deaf first, so that it is the second Ctrl-C that ends the run and not the first."""
    command = start("--url", truthd.url, "--model", QUICK, "--parallel", "4", "--number", "1000000")
    folder = command.until_records(50)
    (engine,) = engines(command.pid)
    os.kill(engine, signal.SIGSTOP)
    command.interrupt()
    time.sleep(0.3)
    assert command.process.poll() is None
    command.interrupt()
    code, _, err = command.end()
    assert code == ExitCode.INTERRUPTED
    assert "Traceback" not in err
    assert not is_running(engine)
    report = start(str(folder.path), "--json", command="report")
    code, out, _ = report.end()
    assert code == ExitCode.DONE
    assert json.loads(out)["requests"]["succeeded"] >= 50


def test_under_nohup_a_closed_terminal_is_nothing(start, truthd):
    with inherited(signal.SIGHUP, signal.SIG_IGN):
        command = start("--url", truthd.url, "--model", QUICK, "--parallel", "4", "--number", "2000")
    command.until_records(20)
    command.process.send_signal(signal.SIGHUP)
    assert command.end()[0] == ExitCode.DONE
    assert summary_in(command.run_folder())["requests"]["succeeded"] == 2000


@pytest.mark.parametrize(
    ("signals", "code"),
    [
        pytest.param([signal.SIGINT], ExitCode.DONE, id="once waits for them"),
        pytest.param([signal.SIGINT, signal.SIGTERM], ExitCode.INTERRUPTED, id="twice does not"),
    ],
)
def test_ctrl_c_while_results_are_computed(start, truthd, signals, code):
    """The command is stopped where its worker is over, so that the signals all find it there."""
    command = start("--url", truthd.url, "--model", QUICK, "--parallel", "4", "--number", "200")
    until(lambda: engines(command.pid), "it has a worker", command)
    until(lambda: not engines(command.pid), "the worker is over", command)
    for number in (signal.SIGSTOP, *signals, signal.SIGCONT):
        command.process.send_signal(number)
    ended, _, err = command.end()
    assert "Traceback" not in err
    assert ended == code
    assert len(records_in(command.run_folder())) == 200
    assert (files_in(command.run_folder()) == WHOLE) is (code == ExitCode.DONE)


@pytest.mark.parametrize("workers", [2, pytest.param(1, marks=pytest.mark.slow)])
def test_kill_9_leaves_what_report_needs(start, truthd, workers):
    command = start(
        "--url", truthd.url, "--model", QUICK, "--parallel", "4", "--number", "1000000", "--workers", str(workers)
    )
    command.until_records(100)
    children = descendants(command.pid)
    command.kill()
    until(lambda: not any(map(is_running, children)), "the orphans have stopped")
    code, out, err = start(str(command.run_folder().path), "--json", command="report").end()
    summary = json.loads(out)
    assert (code, summary["run"]["ended"]) == (ExitCode.DONE, None)
    assert summary["requests"]["succeeded"] >= 100
    assert any("killed" in note for note in summary["notes"])
    assert "Traceback" not in err


def test_kill_9_takes_the_built_in_simulator_along(start):
    command = start("--url", "simulator", "--parallel", "4", "--number", "1000000", "--max-tokens", "4")
    command.until_records(10)
    children = descendants(command.pid)
    assert len(children) >= 2
    command.kill()
    until(lambda: not any(map(is_running, children)), "the orphans have stopped")


@contextmanager
def silent_server() -> Iterator[str]:
    """Takes connections and says nothing."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield f"http://127.0.0.1:{server.getsockname()[1]}/v1"


def test_ctrl_c_before_any_load_is_an_end_without_a_traceback(start):
    with silent_server() as url:
        command = start("--url", url, "--model", "m", "--connect-timeout", "30s")
        until(lambda: _has_connection(command.pid), "it asks for the models", command)
        command.interrupt()
        code, out, err = command.end()
    assert (code, out) == (ExitCode.INTERRUPTED, "")
    assert "Traceback" not in err
    assert not (command.folder / "out").exists()


def _has_connection(pid: int) -> bool:
    open_files = []
    for descriptor in Path(f"/proc/{pid}/fd").iterdir():
        with suppress(FileNotFoundError):  # closed since the folder was read
            open_files.append(str(descriptor.readlink()))
    return any("socket:" in file for file in open_files) and " 01 " in Path(f"/proc/{pid}/net/tcp").read_text()


# -- targets that are none ---------------------------------------------------------------------------------------------


def test_a_dead_port_is_exit_4_and_says_what_was_tried(start):
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))  # bound and not listening: refused
        url = f"http://127.0.0.1:{unused.getsockname()[1]}/v1"
        command = start("--url", url, "--model", "m")
        code, out, err = command.end()
    assert (code, out) == (ExitCode.TARGET, "")
    assert f"{url}/models: connect_refused" in err
    assert "Traceback" not in err
    assert not (command.folder / "out").exists()


def test_a_host_that_does_not_exist_is_exit_4(start):
    code, _, err = start("--url", "http://no-such-host.invalid/v1", "--model", "m").end()
    assert code == ExitCode.TARGET
    assert "no-such-host.invalid" in err


@pytest.mark.parametrize("workers", [1, pytest.param(2, marks=pytest.mark.slow)])
def test_a_wrong_path_is_exit_4_after_a_handful_of_requests(start, truthd, workers):
    command = start(
        "--url", truthd.url, "--api", "responses", "--model", QUICK, "--parallel", "2", "--number", "100000",
        "--workers", str(workers),
    )  # fmt: skip
    code, _, err = command.end()
    assert code == ExitCode.TARGET
    assert "Traceback" not in err
    summary = summary_in(command.run_folder())
    assert summary["requests"]["errors"].keys() == {"http_404"}
    assert summary["requests"]["sent"] < 200
    assert summary["run"]["ended"] == "aborted"
    assert any("aborted: the first 10 requests all failed (http_404)" in note for note in summary["notes"])
    assert "aborted: the first 10 requests" in err
    assert "no such route" in records_in(command.run_folder())[0].error_detail


@pytest.mark.parametrize("text", ["", '{"prompt": 3}\n'])
def test_a_prompts_file_that_is_none_is_refused_before_anything_is_made(start, tmp_path, text):
    (tmp_path / "prompts.jsonl").write_text(text)
    command = start("--url", "simulator", "--prompts-file", "prompts.jsonl")
    code, out, err = command.end()
    assert (code, out) == (ExitCode.USAGE, "")
    assert "prompts.jsonl" in err and "Traceback" not in err
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("limits", "most", "says"),
    [
        ({"parallel": 600}, 256, "parallel is 600"),
        ({"parallel": 600}, 600, "ulimit -n 664"),
        ({"parallel": 600, "workers": 4}, 256, None),
        ({"parallel": 600}, 664, None),
        ({"parallel": 600}, resource.RLIM_INFINITY, None),
        ({"rate": 20.0}, 256, None),
        ({"rate": 20.0, "parallel": 600}, 256, "parallel is 600"),
    ],
)
def test_more_connections_than_the_system_allows_files_are_refused(limits, most, says):
    scenario = Scenario.from_mapping({"url": "http://127.0.0.1:1", **limits}, environment={})
    if says is None:
        check_files(scenario, most)
    else:
        with pytest.raises(ScenarioError, match=says):
            check_files(scenario, most)


@pytest.mark.parametrize(
    "words",
    [
        pytest.param(["--rate", "10", "--parallel", "1", "--workers", "2"], id="more workers than places under a cap"),
        pytest.param(["--parallel", "1", "--workers", "2"], id="more workers than slots"),
        pytest.param(["--tokenizer", "missing.json"], id="a file that is not there"),
        pytest.param(["--slo", "p99 ttft < "], id="half a condition"),
    ],
)
def test_what_cannot_be_run_is_refused_before_anything_is_sent(start, truthd, words):
    command = start("--url", truthd.url, "--model", QUICK, "--number", "5", *words)
    code, out, err = command.end()
    assert (code, out) == (ExitCode.USAGE, "")
    assert words[-2].removeprefix("--") in err
    assert "Traceback" not in err
    assert truthd.log() == []


# -- things that break on the way --------------------------------------------------------------------------------------


@pytest.mark.parametrize("victim", [1, pytest.param(0, marks=pytest.mark.slow)])
def test_a_worker_that_is_killed_is_reported_and_its_records_are_kept(start, truthd, victim):
    command = start(
        "--url", truthd.url, "--model", QUICK, "--parallel", "4", "--number", "700", "--workers", "2", "--json"
    )
    folder = command.until_records(100)
    shard = folder.records_of(victim, 2)
    until(lambda: shard.is_file() and shard.stat().st_size > 0, "the worker has written something", command)
    kept = [json.loads(line)["index"] for line in shard.read_bytes().splitlines() if line.endswith(b"}")]
    os.kill(engines(command.pid)[victim], signal.SIGKILL)
    code, out, err = command.end()
    assert code == ExitCode.BUG
    summary = json.loads(out)
    assert any(f"worker {victim} died (killed by SIGKILL)" in note for note in summary["notes"])
    assert f"worker {victim} died" in err
    records = records_in(folder)
    assert {record.index for record in records} >= set(kept)
    assert sum(record.worker == 1 - victim for record in records) == 350, "the other one finished"
    assert files_in(folder) == WHOLE


@pytest.fixture
def small_disk(tmp_path) -> Iterator[Path]:
    """out/ is a disk of 400 KB."""
    disk = tmp_path / "out"
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=400k", "perfbench-test", str(disk)]
    if subprocess.run(mount, capture_output=True, check=False).returncode != 0:
        pytest.skip("a small tmpfs cannot be mounted here; that takes root")
    yield disk
    subprocess.run(["umount", "-l", str(disk)], check=True)


@pytest.mark.parametrize("workers", [1, pytest.param(2, marks=pytest.mark.slow)])
def test_a_disk_that_fills_up_ends_the_run_with_a_clear_error_and_readable_records(start, truthd, small_disk, workers):
    command = start(
        "--url", truthd.url, "--model", QUICK, "--parallel", "4", "--number", "1000000", "--workers", str(workers)
    )
    code, _, err = command.end()
    assert code == ExitCode.BUG
    assert "No space left on device" in err
    assert "Traceback" not in err
    warnings: list[str] = []
    folder = command.run_folder()
    assert sum(len(batch) for batch in folder.records(warnings)) > 500
    assert warnings == []


def test_a_key_is_nowhere_in_what_a_run_leaves(start, start_truthd):
    secret = "sk-very-secret-0815"
    server = start_truthd(key=secret)
    secrets = ["--api-key", secret, "--headers", f"X-Auth-Token={secret}2"]
    command = start("--url", server.url, "--model", QUICK, "--number", "5", *secrets)
    code, out, err = command.end()
    assert (code, out.count("sk-very"), err.count("sk-very")) == (ExitCode.DONE, 0, 0)
    for file in command.run_folder().path.iterdir():
        assert secret not in file.read_text(encoding="utf-8"), file.name
