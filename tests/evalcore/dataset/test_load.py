"""Load: files, folders and copies of repositories; what is missing says where it was looked for and what would help."""

from __future__ import annotations

import json
import tracemalloc

import pytest

from evalcore.benchmarks.base import Source
from evalcore.benchmarks.table import BENCHMARKS, benchmark
from evalcore.dataset.load import Where, find, rows
from evalcore.dataset.pick import pick
from evalcore.errors import DataError
from evalcore.types import Sample
from tests.evalcore.shared import shared

SOURCE = Source(
    local={"test": ("quiz/test*.jsonl", "quiz/{subset}/test-*.jsonl"), "train": ("quiz/train.csv",)},
    huggingface="owner/quiz-set", config="{subset}", columns=("q", "a"),
)  # fmt: skip


def write(file, *questions):
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text("".join(json.dumps({"q": question}) + "\n" for question in questions))
    return file


def questions(where, subset="main", split="test", source=SOURCE):
    return [row["q"] for row in rows(source, subset, split, where)]


def test_files_that_match_are_read_one_after_the_other(tmp_path):
    write(tmp_path / "quiz/test_10.jsonl", "third")
    write(tmp_path / "quiz/test_2.jsonl", "first", "second")
    assert questions(Where(tmp_path, "local")) == ["first", "second", "third"]


def test_the_first_pattern_that_matches_is_the_only_one(tmp_path):
    write(tmp_path / "quiz/main/test-0.jsonl", "hub's")
    assert questions(Where(tmp_path, "local")) == ["hub's"]
    write(tmp_path / "quiz/test.jsonl", "original")
    assert questions(Where(tmp_path, "local")) == ["original"]


def test_a_subset_is_a_name_and_no_pattern(tmp_path):
    write(tmp_path / "quiz/ab/test-0.jsonl", "not this")
    with pytest.raises(DataError):
        questions(Where(tmp_path, "local"), subset="a*")


@pytest.mark.parametrize("folder", ["owner/quiz-set", "quiz-set"])
def test_a_copy_of_the_hubs_repository_is_read(tmp_path, folder):
    write(tmp_path / folder / "main/test.jsonl", "copied")
    write(tmp_path / folder / "other/test.jsonl", "other")
    assert questions(Where(tmp_path, "local")) == ["copied"]


@pytest.mark.parametrize("path", ["", "quiz", "quiz/test.jsonl"], ids=["folder of data sets", "its folder", "the file"])
def test_local_path_is_a_file_or_a_folder(tmp_path, path):
    write(tmp_path / "quiz/test.jsonl", "here")
    assert questions(Where(None, "huggingface", local_path=tmp_path / path)) == ["here"]


def test_columns_and_splits_of_a_source_are_obeyed(tmp_path):
    (tmp_path / "quiz").mkdir()
    (tmp_path / "quiz/train.csv").write_text("one,1\ntwo,2\n")
    source = Source(local=SOURCE.local, columns=("q", "a"), belongs=lambda row, split: row["a"] == "2")
    assert questions(Where(tmp_path, "local"), split="train", source=source) == ["two"]


def test_what_is_missing_names_places_and_the_command(tmp_path):
    with pytest.raises(DataError) as raised:
        rows(SOURCE, "main", "test", Where(tmp_path, "local"))
    said = str(raised.value)
    assert str(tmp_path / "quiz/test*.jsonl") in said
    assert str(tmp_path / "quiz/main/test-*.jsonl") in said
    assert f"hf download owner/quiz-set --repo-type dataset --local-dir {tmp_path}/owner/quiz-set" in said
    assert "dataset_hub: huggingface" in said


def test_what_the_command_fetches_is_found(tmp_path):
    """The folder that the remedy names is one that is looked in."""
    write(tmp_path / "owner/quiz-set/main/test-00000-of-00001.jsonl", "fetched")
    assert questions(Where(tmp_path, "local")) == ["fetched"]


def test_a_local_path_without_the_data_says_so(tmp_path):
    with pytest.raises(DataError, match="let local_path name the file itself"):
        rows(SOURCE, "main", "test", Where(tmp_path, "local", local_path=tmp_path / "nothing"))


def test_a_benchmark_that_is_not_on_that_hub_names_the_other(tmp_path):
    with pytest.raises(DataError, match=r"names no repository there(.|\n)*dataset_hub: huggingface"):
        rows(SOURCE, "main", "test", Where(tmp_path, "modelscope"))


@pytest.mark.slow
def test_two_hundred_thousand_samples_are_never_held(tmp_path):
    """Streamed and sampled: what stays is a few numbers a sample, not its text."""
    file = tmp_path / "big.jsonl"
    with file.open("w") as big:
        for number in range(200_000):
            big.write(f'{{"q": "question {number} {"x" * 200}", "a": "{number}"}}\n')

    def samples():
        for row in rows(SOURCE, "main", "test", Where(local_path=file)):
            yield Sample(id=row["a"], question=row["q"], target=row["a"])

    tracemalloc.start()
    count = sum(1 for _ in pick(samples))
    tenth = sum(1 for _ in pick(samples, 0.1))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert (count, tenth) == (200_000, 20_000)
    assert peak < 64e6, "their texts alone are 50 MB, as samples 200"


# What of a benchmark's own data lies in the shared folder: rows over all subsets.
SHARED_ROWS = {
    "aime24": 30, "arc": 2962, "bbh": 6511, "cmmlu": 5664, "drop": 298, "gsm8k": 1000, "hellaswag": 500,
    "humaneval": 164, "ifeval": 541, "math_500": 250, "mbpp": 500, "mgsm": 1750, "mmlu": 14042, "mmlu_pro": 12032,
    "race": 200, "simple_qa": 2163, "trivia_qa": 737, "truthful_qa": 409, "winogrande": 634,
}  # fmt: skip


@pytest.mark.parametrize("name", [name for name in BENCHMARKS if name in SHARED_ROWS])
def test_original_layouts_are_read(name):
    found, where = benchmark(name), Where(shared("correctness"), "local")
    split, count = found.source.eval_split, 0
    for subset in found.subsets:
        try:
            find(found.source, subset, split, where)
        except DataError:
            continue  # a part of the data set that the shared folder has not
        count += sum(found.sample(row, subset).subset == subset for row in rows(found.source, subset, split, where))
    assert count == SHARED_ROWS[name]
