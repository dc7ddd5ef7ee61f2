"""Cost: our whole engine, a bare httptools loop and a bare aiohttp loop in turn against the same server.

    python -m tests.bench.cost [--rounds 3]

Two jobs: plain replies of 16 tokens at 64 connections, and streams of 128 events in one write at 32. What compares is
CPU per request, and requests a second on one core, as a ratio to the bare httptools loop of the same round.
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from statistics import median

from tests.bench.clients import CLIENTS
from tests.bench.pinned import client, server

JOBS = {  # name: model, kind, number, parallel, tokens
    "plain": ("sim:ttft=0,itl=0,n=16", "plain", 20_000, 64, 16),
    "stream": ("sim:ttft=0,blast=1,n=128", "stream", 5_000, 32, 128),
}


@dataclass(frozen=True, slots=True)
class Cost:
    requests_per_s: float
    cpu_us: float
    """Client CPU per request."""


def measure(job: str, rounds: int = 3) -> dict[str, Cost]:
    """Median of the rounds per client; each round runs all of them, one after the other."""
    model, kind, number, parallel, tokens = JOBS[job]
    found: dict[str, list[Cost]] = {name: [] for name in CLIENTS}
    with server() as truthd:
        for _ in range(rounds):
            for name, costs in found.items():
                arguments = [name, truthd.url, model, kind, str(number), str(parallel), str(tokens)]
                said, _, _ = client("tests.bench.clients", arguments)
                if said["whole"] != number:
                    raise RuntimeError(f"{name}: {said['whole']} of {number} replies were whole")
                costs.append(Cost(number / said["wall_s"], said["cpu_s"] / number * 1e6))
                truthd.reset()
    return {
        name: Cost(median(c.requests_per_s for c in costs), median(c.cpu_us for c in costs))
        for name, costs in found.items()
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3)
    rounds = parser.parse_args().rounds
    for job in JOBS:
        costs = measure(job, rounds)
        bare = costs["httptools"]
        print(f"{job}: {JOBS[job][0]}")
        for name, cost in costs.items():
            print(
                f"  {name:<10} {cost.requests_per_s:>8.0f} req/s ({cost.requests_per_s / bare.requests_per_s:.2f} x)"
                f"  {cost.cpu_us:>7.1f} us CPU each ({cost.cpu_us / bare.cpu_us:.2f} x)"
            )


if __name__ == "__main__":
    main()
