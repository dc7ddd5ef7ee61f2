"""Units: from what people write ("200ms", "20/s", "1k", "1%") to numbers in one unit each.

Pure functions without heavy imports. They raise `ValueError` with a message that holds the value and the remedy; who
knows the place (a line of a file, a flag) puts it in front. To add a unit, add it to a table here and a row to
tests/settings/test_units.py.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping

from perfbench.settings.suggest import nearest

SECONDS = {"ns": 1e-9, "us": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
PER_SECOND = {"/s": 1.0, "/m": 1 / 60, "/h": 1 / 3600}
TIMES = {"": 1, "k": 1_000, "M": 1_000_000, "G": 1_000_000_000}
SHARES = {"": 1.0, "%": 0.01}

ALSO_CALLED = {  # what people write instead; not accepted, but understood well enough to name the right one
    "µs": "us", "μs": "us", "usec": "us", "microseconds": "us", "msec": "ms", "millis": "ms", "milliseconds": "ms",
    "sec": "s", "secs": "s", "second": "s", "seconds": "s", "min": "m", "mins": "m", "minute": "m", "minutes": "m",
    "hr": "h", "hrs": "h", "hour": "h", "hours": "h", "day": "d", "days": "d", "nanoseconds": "ns", "nsec": "ns",
    "rps": "/s", "qps": "/s", "hz": "/s", "req/s": "/s", "/sec": "/s", "/second": "/s", "per second": "/s",
    "rpm": "/m", "req/m": "/m", "/min": "/m", "/minute": "/m", "per minute": "/m", "/hour": "/h", "per hour": "/h",
    "thousand": "k", "million": "M", "percent": "%", "pct": "%",
}  # fmt: skip

_NUMBER = r"[+-]?(?:\d[\d_]*\.?\d*|\.\d+)(?:[eE][+-]?\d+)?"
_ONE = re.compile(rf"\s*({_NUMBER})\s*(.*?)\s*", re.DOTALL)
_PART = re.compile(r"(\d+(?:\.\d+)?)([a-zµμ]+)")
_SEVERAL = re.compile(rf"(?!{_NUMBER}[a-zµμ]*$)(?:{_PART.pattern}){{2,}}")  # 1m30s, but not 1e3ms


def duration_s(value: object) -> float:
    """Seconds. A bare number is seconds; "200ms", "60s", "2m", "1h" and "1m30s" say their unit."""
    if isinstance(value, str) and _SEVERAL.fullmatch(value):
        parts = _PART.findall(value)
        return sum(_convert(value, number, unit, SECONDS, "a duration", "90s") for number, unit in parts)
    return _quantity(value, SECONDS, "s", "a duration", "90s")


def rate_per_s(value: object) -> float:
    """Events a second. A bare number is per second; "20/s", "1200/m" and "3600/h" say it."""
    return _quantity(value, PER_SECOND, "/s", "a rate", "20/s")


def count(value: object) -> int:
    """A whole number; "1k" is a thousand, "2M" two million."""
    number = _quantity(value, TIMES, "", "a count", "1000 or 1k")
    if not number.is_integer():
        raise ValueError(f"{value!r} is not a whole number; write it like 1000 or 1k")
    return int(number)


def share(value: object) -> float:
    """A share of a whole, 0 to 1: "1%" and 0.01 are the same."""
    number = _quantity(value, SHARES, "", "a share", "0.01 or 1%")
    if number > 1:
        raise ValueError(f"{value!r} is more than the whole; write a share like 0.01 or 1%")
    return number


def show_duration(seconds: float) -> str:
    """A duration the way a person writes it, exactly: 0.2 is "200ms", 1800 is "30m"."""
    for unit in ("d", "h", "m", "s", "ms", "us"):
        number = seconds / SECONDS[unit]
        if number >= 1 and abs(number - round(number)) < 1e-9 * number:
            return f"{round(number)}{unit}"
    return f"{seconds:g}s"


def _quantity(value: object, units: Mapping[str, float], bare: str, what: str, like: str) -> float:
    """The number in the units' common base. No unit means `bare`."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        raise ValueError(f"{value!r} is not {what}; write it like {like}")
    if isinstance(value, str):
        found = _ONE.fullmatch(value)
        if found is None:
            raise ValueError(f"{value!r} is not {what}; write it like {like}")
        return _convert(value, found[1], found[2] or bare, units, what, like)
    return _convert(value, value, bare, units, what, like)


def _convert(value: object, number: str | float, unit: str, units: Mapping[str, float], what: str, like: str) -> float:
    if unit not in units:
        raise ValueError(_wrong_unit(value, unit, units, what, like))
    result = float(number) * units[unit]
    if not 0 <= result < math.inf:  # written this way round so that NaN is refused too
        raise ValueError(f"{value!r} is not {what}: it must be 0 or more, and finite; write it like {like}")
    return result


def _wrong_unit(value: object, unit: str, units: Mapping[str, float], what: str, like: str) -> str:
    known = [name for name in units if name]
    meant = ALSO_CALLED.get(unit.casefold())
    if meant not in units:
        meant = nearest(unit, known, like=0.3)
    hint = f"did you mean {meant!r}?" if meant else f"write it like {like}"
    return f"{value!r}: {unit!r} is not a unit of {what}; {hint} (units: {', '.join(known)})"
