"""The bars of an evaluation: known truth, faults, kills, busy slots, bounded memory. Whole runs on real sockets."""

from __future__ import annotations

import json
import random
import signal
import time
import urllib.request
from pathlib import Path
from typing import Any

import pytest

from evalcore.outputs import read_predictions, read_reviews
from perfbench.simulator.config import SimulatorConfig
from perfbench.simulator.process import SimulatorProcess
from tests.evalcore.bars.rig import (
    DATASETS,
    evalcore,
    findings,
    folder_of,
    lines,
    reports,
    requests,
    scripted_judge,
    three_datasets,
    words,
)
from tests.evalcore.shared import shared

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]
KILLS = 10
JUDGES = 4


def told(url: str, what: str) -> Any:
    with urllib.request.urlopen(url.removesuffix("/v1") + what, timeout=10) as reply:
        return json.loads(reply.read())


def finished(arguments: list[str], **options: Any) -> None:
    child = evalcore(arguments, **options)
    assert child.wait(timeout=250) == 0


def the_folder(work_dir: Path) -> Path:
    found = folder_of(work_dir)
    assert found is not None
    return found


def test_known_truth_the_score_of_all_gsm8k_items_is_the_simulators_own_count(tmp_path):
    data = shared("correctness/gsm8k/test_0000-0999.jsonl")
    items = len(data.read_bytes().splitlines())
    with SimulatorProcess(SimulatorConfig(ttft_ms=1.0, itl_ms=0.0, skill=0.8, answer_key=data)) as server:
        finished(words(url=server.url, data=data.parents[1], work_dir=tmp_path, datasets=["gsm8k"], parallel=32))
        truth = told(server.url, "/skill")
    report = reports(the_folder(tmp_path))["gsm8k"]
    quoted = report.protocols["numeric"]
    assert (truth["asked"], truth["unknown"], report.coverage) == (items, 0, 1.0)
    assert round(quoted.score * items, 6) == truth["right"]
    assert quoted.low is not None and quoted.high is not None and quoted.low < 0.8 < quoted.high


def test_faults_every_sample_is_answered_in_the_end_and_scores_are_those_of_a_clean_run(start_truthd, tmp_path):
    # truthd always says the same, so what is right is known: "of and to" once articles are taken out.
    items = 400
    rows = [
        {"question": f"Question {n}?", "answer": "the of and to" if n % 3 else f"word {n}", "id": f"q{n}"}
        for n in range(items)
    ]
    file = lines(tmp_path / "rows.jsonl", rows)
    given: dict[str, Any] = {
        "dataset_args": {"general_qa": {"local_path": str(file)}}, "retries": 8,
        "generation_config": {"max_tokens": 4, "stream": True},
    }  # fmt: skip
    server = start_truthd(seed=11)
    spoilt = "sim:ttft=2,itl=1,e429=0.05,e500=0.05,reset=0.03,trunc=0.03"
    folders = {}
    for name, model in (("clean", "sim:ttft=2,itl=1"), ("stormy", spoilt)):
        server.reset()
        work_dir = tmp_path / name
        finished(words(url=server.url, data=tmp_path, work_dir=work_dir, model=model, datasets=["general_qa"], **given))
        folders[name] = the_folder(work_dir)

    def scores(name: str) -> dict[str, dict[str, float]]:
        found = read_reviews(folders[name] / "reviews" / "tested" / "general_qa_main.jsonl")
        return {review.sample_id: {n: score.value for n, score in review.scores.items()} for review in found}

    log = server.log()
    made = {row["outcome"] for row in log}
    clean, stormy = (reports(folders[name])["general_qa"] for name in ("clean", "stormy"))
    assert made == {"ok", "429", "500", "reset", "trunc"}, "the storm was none"
    assert clean.protocols["exact_match"].score == pytest.approx(sum(n % 3 > 0 for n in range(items)) / items)
    assert scores("stormy") == scores("clean") and len(scores("clean")) == items
    assert (stormy.coverage, stormy.integrity.errored) == (1.0, {})
    assert stormy.integrity.attempts == len(log) > items
    assert stormy.integrity.retried > 0


def answered(folder: Path | None) -> int:
    """Whole lines in the predictions of a run that may not have begun."""
    files = [] if folder is None else (folder / "predictions" / "tested").glob("*.jsonl")
    return sum(file.read_bytes().count(b"\n") for file in files)


def test_killed_ten_times_and_gone_on_with_the_reports_are_those_of_an_undisturbed_run(tmp_path):
    items, parallel = 70, 4
    rng = random.Random(3)
    key = three_datasets(tmp_path / "data", items)
    simulated = SimulatorConfig(ttft_ms=25.0, itl_ms=0.5, skill=0.7, answer_key=key)
    with SimulatorProcess(simulated) as server, scripted_judge(0.02) as (judge, verdicts):
        killed, whole = (
            words(
                url=server.url, data=tmp_path / "data", work_dir=tmp_path / name, judge=judge, parallel=parallel,
                judge_worker_num=JUDGES,
            )
            for name in ("killed", "whole")
        )  # fmt: skip
        work_dir, folder = tmp_path / "killed", None
        for _ in range(KILLS):  # each after a random number of further answers, however slow the machine is
            before = answered(folder)
            child = evalcore([*killed, *(["--use-cache", str(folder)] if folder else [])])
            until = before + rng.randint(1, 3 * items // KILLS - 2)
            while child.poll() is None and answered(folder) < until:
                time.sleep(rng.uniform(0.0, 0.01))
                folder = folder_of(work_dir)
            assert child.poll() is None, "it ended before it could be killed"
            child.send_signal(signal.SIGKILL)
            child.wait()
        finished([*killed, "--use-cache", str(folder)])
        time.sleep(0.2)  # the server may still be counting what a killed client asked for
        truth, judged = told(server.url, "/skill"), sum(verdicts.values())
        finished(whole)
    assert folder is not None
    undisturbed = findings(the_folder(tmp_path / "whole"))
    assert set(undisturbed) == set(DATASETS)
    for name, found in findings(folder).items():
        assert found == undisturbed[name]
    assert 3 * items <= truth["asked"] <= 3 * items + KILLS * parallel
    assert truth["unknown"] == 0
    assert items <= judged <= items + KILLS * JUDGES
    for file in (folder / "predictions" / "tested").glob("*.jsonl"):
        assert len({one.key for one in read_predictions(file)}) == items


def occupancy(spans: list[tuple[int, int]], slots: int, until_ns: int) -> float:
    """Mean share of the slots in use between the first start and that instant."""
    begin_ns = min(start for start, _ in spans)
    used = sum(max(min(end, until_ns) - start, 0) for start, end in spans)
    return used / (slots * (until_ns - begin_ns))


@pytest.mark.parametrize(
    "judge_s",
    [pytest.param(0.01, id="a quick judge"), pytest.param(0.5, id="a judge that is slower than the model under test")],
)
def test_slots_stay_busy_until_the_queue_is_empty(truthd, tmp_path, judge_s):
    items, slots = 300, 32
    three_datasets(tmp_path / "data", items)
    with scripted_judge(judge_s) as (judge, _):
        arguments = words(
            url=truthd.url, data=tmp_path / "data", work_dir=tmp_path / "out", judge=judge, parallel=slots,
            model="sim:ttft=200,itl=1,jit=1,n=2", judge_worker_num=16, generation_config={"max_tokens": 2},
            datasets=["simple_qa", "gsm8k", "general_mcq"],
        )  # fmt: skip
        finished(arguments)
    records = [row for row in requests(the_folder(tmp_path / "out")) if row.get("lane", "default") == "default"]
    ours = [(row["started_ns"], row["finished_ns"]) for row in records]
    empty_ns = max(start for start, _ in ours)
    theirs = [(row["complete_ns"], row["last_token_ns"]) for row in truthd.log()]
    longest_ns = max(end - start for start, end in ours)
    mean_ns = sum(end - start for start, end in ours) / len(ours)
    assert len(ours) == len(theirs) == 3 * items
    assert longest_ns > 4 * mean_ns, "the answers have no long tail"
    assert occupancy(ours, slots, empty_ns) >= 0.95
    assert occupancy(theirs, slots, empty_ns) >= 0.95
