"""IFEval: prompts with instructions whose following a program can check.

Paper: Zhou et al., 2023, https://arxiv.org/abs/2311.07911 (google-research, instruction_following_eval). Licence:
Apache-2.0. Items: 541 prompts, 834 instructions of 25 kinds (evalcore.scoring.ifeval says where we deviate).
Prompt: as it is; no worked examples. Scores of one generation, side by side:
- prompt_strict (headline): all instructions of the prompt are followed. prompt_loose: they are, in some variant of the
  response (without first or last line, without stars).
- instruction_strict, instruction_loose: share of instructions, pooled over all prompts (by the weight of a score).
- prompt_strict_fixed: prompt_strict with the reference's random letters counted as the prompt means them.
Checks run in helper processes; a response that takes them too long follows nothing, and is counted as unparsed.
Derived: mean_of_four, which Meta's model cards call IFEval.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Mapping, Sequence
from typing import Any

from evalcore.benchmarks.base import Info, PromptOptions, Source, with_options
from evalcore.benchmarks.rows import content_id, text_of
from evalcore.errors import DataError, TaskError
from evalcore.scoring.ifeval.table import INSTRUCTIONS
from evalcore.scoring.ifeval.verdicts import verdicts
from evalcore.types import Answer, Message, Sample, Score, Scores


class IfEval:
    name = "ifeval"
    info = Info("IFEval", "https://arxiv.org/abs/2311.07911", "Apache-2.0", 541, ("instructions", "english"))
    source = Source(
        local={"train": ("ifeval/**/input_data.jsonl", "ifeval/**/*.jsonl", "ifeval/**/*.parquet")},
        eval_split="train",
        huggingface="google/IFEval",
        modelscope="opencompass/ifeval",
    )
    subsets = ("main",)
    few_shot = 0
    protocols = ("prompt_strict", "prompt_loose", "instruction_strict", "instruction_loose", "prompt_strict_fixed")
    average = "micro"
    max_tokens = None
    cpu_bound = True

    def sample(self, row: Mapping[str, Any], subset: str) -> Sample:
        for package in ("langdetect", "nltk"):
            if importlib.util.find_spec(package) is None:
                raise TaskError(f"ifeval needs the package {package}: pip install 'perfbench[ifeval]'")
        prompt = text_of(row, "prompt", self.name)
        ids, arguments = list(row.get("instruction_id_list") or ()), list(row.get("kwargs") or ())
        unknown = [name for name in ids if name not in INSTRUCTIONS]
        if not ids or unknown or len(ids) != len(arguments):
            raise DataError(f"ifeval: {len(ids)} instructions {unknown} and {len(arguments)} kwargs in {prompt[:60]!r}")
        # Tables of the hubs hold every argument for every instruction, most of them empty.
        kept = [{name: value for name, value in (one or {}).items() if value is not None} for one in arguments]
        return Sample(
            id=str(row["key"]) if row.get("key") is not None else content_id(prompt),
            subset=subset,
            question=row["prompt"],
            target=[{"id": name, "arguments": given} for name, given in zip(ids, kept, strict=True)],
        )

    def messages(self, sample: Sample, shots: Sequence[Sample], options: PromptOptions) -> list[Message]:
        return with_options(sample.question, sample, options)

    def score(self, sample: Sample, answer: Answer) -> Scores:
        asked = [(one["id"], one["arguments"]) for one in sample.target]
        found = verdicts(asked, answer.text)
        if found.gave_up:
            nothing = Score(value=0.0, detail={"gave_up": found.gave_up})
            unread = Score(value=0.0, detail=nothing.detail, weight=float(len(asked)))
            return {name: unread if name.startswith("instruction") else nothing for name in self.protocols}
        return {
            "prompt_strict": _all(found.strict, asked),
            "prompt_loose": _all(found.loose, asked),
            "instruction_strict": _share(found.strict),
            "instruction_loose": _share(found.loose),
            "prompt_strict_fixed": _all(found.fixed, asked),
        }

    def derived(self, means: Mapping[str, float]) -> Mapping[str, float]:
        return {"mean_of_four": sum(means[name] for name in self.protocols[:4]) / 4}


def _all(verdicts: Sequence[bool | None], asked: Sequence[tuple[str, Any]]) -> Score:
    followed = {name: verdict for (name, _), verdict in zip(asked, verdicts, strict=True)}
    return Score(value=float(all(verdicts)), extracted="", detail={"followed": followed})


def _share(verdicts: Sequence[bool | None]) -> Score:
    return Score(value=sum(map(bool, verdicts)) / len(verdicts), extracted="", weight=float(len(verdicts)))
