"""Pacing: when requests should leave.

Arithmetic only: no clock, no I/O, no randomness without a seed. Instants are offsets in ns from the start of the run,
on an absolute schedule: a late send never moves the ones after it, and totals are not rescaled to fit a count.
Iterating a pacer again gives the same offsets, in whatever process; workers deal one schedule out by position.

    laws.py      constant, poisson, gamma: arrivals at one rate         closed.py    a fixed number of slots
    shaped.py    the same along a rate, or a number of slots, that changes over time, which is a `Curve` (curve.py)
    hold.py ramp.py steps.py sine.py square.py    what a curve is made of

To add a law, add a frozen dataclass that satisfies `Pacer` and a line in `ARRIVALS`; to add a shape, a file with a
frozen dataclass that satisfies `Stage`, and a line in `perfbench.settings.stages.STAGES`. Both want rows in
tests/engine/pacing/.
"""

from perfbench.engine.pacing.base import Pacer, Piece, Slots, Stage, Window
from perfbench.engine.pacing.closed import ClosedLoop
from perfbench.engine.pacing.curve import Curve
from perfbench.engine.pacing.laws import ARRIVALS, Constant, Gamma, Poisson
from perfbench.engine.pacing.shaped import ShapedArrivals, ShapedLoop

__all__ = [
    "ARRIVALS", "ClosedLoop", "Constant", "Curve", "Gamma", "Pacer", "Piece", "Poisson", "ShapedArrivals",
    "ShapedLoop", "Slots", "Stage", "Window",
]  # fmt: skip
