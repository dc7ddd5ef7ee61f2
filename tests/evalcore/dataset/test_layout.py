"""Layout: which files of a repository hold a configuration's split."""

from __future__ import annotations

import pytest

from evalcore.dataset.layout import choose

PARTS = [f"data/{split}-{i:05}-of-00002.parquet" for split in ("train", "test") for i in range(2)]
BY_CONFIG = ["README.md", "main/test-00000-of-00001.parquet", "main/train-00000-of-00001.parquet",
             "socratic/test-00000-of-00001.parquet"]  # fmt: skip
MMLU = [f"{subject}/{split}-00000-of-00001.parquet" for subject in ("anatomy", "college_anatomy")
        for split in ("test", "dev", "validation")]  # fmt: skip
OLD_MMLU = ["test/anatomy_test.csv", "test/college_anatomy_test.csv", "dev/anatomy_dev.csv"]
ENTRY = {
    "config_name": "main",
    "data_files": [
        {"split": "test", "path": "odd/b.jsonl"},
        {"split": "train", "path": ["odd/a*.jsonl", "odd/**/c.jsonl"]},
    ],
}
ODD = ["odd/a1.jsonl", "odd/b.jsonl", "odd/deep/er/c.jsonl", "odd/z.jsonl"]


@pytest.mark.parametrize(
    ("files", "config", "split", "declared", "chosen"),
    [
        pytest.param(PARTS, None, "test", (), PARTS[2:], id="parts of a split, in order"),
        pytest.param(BY_CONFIG, "main", "test", (), [BY_CONFIG[1]], id="a folder a configuration"),
        pytest.param(BY_CONFIG, None, "test", (), [BY_CONFIG[1]], id="without a name, main is the default"),
        pytest.param(MMLU, "anatomy", "dev", (), [MMLU[1]], id="dev is not validation where there are both"),
        pytest.param(MMLU, "college_anatomy", "val", (), [MMLU[5]], id="val is validation where there is no val"),
        pytest.param(OLD_MMLU, "anatomy", "test", (), OLD_MMLU[:1], id="a name before the split, not another's end"),
        pytest.param(MMLU, None, "test", (), [], id="several configurations and no default: none is guessed"),
        pytest.param(ODD, "main", "test", [ENTRY], ["odd/b.jsonl"], id="the card's word goes first"),
        pytest.param(ODD, None, "train", [ENTRY], [ODD[0], ODD[2]], id="the card's patterns, ** over folders"),
        pytest.param(["test.jsonl", "test.parquet", "test.csv"], None, "test", (), ["test.parquet"],
                     id="the same rows in several formats are read once"),
        pytest.param(["test_2.jsonl", "test_10.jsonl", "latest.jsonl"], None, "test", (),
                     ["test_2.jsonl", "test_10.jsonl"], id="part 10 after part 2; a word inside a word is none"),
        pytest.param([".cache/test.jsonl", "dataset_infos.json", "test.txt"], None, "test", (), [], id="no data"),
        pytest.param(["default/test/0000.parquet"], "default", "test", (), ["default/test/0000.parquet"],
                     id="the hub's own conversion"),
    ],
)  # fmt: skip
def test_choose(files, config, split, declared, chosen):
    assert choose(files, config, split, declared) == chosen
