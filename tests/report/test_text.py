"""Words and figures for people."""

import pytest

from perfbench.engine.errors import KINDS
from perfbench.report.text import explain, grouped, harmless, load_shape, number, share, span, target


@pytest.mark.parametrize(("text", "shown"), [
    pytest.param("plain é 漢字", "plain é 漢字", id="letters of any script stay"),
    pytest.param("a\x1b[31mred", "a·[31mred", id="an escape becomes a visible sign"),
    pytest.param("a\x00\x01\x02b", "a·b", id="a run of them becomes one"),
    pytest.param("a\r\nb\tc", "a b c", id="lines become one"),
    pytest.param("a\u202eb\u200bc", "a·b·c", id="nothing reverses or hides text"),
    pytest.param("\x9b31m", "·31m", id="the one-byte escape counts too"),
    pytest.param(None, "None", id="anything has a text"),
])  # fmt: skip
def test_harmless(text, shown):
    assert harmless(text) == shown


@pytest.mark.parametrize("text", ["x" * 1000, "\x1b" * 1000, "ab " * 1000])
def test_harmless_is_short(text):
    assert len(harmless(text, 50)) <= 50


@pytest.mark.parametrize(("value", "shown"), [
    (None, "–"), (0, "0"), (0.0123, "0.01"), (0.512, "0.51"), (9.314, "9.31"), (9.999, "10.0"), (52.14, "52.1"),
    (99.96, "100"), (412.4, "412"), (2679.0, "2679"), (61220.0, "61\u202f220"), (-3.14159, "-3.14"),
])  # fmt: skip
def test_number(value, shown):
    assert number(value) == shown


def test_number_with_more_digits():
    assert [number(value, 4) for value in (0.0281, 20.004, 389.12, 2974.4)] == ["0.028", "20.00", "389.1", "2974"]


@pytest.mark.parametrize(("value", "shown"), [
    (None, "–"), (0, "0\u202f%"), (0.0123, "1.23\u202f%"), (0.00001, "<0.01\u202f%"), (1.0, "100\u202f%"),
])  # fmt: skip
def test_share(value, shown):
    assert share(value) == shown


@pytest.mark.parametrize(("seconds", "shown"), [
    (-1, "0.0\u202fs"), (4.21, "4.2\u202fs"), (59.4, "59\u202fs"), (59.7, "1:00"), (65, "1:05"), (7439, "2:03:59"),
])  # fmt: skip
def test_span(seconds, shown):
    assert span(seconds) == shown


def test_grouped():
    assert [grouped(value) for value in (0, 9999, 10_000)] == ["0", "9999", "10\u202f000"]
    assert grouped(1_234_567) == "1\u202f234\u202f567"


def test_every_kind_of_error_is_explained():
    assert [kind for kind in KINDS if not explain(kind)] == []
    assert explain("http_503") == "the server answered 503 Service Unavailable"
    assert explain("http_404") == "the server answered 404 Not Found; are the path and the model right?"
    assert explain("http_599") == "the server answered 599 (no registered status)"
    assert "does not know" in explain("</script>")


@pytest.mark.parametrize(("scenario", "shown"), [
    ({"parallel": 64}, "closed loop, 64 parallel"),
    ({"rate": 20.0, "arrival": "poisson"}, "open loop, 20 req/s poisson"),
    ({"rate": 2.5, "arrival": "gamma", "burstiness": 0.5, "parallel": 8},
     "open loop, 2.5 req/s gamma, burstiness 0.5, at most 8 in flight"),
    ({}, "load unknown"),
])  # fmt: skip
def test_load_shape(scenario, shown):
    assert load_shape(scenario) == shown


@pytest.mark.parametrize(("scenario", "shown"), [
    ({"url": ["http://a", "http://b"]}, "http://a, http://b"),
    ({"url": "simulator"}, "simulator"),
    ({}, "target unknown"),
])  # fmt: skip
def test_target(scenario, shown):
    assert target(scenario) == shown
