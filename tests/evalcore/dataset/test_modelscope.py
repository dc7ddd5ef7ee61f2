"""ModelScope: fetched through its own library from a stand-in on 127.0.0.1."""

from __future__ import annotations

import pytest

from evalcore.benchmarks.base import Source
from evalcore.dataset import load
from evalcore.dataset.load import Where, rows
from evalcore.errors import DataError
from tests.evalcore.dataset.standin_hub import Repository, standin_hub

pytest.importorskip("modelscope_hub", reason="the hub extra is not installed")

SOURCE = Source(local={}, modelscope="owner/quiz", config="{subset}")
FILES = {
    "README.md": b"---\nconfigs:\n- {config_name: hard, data_files: [{split: test, path: odd/h.jsonl}]}\n---\n",
    "easy/test.jsonl": b'{"q": "1"}\n{"q": "2"}\n',
    "odd/h.jsonl": b'{"q": "h"}\n',
}


@pytest.fixture(autouse=True)
def hub(monkeypatch):
    load._hub.cache_clear()
    with standin_hub({"owner/quiz": Repository({"main": FILES})}) as server:
        monkeypatch.setenv("MODELSCOPE_ENDPOINT", server.url)
        yield server


def questions(subset, where):
    return [row["q"] for row in rows(SOURCE, subset, "test", where)]


def test_rows_come_from_the_hub_by_name_and_by_card(tmp_path):
    where = Where(tmp_path, "modelscope")
    assert questions("easy", where) == ["1", "2"]
    assert questions("hard", where) == ["h"]


def test_what_is_cached_is_not_fetched_again(tmp_path, hub):
    questions("easy", Where(tmp_path, "modelscope"))
    load._hub.cache_clear()
    hub.asked.clear()
    assert questions("easy", Where(tmp_path, "modelscope")) == ["1", "2"]
    assert not [asked for asked in hub.asked if asked.endswith("/repo")]


@pytest.mark.slow  # the library tries for 7 s
def test_without_the_hub_the_cache_is_enough(tmp_path, monkeypatch):
    questions("easy", Where(tmp_path, "modelscope"))
    load._hub.cache_clear()
    monkeypatch.setenv("MODELSCOPE_ENDPOINT", "http://127.0.0.1:9")
    assert questions("easy", Where(tmp_path, "modelscope")) == ["1", "2"]


@pytest.mark.parametrize(
    ("repository", "endpoint", "said"),
    [
        pytest.param("owner/nothing", None, "ModelScope has no data set owner/nothing", id="not there"),
        pytest.param(
            "owner/quiz",
            "http://127.0.0.1:9",
            "modelscope download --dataset owner/quiz",
            id="no hub",
            marks=pytest.mark.slow,
        ),
    ],
)
def test_what_cannot_be_fetched_says_why(tmp_path, monkeypatch, repository, endpoint, said):
    if endpoint is not None:
        monkeypatch.setenv("MODELSCOPE_ENDPOINT", endpoint)
    with pytest.raises(DataError, match=said):
        rows(Source(local={}, modelscope=repository), "main", "test", Where(tmp_path, "modelscope"))
