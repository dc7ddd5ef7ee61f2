"""Answers that a model judges: verdicts, replies that are none, judges that fail."""

from __future__ import annotations

import asyncio
import json
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from evalcore.errors import TaskError
from evalcore.outputs import read_reviews
from evalcore.run import run_task
from evalcore.task import TaskConfig


@contextmanager
def scripted(say: Callable[[str, int], str]) -> Iterator[tuple[str, Counter[str]]]:
    """A model on a free port. `say` gets the last message and how often it was asked that; "" is a status 500."""
    asked: Counter[str] = Counter()
    ready, url = threading.Event(), ""
    loop = asyncio.new_event_loop()

    async def answer(request: web.Request) -> web.Response:
        message = (await request.json())["messages"][-1]["content"]
        asked[message] += 1
        text = say(message, asked[message])
        if not text:
            return web.json_response({"error": {"message": "out of order"}}, status=500)
        choice = {"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": "stop"}
        usage = {"prompt_tokens": 1, "completion_tokens": 1}
        return web.json_response({"choices": [choice], "usage": usage})

    async def serve() -> None:
        nonlocal url
        app = web.Application()
        app.router.add_post("/v1/chat/completions", answer)
        runner = web.AppRunner(app)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        url = f"http://127.0.0.1:{runner.addresses[0][1]}/v1"
        ready.set()
        await stop.wait()
        await runner.cleanup()

    stop = asyncio.Event()
    thread = threading.Thread(target=loop.run_until_complete, args=(serve(),))
    thread.start()
    ready.wait(10)
    try:
        yield url, asked
    finally:
        loop.call_soon_threadsafe(stop.set)
        thread.join()
        loop.close()


@pytest.fixture
def questions(tmp_path: Path) -> Path:
    """Six questions in the layout of SimpleQA; the answer to question N is N."""
    file = tmp_path / "simple_qa.jsonl"
    rows = [{"problem": f"Which number is number {n}?", "answer": str(n)} for n in range(6)]
    file.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return file


def task(questions: Path, url: str, judge: str, **keys: Any) -> TaskConfig:
    local = {"dataset_args": {"simple_qa": {"local_path": str(questions)}}, "dataset_hub": "local"}
    asked = {"model": "tested", "api_url": url, "datasets": ["simple_qa"], "retries": 0}
    judging = {"judge_model_args": {"model_id": "judge", "api_url": judge}}
    given = {**local, **asked, **judging, "work_dir": questions.parent / "out", **keys}
    return TaskConfig.from_mapping(given, "test", environment={})


def test_verdicts_are_scores_and_what_is_none_is_asked_again_and_then_counted_apart(questions):
    def verdict(message: str, times: int) -> str:
        by_number = {"0": "CORRECT", "1": "INCORRECT", "2": "NOT_ATTEMPTED", "3": "no idea, sorry"}
        by_number["4"] = "hm" if times == 1 else "CORRECT"
        by_number["5"] = ""
        return next(word for number, word in by_number.items() if f"number {number}?" in message)

    with scripted(lambda *_: "it is as it is") as (url, asked), scripted(verdict) as (judge, judged):
        result = run_task(task(questions, url, judge))
    report = result.reports["simple_qa"]
    assert (sum(asked.values()), sorted(judged.values())) == (6, [1, 1, 1, 1, 2, 3])
    assert report.headline == "correct"
    assert report.protocols["correct"].score == pytest.approx(2 / 4)
    assert report.protocols["incorrect"].score == pytest.approx(1 / 4)
    assert report.coverage == pytest.approx(4 / 6)
    assert report.integrity.errored == {"unjudged": 1, "http_500": 1}
    assert report.integrity.judging is not None and report.integrity.judging.unparsed == 1


def test_what_was_judged_is_not_judged_again(questions):
    with scripted(lambda *_: "it is") as (url, _), scripted(lambda *_: "CORRECT") as (judge, judged):
        first = run_task(task(questions, url, judge))
        again = run_task(task(questions, url, judge, use_cache=str(first.folder)))
    assert (again.requests, sum(judged.values())) == (0, 6)
    assert again.reports["simple_qa"].protocols["correct"].score == 1.0


def test_by_rule_no_judge_is_asked(questions):
    with (
        scripted(lambda message, _: message.split()[-1].rstrip("?")) as (url, _),
        scripted(lambda *_: "") as (judge, judged),
    ):
        result = run_task(task(questions, url, judge, judge_strategy="rule"))
    assert result.reports["simple_qa"].protocols["exact_match"].score == 1.0
    assert not judged


def test_the_judge_sees_the_answer_without_its_reasoning(questions):
    thinks = scripted(lambda *_: "<think>secret thoughts</think>plain words")
    with thinks as (url, _), scripted(lambda *_: "CORRECT") as (judge, judged):
        result = run_task(task(questions, url, judge))
    assert all("plain words" in message and "secret" not in message for message in judged)
    reviews = list(read_reviews(result.folder / "reviews" / "tested" / "simple_qa_main.jsonl"))
    assert {review.text for review in reviews} == {"plain words"}


@pytest.mark.parametrize(("keys", "words"), [
    pytest.param({"judge_strategy": "pairwise"}, "pairs", id="pairs need a benchmark of pairs"),
    pytest.param({"judge_model_args": {"url": "x"}}, "judge_model_args has url", id="an unknown key of the judge"),
    pytest.param({"datasets": ["gsm8k"], "judge_strategy": "llm"}, "gsm8k has no question", id="nothing to judge"),
])  # fmt: skip
def test_a_judge_that_cannot_be_is_refused_before_any_request(questions, keys, words):
    with scripted(lambda *_: "x") as (url, asked), pytest.raises(TaskError, match=words):
        args = {"gsm8k": {"local_path": str(questions), "few_shot_num": 0}, "simple_qa": {"local_path": str(questions)}}
        run_task(task(questions, url, url, dataset_args=args, **keys))
    assert not asked
