"""The README says what is true: its flags, commands, files and exit codes exist."""

from __future__ import annotations

import inspect
import re
import shlex
from pathlib import Path

import pytest

from evalcore import cli as evalcore_cli
from evalcore.commands.list import list_
from evalcore.commands.run import run_
from perfbench import cli
from perfbench.commands.calibrate import calibrate
from perfbench.commands.report import report
from perfbench.commands.run import run
from perfbench.commands.simulate import simulate
from perfbench.engine.errors import ExitCode
from perfbench.runfolder import CLIENT, REPORT, REQUESTS, RUN, SCENARIO, SUMMARY
from perfbench.settings.problems import flag

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
CODE = "\n".join(re.findall(r"```\n(.*?)```", README, re.DOTALL)).replace("\\\n", " ")
RUNS = [line for line in CODE.splitlines() if line.startswith("perfbench run ")]


def test_every_flag_it_names_exists():
    commands = (run, report, simulate, calibrate, run_, list_)
    known = {flag(name) for command in commands for name in inspect.signature(command).parameters}
    named = set(re.findall(r"(?<![\w-])--[a-z][a-z-]+", README))
    assert len(named) > 15
    assert named <= known | {"--json", "--help"}


def test_every_command_is_shown():
    assert all(f"perfbench {name}" in CODE for name in cli.COMMANDS)
    assert all(f"evalcore {name}" in CODE for name in evalcore_cli.COMMANDS)


@pytest.mark.parametrize("line", RUNS)
def test_every_run_it_shows_describes_a_scenario(line, capsys, monkeypatch, tmp_path):
    (tmp_path / "prompt.txt").write_text("hello")
    (tmp_path / "scenarios").symlink_to(ROOT / "scenarios")
    monkeypatch.chdir(tmp_path)
    words = shlex.split(line.partition(" | ")[0], comments=True)
    assert cli.run([*words[1:], "--dry-run"]) == 0, capsys.readouterr().err


def test_every_file_it_links_to_exists_and_every_scenario_is_linked():
    linked = re.findall(r"\]\(([^)#:]+)\)", README)
    assert all((ROOT / path).is_file() for path in linked)
    assert {f"scenarios/{path.name}" for path in (ROOT / "scenarios").glob("*.yaml")} <= set(linked)


def test_its_exit_codes_are_those_of_the_program():
    table = README.partition("### Exit codes")[2].partition("Results go")[0]
    assert {int(code) for code in re.findall(r"^\| (\d+) \|", table, re.MULTILINE)} == {int(code) for code in ExitCode}


def test_its_run_folder_is_the_real_one():
    table = README.partition("### The run folder")[2].partition("### Exit")[0]
    assert set(re.findall(r"^\| `([^`]+)` \|", table, re.MULTILINE)) == {
        SCENARIO,
        RUN,
        REQUESTS,
        CLIENT,
        SUMMARY,
        REPORT,
    }


def test_the_version_in_the_changelog_is_the_packages():
    from perfbench import __version__

    assert f"## {__version__}" in (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
