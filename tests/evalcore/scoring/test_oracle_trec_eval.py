"""trec_eval's own test runs: every measure it prints, to the digits it prints, per query and over queries."""

from __future__ import annotations

import pytest

from evalcore.scoring.retrieval import GEOMETRIC, MEASURES, over_queries, queries
from tests.evalcore.shared import shared

NO_MEASURES = {"runid", "num_q", "num_ret", "num_rel", "num_rel_ret", "num_nonrel_judged_ret", "relstring"}


def lines(name):
    return [line.split() for line in shared(f"oracles/trec_eval/{name}").read_text().splitlines()]


def run_of(name):
    run: dict[str, dict[str, float]] = {}
    for query, _, document, _, score, *_ in lines(name):
        run.setdefault(query, {})[document] = float(score)
    return run


def judgements_of(name):
    judged: dict[str, dict[str, int]] = {}
    for query, _, document, grade in lines(name):
        judged.setdefault(query, {})[document] = int(grade)
    return judged


@pytest.fixture(scope="module")
def found():
    return queries(run_of("results.test"), judgements_of("qrels.test"))


def printed(measure, queries):
    return f"{over_queries(measure, queries):.4f}"


@pytest.mark.parametrize("file", ["out.test", "out.test.a", "out.test.aq"])
def test_every_figure_of_a_run_is_as_printed(found, file):
    published = {name: value for name, query, value in lines(file) if query == "all" and name not in NO_MEASURES}
    assert {name: printed(name, found.values()) for name in published} == published
    if file != "out.test":
        assert set(published) == set(MEASURES) | set(GEOMETRIC)


def test_every_figure_of_each_query_is_as_printed(found):
    rows = [(n, q, v) for n, q, v in lines("out.test.aq") if q != "all" and n not in NO_MEASURES]
    differ = [(name, query, value) for name, query, value in rows if printed(name, [found[query]]) != value]
    assert differ == [] and len(rows) > 270


def test_counts_are_as_printed(found):
    told = {(name, query): int(value) for name, query, value in lines("out.test.aq") if name.startswith("num_")}
    for query, one in found.items():
        ours = len(one.grades), one.relevant, one.found(), sum(0 <= grade < 1 for grade in one.grades)
        names = ("num_ret", "num_rel", "num_rel_ret", "num_nonrel_judged_ret")
        assert ours == tuple(told[name, query] for name in names)
    assert told["num_q", "all"] == len(found)


def test_ranks_that_a_run_claims_do_not_matter(found):
    order = sorted(lines("results.test"), key=lambda line: int(line[3]))
    shuffled: dict[str, dict[str, float]] = {}
    for query, _, document, _, score, *_ in order:
        shuffled.setdefault(query, {})[document] = float(score)
    assert queries(shuffled, judgements_of("qrels.test")) == {**found}


# Those printed for -l 2 are of the version before last, whose recall points were rounded otherwise: they are left out.
LEVEL_2 = """map 0.1667 gm_map 0.0210 Rprec 0.1688 bpref 0.1571 recip_rank 0.3520 iprec_at_recall_0.00 0.3723 P_5 0.2667
    P_10 0.2333 P_20 0.2833 P_100 0.1633 recall_20 0.1109 recall_1000 0.5776 infAP 0.1792 gm_bpref 0.0004
    Rprec_mult_0.20 0.2708 Rprec_mult_2.00 0.0952 utility -460.6667 binG 0.1367 G 0.1206 ndcg 0.3894 ndcg_rel 0.3570
    Rndcg 0.2964 ndcg_cut_10 0.2656 ndcg_cut_100 0.3577 map_cut_20 0.0587 relative_P_20 0.3083 success_10 0.3333
    set_P 0.0393 set_recall 0.5776 set_map 0.0270 set_F 0.0696 rbp 0.2769 rbp_resid 0.1612 unj_5 0.0667 unj_10 0.1667
    unj_20 0.2000"""
COMPLETE = "set_P 0.0711 set_recall 0.2499 set_map 0.0214 set_F 0.0912 rbp 0.1679 rbp_resid 0.0220 unj_20 0.0333"
FIRST_100 = "set_P 0.1005 set_recall 0.2162 set_map 0.0180 set_F 0.0693 relative_P_200 0.2383 success_5 0.3333"
OPTIONS = [
    pytest.param(
        "results.test", "qrels.rel_level", {"level": 2}, LEVEL_2, id="-l 2: grades of 2 and more are relevant"
    ),
    pytest.param("results.trunc", "qrels.test", {"complete": True}, COMPLETE, id="-c: queries not searched count"),
    pytest.param(
        "results.trunc", "qrels.test", {"complete": True, "most": 100}, FIRST_100, id="-c -M 100: the first 100"
    ),
]


@pytest.mark.parametrize(("run", "qrels", "options", "published"), OPTIONS)
def test_options_of_trec_eval_give_what_its_repository_prints_for_them(run, qrels, options, published):
    found = queries(run_of(run), judgements_of(qrels), **options)
    words = published.split()
    expected = dict(zip(words[::2], words[1::2], strict=True))
    assert {name: printed(name, found.values()) for name in expected} == expected
