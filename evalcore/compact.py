"""Compact: a map from keys to whole numbers, for what has to be remembered of every sample of a large data set.

Keys are kept as their 64-bit hashes, in flat arrays: some 40 bytes an entry where a dict of texts takes 200. Two of a
million different keys share a hash in one of 37 million runs; who cannot live with that compares what it finds.
"""

from __future__ import annotations

from array import array
from collections.abc import Hashable

FEWEST_PLACES = 1024  # a power of two
FULL = 0.6
"""Share of places in use from which on the map grows; above it the way to a free place gets long."""
MASK = (1 << 64) - 1
NONE = 0  # marks a free place
GOLDEN = 0x9E3779B97F4A7C15
"""2 ** 64 over the golden ratio: times it, hashes that differ in any bits differ in the first ones (D. Knuth, The Art
of Computer Programming 3, 6.4). A hash of 0 is stored as this."""


class CompactMap:
    """Whole numbers (up to 64 bits, signed) by key. Nothing can be taken out."""

    __slots__ = ("_hashes", "_last", "_numbers", "_shift", "_used")

    def __init__(self) -> None:
        self._make(FEWEST_PLACES)

    def _make(self, places: int) -> None:
        self._hashes = array("Q", bytes(8 * places))
        self._numbers = array("q", bytes(8 * places))
        self._last = places - 1
        self._shift = 65 - places.bit_length()
        self._used = 0

    def __len__(self) -> int:
        return self._used

    def get(self, key: Hashable) -> int | None:
        place, there = self._place(hash(key) & MASK or GOLDEN)
        return self._numbers[place] if there else None

    def setdefault(self, key: Hashable, number: int) -> int:
        """The key's number, which is the given one if it had none."""
        hashed = hash(key) & MASK or GOLDEN
        place, there = self._place(hashed)
        if there:
            return self._numbers[place]
        self._put(place, hashed, number)
        return number

    def __setitem__(self, key: Hashable, number: int) -> None:
        hashed = hash(key) & MASK or GOLDEN
        place, there = self._place(hashed)
        if there:
            self._numbers[place] = number
        else:
            self._put(place, hashed, number)

    def _put(self, place: int, hashed: int, number: int) -> None:
        self._hashes[place] = hashed
        self._numbers[place] = number
        self._used += 1
        if self._used > FULL * self._last:
            self._grow()

    def _grow(self) -> None:
        hashes, numbers = self._hashes, self._numbers
        self._make(2 * (self._last + 1))
        for hashed, number in zip(hashes, numbers, strict=True):
            if hashed != NONE:
                place, _ = self._place(hashed)
                self._hashes[place], self._numbers[place] = hashed, number
                self._used += 1

    def _place(self, hashed: int) -> tuple[int, bool]:
        """Where that hash is, or where it would go; linear probing."""
        hashes, last = self._hashes, self._last
        place = (hashed * GOLDEN & MASK) >> self._shift
        while (found := hashes[place]) != hashed:
            if found == NONE:
                return place, False
            place = (place + 1) & last
        return place, True
