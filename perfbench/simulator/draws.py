"""Draws: the one seeded source of chance in the simulator.

xorshift64 with the start value that truthd uses, so that the same seed and the same requests in the same order meet
the same faults and the same jitter on both servers. Do not draw from anything else.
"""

from __future__ import annotations

import math

_MASK = (1 << 64) - 1
_START = 88172645463325252
_SPREAD = 2654435761  # Knuth's multiplicative hash constant: neighbouring seeds start far apart


class Draws:
    def __init__(self, seed: int = 0) -> None:
        # A state of zero would stay zero for ever; one seed in 2**64 leads there.
        self._state = (_START ^ (seed * _SPREAD)) & _MASK or _START

    def uniform(self) -> float:
        """In [0, 1), with 53 bits."""
        state = self._state
        state ^= (state << 13) & _MASK
        state ^= state >> 7
        state ^= (state << 17) & _MASK
        self._state = state
        return (state >> 11) * (1.0 / 9007199254740992.0)

    def exponential(self) -> float:
        """With mean 1."""
        return -math.log(1.0 - self.uniform())
