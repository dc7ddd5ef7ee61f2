"""What the shell learns from a summary: the table of exit codes, row by row."""

from __future__ import annotations

from typing import Any

import pytest

from perfbench.engine.errors import ExitCode
from perfbench.run import exit_code

NO_SLO = None
MET, MISSED, UNDECIDED = {"met": True}, {"met": False}, {"met": None}


def summary(succeeded: int, failed: int, slo: Any, verdict: str = "ok", ended: str | None = "number") -> dict[str, Any]:
    return {
        "requests": {"succeeded": succeeded, "failed": failed},
        "slo": slo,
        "client": {"verdict": verdict},
        "run": {"ended": ended},
    }


@pytest.mark.parametrize(
    ("found", "code"),
    [
        pytest.param(summary(100, 0, NO_SLO), ExitCode.DONE, id="all well"),
        pytest.param(summary(50, 50, NO_SLO), ExitCode.DONE, id="as many failures as are allowed"),
        pytest.param(summary(49, 51, NO_SLO), ExitCode.TARGET, id="too many failures"),
        pytest.param(summary(0, 1, NO_SLO), ExitCode.TARGET, id="nothing but failures"),
        pytest.param(summary(0, 0, NO_SLO), ExitCode.INCONCLUSIVE, id="nothing came to its end"),
        pytest.param(summary(0, 0, MISSED), ExitCode.INCONCLUSIVE, id="nothing to judge an SLO by"),
        pytest.param(summary(100, 0, NO_SLO, "saturated"), ExitCode.DONE, id="a saturated client, and no gate"),
        pytest.param(summary(100, 0, MET), ExitCode.DONE, id="met"),
        pytest.param(summary(100, 0, MET, "suspect"), ExitCode.DONE, id="met, and perhaps by more"),
        pytest.param(summary(100, 0, MISSED), ExitCode.GATE_MISSED, id="missed"),
        pytest.param(summary(100, 0, UNDECIDED), ExitCode.INCONCLUSIVE, id="too few samples"),
        pytest.param(summary(100, 0, MET, "saturated"), ExitCode.INCONCLUSIVE, id="met, but the client was the limit"),
        pytest.param(summary(100, 0, MISSED, "saturated"), ExitCode.INCONCLUSIVE, id="missed, and by the client"),
        pytest.param(summary(40, 60, MET), ExitCode.TARGET, id="met by those that did not fail"),
        pytest.param(summary(40, 60, UNDECIDED), ExitCode.TARGET, id="undecided, because most failed"),
        pytest.param(summary(40, 60, MISSED), ExitCode.GATE_MISSED, id="missed, and too many failures"),
        pytest.param(summary(0, 9, MISSED), ExitCode.TARGET, id="missed, because nothing works"),
        pytest.param(summary(9, 0, MET, ended="interrupted"), ExitCode.INTERRUPTED, id="interrupted"),
        pytest.param(summary(0, 9, NO_SLO, ended="interrupted"), ExitCode.INTERRUPTED, id="interrupted while failing"),
    ],
)
def test_the_first_reason_that_holds_is_the_exit_code(found, code):
    assert exit_code(found, max_error_rate=0.5) == code
