"""general_arena: open questions without one right answer, judged by models, beside the answers of others.

No paper; licence and item count are the file's. Rows of a jsonl, csv, tsv or parquet file:
- question (or prompt, instruction, query; or turns, of which the first is asked, as in MT-Bench's files);
- answers: {NAME: text} of those to compare with; or one text as baseline_output, output, answer or response, by whoever
  generator (or baseline, model) names, else "baseline";
- reference: what a right answer says, shown to the judge as a help; category (or cluster, dataset), id, system, subset.
The files of AlpacaEval, Arena-Hard and MT-Bench fit as they are. Folder: general_arena, or local_path names the file.
No worked examples.

Answers to compare with may also come from other runs of the same data: dataset_args.general_arena.extra takes baseline
(a run folder, a list of them, or {NAME: folder}), opponents (only these names) and all_pairs (opponents are compared
with each other too). Judged in pairs, both orders: win_rate (headline), wins, ties, losses, as evalcore.judge.pairwise
says. With several opponents the report holds Bradley-Terry ratings. With judge_strategy single: a grade from 1 to 10,
put onto 0 to 1.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from evalcore.benchmarks.base import Info, PromptOptions, Source, with_options
from evalcore.benchmarks.rows import content_id
from evalcore.errors import DataError
from evalcore.judge.pairwise import PROTOCOLS
from evalcore.types import Answer, Message, Sample, Scores

QUESTION = ("question", "prompt", "instruction", "query")
ANSWER = ("baseline_output", "output", "answer", "response")
NAMED = ("generator", "baseline", "model")
CATEGORY = ("category", "cluster", "dataset")
IDS = ("id", "uid", "question_id", "index")


class GeneralArena:
    name = "general_arena"
    info = Info("Your own open questions, judged in pairs", "", "yours", 0, ("custom", "chat", "judge"))
    source = Source(
        local={
            "test": (
                "general_arena/test*.[jct]s*",
                "general_arena/{subset}.[jct]s*",
                "general_arena/*.[jct]s*",
                "general_arena/*.parquet",
            )
        }
    )
    subsets = ("main",)
    few_shot = 0
    protocols = PROTOCOLS
    average = "micro"
    max_tokens = None
    cpu_bound = False

    def sample(self, row: Mapping[str, Any], subset: str) -> Sample:
        question = _question(row)
        if not question:
            raise DataError(
                f"general_arena: a row needs a text as one of {', '.join(QUESTION)}, turns: {str(dict(row))[:120]}"
            )
        answers = _answers(row)
        given = next((row[name] for name in IDS if row.get(name) is not None), None)
        return Sample(
            id=content_id(question) if given is None else str(given),
            subset=subset,
            question=question,
            target=_reference(row),
            category=_first(row, CATEGORY),
            meta={
                name: value for name, value in (("answers", answers), ("system", str(row.get("system") or ""))) if value
            },
        )

    def messages(self, sample: Sample, shots: Sequence[Sample], options: PromptOptions) -> list[Message]:
        system = [{"role": "system", "content": sample.meta["system"]}] if sample.meta.get("system") else []
        return with_options(sample.question, sample, options, system)

    def score(self, sample: Sample, answer: Answer) -> Scores:
        raise TypeError("answers of general_arena are judged; there is no rule that scores them")

    def opponents(self, sample: Sample) -> Mapping[str, str]:
        found: Mapping[str, str] = sample.meta.get("answers", {})
        return found


def _question(row: Mapping[str, Any]) -> str:
    turns = row.get("turns")
    if isinstance(turns, list | tuple) and turns:
        first = turns[0]
        return str(first.get("content") or "" if isinstance(first, Mapping) else first).strip()
    return _first(row, QUESTION)


def _answers(row: Mapping[str, Any]) -> dict[str, str]:
    given = row.get("answers")
    if isinstance(given, Mapping):
        return {str(name): str(text) for name, text in given.items() if text is not None}
    text = next((row[name] for name in ANSWER if isinstance(row.get(name), str)), None)
    return {} if text is None else {_first(row, NAMED) or "baseline": text}


def _reference(row: Mapping[str, Any]) -> str:
    """A text, or one for each turn, of which the first is meant."""
    given = row.get("reference")
    if isinstance(given, list | tuple):
        given = given[0] if given else None
    return "" if given is None else str(given).strip()


def _first(row: Mapping[str, Any], names: Sequence[str]) -> str:
    return next((str(row[name]).strip() for name in names if row.get(name) not in (None, "")), "")
