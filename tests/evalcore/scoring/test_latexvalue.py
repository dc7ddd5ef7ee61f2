"""What LaTeX is worth."""

from __future__ import annotations

import math
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evalcore.scoring.latexvalue import latex_value

WORTH = [
    ("5", 5),
    ("-5", -5),
    ("0.25", 0.25),
    (".5", 0.5),
    ("8.0", 8),
    ("1+2*3", 7),
    ("2 \\cdot 4 \\times 3", 24),
    ("(1+2)3", 9),
    ("\\frac{3}{4}", 0.75),
    ("-\\dfrac{1}{2}", -0.5),
    ("40\\pi/3", 40 * math.pi / 3),
    ("2\\sqrt{3}", 2 * math.sqrt(3)),
    ("\\sqrt[3]{8}", 2),
    ("2^{10}", 1024),
    ("2^-1", 0.5),
    ("2^12", 4),
    ("-2^2", -4),
    ("8:5", 1.6),
    ("1:1", 1),
    ("$\\frac{5}{3} \\pi + 2$", 5 * math.pi / 3 + 2),
    ("\\left(1 - \\sqrt{2}\\right)^{2}", (1 - math.sqrt(2)) ** 2),
    ("\\frac{3^{1008}-1}{3^{1009}}", 1 / 3),
    ("\\frac{2}{\\sqrt{\\pi}}", 2 / math.sqrt(math.pi)),
    ("3/4/2", 0.375),
    ("\\frac{3}{4}}{cm", 0.75),
    ("\\sin\\frac{\\pi}{6}", 0.5),
    ("\\cos^2 \\pi", 1),
    ("\\log 100", 2),
    ("e", math.e),
    ("2(3)(4)", 24),
    ("1 - 2 - 3", -4),
    ("{5}", 5),
]
WORTHLESS = [
    *(
        "",
        " ",
        "x",
        "2x",
        "ab",
        "8\\mathrm{~kg}",
        "30\\text{ inches}",
        "20%",
        "25\\pi\\)",
        "e)",
        "1/0",
        "\\frac12",
        "(1",
        "1)",
    ),
    *(
        "\\sqrt{-4}",
        "0^{-1}",
        "9^{9^{9^{9}}}",
        "10^{1000000}",
        "1+",
        "*",
        "--",
        "\\frac{1}",
        "\\infty",
        "²",
        "٣٤x",
        "1,2",
    ),
    *("(" * 400, "-" * 900, "{" * 900, "9" * 2000, "2^" * 450, "\\frac{" * 150, "\\sqrt" * 180, "e^e^e^e^e", "\x00"),
]


@pytest.mark.parametrize(("text", "value"), WORTH)
def test_worth(text, value):
    found = latex_value(text)
    assert found is not None and float(found) == pytest.approx(value)


@pytest.mark.parametrize("text", WORTHLESS)
def test_worth_nothing(text):
    began = time.process_time()
    assert latex_value(text) is None
    assert time.process_time() - began < 1


@given(st.text(st.sampled_from("0123456789.+-*/^(){}[]:\\ $abepisqrtfnco"), max_size=60))
def test_no_text_raises(text):
    found = latex_value(text)
    assert found is None or not isinstance(found, complex)
