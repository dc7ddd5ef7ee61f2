"""Few-shot turns: pairs in order, nothing else."""

from evalcore.benchmarks.fewshot import turns
from evalcore.types import Sample


def test_each_shot_is_a_question_and_its_answer_in_order():
    shots = [Sample(id=str(n), question=f"{n}+1?", target=str(n + 1)) for n in (1, 2)]
    assert turns(shots, lambda shot: f"Q {shot.question}", lambda shot: f"A {shot.target}") == [
        {"role": "user", "content": "Q 1+1?"},
        {"role": "assistant", "content": "A 2"},
        {"role": "user", "content": "Q 2+1?"},
        {"role": "assistant", "content": "A 3"},
    ]


def test_no_shots_are_no_turns():
    assert turns([], lambda shot: shot.question, lambda shot: shot.target) == []
