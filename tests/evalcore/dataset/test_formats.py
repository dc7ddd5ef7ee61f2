"""Formats: every kind of file gives the same rows, and says where it is broken."""

from __future__ import annotations

import gzip
import json

import pytest

from evalcore.dataset.formats import read
from evalcore.errors import DataError

ROWS = [{"q": 'Say "hi", twice', "a": "1"}, {"q": "中文\nnext line", "a": "2"}]
LINES = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in ROWS)
CSV = 'q,a\r\n"Say ""hi"", twice",1\r\n"中文\nnext line",2\r\n'


@pytest.mark.parametrize(
    ("name", "content"),
    [
        pytest.param("rows.jsonl", LINES.encode(), id="jsonl"),
        pytest.param(
            "rows.jsonl", b"\xef\xbb\xbf" + LINES.encode() + b"\n  \n", id="jsonl with a mark and blank lines"
        ),
        pytest.param("rows.jsonl", LINES.rstrip().encode(), id="jsonl without a last line end"),
        pytest.param("rows.jsonl.gz", gzip.compress(LINES.encode()), id="jsonl.gz"),
        pytest.param("rows.json", json.dumps(ROWS).encode(), id="json list"),
        pytest.param("rows.json", json.dumps({"canary": "x", "examples": ROWS}).encode(), id="json with examples"),
        pytest.param(
            "rows.json", json.dumps({"q": [r["q"] for r in ROWS], "a": ["1", "2"]}).encode(), id="json of columns"
        ),
        pytest.param("rows.csv", CSV.encode(), id="csv"),
        pytest.param("rows.csv", b"\xef\xbb\xbf" + CSV.encode(), id="csv with a mark"),
        pytest.param("ROWS.CSV.GZ", gzip.compress(CSV.encode()), id="csv.gz, upper case"),
    ],
)
def test_every_format_gives_the_same_rows(tmp_path, name, content):
    (tmp_path / name).write_bytes(content)
    assert list(read(tmp_path / name)) == ROWS


def test_parquet_gives_the_same_rows(tmp_path):
    pyarrow = pytest.importorskip("pyarrow", reason="the hub extra is not installed")
    parquet = pytest.importorskip("pyarrow.parquet")
    rows = [*ROWS, {"q": "x", "a": None}] * 200
    parquet.write_table(pyarrow.Table.from_pylist(rows), tmp_path / "rows.parquet")
    assert list(read(tmp_path / "rows.parquet")) == rows


def test_quotes_in_tsv_are_text(tmp_path):
    (tmp_path / "rows.tsv").write_text('"Hi" she said\t1\nIn "todo por un dólar\t2\n')
    found = list(read(tmp_path / "rows.tsv", ("question", "answer")))
    assert [row["question"] for row in found] == ['"Hi" she said', 'In "todo por un dólar']


@pytest.mark.parametrize(
    ("first_line", "names"),
    [
        pytest.param("", ["question", "answer"], id="no line of names: the first line is a row"),
        pytest.param("Question,Answer\n", ["question", "answer"], id="the same names in another case"),
        pytest.param("id,question,answer\n", ["id", "question", "answer"], id="a line of other names"),
    ],
)
def test_columns_name_what_has_no_names(tmp_path, first_line, names):
    rows = "what,1\nwhy,2\n" if len(names) == 2 else "0,what,1\n1,why,2\n"
    (tmp_path / "rows.csv").write_text(first_line + rows)
    found = list(read(tmp_path / "rows.csv", ("question", "answer")))
    assert [list(row) for row in found] == [names, names]
    assert [row["question"] for row in found] == ["what", "why"]


def test_what_strict_json_refuses_but_data_sets_have(tmp_path):
    (tmp_path / "odd.jsonl").write_text('{"x": NaN, "y": "\\ud83d"}\n{"n": 123456789012345678901234567890}\n')
    first, second = read(tmp_path / "odd.jsonl")
    assert first["y"] == "\ud83d" and first["x"] != first["x"]
    assert second["n"] == 123456789012345678901234567890


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        pytest.param("x.jsonl", b'{"a": 1}\n{"a": \n', r"x\.jsonl line 2 is not JSON", id="jsonl: torn"),
        pytest.param("x.jsonl", b"[1]\n", r"x\.jsonl line 1: a row is an object", id="jsonl: no object"),
        pytest.param("x.json", b'{"a": 1}', "list of objects", id="json: no rows"),
        pytest.param("x.json", b'{"a": [1], "b": [1, 2]}', "differ in length", id="json: ragged columns"),
        pytest.param(
            "x.csv", b"a,b\n1,2,3\n", r"line 2: 3 cells where 2 are named \(a, b\)", id="csv: a cell too many"
        ),
        pytest.param("x.csv", b'a,b\n"1,2\n', r"x\.csv line", id="csv: open quote"),
        pytest.param("x.csv", b"a\n\xff\n", "cannot be read", id="csv: not UTF-8"),
        pytest.param("x.jsonl.gz", b"not gzip", "cannot be read", id="gz: is none"),
        pytest.param("x.xlsx", b"", r"ends in none of .*\.jsonl", id="unknown format"),
        pytest.param("x.parquet", b"PAR1 no", "cannot be read", id="parquet: is none"),
    ],
)
def test_what_is_broken_is_named_with_its_place(tmp_path, name, content, said):
    if name.endswith("parquet"):
        pytest.importorskip("pyarrow")
    (tmp_path / name).write_bytes(content)
    with pytest.raises(DataError, match=said):
        list(read(tmp_path / name))


def test_long_cells_are_read(tmp_path):
    (tmp_path / "long.csv").write_text("q,a\n" + "x" * 300_000 + ",1\n")
    assert len(next(read(tmp_path / "long.csv"))["q"]) == 300_000
