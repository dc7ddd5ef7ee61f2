"""Hubs: fetched through the hub's own library from a stand-in on 127.0.0.1, cached, and never fetched twice."""

from __future__ import annotations

import json

import pytest

from evalcore.benchmarks.base import Source
from evalcore.dataset import load
from evalcore.dataset.load import Where, rows
from evalcore.errors import DataError
from tests.evalcore.dataset.standin_hub import Repository, standin_hub

pytest.importorskip("huggingface_hub", reason="the hub extra is not installed")

SOURCE = Source(local={}, huggingface="owner/quiz", modelscope="owner/quiz", config="{subset}")
CARD = {"configs": [{"config_name": "hard", "data_files": [{"split": "test", "path": "strange/name.jsonl"}]}]}
CARD_FILE = f"---\n{json.dumps(CARD)}\n---\n# Quiz\n".encode()


def lines(*questions):
    return "".join(json.dumps({"q": question}) + "\n" for question in questions).encode()


@pytest.fixture(autouse=True)
def fresh(monkeypatch):
    """No hub object, cache or offline setting of another test."""
    load._hub.cache_clear()
    monkeypatch.delenv("EVALCORE_CACHE", raising=False)
    monkeypatch.delenv("HF_TOKEN", raising=False)


@pytest.fixture
def hub(monkeypatch):
    repositories = {
        "owner/quiz": Repository(
            {"main": {"easy/test.jsonl": lines("1", "2"), "easy/train.jsonl": lines("t"),
                      "strange/name.jsonl": lines("h"), "README.md": CARD_FILE}},
            card=CARD,
        ),
        "owner/scripted": Repository(
            {"main": {"quiz.py": b""}, "refs/convert/parquet": {"default/test/0000.jsonl": lines("converted")}}
        ),
        "owner/gated": Repository({"main": {}}, status=403, error_code="GatedRepo"),
    }  # fmt: skip
    with standin_hub(repositories) as server:
        monkeypatch.setenv("HF_ENDPOINT", server.url)
        yield server


def questions(source, subset, split, where):
    return [row["q"] for row in rows(source, subset, split, where)]


def test_rows_come_from_the_hub(hub, tmp_path):
    where = Where(tmp_path, "huggingface")
    assert questions(SOURCE, "easy", "test", where) == ["1", "2"]
    assert questions(SOURCE, "easy", "train", where) == ["t"]


def test_the_card_says_where_a_configuration_is(hub, tmp_path):
    assert questions(SOURCE, "hard", "test", Where(tmp_path, "huggingface")) == ["h"]


def test_what_is_cached_is_not_fetched_again(hub, tmp_path):
    where = Where(tmp_path, "huggingface")
    questions(SOURCE, "easy", "test", where)
    load._hub.cache_clear()
    hub.asked.clear()
    assert questions(SOURCE, "easy", "test", where) == ["1", "2"]
    assert hub.asked == ["GET /api/datasets/owner/quiz"], "one look whether there is a newer revision, and no more"


def test_a_repository_is_listed_once_for_all_subsets(hub, tmp_path):
    for subset, split in (("easy", "test"), ("easy", "train"), ("hard", "test")):
        questions(SOURCE, subset, split, Where(tmp_path, "huggingface"))
    assert sum("/api/" in asked for asked in hub.asked) == 1


def test_without_the_hub_the_cache_is_enough(hub, tmp_path, monkeypatch, caplog):
    where = Where(tmp_path, "huggingface")
    questions(SOURCE, "easy", "test", where)
    questions(SOURCE, "hard", "test", where)
    load._hub.cache_clear()
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
    assert questions(SOURCE, "easy", "test", where) == ["1", "2"]
    assert questions(SOURCE, "hard", "test", where) == ["h"], "the card is cached too"
    assert "going on with what is cached" in caplog.text


def test_the_cache_is_where_the_environment_says(hub, tmp_path, monkeypatch):
    monkeypatch.setenv("EVALCORE_CACHE", str(tmp_path / "mine"))
    questions(SOURCE, "easy", "test", Where(None, "huggingface"))
    assert list((tmp_path / "mine").rglob("test.jsonl"))


def test_dataset_dir_wins_over_the_environment(hub, tmp_path, monkeypatch):
    monkeypatch.setenv("EVALCORE_CACHE", str(tmp_path / "mine"))
    questions(SOURCE, "easy", "test", Where(tmp_path / "named", "huggingface"))
    assert list((tmp_path / "named").rglob("test.jsonl")) and not (tmp_path / "mine").exists()


def test_the_hubs_own_conversion_serves_where_a_repository_holds_a_script(hub, tmp_path):
    source = Source(local={}, huggingface="owner/scripted")
    assert questions(source, "main", "test", Where(tmp_path, "huggingface")) == ["converted"]


@pytest.mark.parametrize(
    ("repository", "said"),
    [
        pytest.param("owner/gated", "is gated: accept its terms.*hf auth login", id="gated"),
        pytest.param("owner/nothing", "owner/nothing does not exist, or is private", id="not there"),
    ],
)
def test_what_the_hub_refuses_is_said_with_a_remedy(hub, tmp_path, repository, said):
    with pytest.raises(DataError, match=said):
        rows(Source(local={}, huggingface=repository), "main", "test", Where(tmp_path, "huggingface"))


def test_a_hub_that_is_not_there_names_the_command(tmp_path, monkeypatch):
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
    with pytest.raises(DataError, match=r"cannot be reached.*hf download owner/quiz --repo-type dataset"):
        rows(SOURCE, "easy", "test", Where(tmp_path, "huggingface"))


def test_a_split_that_the_hub_has_not_names_what_was_looked_through(hub, tmp_path):
    with pytest.raises(
        DataError, match=r"split dev of subset easy is not there(.|\n)*owner/quiz at [0-9a-f]+ \(4 files"
    ):
        rows(SOURCE, "easy", "dev", Where(tmp_path, "huggingface"))
