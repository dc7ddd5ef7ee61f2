"""Frame: the records of a run as a pandas table, for whoever would rather look for themselves.

from perfbench.report.frame import frame
frame("outputs/20260101_120000").groupby("error").size()
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from perfbench.metrics import latency
from perfbench.metrics.columns import OUTCOMES, TOKEN_SOURCES, UNKNOWN
from perfbench.report.summary import load
from perfbench.runfolder import RunFolder


def frame(folder: Path | str) -> pd.DataFrame:
    """One row a record, in file order: outcome, error, start_s since the first, tokens, and every latency in ms.

    Latencies are those of perfbench.metrics.latency: NaN where they are not defined. Counts that nobody gave are <NA>.
    Raises ScenarioError when the folder holds no records.
    """
    found = load(RunFolder(Path(folder)))
    kinds = np.array([*found.error_kinds, ""], object)  # position -1: no error
    sources = np.array([*TOKEN_SOURCES, ""], object)
    began_ns = found.intended_ns.min() if found.size else 0
    table = pd.DataFrame(
        {
            "outcome": pd.Categorical.from_codes(found.outcome.astype(np.int8), list(OUTCOMES)),
            "error": kinds[found.error],
            "start_s": (found.intended_ns - began_ns) / 1e9,
            "attempts": found.attempts,
            "reconnects": found.reconnects,
            "token_source": sources[found.token_source],
        }
    )
    for name in ("input_tokens", "output_tokens", "reasoning_tokens", "cached_tokens"):
        table[name] = pd.array(getattr(found, name), "Int32")
        table.loc[getattr(found, name) == UNKNOWN, name] = pd.NA
    for name, values_of in latency.PER_REQUEST.items():
        table[f"{name}_ms"] = values_of(found)
    return table
