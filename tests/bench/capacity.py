"""Capacity against truthd: ten searches with ten seeds, held against an oracle of the queue that truthd is.

    python -m tests.bench.capacity [slots|load] [--seeds 10]

Takes up to five minutes a search, and wants the machine for itself: what else runs on it makes true misses. Prints the
answer, how far it is off and how long it took; exit 1 when fewer than nine in ten are within 5 %.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path

from tests.capacity import oracle, tokens
from tests.truthd import build_truthd, running_truthd, why_not

WITHIN = 0.05
SERVERS = {
    "slots": ("sim:ttft=50,itl=10,n=20,slots=20", "p99 e2e < 400ms"),
    "load": ("sim:ttft=50,itl=10,n=20,slots=20,load=0.05", "p99 e2e < 800ms"),
}


def truth(server: str) -> float:
    if server == "slots":
        return oracle.largest_rate(20, 0.24, 0.01, 0.4 - 0.24)
    law = {"slots": 20, "load": 0.05, "ttft_s": 0.05, "itl_s": 0.01, "tokens": 20}
    return tokens.largest_rate(0.01, 0.8, 20, 45, count=100_000, **law)


def search(url: str, server: str, seed: int, folder: Path) -> dict:
    model, slo = SERVERS[server]
    words = ["slo", "--url", url, "--model", model, "--slo", slo, "--seed", str(seed), "--outputs-dir", str(folder)]
    ended = subprocess.run(
        [sys.executable, "-m", "perfbench", *words, "--quiet", "--json"], capture_output=True, text=True, timeout=600,
        check=False,
    )  # fmt: skip
    if not ended.stdout:
        raise SystemExit(ended.stderr)
    return json.loads(ended.stdout)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("server", nargs="?", choices=SERVERS, default="slots")
    parser.add_argument("--seeds", type=int, default=10)
    asked = parser.parse_args()
    if (reason := why_not()) is not None:
        raise SystemExit(reason)
    true, within = truth(asked.server), 0
    print(f"true: {true:.2f} req/s")
    with tempfile.TemporaryDirectory() as name, running_truthd(build_truthd(Path(name))) as server:
        for seed in range(1, asked.seeds + 1):
            found = search(server.url, asked.server, seed, Path(name) / "out")
            answer, load = found["answer"], found["answer"]["load"]
            off = float("inf") if load is None else load / true - 1
            within += abs(off) <= WITHIN
            print(f"seed {seed}: {answer['outcome']} {load:.2f} ({off:+.1%}), {found['elapsed_s']:.0f} s", flush=True)
    print(f"{within} of {asked.seeds} within {WITHIN:.0%}")
    return 0 if within >= 0.9 * asked.seeds else 1


if __name__ == "__main__":
    sys.exit(main())
