"""Fidelity: what `perfbench run` reports, against the server's own log of the same requests.

    python -m tests.bench.fidelity [--streams 250,1000] [--rounds 4]

The server streams on `sim:ttft=100,itl=20,n=100`; the whole command, with its parent process, sits on one core.
"""

from __future__ import annotations

import argparse
import tempfile
from dataclasses import dataclass
from typing import Any

import numpy as np

from tests.bench.pinned import client, server
from tests.truthd import Truthd

MODEL = "sim:ttft=100,itl=20,n=100"


@dataclass(frozen=True, slots=True)
class Fidelity:
    """Reported minus true, ms."""

    ttft_p50: float
    ttft_p99: float
    e2e_p99: float
    true_ttft_p50: float
    true_ttft_p99: float
    verdict: str
    requests_per_s: float
    cpu_share: float
    summary: dict[str, Any]


def measure(truthd: Truthd, streams: int, rounds: int, *flags: str) -> Fidelity:
    """One run of `rounds` requests per stream. Both sides count the same requests, the connection's first included."""
    truthd.reset()
    with tempfile.TemporaryDirectory() as outputs:
        arguments = [
            "--url",
            truthd.url,
            "--model",
            MODEL,
            "--parallel",
            str(streams),
            "--max-tokens",
            "100",
            "--seed",
            "1",
        ]
        arguments += ["--number", str(streams * rounds), "--outputs-dir", outputs, "--json", *flags]
        summary, status, talk = client("perfbench", ["run", *arguments])
    if status != 0:
        raise RuntimeError(f"exit {status}: {talk[-1000:]}")
    rows = [row for row in truthd.log() if row["outcome"] == "ok"]
    true_ttft = [(row["first_token_ns"] - row["complete_ns"]) / 1e6 for row in rows]
    true_e2e = [(row["last_token_ns"] - row["complete_ns"]) / 1e6 for row in rows]
    said = summary["latency_ms"]
    return Fidelity(
        ttft_p50=said["ttft"]["p50"] - _rank(true_ttft, 0.5), ttft_p99=said["ttft"]["p99"] - _rank(true_ttft, 0.99),
        e2e_p99=said["e2e"]["p99"] - _rank(true_e2e, 0.99), true_ttft_p50=_rank(true_ttft, 0.5),
        true_ttft_p99=_rank(true_ttft, 0.99), verdict=summary["client"]["verdict"],
        requests_per_s=summary["throughput"]["requests_per_s"], cpu_share=summary["client"]["cpu_share"],
        summary=summary,
    )  # fmt: skip


def _rank(values: list[float], share: float) -> float:
    return float(np.quantile(values, share, method="inverted_cdf"))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--streams", default="250,1000")
    parser.add_argument("--rounds", type=int, default=4)
    given = parser.parse_args()
    with server() as truthd:
        for streams in map(int, given.streams.split(",")):
            f = measure(truthd, streams, given.rounds)
            print(
                f"{streams} streams: TTFT p50 {f.ttft_p50:+.2f} (true {f.true_ttft_p50:.2f}), p99 {f.ttft_p99:+.2f} "
                f"(true {f.true_ttft_p99:.2f}) ms; E2E p99 {f.e2e_p99:+.2f} ms; {f.requests_per_s:.0f} req/s, "
                f"CPU {f.cpu_share:.0%}, verdict {f.verdict}; lag {f.summary['client']['loop_lag_ms']}"
            )


if __name__ == "__main__":
    main()
