"""The command line: flags and scenario keys are one set, wrong ones name the nearest, results alone go to stdout."""

from __future__ import annotations

import inspect
import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
import yaml

from perfbench import cli
from perfbench.commands import run as run_command
from perfbench.commands import simulate as simulate_command
from perfbench.engine.errors import ExitCode, TargetUnreachable
from perfbench.run import RunResult
from perfbench.scenario import Scenario
from perfbench.simulator.config import SimulatorConfig

TALK = {"scenario_file", "as_json", "live", "quiet", "dry_run", "junit", "markdown"}
SMOKE = Path(__file__).parent.parent / "scenarios" / "smoke.yaml"


@pytest.fixture
def runs(monkeypatch, tmp_path):
    """Scenarios that `run` was asked to carry out, instead of carrying them out."""
    asked: list[Scenario] = []

    def run_scenario(scenario: Scenario, *, live: bool | None, quiet: bool, give_way: bool) -> RunResult:
        asked.append(scenario)
        (tmp_path / "summary.json").write_text('{"schema": 1}\n')
        return RunResult(tmp_path, {"schema": 1}, ExitCode.GATE_MISSED)

    monkeypatch.setattr("perfbench.run.run_scenario", run_scenario)
    return asked


def dry(capsys, *words: str) -> dict:
    assert cli.run(["run", *words, "--dry-run"]) == 0
    return yaml.safe_load(capsys.readouterr().out)


def refused(capsys, *words: str) -> str:
    assert cli.run(words) == ExitCode.USAGE
    captured = capsys.readouterr()
    assert captured.out == ""
    assert "Traceback" not in captured.err
    return captured.err


class TestFlags:
    def test_flags_and_scenario_keys_are_one_set(self):
        flags = set(inspect.signature(run_command.run).parameters) - TALK
        assert flags == set(Scenario.model_fields)

    def test_simulate_has_a_flag_for_every_setting_of_the_simulator(self):
        flags = set(inspect.signature(simulate_command.simulate).parameters)
        assert flags == {name.removesuffix("_ms") for name in SimulatorConfig.model_fields}

    def test_every_field_says_what_it_is_in_one_of_the_groups(self):
        for name, info in Scenario.model_fields.items():
            assert info.description, name
            assert info.json_schema_extra["group"] in run_command.GROUPS, name

    @pytest.mark.parametrize(
        ("words", "key", "value"),
        [
            (["-p", "64"], "parallel", 64),
            (["-n", "1k"], "number", 1000),
            (["--rate", "1200/m"], "rate", 20.0),
            (["--duration", "60s"], "duration", 60.0),
            (["--max-tokens", "256"], "max_tokens", 256),
            (["--stream"], "stream", True),
            (["--no-stream"], "stream", False),
            (["--headers", "A=b", "C=d=e"], "headers", {"A": "b", "C": "d=e"}),
            (["--extra-args", '{"top_k": 1}'], "extra_args", {"top_k": 1}),
            (["--temperature", "0.5"], "temperature", 0.5),
            (["--top-k", "-1"], "top_k", -1),
            (["--frequency-penalty", "-0.5"], "frequency_penalty", -0.5),
            (["--connect-timeout", "500ms"], "connect_timeout", 0.5),
            (["--total-timeout=2m"], "total_timeout", 120.0),
            (["--stop", "a", "--stop", "b"], "stop", ["a", "b"]),
            (["--url", "http://g/v1"], "url", ["http://h/v1", "http://g/v1"]),
            (["--ramp-up", "auto"], "ramp_up", "auto"),
            (["--workers", "auto"], "workers", "auto"),
            (["--logprobs", "5"], "logprobs", 5),
            (["--max-error-rate", "1%"], "max_error_rate", 0.01),
            (["--slo", "p99 ttft < 500ms and error_rate < 1%"], "slo", "p99 ttft < 500ms and error_rate < 1%"),
            (["--keep-texts"], "keep_texts", True),
            (["--outputs-dir", "here"], "outputs_dir", "here"),
            (["--seed", "7"], "seed", 7),
            (["--prompt", "Say hello."], "prompt", "Say hello."),
        ],
        ids=lambda value: value[0] if isinstance(value, list) and value else "",
    )
    def test_a_flag_reaches_its_key(self, capsys, words, key, value):
        assert dry(capsys, "--url", "http://h/v1", *words)[key] == value

    def test_a_prompt_can_be_a_file(self, capsys, tmp_path):
        (tmp_path / "p.txt").write_text("from a file")
        assert dry(capsys, "--url", "http://h/v1", "--prompt", f"@{tmp_path}/p.txt")["prompt"] == "from a file"

    def test_flags_override_the_file(self, capsys):
        assert dry(capsys, str(SMOKE), "--parallel", "9")["parallel"] == 9
        assert dry(capsys, str(SMOKE), "--simulator", "itl=7ms")["simulator"]["itl_ms"] == 7.0
        assert dry(capsys, str(SMOKE), "--simulator", "itl=7ms")["simulator"]["ttft_ms"] == 20.0


class TestMistakes:
    @pytest.mark.parametrize(
        ("words", "says"),
        [
            (["run", "--paralel", "4"], "--parallel"),
            (["run", "--maxtokens", "4"], "--max-tokens"),
            (["rum"], "run"),
            (["simulate", "--tttf", "4"], "--ttft"),
            (["simulate", "--ttft", "4sec"], "'s'"),
            (["simulate", "--slots", "many"], "--slots"),
            (["run", "--url", "http://h", "--rate", "20rps"], "--rate '20rps'"),
            (["run", "--url", "http://h", "--transport", "wirre"], "wire"),
            (["run", "--url"], "--url"),
            (["run", "none.yaml"], "none.yaml"),
            (["run"], "--url is missing"),
            (["run", "--url", "127.0.0.1:8000/v1"], "did you mean http://127.0.0.1:8000/v1?"),
            (["run", "--url", "http://h", "--stream", "false"], "--no-stream"),
            (["run", "a.yaml", "b.yaml"], "'b.yaml': more than this command takes"),
            (["run", "--url", "http://h", "--max-tokens", "0"], "--max-tokens should be greater than"),
            (["run", "--url", "http://h", "--max-tokens", "0"], "(it is '0')"),
            (["run", "--url", "http://h", "--prompt", "@none.txt"], "--prompt names 'none.txt'"),
            (["run", "--url", "http://h", "--ca", "none.pem"], "none.pem', where there is no file"),
            (["run", "--url", "http://h", "--extra-args", '{"a": "REDACTED"}'], "--extra-args: extra_args.a was"),
            (["report", "no-such-folder"], "no-such-folder"),
            (["report"], "FOLDER"),
            (["calibrate", "--streams", "1,x"], "--streams"),
        ],
        ids=lambda value: " ".join(value) if isinstance(value, list) else "",
    )
    def test_a_mistake_names_what_was_meant(self, capsys, words, says):
        assert says in refused(capsys, *words)

    def test_no_message_repeats_a_key(self, capsys):
        assert "sk-secret" not in refused(capsys, "run", "--url", "http://h", "--api-key", "sk-secret\n")
        assert "sk-secret" not in refused(capsys, "run", "--url", "http://h", "--headers", "sk-secret")


class TestResults:
    def test_json_puts_the_summary_and_nothing_else_on_stdout(self, capsys, runs):
        assert cli.run(["run", str(SMOKE), "--json"]) == ExitCode.GATE_MISSED
        captured = capsys.readouterr()
        assert json.loads(captured.out) == {"schema": 1}
        assert "run folder" in captured.err
        assert runs[0].number == 20

    def test_quiet_says_nothing_else_at_all(self, capsys, runs):
        cli.run(["run", str(SMOKE), "--json", "--quiet"])
        assert capsys.readouterr().err == ""

    @pytest.mark.parametrize(
        ("error", "code", "says"),
        [
            (TargetUnreachable("nothing at http://h"), ExitCode.TARGET, "perfbench: nothing at http://h"),
            (KeyboardInterrupt(), ExitCode.INTERRUPTED, "interrupted"),
            (ZeroDivisionError("oops"), ExitCode.BUG, "Traceback"),
        ],
    )
    def test_the_shell_learns_how_it_ended(self, capsys, monkeypatch, error, code, says):
        def fail(*_args, **_kwargs):
            raise error

        monkeypatch.setattr("perfbench.run.run_scenario", fail)
        assert cli.run(["run", str(SMOKE)]) == code
        assert says in capsys.readouterr().err


def spawned(*words: str, **more) -> subprocess.CompletedProcess:
    return subprocess.run([sys.executable, "-m", *words], capture_output=True, text=True, timeout=60, **more)


class TestWhoReadsStdout:
    """What a command ends with is about the run, not about the reader of its results."""

    @pytest.mark.parametrize("command", ["--dry-run", "--help"])
    def test_a_reader_who_has_enough(self, command):
        read, write = os.pipe()
        os.close(read)
        with os.fdopen(write, "w") as out:
            words = [sys.executable, "-m", "perfbench", "run", "--url", "simulator", command]
            done = subprocess.run(words, stdout=out, stderr=subprocess.PIPE, text=True, timeout=60, check=False)
        assert (done.returncode, done.stderr) == (ExitCode.DONE, "")

    @pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full here")
    def test_a_full_disk(self):
        with Path("/dev/full").open("w") as out:
            words = [sys.executable, "-m", "perfbench", "run", "--url", "simulator", "--dry-run"]
            done = subprocess.run(words, stdout=out, stderr=subprocess.PIPE, text=True, timeout=60, check=False)
        assert done.returncode == ExitCode.BUG
        assert done.stderr == "perfbench: stdout cannot be written: No space left on device\n"

    @pytest.mark.parametrize("closed", [">&-", "2>&-", "<&-"])
    def test_nobody_at_all(self, closed):
        command = f'"{sys.executable}" -m perfbench run --url simulator --dry-run {closed}'
        done = subprocess.run(["sh", "-c", command], capture_output=True, text=True, timeout=60, check=False)
        assert (done.returncode, done.stderr) == (ExitCode.DONE, "")


class TestProcess:
    def test_help_lists_the_commands_on_stdout(self):
        done = spawned("perfbench", "--help")
        assert done.returncode == 0
        assert all(f" {name} " in done.stdout for name in cli.COMMANDS)

    def test_help_imports_nothing_heavy(self):
        code = (
            "import sys; from perfbench import cli; cli.run(['--help']); "
            "heavy = ('pydantic', 'numpy', 'scipy', 'pandas', 'aiohttp', 'openai', 'plotly', 'uvloop', 'yaml'); "
            "print([name for name in heavy if name in sys.modules], file=sys.stderr)"
        )
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
        assert done.stderr == "[]\n"

    def test_a_reader_that_has_enough_is_no_error(self):
        done = subprocess.run(
            f"{sys.executable} -m perfbench run --help | head -n 1",
            shell=True,
            capture_output=True,
            text=True,
            timeout=60,
        )
        assert done.stderr == ""

    def test_evalcore_is_a_command_too(self):
        program = "from evalcore.cli import main; raise SystemExit(main(['--help']))"
        done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60)
        assert (done.returncode, done.stderr) == (0, "")
        assert "rescore" in done.stdout

    def test_the_simulator_says_where_it_listens_and_ends_when_told(self):
        command = [sys.executable, "-m", "perfbench", "simulate", "--port", "0", "--ttft", "1ms"]
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
            assert process.stdout.readline().startswith("http://127.0.0.1:")
            process.terminate()
            assert process.wait(timeout=30) == 0
            assert "has ended" in process.stderr.read()


@pytest.mark.slow
def test_help_is_there_within_a_third_of_a_second():
    """The best of several: what the command needs, not what the machine is busy with."""
    spent = []
    for _ in range(7):
        began = time.perf_counter()
        spawned("perfbench", "--help", env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1"})
        spent.append(time.perf_counter() - began)
    assert min(spent) < 0.3
