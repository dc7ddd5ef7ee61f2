"""SLO: what the line means, what is refused and how, and what a run is found to be."""

from __future__ import annotations

import contextlib
import random
import subprocess
import sys
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from perfbench.engine.errors import ScenarioError
from perfbench.engine.request import Record
from perfbench.metrics.judgement import judge
from perfbench.metrics.names import NAMES
from perfbench.metrics.slo import COMPARISONS, STATISTICS, parse_slo
from tests.metrics.rows import record, reply, table


@pytest.mark.parametrize(
    ("text", "parsed"),
    [
        pytest.param("p99 ttft < 500ms", [("ttft", "p99", "<", 500.0)], id="statistic, metric"),
        pytest.param("ttft.p99<450ms", [("ttft", "p99", "<", 450.0)], id="metric.statistic"),
        pytest.param("p99(ttft) < 2s", [("ttft", "p99", "<", 2000.0)], id="statistic(metric)"),
        pytest.param("e2e.p99.9 <= 1s", [("e2e", "p99.9", "<=", 1000.0)], id="the point of p99.9"),
        pytest.param("p99.9(e2e) ≤ 1s", [("e2e", "p99.9", "<=", 1000.0)], id="typographic comparisons"),
        pytest.param("MEAN ITL > 500 us", [("itl", "mean", ">", 0.5)], id="case and spaces do not matter"),
        pytest.param("median tpot < 1.5e1ms", [("tpot", "p50", "<", 15.0)], id="median is p50"),
        pytest.param("error_rate < 1%", [("error_rate", None, "<", 0.01)], id="a percentage"),
        pytest.param("error_rate<.01", [("error_rate", None, "<", 0.01)], id="a share"),
        pytest.param("rps >= 20/s", [("requests_per_s", None, ">=", 20.0)], id="rps, with a unit"),
        pytest.param("output_tokens_per_s > 900", [("output_tokens_per_s", None, ">", 900.0)], id="a rate without one"),
        pytest.param(
            "p99 ttft < 500ms and p95 tpot < 40ms AND error_rate < 1%, goodput > 0.9",
            [("ttft", "p99", "<", 500.0), ("tpot", "p95", "<", 40.0), ("error_rate", None, "<", 0.01),
             ("goodput", None, ">", 0.9)], id="and, commas",
        ),
    ],
)  # fmt: skip
def test_parse(text: str, parsed: list[tuple[str, str | None, str, float]]) -> None:
    slo = parse_slo(text)
    assert [(c.metric, c.statistic, c.comparison, c.limit) for c in slo.conditions] == parsed
    assert str(slo) == text


@given(
    st.lists(
        st.tuples(
            st.sampled_from(STATISTICS),
            st.sampled_from(NAMES),
            st.sampled_from(sorted(COMPARISONS)),
            st.integers(0, 9999),
        ),
        min_size=1,
    )
)
def test_all_three_spellings_mean_the_same(drawn: list[tuple[str, str, str, int]]) -> None:
    plain = " and ".join(f"{s} {m} {c} {n}ms" for s, m, c, n in drawn)
    dotted = ",".join(f"{m}.{s}{c}{n}ms" for s, m, c, n in drawn)
    called = " AND ".join(f"{s}( {m} ) {c} {n} ms" for s, m, c, n in drawn)
    meant = [(m, s, c, float(n)) for s, m, c, n in drawn]
    for text in (plain, dotted, called):
        assert [(c.metric, c.statistic, c.comparison, c.limit) for c in parse_slo(text).conditions] == meant


@pytest.mark.parametrize(
    ("text", "words"),
    [
        pytest.param("p99 tft < 5ms", ["condition 1", "'tft'", "'ttft'"], id="metric"),
        pytest.param("p99 ttft < 5ms, p98 e2e < 1s", ["condition 2", "'p98'"], id="statistic"),
        pytest.param("p99 ttft < 5sec", ["'sec'", "'s'"], id="unit"),
        pytest.param("eror_rate < 1%", ["'eror_rate'", "'error_rate'"], id="figure"),
        pytest.param("p99 ttft < 500", ["500ms", "500s"], id="no unit"),
        pytest.param("ttft < 5ms", ["'p99 ttft'"], id="no statistic"),
        pytest.param("p99 < 5ms", ["ttft, ttfat"], id="no metric"),
        pytest.param("p99 ttft", ["p99 ttft < 500ms"], id="no comparison"),
        pytest.param("p99 ttft = 5ms", ["'='", "<="], id="not a comparison"),
        pytest.param("p99 ttft < 5ms or p50 e2e < 1s", ["'and'"], id="or is not and"),
        pytest.param("p99 error_rate < 1%", ["alone"], id="a figure has no statistic"),
        pytest.param("error_rate < 5", ["5%"], id="five times everything"),
        pytest.param("rps > 20ms", ["'ms'", "/s"], id="a rate has no ms"),
        pytest.param("p99 ttft < -1ms", ["-1ms"], id="negative"),
        pytest.param("p99 ttft < 1e999s", ["1e999"], id="infinite"),
        pytest.param("p99 ttft < 5ms,", ["condition 2"], id="a comma too many"),
        pytest.param("  ", ["empty", "p99 ttft"], id="nothing"),
    ],
)
def test_what_is_wrong_is_named_with_the_remedy(text: str, words: list[str]) -> None:
    with pytest.raises(ScenarioError) as refused:
        parse_slo(text)
    for word in words:
        assert word in str(refused.value)


@given(st.text(alphabet="p9t.fe2<>=%&ms and,()0µ\n", max_size=40))
def test_no_text_does_anything_but_parse_or_be_refused(text: str) -> None:
    with contextlib.suppress(ScenarioError):
        assert parse_slo(text).conditions


def test_reading_an_slo_loads_nothing_heavy() -> None:
    code = "import sys, perfbench.metrics.slo; print('numpy' in sys.modules or 'scipy' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "False\n"


def test_the_limit_of_a_request_is_the_loosest_of_its_metric() -> None:
    slo = parse_slo("p50 ttft < 200ms, p99 ttft < 1s, p99 tpot<40ms, max itl<1s, min e2e > 1ms, error_rate<1%")
    assert slo.request_limits(open_loop=False) == {"ttft": 1000.0, "tpot": 40.0}
    assert slo.request_limits(open_loop=True) == {"response_ttft": 1000.0, "tpot": 40.0}


def run(slo: str, *records: Record, open_loop: bool = False, **figures: float | None) -> dict[str, Any]:
    return judge(parse_slo(slo), table(*records), open_loop=open_loop, figures=figures)


def replies(count: int, slow: int = 0) -> list[Record]:
    """TTFT of 100 ms on the service base, 150 ms on the response base; `slow` of them, anywhere, 900 and 950."""
    slow_ones = set(random.Random(count).sample(range(count), slow))
    return [
        reply(50, 1500, intended=0, first_output=950 if i in slow_ones else 150, output_tokens=2, last_output=1500)
        for i in range(count)
    ]


def shuffled(*records: Record) -> list[Record]:
    """In an order that means nothing; else half of a run would be unlike the other, and nothing certain."""
    return random.Random(1).sample(records, len(records))


def only(result: dict[str, Any]) -> dict[str, Any]:
    assert len(result["observed"]) == 1
    found: dict[str, Any] = result["observed"][0]
    return found


@pytest.mark.parametrize(
    ("slo", "slow", "outcome", "observed", "certain"),
    [
        pytest.param("p99 ttft < 500ms", 0, "met", 100.0, True, id="met, far off"),
        pytest.param("p99 ttft < 500ms", 9, "met", 100.0, False, id="met, but a few more slow ones would do it"),
        pytest.param("p99 ttft < 500ms", 30, "missed", 900.0, True, id="missed by far"),
        pytest.param("p99 ttft < 500ms", 11, "missed", 900.0, False, id="missed by little"),
        pytest.param("p99 ttft < 100ms", 0, "missed", 100.0, True, id="at the limit is not under it"),
        pytest.param("p99 ttft <= 100ms", 0, "met", 100.0, True, id="but it is at it"),
        pytest.param("p50 ttft > 50ms", 0, "met", 100.0, True, id="the other way round"),
        pytest.param("mean ttft < 500ms", 30, "met", 124.0, True, id="a mean with room"),
        pytest.param("mean ttft < 125ms", 30, "met", 124.0, False, id="a mean without"),
        pytest.param("max ttft < 500ms", 1, "missed", 900.0, None, id="nothing is known about the next maximum"),
    ],
)
def test_judgement_of_a_thousand(slo: str, slow: int, outcome: str, observed: float, certain: bool | None) -> None:
    result = run(slo, *replies(1000, slow))
    found = only(result)
    assert (found["outcome"], found["observed"], found["certain"]) == (outcome, observed, certain)
    assert (found["count"], found["base"]) == (1000, "service")
    assert result["met"] is (outcome == "met")


@pytest.mark.parametrize(
    ("count", "slow", "outcome", "more"),
    [
        pytest.param(458, 0, "inconclusive", 1, id="one short of the floor of p99 at 99 %"),
        pytest.param(459, 0, "met", None, id="the floor"),
        pytest.param(661, 1, "inconclusive", 1, id="with one miss, one short"),
        pytest.param(662, 1, "met", None, id="with one miss"),
        pytest.param(1000, 40, "missed", None, id="four times too many"),
    ],
)
def test_a_tail_limit_is_tested_exactly_beside_the_verdict(count: int, slow: int, outcome: str, more: int) -> None:
    tail = only(run("p99 ttft < 500ms", *replies(count, slow)))["tail"]
    assert tail == {"outcome": outcome, "confidence": 0.99, "over_limit": slow, "of": count, "more": more}


def test_failures_in_one_long_row_leave_a_verdict_uncertain() -> None:
    rows = [*replies(970), *[record(1, started=0, outcome="failed", error="reset")] * 30]
    assert only(run("error_rate < 1%", *rows, error_rate=0.03))["certain"] is False


def test_too_few_for_the_percentile_is_inconclusive_however_fast() -> None:
    result = run("p99 ttft < 500ms", *replies(298))
    found = only(result)
    assert result["met"] is None
    assert (found["outcome"], found["observed"], found["certain"]) == ("inconclusive", None, None)
    assert "299" in found["why"]
    assert run("p99 ttft < 500ms", *replies(299))["met"] is True


def test_what_never_happened_is_inconclusive() -> None:
    found = only(run("p99 ttft < 500ms", *[reply(0, 1, stream=False)] * 500))
    assert (found["outcome"], found["count"]) == ("inconclusive", 0)


def test_in_open_loop_plain_names_mean_the_response_base_and_say_so() -> None:
    found = only(run("p50 ttft < 120ms", *replies(50), open_loop=True))
    assert (found["metric"], found["base"], found["observed"], found["outcome"]) == (
        "response_ttft", "response", 150.0, "missed",
    )  # fmt: skip
    assert only(run("p50 ttft < 120ms", *replies(50)))["metric"] == "ttft"
    tpot = only(run("p50 tpot < 120ms", *replies(50), open_loop=True))
    assert (tpot["metric"], tpot["base"]) == ("tpot", None)


def test_arrivals_that_never_left_miss_the_limit_infinitely() -> None:
    found = only(run("p99 e2e < 100s", *replies(970), *[record(1, outcome="unsent")] * 30, open_loop=True))
    assert (found["outcome"], found["observed"], found["infinite"]) == ("missed", None, True)


def test_requests_cut_off_make_a_verdict_uncertain_when_they_could_turn_it() -> None:
    cut = [record(1, started=0, outcome="cancelled", error="cancelled")]
    assert only(run("p90 e2e < 2s", *replies(1000), *cut * 90))["certain"] is True
    turned = only(run("p90 e2e < 2s", *replies(1000), *cut * 130))
    assert (turned["outcome"], turned["certain"]) == ("met", False)


def test_requests_that_had_waited_too_long_when_they_were_cut_off_miss_the_limit() -> None:
    """A third of the requests hang until the end of the run; the rest are fast."""
    hung = [record(9000, 0, started=1, written=1, outcome="cancelled", error="cancelled")] * 500
    for open_loop, waited_ms in ((False, 8999.0), (True, 9000.0)):
        for metric in ("ttft", "e2e"):
            found = only(run(f"p90 {metric} < 2s", *shuffled(*replies(1000), *hung), open_loop=open_loop))
            assert (found["outcome"], found["observed"], found["certain"]) == ("missed", waited_ms, True)
            assert (found["count"], found["why"].split()[0], found["at_least"]) == (1500, "500", True)
    assert run("p90 e2e < 2s", *hung)["met"] is False, "even without a single success"
    assert run("p90 e2e < 10s", *replies(1000), *hung)["met"] is True
    assert only(run("p90 e2e < 10s", *replies(1000), *hung))["certain"] is False


def test_a_first_token_that_came_is_not_lacking_when_the_rest_is_cut_off() -> None:
    begun = [record(9000, started=1, written=1, first_output=100, outcome="cancelled", error="cancelled")] * 500
    found = only(run("p90 ttft < 2s", *replies(1000), *begun))
    assert (found["outcome"], found["count"], found["certain"], found["why"]) == ("met", 1000, True, None)
    assert run("p90 e2e < 2s", *replies(1000), *begun)["met"] is False


@pytest.mark.parametrize(
    ("failed", "of", "outcome", "certain"),
    [
        pytest.param(0, 1000, "met", True, id="none of a thousand"),
        pytest.param(0, 5, "met", False, id="none of five says little"),
        pytest.param(30, 1000, "missed", True, id="3 %"),
        pytest.param(11, 1000, "missed", False, id="1.1 %"),
    ],
)
def test_error_rate(failed: int, of: int, outcome: str, certain: bool) -> None:
    lost = record(1, started=0, outcome="failed", error="reset")
    rows = shuffled(*[reply(0, 1)] * (of - failed), *[lost] * failed)
    found = only(run("error_rate < 1%", *rows, error_rate=failed / of))
    assert (found["outcome"], found["certain"], found["count"]) == (outcome, certain, of)


def test_the_whole_is_missed_before_it_is_inconclusive_before_it_is_met() -> None:
    rows = replies(100)
    assert run("p50 ttft < 1s, rps > 5", *rows, requests_per_s=6.0)["met"] is True
    assert run("p50 ttft < 1s, p99 ttft < 1s", *rows)["met"] is None
    assert run("p50 ttft < 1ms, p99 ttft < 1s", *rows)["met"] is False
    assert run("rps > 5", *rows, requests_per_s=None)["met"] is None
