"""Load: what one engine process makes of its share of a scenario."""

from __future__ import annotations

import sys

import pytest

from perfbench.engine.errors import ScenarioError
from perfbench.engine.request import Record
from perfbench.engine.scheduler import Share
from perfbench.engine.transport.base import Endpoint
from perfbench.load import HOPELESS_AFTER, Tripwire, _part, token_counter


def a_record(error: str) -> Record:
    return Record(key="0", index=0, intended_ns=0, finished_ns=1, outcome="failed" if error else "ok", error=error)


def tripped_by(errors: list[str]) -> list[str]:
    reasons: list[str] = []
    tripwire = Tripwire(reasons.append)
    for error in errors:
        tripwire.add(a_record(error))
    return reasons


@pytest.mark.parametrize("error", ["connect_refused", "dns", "tls", "http_404", "http_401", "http_400"])
def test_a_run_whose_first_requests_all_fail_for_good_is_ended(error):
    reasons = tripped_by([error] * 50)
    assert reasons == [f"aborted: the first {HOPELESS_AFTER} requests all failed ({error})"]


@pytest.mark.parametrize(
    "errors",
    [
        pytest.param(["connect_refused"] * (HOPELESS_AFTER - 1), id="too few to say"),
        pytest.param(["", *["connect_refused"] * 50], id="a server that has answered, and died"),
        pytest.param(["http_503"] * 50, id="a server that is busy"),
        pytest.param(["http_429"] * 50, id="a server that limits"),
        pytest.param(["timeout_first_byte"] * 50, id="a server that is slow"),
        pytest.param([*["http_404"] * 9, "reset", *["http_404"] * 50], id="something else in between"),
    ],
)
def test_a_run_is_not_given_up_for_what_may_pass(errors):
    assert tripped_by(errors) == []


@pytest.mark.parametrize("content", ["", "not JSON", "{}"])
def test_a_file_that_is_no_tokenizer_is_refused_by_name(tmp_path, content):
    pytest.importorskip("tokenizers")
    file = tmp_path / "tokenizer.json"
    file.write_text(content)
    with pytest.raises(ScenarioError, match=r"tokenizer .*tokenizer\.json cannot be used"):
        token_counter(file)


def test_a_tokenizer_without_its_package_says_what_to_install(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "tokenizers", None)
    with pytest.raises(ScenarioError, match=r"pip install 'perfbench\[tokenizers\]'"):
        token_counter(tmp_path / "tokenizer.json")


@pytest.mark.parametrize("of", range(1, 8))
@pytest.mark.parametrize("cap", [1, 2, 7, 10, 64])
def test_parts_of_a_cap_add_up_to_it(cap, of):
    parts = [_part(cap, Share(index, of)) for index in range(of)]
    assert sum(parts) == cap
    assert max(parts) - min(parts) <= 1


@pytest.mark.parametrize(
    ("endpoint", "secrets"),
    [
        pytest.param(Endpoint(("http://h",)), (), id="none"),
        pytest.param(Endpoint(("http://h",), api_key="sk-1"), ("sk-1",), id="the key"),
        pytest.param(
            Endpoint(("http://h",), headers={"Authorization": "Bearer sk-2", "X-Api-Key": "k3", "X-Trace": "on"}),
            ("Bearer sk-2", "k3", "sk-2"),
            id="headers that hold one, with and without their scheme",
        ),
        pytest.param(
            Endpoint(("http://h",), model_args={"api_key": "k4", "default_headers": {"X-Token": "k5"}, "timeout": 3}),
            ("k4", "k5"),
            id="arguments of the openai client",
        ),
        pytest.param(Endpoint(("http://h",), api_key="", headers={"Cookie": ""}), (), id="empty ones are none"),
    ],
)
def test_what_must_not_get_into_a_record(endpoint, secrets):
    assert endpoint.secrets() == secrets
