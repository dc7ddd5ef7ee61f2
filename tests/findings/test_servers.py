"""What servers said of themselves, against what their replies say."""

from __future__ import annotations

import pytest

from perfbench.engine.request import Record
from perfbench.findings.base import Evidence, Finding
from perfbench.findings.cache import cached_prompts
from perfbench.findings.tokens import output_counts_differ, servers_count_differs
from perfbench.metrics.columns import columns
from perfbench.report.recount import recounted
from tests.findings.runs import UNIQUE, closed


def evidence(summary, **given):
    records = columns([[Record(**row) for row in closed(100)]])
    return Evidence(records=records, summary=summary, scenario={}, workload=UNIQUE, open_loop=False, **given)


def account(hits, queries):
    figures = {"prefix_hits": {"increase": hits}, "prefix_queries": {"increase": queries}}
    return {"server": {"addresses": [{"kind": "server", "figures": figures}]}}


@pytest.mark.parametrize(
    ("hits", "queries", "speaks"),
    [
        pytest.param(12_800, 14_000, True, id="most of each prompt"),
        pytest.param(0, 14_000, False, id="nothing"),
        pytest.param(4_800, 14_000, False, id="48 tokens of each, which a template explains"),
        pytest.param(12_800, 140_000, False, id="a little of long prompts"),
    ],
)
def test_counters_of_the_prefix_cache_tell_of_prompts_that_were_seen_before(hits, queries, speaks):
    assert (cached_prompts(evidence(account(hits, queries))) is not None) == speaks


@pytest.mark.parametrize(("agrees", "speaks"), [(False, True), (True, False), (None, False)])
def test_counters_that_do_not_agree_with_the_replies_are_named(agrees, speaks):
    counts = {"generated_tokens": {"server": 4000.0, "client": 2000, "ratio": 2.0, "agrees": agrees}}
    found = servers_count_differs(evidence({"server": {"compared": counts}}))
    assert (found is not None) == speaks
    assert found is None or (isinstance(found, Finding) and "4000 by the servers, 2000 here" in found.text)


def test_the_tokenizer_counts_the_texts_that_were_kept(tmp_path):
    tokenizers = pytest.importorskip("tokenizers")
    words = tokenizers.Tokenizer(tokenizers.models.WordLevel({"a": 0, "b": 1, "?": 2}, unk_token="?"))
    words.pre_tokenizer = tokenizers.pre_tokenizers.Whitespace()
    words.save(str(tmp_path / "tokenizer.json"))
    truly = recounted([("a b a", 3)] * 20, str(tmp_path / "tokenizer.json"))
    falsely = recounted([("a b a", 6)] * 20, str(tmp_path / "tokenizer.json"))
    assert output_counts_differ(evidence({}, recounted=truly)) is None
    found = output_counts_differ(evidence({}, recounted=falsely))
    assert found is not None
    assert (found.evidence["server"], found.evidence["tokenizer"]) == (120, 60)
    assert recounted([("a", 1)], str(tmp_path / "gone.json")) is None
    assert recounted([], str(tmp_path / "tokenizer.json")) is None
