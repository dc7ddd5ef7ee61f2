"""Rows: every column documented and filled, and the same out of each format as went in."""

from __future__ import annotations

import io
import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from perfbench.engine.errors import ScenarioError
from perfbench.export.csv import write_csv
from perfbench.export.figures import KINDS, figures_table
from perfbench.export.held import held
from perfbench.export.json import write_json
from perfbench.export.parquet import write_parquet
from perfbench.export.requests import requests_parts, requests_table
from perfbench.export.table import Column, Table, table
from perfbench.report.frame import frame
from perfbench.runfolder import SUMMARY
from tests.report import made
from tests.report.runs import make_run

MIXED = table(
    (
        Column("text", "text", "", ""),
        Column("count", "count", "", ""),
        Column("number", "number", "ms", "a wait"),
        Column("flag", "flag", "", ""),
    ),
    [("plain", 1, 2.5, True), ("", None, None, None), ('a,"b"\nc', -3, float("inf"), False)],
)


@pytest.fixture(scope="module")
def folders(tmp_path_factory) -> dict[str, Path]:
    return {kind: made.folder_of(tmp_path_factory.mktemp(kind), kind) for kind in ("run", "sweep", "slo", "plan")}


def csv_of(found: Table) -> pd.DataFrame:
    file = io.BytesIO()
    write_csv([found], file)
    return pd.read_csv(io.BytesIO(file.getvalue()), keep_default_na=False, na_values=[""])


def test_a_run_has_a_row_a_request_with_the_latencies_of_the_metrics(folders):
    rows, records = requests_table(held(folders["run"])).frame, frame(folders["run"])
    assert len(rows) == len(records) == 400
    np.testing.assert_allclose(rows["ttft_ms"], records["ttft_ms"], atol=1e-4)
    assert rows["outcome"].tolist() == records["outcome"].tolist()
    assert set(rows.loc[rows["outcome"] == "failed", "error"]) == {"http_503"}
    assert rows.loc[rows["outcome"] == "failed", "output_tokens"].isna().all(), "what nobody counted is no zero"
    assert rows["session"].isna().all()


@pytest.mark.parametrize("kind", ["run", "sweep", "slo"])
def test_every_column_is_documented_and_none_else_is_there(folders, kind):
    for found in (requests_table(held(folders[kind])), figures_table(held(folders[kind]))):
        assert [column.name for column in found.columns] == found.frame.columns.tolist()
    assert all(column.meaning for column in requests_table(held(folders[kind])).columns)


def test_the_runs_of_a_sweep_stand_below_each_other_with_their_load(folders):
    rows = requests_table(held(folders["sweep"])).frame
    assert rows.groupby("run")["load"].agg(["first", "size"]).to_dict("index") == {
        "points/parallel_16": {"first": 16.0, "size": 120}, "points/parallel_32": {"first": 32.0, "size": 120},
    }  # fmt: skip


def test_times_of_day_come_from_the_clocks_of_the_run(tmp_path):
    run = make_run(tmp_path / "run", 10)
    info = run.info()
    info.clock_unix_ns = 1_700_000_000 * 10**9
    run.write_info(info)
    rows = requests_table(held(run.path)).frame
    np.testing.assert_allclose(rows["due_unix_s"] - rows["due_s"], 1_700_000_000)
    info.clock_unix_ns = 0
    run.write_info(info)
    assert requests_table(held(run.path)).frame["due_unix_s"].isna().all(), "nobody wrote it down"


@pytest.mark.parametrize(("kind", "rows"), [("sweep", 6), ("slo", 8), ("plan", 3)])
def test_figures_have_a_row_a_load_a_condition_of_a_probe_an_option(folders, kind, rows):
    assert len(figures_table(held(folders[kind])).frame) == rows


def test_the_figures_of_a_run_are_those_of_its_summary(folders):
    rows = figures_table(held(folders["run"])).frame.set_index(["figure", "statistic"])
    summary = json.loads((folders["run"] / SUMMARY).read_text())
    p50 = rows.loc[("ttft", "p50")]
    assert (p50["value"], [p50["low"], p50["high"]]) == (
        summary["latency_ms"]["ttft"]["p50"], summary["latency_ms"]["ttft"]["p50_ci"]
    )  # fmt: skip
    assert rows.loc[("error_rate", ""), "value"] == 0.1


def test_an_infinite_latency_is_infinite_and_an_unknown_one_is_empty():
    spread = {**made.spread(10.0), "p99": None, "infinite": ["p99"]}
    columns, rows_of = KINDS["run"]
    summary = {
        "requests": dict.fromkeys(("sent", "succeeded", "failed", "cancelled", "unsent"), 0) | {"error_rate": None},
        "throughput": {"requests_per_s": None}, "goodput": None, "latency_ms": {"ttft": spread, "tpot": None},
        "tokens": dict.fromkeys(("input", "output", "reasoning", "cached")),
    }  # fmt: skip
    rows = table(columns, rows_of(summary)).frame.set_index(["figure", "statistic"])["value"]
    assert rows[("ttft", "p99")] == np.inf and np.isnan(rows[("ttft", "p99_9")])
    assert "tpot" not in rows.index.get_level_values(0)


def test_csv_says_nothing_where_nothing_is_known():
    file = io.BytesIO()
    write_csv([MIXED], file)
    assert file.getvalue().decode() == (
        'text,count,number,flag\r\nplain,1,2.5,true\r\n,,,\r\n"a,""b""\nc",-3,inf,false\r\n'
    )


@pytest.mark.parametrize("text", ["=HYPERLINK(1)", "+1", "-1", "@SUM(A1)", "\tx"])
def test_no_text_in_csv_is_a_formula(text):
    found = csv_of(table((Column("text", "text", "", ""), Column("number", "number", "", "")), [(text, -1.0)]))
    assert found["text"][0] == "'" + text
    assert found["number"][0] == -1.0


def test_json_holds_the_columns_and_the_rows():
    file = io.BytesIO()
    write_json(MIXED, file, "run requests", "a folder")
    found = json.loads(file.getvalue())
    assert found["columns"][2] == {"name": "number", "kind": "number", "unit": "ms", "meaning": "a wait"}
    assert found["rows"] == [
        {"text": "plain", "count": 1, "number": 2.5, "flag": True},
        {"text": "", "count": None, "number": None, "flag": None},
        {"text": 'a,"b"\nc', "count": -3, "number": "inf", "flag": False},
    ]


def test_json_of_no_rows_is_json():
    file = io.BytesIO()
    write_json(table((Column("a", "text", "", ""),), []), file, "x", "y")
    assert json.loads(file.getvalue())["rows"] == []


@pytest.mark.parametrize("kind", ["mixed", "requests"])
def test_parquet_comes_back_as_it_was(folders, kind):
    pq = pytest.importorskip("pyarrow.parquet")
    found = MIXED if kind == "mixed" else requests_table(held(folders["sweep"]))
    file = io.BytesIO()
    write_parquet([found], file)
    read = pq.read_table(io.BytesIO(file.getvalue()))
    assert read.schema.field("number" if kind == "mixed" else "ttft_ms").metadata[b"unit"] == b"ms"
    back = read.to_pandas(
        types_mapper=lambda kind: {"int64": pd.Int64Dtype(), "bool": pd.BooleanDtype()}.get(str(kind))
    )
    pd.testing.assert_frame_equal(back.astype(found.frame.dtypes.to_dict()), found.frame)


def test_parquet_without_its_library_names_the_extra(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "pyarrow", None)
    with pytest.raises(ScenarioError, match=r"perfbench\[parquet\]"):
        write_parquet([MIXED], io.BytesIO())


def test_a_run_that_is_read_in_parts_has_the_rows_of_one_read_at_once(tmp_path, monkeypatch):
    run = make_run(tmp_path / "run", 100)
    parts = io.BytesIO()
    whole = requests_table(held(run.path))
    monkeypatch.setattr("perfbench.runfolder._READ_BYTES", 2000)
    found = list(requests_parts(held(run.path)))
    assert len(found) > 5
    write_csv(found, parts)
    at_once = io.BytesIO()
    write_csv([whole], at_once)
    assert parts.getvalue() == at_once.getvalue()
