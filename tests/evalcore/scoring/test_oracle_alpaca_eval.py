"""AlpacaEval 2 on recorded preferences of its judge: win rate, standard error and counts as published.

The length-controlled win rate is not reproduced: it needs the difficulty of each instruction, which comes from a
regression over all models of the leaderboard and is in none of the files.
"""

from __future__ import annotations

import csv
import io

import pytest

from evalcore.benchmarks.general_arena import GeneralArena
from evalcore.judge.pairwise import PROTOCOLS
from evalcore.report.build import build_report
from evalcore.types import Review, Score
from tests.evalcore.shared import shared, shared_rows

MODELS = ["claude-2", "claude-instant-1.2", "gemma-7b-it", "gpt-3.5-turbo-0301", "phi-2-sft", "pythia-12b-mix-sft",
          "vicuna-13b-v1.5", "wizardlm-13b"]  # fmt: skip


def review(row: dict[str, object]) -> Review:
    """A preference from 1 (the baseline's answer) to 2 (the model's) is a win rate of preference - 1."""
    preference = row["preference"]
    given = {"key": str(row["index"]), "sample_id": str(row["index"]), "text": "x"}
    if preference is None:
        return Review(**given, status="unscored", fault="unjudged")
    value = float(preference) - 1  # type: ignore[arg-type]
    held = "wins" if value > 0.5 else "losses" if value < 0.5 else "ties"
    scores = {"win_rate": Score(value=value, extracted=held)}
    scores |= {name: Score(value=float(name == held), extracted=held) for name in PROTOCOLS[1:]}
    return Review(**given, status="scored", scores=scores)


@pytest.mark.parametrize("model", MODELS)
def test_preferences_give_the_published_win_rate(model):
    published = {
        row[""]: row for row in csv.DictReader(io.StringIO(shared("oracles/alpaca_eval/leaderboard.csv").read_text()))
    }[model]
    reviews = [review(row) for row in shared_rows(f"oracles/alpaca_eval/{model}.jsonl.gz")]
    report = build_report(GeneralArena(), reviews, model=model)
    quoted = report.protocols["win_rate"]
    assert 100 * quoted.score == pytest.approx(float(published["win_rate"]), abs=1e-9)
    assert 100 * (quoted.se or 0) == pytest.approx(float(published["standard_error"]), abs=1e-9)
    n = int(published["n_total"])
    counts = [round(n * report.protocols[name].score) for name in ("wins", "losses", "ties")]
    assert counts == [int(published[name]) for name in ("n_wins", "n_wins_base", "n_draws")]
    assert report.n == n and report.integrity.errored.get("unjudged", 0) == len(reviews) - n
    discrete = report.protocols["wins"].score + report.protocols["ties"].score / 2
    assert 100 * discrete == pytest.approx(float(published["discrete_win_rate"]))
