"""Plan: what is wrong with a data set is told before anything is asked, with its place and what would help."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from evalcore.errors import DataError
from evalcore.plan import plan_of, samples_of
from evalcore.task import TaskConfig

GOOD = {"question": "Why?", "answer": "so"}


def problem(name: str, folder: Path, **args: Any) -> str:
    task = TaskConfig.from_mapping(
        {"model": "m", "api_url": "http://127.0.0.1:1/v1", "datasets": [name], "dataset_dir": str(folder),
         "dataset_hub": "local", "dataset_args": {name: args}}, "test", environment={},
    )  # fmt: skip
    with pytest.raises(DataError) as raised:
        plan_of(task, name)
    return str(raised.value)


BAD_FILES = [
    pytest.param("", "holds no sample of main", id="no rows"),
    pytest.param(json.dumps(GOOD) + '\n{"question": \n', "line 2 is not JSON", id="a line that is no JSON"),
    pytest.param(
        f"{json.dumps(GOOD)}\n{json.dumps({'frage': 'Warum?'})}\n", "it is row 2 of", id="a row that is none of its"
    ),
]


@pytest.mark.parametrize(("text", "said"), BAD_FILES)
def test_a_bad_file_is_refused_before_anything_is_asked(tmp_path, text, said):
    file = tmp_path / "qa.jsonl"
    file.write_text(text)
    told = problem("general_qa", tmp_path, local_path=str(file))
    assert said in told
    assert "qa.jsonl" in told


def test_worked_examples_that_are_missing_are_missed_before_anything_is_asked(tmp_path):
    (tmp_path / "gsm8k").mkdir()
    (tmp_path / "gsm8k" / "test.jsonl").write_text(json.dumps({"question": "1 + 1?", "answer": "#### 2"}) + "\n")
    told = problem("gsm8k", tmp_path, few_shot_num=2)
    assert told.startswith("gsm8k: split train of subset main is not there")
    assert "dataset_args.gsm8k.few_shot_num: 0" in told


def test_subsets_that_are_there_are_named_where_others_are_not(tmp_path):
    (tmp_path / "mgsm").mkdir()
    for language in ("de", "fr"):
        (tmp_path / "mgsm" / f"mgsm_{language}.tsv").write_text("1 + 1?\t2\n")
    assert "dataset_args.mgsm.subset_list: [de, fr], which are there" in problem("mgsm", tmp_path)


def test_subsets_of_one_file_are_read_apart_and_each_row_is_made_a_sample_once_per_reading_of_its_own(
    tmp_path, monkeypatch
):
    rows = [{"question_id": n, "question": f"Which is {n}?", "options": ["a", "b"], "answer": "A", "answer_index": 0,
             "category": ("law", "physics")[n % 2]} for n in range(10)]  # fmt: skip
    (tmp_path / "mmlu_pro").mkdir()
    (tmp_path / "mmlu_pro" / "test.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    task = TaskConfig.from_mapping(
        {"model": "m", "api_url": "http://127.0.0.1:1/v1", "datasets": ["mmlu_pro"], "dataset_dir": str(tmp_path),
         "dataset_hub": "local",
         "dataset_args": {"mmlu_pro": {"few_shot_num": 0, "subset_list": ["law", "physics"]}}}, "test", environment={},
    )  # fmt: skip
    plan = plan_of(task, "mmlu_pro")
    made: list[str] = []
    whole = type(plan.benchmark).sample

    def counted(self: Any, row: Any, subset: str) -> Any:
        made.append(str(row["category"]))
        return whole(self, row, subset)

    monkeypatch.setattr(type(plan.benchmark), "sample", counted)
    for _ in range(2):
        found = {subset: [sample.id for sample in samples_of(task, plan, subset)] for subset in plan.subsets}
        assert {subset: len(ids) for subset, ids in found.items()} == {"law": 5, "physics": 5}
    assert len(made) < 2 * 2 * 10, "rows known to be of another subset are passed over"
