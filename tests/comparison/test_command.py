"""The command: what it prints, what it refuses, and what the shell learns."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest
import yaml

from perfbench import cli
from perfbench.engine.errors import ExitCode
from perfbench.runfolder import REQUESTS, SCENARIO
from tests.comparison.simulated import RATE_PER_S, records_of
from tests.truthd import Truthd


def folder(path: Path, seed: int, *, slowdown: float = 1.0, count: int = 600, **scenario: Any) -> str:
    path.mkdir()
    encode = msgspec.json.Encoder().encode
    records = records_of(seed, slowdown=slowdown, count=count)
    (path / REQUESTS).write_bytes(b"".join(encode(record) + b"\n" for record in records))
    (path / SCENARIO).write_text(yaml.safe_dump({"rate": RATE_PER_S, "arrival": "poisson", "api": "chat", **scenario}))
    return str(path)


def test_a_regression_beyond_the_threshold_ends_with_3(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    a, b = folder(tmp_path / "a", 1), folder(tmp_path / "b", 2, slowdown=1.15)
    assert cli.run(["compare", a, b]) == ExitCode.DONE, "without a threshold it only tells"
    text = capsys.readouterr().out
    assert "p50 tpot" in text and "worse" in text and "one run each" in text
    assert cli.run(["compare", a, b, "--fail-on-regression", "5%"]) == ExitCode.GATE_MISSED
    assert "worse by more than 5 %" in capsys.readouterr().out
    assert cli.run(["compare", a, b, "--fail-on-regression", "50%"]) == ExitCode.DONE
    assert "no more than 50 %" in capsys.readouterr().out
    assert cli.run(["compare", b, a, "--fail-on-regression", "5%"]) == ExitCode.DONE, "better is no regression"


def test_json_names_the_regressions_and_is_alone_on_stdout(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    a, b = folder(tmp_path / "a", 1), folder(tmp_path / "b", 2, slowdown=1.15)
    assert cli.run(["compare", a, b, "--json", "--fail-on-regression", "0.05"]) == ExitCode.GATE_MISSED
    captured = capsys.readouterr()
    found = json.loads(captured.out)
    assert captured.err == ""
    assert "p50 tpot" in found["regressions"]
    assert found["fail_on_regression"] == 0.05


def test_markdown_is_a_table_with_the_worst_in_bold(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    a, b = folder(tmp_path / "a", 1), folder(tmp_path / "b", 2, slowdown=1.15)
    assert cli.run(["compare", a, b, "--markdown", "-"]) == ExitCode.DONE
    lines = capsys.readouterr().out.splitlines()
    rows = [line for line in lines if line.startswith("|")]
    assert {line.count("|") for line in rows} == {9}
    assert any("p50 tpot" in line and "**worse**" in line for line in rows)


def test_too_few_requests_to_gate_by_end_with_5(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    a, b = folder(tmp_path / "a", 1, count=5), folder(tmp_path / "b", 2, count=5)
    assert cli.run(["compare", a, b, "--fail-on-regression", "5%"]) == ExitCode.INCONCLUSIVE
    assert "nothing could be tested" in capsys.readouterr().out


def test_what_is_not_comparable_is_refused_until_forced(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    a, b = folder(tmp_path / "a", 1), folder(tmp_path / "b", 2, api="completions", max_tokens=9)
    assert cli.run(["compare", a, b]) == ExitCode.USAGE
    captured = capsys.readouterr()
    assert captured.out == ""
    assert "api is chat in one, completions" in captured.err and "max_tokens" in captured.err
    assert "--force" in captured.err
    assert cli.run(["compare", a, b, "--force"]) == ExitCode.DONE
    assert "not comparable  api is chat" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "said"),
    [
        pytest.param(["nowhere", "nowhere"], "neither a run folder nor a file 'nowhere'", id="no such run"),
        pytest.param(["{a}", "{a}", "--fail-on-regression", "much"], "--fail-on-regression: 'much'", id="threshold"),
        pytest.param(["{a}", "{a}", "--json", "--markdown", "-"], "both for stdout", id="two forms"),
        pytest.param(["{a}", "{empty}"], "holds no request", id="an empty run"),
    ],
)
def test_errors_name_the_place_and_the_value(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], words: list[str], said: str
) -> None:
    places = {"a": folder(tmp_path / "a", 1, count=20), "empty": folder(tmp_path / "empty", 1, count=0)}
    assert cli.run(["compare", *(word.format(**places) for word in words)]) == ExitCode.USAGE
    assert said in capsys.readouterr().err


def test_a_series_and_a_run_are_not_compared(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    one = folder(tmp_path / "one", 1, count=20)
    several = tmp_path / "several"
    several.mkdir()
    (several / "series.json").write_text('{"schema": 1, "runs": [], "figures": {}}')
    assert cli.run(["compare", one, str(several)]) == ExitCode.USAGE
    assert "is a series of runs" in capsys.readouterr().err
    (several / "series.json").write_text('{"schema":')
    assert cli.run(["compare", str(several), str(several)]) == ExitCode.USAGE
    assert "is not whole" in capsys.readouterr().err


# -- runs that were really made ----------------------------------------------------------------------------------------


def really(out: Path, server: Truthd, model: str, *flags: str) -> int:
    words = ["--url", server.url, "--model", model, "--parallel", "8", "--quiet", "--json", *flags]
    return cli.run(["run", *words, "--outputs-dir", str(out)])


def folders(out: Path) -> list[str]:
    return sorted(str(place) for place in out.iterdir())


def test_until_and_repeat_on_a_real_server(tmp_path: Path, truthd: Truthd, capsys: pytest.CaptureFixture[str]) -> None:
    model = "sim:ttft=4,itl=1,n=4,jit=0.5"
    flags = ["--until", "p50 tpot +-20%", "--number", "4000", "--repeat", "2"]
    assert really(tmp_path / "out", truthd, model, *flags) == ExitCode.DONE
    found = json.loads(capsys.readouterr().out)
    assert [run["ended"] for run in found["runs"]] == ["watched", "watched"]
    assert [run["folder"] for run in found["runs"]] == ["run_1", "run_2"]
    assert found["runs"][0]["seed"] + 1 == found["runs"][1]["seed"]
    assert all(60 <= run["succeeded"] < 4000 for run in found["runs"])
    tpot = found["figures"]["p50 tpot"]
    assert tpot["low"] < tpot["mean"] < tpot["high"]
    (place,) = folders(tmp_path / "out")
    for run in ("run_1", "run_2"):
        summary = json.loads((Path(place) / run / "summary.json").read_text())
        assert summary["until"]["met"] is True
        assert any("is reached" in note for note in summary["notes"])


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_pairs_of_real_runs_of_the_same_server_and_of_a_slower_one(
    tmp_path: Path, start_truthd: Callable[..., Truthd], capsys: pytest.CaptureFixture[str]
) -> None:
    """What runs really differ by, this machine included: few alarms, and ten percent of pace always found."""
    server = start_truthd(seed=5)
    pairs, alarms, found = 10, 0, 0
    for pair in range(pairs):
        for name, itl in (("a", 5), ("b", 5), ("slow", 5.5)):
            place = tmp_path / f"{name}{pair}"
            really(place, server, f"sim:ttft=20,itl={itl},n=16,jit=0.3", "--number", "240", "--seed", str(pair))
        a, b, slow = (folders(tmp_path / f"{name}{pair}")[0] for name in ("a", "b", "slow"))
        capsys.readouterr()
        cli.run(["compare", a, b, "--json"])
        same = json.loads(capsys.readouterr().out)
        cli.run(["compare", a, slow, "--json", "--fail-on-regression", "5%"])
        slower = json.loads(capsys.readouterr().out)
        alarms += any(each["verdict"] in ("better", "worse") for each in same["differences"])
        found += "p50 tpot" in slower["regressions"]
    # What this machine does to the first run and not to the second is a real difference of these two runs: the bar of
    # 7 in 100 is for test_compare, where nothing else runs.
    assert alarms <= pairs * 0.4, alarms
    assert found >= pairs - 1, found
