"""Scored: reviews.jsonl of a run that sent benchmarks, made from its records once it is over."""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import msgspec

from perfbench.runfolder import REVIEWS, RunFolder, replacing
from perfbench.workload.quality import Asked, evals_of, reviews_of


def score(folder: RunFolder, scenario: Mapping[str, Any]) -> int:
    """Write what the answers are worth, whole or not at all; returns how many were looked at.

    `scenario` is the resolved one, as plain data. Nothing is done where it sends no benchmarks. Raises PerfbenchError
    when answers cannot be scored: evalcore, the data or a sandbox is missing.
    """
    asked = evals_of(scenario)
    if not asked:
        return 0
    with ThreadPoolExecutor(1, "scoring") as aside:  # slow scorers need an event loop, and here one may be running
        return aside.submit(_write, folder, asked).result()


def _write(folder: RunFolder, asked: list[Asked]) -> int:
    encode, count = msgspec.json.Encoder().encode_lines, 0
    with replacing(folder.file(REVIEWS)) as new, new.open("wb") as lines:
        for batch in reviews_of(asked, folder.records()):
            lines.write(encode(batch))
            count += len(batch)
    return count
