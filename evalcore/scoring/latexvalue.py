"""Latexvalue: what a piece of LaTeX without variables is worth, as a number.

Fractions, roots, powers, products written side by side, ratios (8:5), pi, e, and the elementary functions. A brace that
was never opened ends the expression, as it does for latex2sympy: "\\frac{3}{4}}{cm" is 3/4. Units, words and variables
have no value, nor has what they stand in; nor have numbers too long to write out, so no text takes for ever. Pure.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from fractions import Fraction
from typing import TypeAlias

Number: TypeAlias = Fraction | float

LONGEST = 1000
"""Characters; a longer text is no number."""
DEEPEST = 50
"""Brackets in one another."""
_MOST_BITS = 20_000
_TOKEN = re.compile(r"\s*(\\[a-zA-Z]+|\d+(?:\.\d*)?|\.\d+|\*\*|[-+*/^(){}\[\]:a-zA-Z]|\\.|.)", re.DOTALL)
_DRESS = re.compile(r"\\(?:left|right|displaystyle|limits)(?![a-zA-Z])|\\[!,;: ]|\$|~")
_PRODUCTS = ("*", "\\cdot", "\\times")
_QUOTIENTS = ("/", ":", "\\div")
_FRACTIONS = ("\\frac", "\\dfrac", "\\tfrac", "\\cfrac")
_CONSTANTS: Mapping[str, float] = {"\\pi": math.pi, "e": math.e}
_FUNCTIONS: Mapping[str, Callable[[float], float]] = {
    "\\sin": math.sin, "\\cos": math.cos, "\\tan": math.tan, "\\arcsin": math.asin, "\\arccos": math.acos,
    "\\arctan": math.atan, "\\ln": math.log, "\\log": math.log10, "\\exp": math.exp,
}  # fmt: skip
_CLOSING = {"(": ")", "{": "}", "[": "]"}


def latex_value(text: str) -> Number | None:
    """None where it does not begin with an expression, or that has no value."""
    if len(text) > LONGEST:
        return None
    tokens = _TOKEN.findall(_DRESS.sub("", text))
    try:
        return _Reader(tokens).whole()
    except (_NoValue, ArithmeticError, ValueError, TypeError):
        return None


class _NoValue(Exception):
    """Nothing is written here that has a value."""


class _Reader:
    """Recursive descent; each method reads one kind of expression and leaves the rest."""

    def __init__(self, tokens: list[str]) -> None:
        self._tokens = tokens
        self._at = 0

    def whole(self) -> Number:
        value = self.sum(0)
        if self._next() not in (None, "}"):
            raise _NoValue
        return value

    def sum(self, depth: int) -> Number:
        if depth > DEEPEST:
            raise _NoValue
        total = self._product(depth)
        while (sign := self._next()) in ("+", "-"):
            self._at += 1
            part = self._product(depth)
            total = total + (part if sign == "+" else -part)
        return total

    def _product(self, depth: int) -> Number:
        value = self._signed(depth)
        while True:
            sign = self._next()
            if sign in _PRODUCTS:
                self._at += 1
                value = value * self._signed(depth)
            elif sign in _QUOTIENTS:
                self._at += 1
                value = value / self._signed(depth)
            elif self._begins_factor(sign):
                value = value * self._power(depth)
            else:
                return value

    def _signed(self, depth: int) -> Number:
        negative = False
        while (sign := self._next()) in ("-", "+"):
            self._at += 1
            negative ^= sign == "-"
        value = self._power(depth)
        return -value if negative else value

    def _power(self, depth: int) -> Number:
        base = self._factor(depth)
        if self._next() not in ("^", "**"):
            return base
        self._at += 1
        return _power(base, self._argument(depth))

    def _factor(self, depth: int) -> Number:
        token = self._next()
        self._at += 1
        if token is None:
            raise _NoValue
        if token[0].isdigit() or (token[0] == "." and len(token) > 1):
            return Fraction(token)
        if token in _CLOSING:
            return self._enclosed(_CLOSING[token], depth)
        if token in _CONSTANTS:
            return _CONSTANTS[token]
        if token in _FRACTIONS:
            above = self._braced(depth)
            return above / self._braced(depth)
        if token == "\\sqrt":
            return self._root(depth)
        if token in _FUNCTIONS:
            power = self._exponent(depth)
            value: Number = _FUNCTIONS[token](float(self._power(depth + 1)))
            return value if power is None else _power(value, power)
        raise _NoValue

    def _root(self, depth: int) -> Number:
        order: Number = Fraction(2)
        if self._next() == "[":
            self._at += 1
            order = self._enclosed("]", depth)
        return _power(float(self._argument(depth)), 1 / order)

    def _exponent(self, depth: int) -> Number | None:
        if self._next() != "^":
            return None
        self._at += 1
        return self._argument(depth)

    def _argument(self, depth: int) -> Number:
        """What stands in braces, or one digit, or one factor: 2^12 is twice two."""
        token = self._next()
        if token is not None and token.isdigit() and len(token) > 1:
            self._tokens[self._at : self._at + 1] = [token[0], token[1:]]
        return self._signed(depth + 1) if token == "-" else self._factor(depth + 1)

    def _braced(self, depth: int) -> Number:
        if self._next() != "{":
            raise _NoValue
        return self._factor(depth)

    def _enclosed(self, closing: str, depth: int) -> Number:
        value = self.sum(depth + 1)
        if self._next() != closing:
            raise _NoValue
        self._at += 1
        return value

    def _next(self) -> str | None:
        return self._tokens[self._at] if self._at < len(self._tokens) else None

    @staticmethod
    def _begins_factor(token: str | None) -> bool:
        if token is None:
            return False
        known = token in ("(", "{", "\\sqrt") or token in _CONSTANTS or token in _FRACTIONS or token in _FUNCTIONS
        return known or token[0].isdigit()


def _power(base: Number, exponent: Number) -> Number:
    if isinstance(base, Fraction) and isinstance(exponent, Fraction) and exponent.denominator == 1:
        bits = max(base.numerator.bit_length(), base.denominator.bit_length())
        if bits * abs(exponent.numerator) > _MOST_BITS:
            raise _NoValue
        return Fraction(base**exponent.numerator)
    return math.pow(base, exponent)  # which refuses what would be no real number
