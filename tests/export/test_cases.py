"""Cases for CI: no failure and no error exactly where the command ends with 0."""

from __future__ import annotations

import copy
from typing import Any
from xml.etree import ElementTree

import pytest

from perfbench.engine.errors import ExitCode, ScenarioError
from perfbench.export.cases import Case, Suite, comparison_suite, plan_suite, run_suite, search_suite
from perfbench.export.formats import suites
from perfbench.export.held import held
from perfbench.export.junit import junit
from perfbench.export.markdown import code, plain, run_markdown
from perfbench.report.summary import write_summary
from perfbench.run import exit_code
from tests.report import made
from tests.report.runs import HOSTILE, make_run

GREEN = {"passed", "skipped"}


@pytest.fixture(scope="module")
def summary(tmp_path_factory) -> dict[str, Any]:
    return write_summary(make_run(tmp_path_factory.mktemp("run"), 400, slo="p50 ttft < 500ms and error_rate < 20%"))


def changed(summary: dict[str, Any], **parts: Any) -> dict[str, Any]:
    """`requests__failed=3` sets summary["requests"]["failed"]."""
    found = copy.deepcopy(summary)
    for path, value in parts.items():
        *outer, last = path.split("__")
        place = found
        for name in outer:
            place = place[name]
        place[last] = value
    return found


def outcome(summary: dict[str, Any], word: str, met: bool | None) -> dict[str, Any]:
    found = copy.deepcopy(summary)
    found["slo"]["met"], found["slo"]["observed"][0]["outcome"] = met, word
    return found


@pytest.mark.parametrize(("change", "code", "results"), [
    pytest.param(lambda s: s, ExitCode.DONE, {"passed"}, id="met"),
    pytest.param(lambda s: outcome(s, "missed", False), ExitCode.GATE_MISSED, {"passed", "failed"}, id="missed"),
    pytest.param(lambda s: outcome(s, "inconclusive", None), ExitCode.INCONCLUSIVE, {"passed", "error"}, id="unknown"),
    pytest.param(lambda s: changed(s, client__verdict="saturated"), ExitCode.INCONCLUSIVE, {"passed", "error"},
                 id="the client was the limit"),
    pytest.param(lambda s: changed(outcome(s, "missed", False), client__verdict="saturated"), ExitCode.INCONCLUSIVE,
                 {"passed", "error"}, id="missed, but by the client"),
    pytest.param(lambda s: changed(s, slo=None), ExitCode.DONE, {"passed"}, id="no SLO"),
    pytest.param(lambda s: changed(s, slo=None, client__verdict="saturated"), ExitCode.DONE, {"passed"},
                 id="no SLO, and the client was the limit"),
    pytest.param(lambda s: changed(s, requests__succeeded=0), ExitCode.TARGET, {"passed", "failed", "error"},
                 id="nothing succeeded"),
    pytest.param(lambda s: changed(s, requests__succeeded=0, requests__failed=0), ExitCode.INCONCLUSIVE,
                 {"passed", "error"}, id="nothing was over"),
    pytest.param(lambda s: changed(s, scenario__max_error_rate=0.01), ExitCode.TARGET, {"passed", "failed"},
                 id="too many failed"),
    pytest.param(lambda s: changed(s, run__ended="interrupted"), ExitCode.INTERRUPTED, {"passed", "error"},
                 id="interrupted"),
])  # fmt: skip
def test_a_run_is_green_where_its_exit_code_is_0(summary, change, code, results):
    found = change(summary)
    assert exit_code(found, found["scenario"].get("max_error_rate", 0.5)) == code
    suite = run_suite(found, "night")
    assert {case.result for case in suite.cases} == results
    assert (results <= GREEN) == (code == ExitCode.DONE)


@pytest.mark.parametrize(("change", "result"), [
    pytest.param({}, "passed", id="found"),
    pytest.param({"answer__outcome": "missed", "answer__load": None, "answer__interval": None}, "failed", id="no load"),
    pytest.param({"answer__outcome": "inconclusive"}, "error", id="the time was over"),
    pytest.param({"ended": "interrupted"}, "error", id="interrupted"),
    pytest.param({"answer": None}, "error", id="nothing was probed"),
])  # fmt: skip
def test_a_search_is_one_case(change, result):
    [case] = search_suite(changed(made.plain(made.search()), **change), "night").cases
    assert case.result == result


@pytest.mark.parametrize(("outcome", "result"), [("met", "passed"), ("missed", "failed"), ("inconclusive", "error")])
def test_a_plan_is_one_case(outcome, result):
    [case] = plan_suite(made.plain(made.plan(outcome=outcome)), "night").cases
    assert case.result == result


def test_a_comparison_fails_where_a_figure_is_worse_by_more_than_is_allowed():
    suite = comparison_suite(made.comparison(), ["p99 ttft"], "night")
    results = {case.name: case.result for case in suite.cases}
    assert results["no regression of p99 ttft"] == "failed"
    assert results["no regression of p99 tpot"] == "skipped", "too few requests for that figure alone"
    assert results["no regression of p90 e2e"] == "passed", "not shown to be worse"
    assert "100 to 120 ms (+20.0%, 95 % sure +18.0% to +22.0%), worse" in suite.cases[0].said


def test_a_comparison_that_could_test_nothing_is_an_error():
    found = made.comparison(made.difference("p99 ttft", "undecided", None, p=None))
    assert [case.result for case in comparison_suite(found, [], "night").cases] == ["skipped", "error"]


def test_a_sweep_is_no_gate(tmp_path):
    with pytest.raises(ScenarioError, match="no gate"):
        suites(held(made.folder_of(tmp_path / "sweep", "sweep")))


def test_junit_counts_what_it_holds():
    cases = tuple(Case(f"{name} <&>", name, 'said "so" <&>') for name in ("passed", "failed", "error", "skipped"))
    root = ElementTree.fromstring(
        junit([Suite("a", cases, 1.5, made.STARTED, (("model", "m"),)), Suite("b", cases[:1])])
    )
    assert {name: root.get(name) for name in ("tests", "failures", "errors", "skipped")} == {
        "tests": "5", "failures": "1", "errors": "1", "skipped": "1",
    }  # fmt: skip
    first = root[0]
    assert (first.get("name"), first.get("time"), first.get("timestamp")) == ("a", "1.500", made.STARTED)
    tags = [[child.tag for child in case] for case in first.iter("testcase")]
    assert tags == [["system-out"], ["failure"], ["error"], ["skipped"]]
    assert first.find("testcase/failure").get("message") == 'said "so" <&>'


def test_foreign_texts_break_neither_xml_nor_markdown(tmp_path):
    summary = write_summary(
        make_run(tmp_path, 60, words=HOSTILE + " | @everyone `code` ![x](http://h/)", slo="error_rate < 1%")
    )
    root = ElementTree.fromstring(junit([run_suite(summary, "night")]))
    assert root.find(".//property[@name='model']").get("value").startswith("</script>")
    text = run_markdown(summary, "night")
    assert "<img" not in text and "<script" not in text and "@everyone" not in text and "![x](" not in text
    assert not set(text) & {"\x1b", "\u202e"}
    rows = [line for line in text.splitlines() if line.startswith("|")]
    assert rows and all(line.endswith("|") for line in rows)


@pytest.mark.parametrize(("text", "shown"), [
    ("p99 ttft < 500ms", "`p99 ttft < 500ms`"), ("a`b", "``a`b``"), ("`", "`` ` ``"), ("a|b", "`a\\|b`"),
])  # fmt: skip
def test_code_in_markdown_cannot_be_left(text, shown):
    assert code(text) == shown


def test_words_in_markdown_are_only_words():
    assert plain("*a* _b_ [c](d) <e> @f") == "\\*a\\* \\_b\\_ \\[c\\]\\(d\\) &lt;e\\> @\u200bf"
