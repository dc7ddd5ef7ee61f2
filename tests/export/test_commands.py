"""The commands: export of every folder in every format, and the files that gates leave for CI."""

from __future__ import annotations

import json
from pathlib import Path
from xml.etree import ElementTree

import pytest

from perfbench import cli
from perfbench.engine.errors import ExitCode
from perfbench.export.formats import FORMATS
from tests.comparison.test_command import folder as run_folder
from tests.report import made

SCENARIOS = Path(__file__).parent.parent.parent / "scenarios"
QUICK = (
    "--duration",
    "1s",
    "--warmup",
    "0.2s",
    "--rate",
    "60",
    "--max-tokens",
    "4",
    "--prompt-tokens",
    "16",
    "--quiet",
)


@pytest.fixture(scope="module")
def folders(tmp_path_factory) -> dict[str, Path]:
    return {kind: made.folder_of(tmp_path_factory.mktemp(kind), kind) for kind in ("run", "sweep", "slo", "plan")}


@pytest.mark.parametrize("name", FORMATS)
@pytest.mark.parametrize("kind", ["run", "sweep", "slo", "plan"])
def test_every_folder_in_every_format(folders, tmp_path, capsys, kind, name):
    rows = ["--what", "figures"] if name in ("csv", "parquet") else []
    code = cli.run(["export", str(folders[kind]), "--format", name, *rows, "--output", str(tmp_path / "file")])
    if (kind, name) == ("sweep", "junit"):
        assert code == ExitCode.USAGE and "no gate" in capsys.readouterr().err
        assert not (tmp_path / "file").exists()
    else:
        assert code == 0, capsys.readouterr().err
        assert (tmp_path / "file").stat().st_size > 100


def test_without_output_it_is_alone_on_stdout(folders, capsys):
    assert cli.run(["export", str(folders["run"]), "--format", "json"]) == 0
    captured = capsys.readouterr()
    assert json.loads(captured.out)["kind"] == "run figures"
    assert captured.err == ""


@pytest.mark.parametrize(("words", "said"), [
    (["{run}"], "--format is missing"),
    (["{run}", "--format", "cvs"], "did you mean 'csv'"),
    (["{run}", "--format", "csv", "--what", "rows"], "there are requests and figures"),
    (["{run}", "--format", "junit", "--what", "figures"], "has no rows"),
    (["{plan}", "--format", "csv"], "--what figures"),
    (["{run}/nowhere", "--format", "csv"], "there is no folder"),
    (["{here}", "--format", "csv"], "holds no run, no sweep"),
    (["{run}", "--format", "csv", "--output", "{here}/no/file"], "cannot write"),
])  # fmt: skip
def test_errors_name_the_place_and_the_remedy(folders, tmp_path, capsys, words, said):
    places = {"run": folders["run"], "plan": folders["plan"] / "plan.json", "here": tmp_path}
    assert cli.run(["export", *(word.format(**places) for word in words)]) in (ExitCode.USAGE, ExitCode.BUG)
    captured = capsys.readouterr()
    assert said in captured.err and captured.out == ""
    assert "bug of perfbench" not in captured.err


def test_compare_leaves_page_cases_and_summary(tmp_path, capsys):
    a, b = run_folder(tmp_path / "a", 1), run_folder(tmp_path / "b", 2, slowdown=1.15)
    page, cases, text = tmp_path / "page.html", tmp_path / "cases.xml", tmp_path / "summary.md"
    text.write_text("before\n")
    flags = ["--html", str(page), "--junit", str(cases), "--markdown", str(text), "--fail-on-regression", "5%"]
    assert cli.run(["compare", a, b, *flags]) == ExitCode.GATE_MISSED
    assert f"page: {page}" in capsys.readouterr().out
    root = ElementTree.parse(cases).getroot()
    assert int(root.get("failures")) > 0 and root.get("errors") == "0"
    assert text.read_text().startswith("before\n### perfbench compare: worse by more than 5 %")
    assert "ecdf-response_ttft" in page.read_text()


@pytest.mark.parametrize(("flags", "said"), [
    (["--junit", "x.xml"], "add --fail-on-regression"),
    (["--html", "nowhere/page.html"], "there is no folder 'nowhere'"),
    (["--markdown", "."], "is a folder"),
])  # fmt: skip
def test_places_that_cannot_be_written_are_refused_first(tmp_path, capsys, flags, said):
    assert cli.run(["compare", str(tmp_path / "no"), str(tmp_path / "no"), *flags]) == ExitCode.USAGE
    assert said in capsys.readouterr().err


GATE = str(SCENARIOS / "nightly_slo_gate.yaml")


def test_the_nightly_gate_that_is_missed_ends_with_3_and_a_failure(tmp_path, capsys):
    cases, text = tmp_path / "slo.xml", tmp_path / "summary.md"
    words = ["--slo", "p50 ttft < 1ms and error_rate < 50%", "--outputs-dir", str(tmp_path / "out")]
    code = cli.run(["run", GATE, *QUICK, *words, "--junit", str(cases), "--markdown", str(text)])
    captured = capsys.readouterr()
    assert code == ExitCode.GATE_MISSED, captured.err
    root = ElementTree.parse(cases).getroot()
    assert (root.get("tests"), root.get("failures"), root.get("errors")) == ("4", "1", "0")
    assert text.read_text().startswith("### perfbench run: sim")
    assert "SLO MISSED" in captured.out, "the table stays on stdout"


def test_the_nightly_gate_that_is_met_ends_with_0_and_markdown_takes_the_place_of_the_table(tmp_path, capsys):
    words = ["--slo", "p50 ttft < 5s and error_rate < 50%", "--markdown", "-", "--outputs-dir", str(tmp_path)]
    assert cli.run(["run", GATE, *QUICK, *words]) == 0
    out = capsys.readouterr().out
    assert out.startswith("### perfbench run: sim") and "results in" not in out
    assert cli.run(["run", GATE, *QUICK, *words, "--json"]) == ExitCode.USAGE
    assert "both for stdout" in capsys.readouterr().err


def test_the_capacity_sweep_leaves_a_page_with_every_load(tmp_path, capsys):
    words = ["sweep", str(SCENARIOS / "capacity_sweep.yaml"), "--parallel", "8", "--number", "30", "--max-tokens", "4",
             "--warmup", "2", "--outputs-dir", str(tmp_path), "--quiet"]  # fmt: skip
    assert cli.run(words) == 0, capsys.readouterr().err
    page = Path(capsys.readouterr().out.split("page: ")[1].strip())
    assert "./points/parallel_8/report.html" in page.read_text()
    assert (page.parent / "points/parallel_8/report.html").is_file()
