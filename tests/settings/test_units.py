"""Units: what people write, and the number it stands for."""

import math

import pytest

from perfbench.settings import units
from perfbench.settings.suggest import did_you_mean, nearest


@pytest.mark.parametrize(
    ("written", "seconds"),
    [
        ("200ms", 0.2), ("60s", 60), ("2m", 120), ("1h", 3600), ("1m30s", 90), ("1h0m5s", 3605), ("250us", 0.00025),
        ("1.5s", 1.5), ("1d", 86400), ("7", 7), (7, 7), (0.5, 0.5), (" 3 s ", 3), ("1e3ms", 1), ("0", 0), ("5ns", 5e-9),
    ],
)  # fmt: skip
def test_a_duration_is_seconds(written, seconds):
    assert units.duration_s(written) == pytest.approx(seconds)


@pytest.mark.parametrize(
    ("written", "per_s"), [("20", 20), (20, 20), ("20/s", 20), ("1200/m", 20), ("3600/h", 1), ("0.5/s", 0.5)]
)
def test_a_rate_is_per_second(written, per_s):
    assert units.rate_per_s(written) == pytest.approx(per_s)


@pytest.mark.parametrize(
    ("written", "number"), [("1k", 1000), ("2M", 2_000_000), ("1.5k", 1500), (64, 64), ("1_000", 1000)]
)
def test_a_count_is_whole(written, number):
    assert units.count(written) == number


@pytest.mark.parametrize(("written", "part"), [("1%", 0.01), (0.5, 0.5), ("0.2", 0.2), ("100%", 1), (0, 0)])
def test_a_share_is_of_one(written, part):
    assert units.share(written) == pytest.approx(part)


@pytest.mark.parametrize(
    ("read", "written", "remedy"),
    [
        (units.duration_s, "60 sek", "did you mean 's'"),
        (units.duration_s, "10min", "did you mean 'm'"),
        (units.duration_s, "1m30sec", "did you mean 's'"),
        (units.duration_s, "5milliseconds", "did you mean 'ms'"),
        (units.duration_s, "200mss", "did you mean 'ms'"),
        (units.duration_s, "20/s", "did you mean 's'"),
        (units.duration_s, "soon", "write it like 90s"),
        (units.duration_s, "5%", "units: ns, us, ms, s, m, h, d"),
        (units.duration_s, True, "write it like 90s"),
        (units.duration_s, None, "write it like 90s"),
        (units.duration_s, -1, "must be 0 or more"),
        (units.duration_s, math.nan, "must be 0 or more"),
        (units.duration_s, "1e999s", "finite"),
        (units.rate_per_s, "20rps", "did you mean '/s'"),
        (units.rate_per_s, "20/sec", "did you mean '/s'"),
        (units.rate_per_s, "20ms", "units: /s, /m, /h"),
        (units.rate_per_s, "1200/min", "did you mean '/m'"),
        (units.count, "1.5", "write it like 1000 or 1k"),
        (units.count, "3K", "did you mean 'k'"),
        (units.count, True, "write it like 1000"),
        (units.share, "3", "more than the whole"),
        (units.share, "5 percent", "did you mean '%'"),
    ],
)
def test_what_is_wrong_names_the_value_and_the_remedy(read, written, remedy):
    with pytest.raises(ValueError) as refused:
        read(written)
    assert remedy in str(refused.value)
    assert repr(written) in str(refused.value)


@pytest.mark.parametrize("written", ["200ms", "30s", "90s", "30m", "2h", "1d", "1500ms", "250us"])
def test_a_shown_duration_reads_back_as_itself(written):
    assert units.duration_s(units.show_duration(units.duration_s(written))) == pytest.approx(units.duration_s(written))


def test_the_nearest_word_is_found_whatever_its_case_and_dashes():
    known = ["parallel", "max_tokens", "rate"]
    assert nearest("paralel", known) == "parallel"
    assert nearest("Max-Token", known) == "max_tokens"
    assert nearest("zebra", known) is None
    assert nearest("x", []) is None


def test_a_hint_lists_what_there_is_when_nothing_is_near():
    assert did_you_mean("paralel", ["parallel"], prefix="--") == "; did you mean --parallel?"
    assert did_you_mean("zebra", ["wire", "sdk"]) == "; there are wire, sdk"
    assert did_you_mean("zebra", []) == ""
