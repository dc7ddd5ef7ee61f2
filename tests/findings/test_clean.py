"""Clean runs have no findings: many of them, closed and open, by as many seeds."""

from __future__ import annotations

import random
from collections import Counter

import pytest

from tests.findings.runs import MS, closed, failed, findings_of, opened


def names(folder, seeds, make, **scenario):
    found = Counter()
    for seed in seeds:
        found.update(findings_of(folder / str(seed), make(seed), **scenario).keys())
    return found


@pytest.mark.parametrize(
    ("make", "scenario"),
    [
        pytest.param(lambda seed: closed(400, seed), {}, id="closed"),
        pytest.param(lambda seed: opened(400, seed), {"rate": 20.0}, id="open"),
        pytest.param(lambda seed: closed(300, seed, stream=False, chunks=0, first_output_ns=None, itl_ns=None,
                                         first_answer_ns=None, last_output_ns=None), {}, id="not streamed"),
        pytest.param(lambda seed: with_failures(seed), {}, id="failures now and then"),
    ],
)  # fmt: skip
def test_a_clean_run_has_no_finding(tmp_path, make, scenario):
    assert names(tmp_path, range(12), make, **scenario) == {}


@pytest.mark.slow
@pytest.mark.parametrize(
    ("make", "scenario"),
    [
        pytest.param(lambda seed: closed(400, seed), {}, id="closed"),
        pytest.param(lambda seed: opened(600, seed), {"rate": 20.0}, id="open"),
        pytest.param(lambda seed: with_failures(seed), {}, id="failures now and then"),
        pytest.param(lambda seed: queued(seed), {"rate": 20.0}, id="a queue at 80 %"),
    ],
)  # fmt: skip
def test_false_alarms_stay_rare(tmp_path, make, scenario):
    """Of 300 runs and eight tests at one in a thousand each, 2.4 are expected; 9 or more are one chance in 1 000."""
    found = names(tmp_path, range(1000, 1300), make, **scenario)
    assert sum(found.values()) < 9, found


def with_failures(seed):
    rng = random.Random(seed)
    return [failed(row) if rng.random() < 0.1 else row for row in closed(400, seed, parallel=8)]


def queued(seed):
    """One server in which requests wait for each other: waits of neighbours are alike, and nothing is wrong."""
    rng, free_ns, rows = random.Random(seed), 0, []
    for row in opened(600, seed, tokens=2):
        begins_ns = max(row["written_ns"], free_ns)
        free_ns = begins_ns + round(40 * rng.uniform(0.5, 1.5) * MS)
        gap_ns = row["itl_ns"][0]
        rows.append(row | {
            "first_byte_ns": free_ns, "first_output_ns": free_ns, "first_answer_ns": free_ns,
            "last_output_ns": free_ns + gap_ns, "finished_ns": free_ns + gap_ns + MS,
        })  # fmt: skip
    return rows
