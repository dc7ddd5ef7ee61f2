"""What the bars stand on: small data sets of our own, a judge that follows a script, `evalcore run` as a process."""

from __future__ import annotations

import asyncio
import hashlib
import json
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from aiohttp import web

from evalcore.report.schema import Report, read_report

PROGRAM = "import sys; from evalcore.cli import main; sys.exit(main())"
DATASETS = ("gsm8k", "general_mcq", "simple_qa")


def lines(file: Path, rows: Sequence[dict[str, Any]]) -> Path:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return file


def three_datasets(folder: Path, items: int) -> Path:
    """Sums by number, choices by letter, and questions that only a judge can mark; returns an answer key of them all.

    `folder` then is a dataset_dir.
    """
    sums = [
        {
            "question": f"A jar holds {a} beans and {a % 17} are added. How many?",
            "answer": f"#### {a + a % 17}",
        }
        for a in range(1000, 1000 + items)
    ]
    choices = [
        {"question": f"Which word has number {n}?", "choices": [f"w{n + i}" for i in range(4)], "answer": n % 4}
        for n in range(items)
    ]
    facts = [{"problem": f"Which is the colour of house number {n}?", "answer": f"colour {n}"} for n in range(items)]
    lines(folder / "gsm8k" / "test.jsonl", sums)
    lines(folder / "general_mcq" / "test.jsonl", choices)
    lines(folder / "simple_qa" / "simple_qa_test_set.jsonl", facts)
    key = [*sums, *({**row, "answer": "ABCD"[row["answer"]]} for row in choices)]
    key += [{"question": row["problem"], "answer": row["answer"]} for row in facts]
    return lines(folder / "key.jsonl", key)


def words(*, url: str, data: Path, work_dir: Path, model: str = "sim", datasets: Sequence[str] = DATASETS,
          judge: str | None = None, parallel: int = 8, **keys: Any) -> list[str]:  # fmt: skip
    """The arguments of `evalcore run`. Keys with values that are no texts are given as JSON."""
    given = {"dataset_args": {"gsm8k": {"few_shot_num": 0}}, **keys}
    if judge is not None:
        given |= {"judge_model_args": {"model_id": "judge", "api_url": judge, "api_key": "none"}}
    flags = [
        word
        for name, value in given.items()
        for word in (f"--{name.replace('_', '-')}", value if isinstance(value, str) else json.dumps(value))
    ]
    return [
        "run", "--model", model, "--api-url", url, "--datasets", *datasets, "--dataset-dir", str(data),
        "--dataset-hub", "local", "--work-dir", str(work_dir), "--parallel", str(parallel), "--model-id", "tested",
        *flags,
    ]  # fmt: skip


def evalcore(arguments: Sequence[str], **options: Any) -> subprocess.Popen[bytes]:
    """`evalcore ...` as a process of its own, silent."""
    command = [sys.executable, "-c", PROGRAM, *arguments, "--quiet"]
    return subprocess.Popen(command, stdout=subprocess.DEVNULL, **options)


def folder_of(work_dir: Path) -> Path | None:
    """The run folder below it, once there is one."""
    return next((file.parent.parent for file in work_dir.glob("*/configs/*.yaml")), None)


def reports(folder: Path) -> dict[str, Report]:
    return {file.stem: read_report(file) for file in sorted((folder / "reports" / "tested").glob("*.json"))}


def findings(folder: Path) -> dict[str, Any]:
    """All that the reports say but how fast it went."""
    return {name: report.model_dump(exclude={"perf"}) for name, report in reports(folder).items()}


def requests(folder: Path) -> list[dict[str, Any]]:
    """The engine's records."""
    return [json.loads(line) for line in (folder / "requests.jsonl").read_bytes().splitlines()]


@contextmanager
def scripted_judge(after_s: float = 0.0) -> Iterator[tuple[str, Counter[str]]]:
    """A judge whose grade hangs on what it is asked and on nothing else; and how often it was asked that."""
    asked: Counter[str] = Counter()
    loop, ready, url = asyncio.new_event_loop(), threading.Event(), ""

    async def answer(request: web.Request) -> web.Response:
        message = (await request.json())["messages"][-1]["content"]
        asked[message] += 1
        await asyncio.sleep(after_s)
        grade = ("CORRECT", "INCORRECT", "NOT_ATTEMPTED")[hashlib.sha256(message.encode()).digest()[0] % 3]
        choice = {"index": 0, "message": {"role": "assistant", "content": grade}, "finish_reason": "stop"}
        return web.json_response({"choices": [choice], "usage": {"prompt_tokens": 1, "completion_tokens": 1}})

    async def serve() -> None:
        nonlocal url
        app = web.Application()
        app.router.add_post("/v1/chat/completions", answer)
        runner = web.AppRunner(app, shutdown_timeout=0.1)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
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
