"""BIG-Bench Hard: 27 tasks that language models once did worse at than people, most of them reasoning in steps.

Paper: Suzgun et al., "Challenging BIG-Bench Tasks and Whether Chain-of-Thought Can Solve Them", 2022,
https://arxiv.org/abs/2210.09261 (repository suzgunmirac/BIG-Bench-Hard). Licence: MIT. Items: 6511: 250 a task, but
causal_judgement 187, penguins_in_a_table 146, snarks 178.

Rows: the repository's bbh/TASK.json ({examples: [{input, target}]}) and the hub's lukaemon/bbh, one configuration a
task, alike: input, target. The three worked examples of each task are the repository's cot-prompts/TASK.txt, which the
hub does not have: put that folder beside the data, or ask for few_shot_num 0. Options "(A) text" of an input become
choices, and are shown as they were.

Headline: macro over tasks, the paper's average.

Protocols: exact (headline: the paper's; after the last "the answer is", case counts); answer (ours: last statement,
through Markdown and case; options by letter or text); harness (lm-evaluation-harness, its lost last character kept);
direct (the whole answer, for runs without reasoning).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from string import ascii_uppercase
from typing import Any, Literal

from evalcore.benchmarks.base import Info, PromptOptions, Source, with_options
from evalcore.benchmarks.choice import below, field
from evalcore.benchmarks.fewshot import turns
from evalcore.benchmarks.rows import content_id
from evalcore.scoring import bbh
from evalcore.scoring.letters import last_statement
from evalcore.types import Answer, Message, Sample, Score, Scores

TASKS = """boolean_expressions causal_judgement date_understanding disambiguation_qa dyck_languages formal_fallacies
    geometric_shapes hyperbaton logical_deduction_five_objects logical_deduction_seven_objects
    logical_deduction_three_objects movie_recommendation multistep_arithmetic_two navigate object_counting
    penguins_in_a_table reasoning_about_colored_objects ruin_names salient_translation_error_detection snarks
    sports_understanding temporal_sequences tracking_shuffled_objects_five_objects
    tracking_shuffled_objects_seven_objects tracking_shuffled_objects_three_objects web_of_lies word_sorting"""
OPTION = re.compile(r"^\(([A-Z])\) (.*)$", re.MULTILINE)
OPTIONS = "\nOptions:\n"
THINK = "A: Let's think step by step."


def worked_examples(text: str) -> Iterator[dict[str, Any]]:
    """The rows of a cot-prompts file: "Q: ..." and "A: Let's think step by step. ..." in turn, after a headline."""
    for block in re.split(r"^Q: ", text, flags=re.MULTILINE)[1:]:
        asked, _, reasoning = block.partition(THINK)
        said = bbh.stated(reasoning)
        if said:
            yield {"input": asked.strip(), "target": said, "reasoning": reasoning.strip()}


class BigBenchHard:
    name = "bbh"
    info = Info("BIG-Bench Hard", "https://arxiv.org/abs/2210.09261", "MIT", 6511, ("reasoning", "english"))
    source = Source(
        local={
            "test": below("bbh", "bbh/{subset}.json", "{subset}/test-*.parquet", "{subset}.json"),
            "cot-prompts": below("bbh", "cot-prompts/{subset}.txt"),
        },
        shots_split="cot-prompts",
        huggingface="lukaemon/bbh",
        modelscope="evalscope/bbh",
        config="{subset}",
        texts=worked_examples,
    )
    subsets = tuple(TASKS.split())
    few_shot = 3
    protocols = ("exact", "answer", "harness", "direct")
    average: Literal["micro", "macro"] = "macro"
    max_tokens = None
    cpu_bound = False

    def sample(self, row: Mapping[str, Any], subset: str) -> Sample:
        asked, target = str(field(self.name, row, "input")).strip(), str(field(self.name, row, "target")).strip()
        stem, choices = _options(asked)
        letter = target.strip("()")
        by_letter = target == f"({letter})" and letter in ascii_uppercase[: len(choices)]
        return Sample(
            id=content_id(asked),
            subset=subset,
            question=stem if by_letter else asked,
            target=letter if by_letter else target,
            choices=choices if by_letter else (),
            meta={"reasoning": row["reasoning"]} if row.get("reasoning") else {},
        )

    def right_answer(self, sample: Sample) -> str:
        return _worked(sample)

    def messages(self, sample: Sample, shots: Sequence[Sample], options: PromptOptions) -> list[Message]:
        return with_options(_ask(sample), sample, options, turns(shots, _ask, _worked))

    def score(self, sample: Sample, answer: Answer) -> Scores:
        text, target = answer.text, _target(sample)
        exact, harness, direct = bbh.stated(text), bbh.harness(text), bbh.whole(text)
        if sample.choices:
            read = last_statement(text, sample.choices)
            right = read == sample.target
        else:
            read = bbh.last_answer(text)
            right = bbh.same(read, target)
        return {
            "exact": Score(value=float(exact == target), extracted=exact),
            "answer": Score(value=float(right), extracted=read),
            "harness": Score(value=float(harness == target), extracted=harness),
            "direct": Score(value=float(direct == target), extracted=direct or None),
        }


def _options(asked: str) -> tuple[str, tuple[str, ...]]:
    """What stands before the options, and the options; none where they are not lettered from A on without a gap."""
    stem, _, listed = asked.rpartition(OPTIONS)
    found = OPTION.findall(listed)
    in_order = "".join(letter for letter, _ in found) == ascii_uppercase[: len(found)]
    rebuilt = "\n".join(f"({letter}) {text}" for letter, text in found)
    return (stem, tuple(text for _, text in found)) if stem and in_order and rebuilt == listed else (asked, ())


def _target(sample: Sample) -> str:
    return f"({sample.target})" if sample.choices else str(sample.target)


def _ask(sample: Sample) -> str:
    listed = "\n".join(f"({ascii_uppercase[at]}) {text}" for at, text in enumerate(sample.choices))
    question = f"{sample.question}{OPTIONS}{listed}" if listed else sample.question
    form = " with X the option's letter in brackets" if listed else ""
    return f'{question}\n\nThink step by step. End with "So the answer is X."{form}.'


def _worked(shot: Sample) -> str:
    return str(shot.meta.get("reasoning") or f"So the answer is {_target(shot)}.")
