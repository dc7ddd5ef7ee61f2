"""general_mcq: a user's own multiple-choice questions, from a jsonl, csv or tsv file.

No paper; licence and item count are the file's. Rows: question; options as columns A, B, C, ... (up to Z; empty cells
are none) or as a list in choices or options; answer as a letter, as a position from 0 (a number), or as the text of an
option; id, context, category and group if there are any. Folder: general_mcq, with FILE.jsonl or .csv for the test
split and dev.* for worked examples; or local_path names the file. No worked examples by default.

Protocols: last_statement (ours, headline), simple_evals, exact_letter.
"""

from __future__ import annotations

from collections.abc import Mapping
from string import ascii_uppercase
from typing import Any

from evalcore.benchmarks.base import Info, Source
from evalcore.benchmarks.choice import Choice, below, choice_sample, field
from evalcore.types import Sample


class GeneralMcq(Choice):
    name = "general_mcq"
    info = Info("Your own multiple-choice questions", "", "yours", 0, ("custom", "choice"))
    source = Source(
        local={
            "test": below("general_mcq", "test*.[jct]s*", "*_val.[jct]s*", "main.[jct]s*", "val*.[jct]s*"),
            "dev": below("general_mcq", "dev*.[jct]s*", "*_dev.[jct]s*"),
        },
        shots_split="dev",
    )

    def sample(self, row: Mapping[str, Any], subset: str) -> Sample:
        listed = row.get("choices") or row.get("options")
        cells = [row.get(letter) for letter in ascii_uppercase]
        choices = list(listed) if listed else [cell for cell in cells if cell not in (None, "")]
        gold = field(self.name, row, "answer", "target")
        texts = [str(choice).strip() for choice in choices]
        if isinstance(gold, str) and gold.strip() not in ascii_uppercase and texts.count(gold.strip()) == 1:
            gold = texts.index(gold.strip())
        return choice_sample(
            self.name,
            row,
            subset=subset,
            id=row.get("id"),
            question=field(self.name, row, "question", "query"),
            context=row.get("context"),
            choices=choices,
            gold=gold,
            group=str(row.get("group") or ""),
            category=str(row.get("category") or ""),
        )
