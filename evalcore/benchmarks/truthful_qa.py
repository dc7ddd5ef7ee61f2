"""TruthfulQA, multiple choice: questions that invite a common misconception.

Paper: Lin et al., "TruthfulQA: Measuring How Models Mimic Human Falsehoods", 2021, https://arxiv.org/abs/2109.07958
(repository sylinrl/TruthfulQA). Licence: Apache-2.0. Items: 817.

Rows: the hub's truthfulqa/truthful_qa, configuration multiple_choice: question, mc1_targets and mc2_targets {choices,
labels}; the original's mc_task.json: mc1_targets {text: 0 or 1}; a derived file: mc1 {choices, label}, mc2 {correct,
incorrect}. The one right option of mc1 comes first in all of them, so every sample is shuffled here, always by the
same seed; the permutation stands in its meta.

Scored: mc1 as a question with lettered options. The published mc1 and mc2 compare likelihoods after a fixed primer:
other protocols; mc2 has no form that is answered in words, its texts are kept in the sample's meta. No worked examples.

Protocols: last_statement (ours, headline), simple_evals, exact_letter.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from evalcore.benchmarks.base import Info, Source
from evalcore.benchmarks.choice import LAYOUT, Choice, below, choice_sample, field, mapping, permuted
from evalcore.errors import DataError
from evalcore.types import Sample

ORDER_SEED = 0


class TruthfulQa(Choice):
    name = "truthful_qa"
    info = Info("TruthfulQA", "https://arxiv.org/abs/2109.07958", "Apache-2.0", 817, ("truth", "choice", "english"))
    source = Source(
        local={
            "validation": (
                *below("truthful_qa", "multiple_choice/validation-*.parquet", "mc_task.json"),
                *below("truthfulqa", "mc_task.json", "mc_derived*.jsonl*"),
            )
        },
        eval_split="validation",
        huggingface="truthfulqa/truthful_qa",
        modelscope="evalscope/truthful_qa",
        config="multiple_choice",
    )

    def sample(self, row: Mapping[str, Any], subset: str) -> Sample:
        question = field(self.name, row, "question")
        texts, right = self._targets(mapping(self.name, row, "mc1_targets", "mc1"))
        if len(right) != 1:
            raise DataError(f"truthful_qa: {len(right)} right options, and not one, for {question!r}; {LAYOUT}")
        mc2 = row.get("mc2_targets") or row.get("mc2") or {}
        truths = [*mc2["correct"]] if "correct" in mc2 else self._right(mc2)
        lies = [*mc2["incorrect"]] if "incorrect" in mc2 else [t for t in self._targets(mc2)[0] if t not in truths]
        sample = choice_sample(
            self.name,
            row,
            subset=subset,
            question=question,
            choices=texts,
            gold=right[0],
            meta={"mc2_true": tuple(truths), "mc2_false": tuple(lies)},
        )
        return permuted(sample, ORDER_SEED)

    def _right(self, targets: Mapping[str, Any]) -> list[str]:
        texts, right = self._targets(targets)
        return [texts[at] for at in right]

    def _targets(self, targets: Mapping[str, Any]) -> tuple[list[str], list[int]]:
        """Texts, and the positions of the right ones, of any of the three shapes."""
        if "choices" not in targets:
            return list(targets), [at for at, label in enumerate(targets.values()) if label == 1]
        texts = [*targets["choices"]]
        labels = targets.get("labels")
        right = [targets.get("label", 0)] if labels is None else [at for at, one in enumerate(labels) if one == 1]
        return texts, right
