"""Evals: samples a second of a whole evaluation on one core, and how soon its first request leaves.

    python -m tests.bench.evals [--samples 20000] [--rounds 3]

A generated file of questions is asked of truthd: prompts, requests, scoring by three protocols, and durable lines of
predictions, reviews and records. Beside it, in the same round and on the same core, the bare engine sends as many
requests of that size and a bare httptools loop does; ratios to those hold on any machine. The first request is dated by
the server's own log; what an interpreter with our imports takes before it could send anything stands beside it.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from evalcore.report.schema import read_report
from tests.bench.pinned import client, cores, server
from tests.truthd import REPOSITORY, Truthd

MODEL = "sim:ttft=0,itl=0,n=4"
PARALLEL = 64
PROGRAM = "import sys; from evalcore.cli import main; sys.exit(main())"
IMPORTS = "import uvloop, httptools, orjson, msgspec, numpy, pydantic, yaml, cyclopts"


@dataclass(frozen=True, slots=True)
class Evaluated:
    samples: int
    samples_per_s: float
    """First request to last review."""
    cpu_us: float
    """CPU of the whole process per sample, start and report included."""
    peak_kb: int
    page_bytes: int
    first_request_s: float
    """From the start of the process to the server's having the first request."""


def questions(file: Path, samples: int) -> Path:
    """A file for general_qa, of some 250 bytes a row; two thirds of truthd's answers are right."""
    asked = "Which of these words comes right after the first one, and why would anybody want to know? "
    with file.open("w") as out:
        for n in range(samples):
            answer = "of and to" if n % 3 else f"something else {n}"
            out.write(json.dumps({"question": f"Question number {n}: {asked * 2}", "answer": answer}) + "\n")
    return file


def evaluate(truthd: Truthd, rows: Path, samples: int, work_dir: Path) -> Evaluated:
    """`evalcore run` on the client's core. The log of truthd is empty afterwards."""
    core = cores()[1]
    truthd.reset()
    arguments = [
        "run", "--model", MODEL, "--model-id", "bench", "--api-url", truthd.url, "--datasets", "general_qa",
        "--dataset-args", json.dumps({"general_qa": {"local_path": str(rows)}}), "--dataset-hub", "local",
        "--parallel", str(PARALLEL), "--work-dir", str(work_dir), "--generation-config", '{"max_tokens": 4}', "--quiet",
    ]  # fmt: skip
    began_ns = time.perf_counter_ns()
    child = subprocess.Popen(
        [sys.executable, "-c", PROGRAM, *arguments], stdout=subprocess.DEVNULL, cwd=REPOSITORY,
        preexec_fn=None if core is None else lambda: os.sched_setaffinity(0, {core}),
    )  # fmt: skip
    _, status, used = os.wait4(child.pid, 0)
    child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode:
        raise RuntimeError(f"evalcore run ended with {child.returncode}")
    arrived_ns = min(row["complete_ns"] for row in truthd.log())
    truthd.reset()
    (folder,) = work_dir.iterdir()
    report = read_report(folder / "reports" / "bench" / "general_qa.json")
    assert report.perf is not None and report.perf.samples_per_s is not None
    if report.integrity.scored != samples:
        raise RuntimeError(f"{report.integrity.scored} of {samples} samples were scored")
    page = folder / "reports" / "report.html"
    return Evaluated(
        samples, report.perf.samples_per_s, (used.ru_utime + used.ru_stime) / samples * 1e6, used.ru_maxrss,
        page.stat().st_size, (arrived_ns - began_ns) / 1e9,
    )  # fmt: skip


def requests_per_s(truthd: Truthd, name: str, number: int) -> float:
    """The same load by one of tests.bench.clients."""
    said, _, _ = client("tests.bench.clients", [name, truthd.url, MODEL, "plain", str(number), str(PARALLEL), "4"])
    truthd.reset()
    return float(number / said["wall_s"])


def interpreter_s(program: str) -> float:
    """Start to end of an interpreter that runs this and nothing else, on the client's core."""
    core = cores()[1]
    began_s = time.perf_counter()
    subprocess.run(
        [sys.executable, "-c", program], check=True,
        preexec_fn=None if core is None else lambda: os.sched_setaffinity(0, {core}),
    )  # fmt: skip
    return time.perf_counter() - began_s


@dataclass(frozen=True, slots=True)
class Round:
    evaluated: Evaluated
    engine_per_s: float
    bare_per_s: float
    imports_s: float


def measure(samples: int, rounds: int) -> list[Round]:
    found = []
    with server() as truthd, tempfile.TemporaryDirectory() as folder:
        rows = questions(Path(folder) / "rows.jsonl", samples)
        for number in range(rounds):
            evaluated = evaluate(truthd, rows, samples, Path(folder) / str(number))
            found.append(
                Round(
                    evaluated, requests_per_s(truthd, "ours", samples), requests_per_s(truthd, "httptools", samples),
                    interpreter_s(IMPORTS),
                )
            )  # fmt: skip
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--samples", type=int, default=20_000)
    parser.add_argument("--rounds", type=int, default=3)
    given = parser.parse_args()
    found = measure(given.samples, given.rounds)
    rate, engine, bare = (
        median(values) for values in zip(*((r.evaluated.samples_per_s, r.engine_per_s, r.bare_per_s) for r in found),
                                         strict=True)
    )  # fmt: skip
    print(f"{given.samples} samples, {PARALLEL} slots, one core: {rate:.0f} samples/s;")
    print(f"  the bare engine {engine:.0f} req/s ({rate / engine:.2f}), bare httptools {bare:.0f} ({rate / bare:.2f})")
    one = found[0].evaluated
    print(f"CPU {one.cpu_us:.0f} us a sample in all, peak {one.peak_kb / 1024:.0f} MB", end=", ")
    print(f"page {one.page_bytes / 1e6:.1f} MB")
    first, imports = (median(values) for values in zip(*((r.evaluated.first_request_s, r.imports_s) for r in found),
                                                       strict=True))  # fmt: skip
    print(f"first request after {first:.2f} s; imports alone {imports:.2f} s")


if __name__ == "__main__":
    main()
