"""perfbench calibrate: what this machine's client adds to the figures."""

from __future__ import annotations

from typing import Annotated

from cyclopts import Parameter

from perfbench.commands.results import on_stdout
from perfbench.engine.errors import ExitCode, ScenarioError
from perfbench.settings.units import count


def calibrate(
    *,
    streams: Annotated[
        str,
        Parameter(metavar="COUNT,COUNT", help="Numbers of streams at a time (default: 100,1000).", show_default=False),
    ] = "100,1000",
    as_json: Annotated[
        bool, Parameter(name="--json", negative="", show_default=False, help="Print JSON on stdout, nothing else.")
    ] = False,
) -> int:
    """Measure what this machine's client adds to TTFT and ITL.

    Loads the built-in simulator, whose schedule is known, with so many streams at a time.
    """
    try:
        numbers = [count(part) for part in streams.split(",")]
    except ValueError as error:
        raise ScenarioError(f"--streams: {error}; write them like 100,1000") from None
    if not all(number >= 1 for number in numbers):
        raise ScenarioError(f"--streams: {streams!r} holds a 0; at least one stream is needed")
    from perfbench.calibrate import calibrate as measure
    from perfbench.calibrate import show

    measured = measure(numbers)
    with on_stdout() as out:
        show(measured, out, as_json=as_json)
    return ExitCode.DONE
