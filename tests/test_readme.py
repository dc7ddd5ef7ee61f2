"""The README says what is true: its flags, commands, files and exit codes exist."""

from __future__ import annotations

import gzip
import inspect
import re
import shlex
from pathlib import Path

import pytest

from evalcore import cli as evalcore_cli
from evalcore.commands.list import list_
from evalcore.commands.run import run_
from evalcore.commands.serve import serve_
from perfbench import cli
from perfbench.commands.calibrate import calibrate
from perfbench.commands.compare import compare
from perfbench.commands.export import export
from perfbench.commands.plan import plan
from perfbench.commands.report import report
from perfbench.commands.run import run
from perfbench.commands.simulate import simulate
from perfbench.commands.slo import slo
from perfbench.commands.sweep import sweep
from perfbench.engine.errors import ExitCode
from perfbench.runfolder import CLIENT, REPORT, REQUESTS, REVIEWS, RUN, SCENARIO, SERVER, SUMMARY
from perfbench.settings.problems import flag

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
TEXT = "\n".join(page.read_text(encoding="utf-8") for page in PAGES)
FENCED = re.findall(r"^```(\w*)\n(.*?)^```$", TEXT, re.DOTALL | re.MULTILINE)
CODE = "\n".join(code for language, code in FENCED if not language).replace("\\\n", " ")
LOADS = (ROOT / "docs/load_testing.md").read_text(encoding="utf-8")
ALSO = {"--json", "--help", "--format", "--from", "--no-stop-early"}
"""Flags that are named otherwise in the code."""
RUNS = [line for line in CODE.splitlines() if line.startswith("perfbench run ")]


def test_every_flag_it_names_exists():
    commands = (run, sweep, slo, plan, compare, export, report, simulate, calibrate, run_, list_, serve_)
    known = {flag(name) for command in commands for name in inspect.signature(command).parameters}
    named = set(re.findall(r"(?<![\w-])--[a-z][a-z-]+", TEXT))
    assert len(named) > 60
    assert named - known - ALSO == set()


def test_every_command_is_shown():
    assert all(f"perfbench {name}" in CODE for name in cli.COMMANDS)
    assert all(f"evalcore {name}" in CODE for name in evalcore_cli.COMMANDS)


@pytest.mark.parametrize("line", RUNS)
def test_every_run_it_shows_describes_a_scenario(line, capsys, monkeypatch, tmp_path):
    (tmp_path / "prompt.txt").write_text("hello")
    (tmp_path / "chats.jsonl").write_text('{"messages": [{"role": "user", "content": "Hello"}]}')
    (tmp_path / "mix.yaml").write_text("mix: {a: {share: 90%, prompt_tokens: 50}, b: {share: 10%, prompt_tokens: 500}}")
    trace = b'{"at": 0, "input_tokens": 5, "output_tokens": 5}'
    (tmp_path / "conversation_trace.jsonl.gz").write_bytes(gzip.compress(trace))
    (tmp_path / "scenarios").symlink_to(ROOT / "scenarios")
    monkeypatch.chdir(tmp_path)
    words = shlex.split(line.partition(" | ")[0], comments=True)
    assert cli.run([*words[1:], "--dry-run"]) == 0, capsys.readouterr().err


def test_every_file_it_links_to_exists_and_every_scenario_is_linked():
    for page in PAGES:
        linked = re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", page.read_text(encoding="utf-8"))
        assert [path for path in linked if not (page.parent / path).exists()] == []
    linked = re.findall(r"\]\(([^)#:]+)\)", README)
    assert {f"scenarios/{path.name}" for path in (ROOT / "scenarios").glob("*.yaml")} <= set(linked)


def test_its_exit_codes_are_those_of_the_program():
    table = README.partition("### Exit codes")[2].partition("Results go")[0]
    assert {int(code) for code in re.findall(r"^\| (\d+) \|", table, re.MULTILINE)} == {int(code) for code in ExitCode}


def test_its_run_folder_is_the_real_one():
    table = LOADS.partition("## The run folder")[2]
    assert set(re.findall(r"^\| `([^`]+)` \|", table, re.MULTILINE)) == {
        SCENARIO,
        RUN,
        REQUESTS,
        CLIENT,
        SERVER,
        REVIEWS,
        SUMMARY,
        REPORT,
    }


def test_the_version_in_the_changelog_is_the_packages():
    from perfbench import __version__

    assert f"## {__version__}" in (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
