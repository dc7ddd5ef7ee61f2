"""The fixture that other tests trust: truthd starts, answers, logs and forgets."""

import json
import urllib.error
import urllib.request

import pytest


def ask(url: str, model: str) -> bytes:
    body = json.dumps({"model": model, "stream": True, "messages": [{"role": "user", "content": "hi"}]}).encode()
    request = urllib.request.Request(f"{url}/chat/completions", data=body)
    return urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request, timeout=10).read()


def test_a_request_is_logged_as_numbers_and_reset_forgets_it(truthd):
    assert ask(truthd.url, "sim:ttft=1,itl=0,n=3").count(b"data: ") >= 3
    (row,) = truthd.log()
    assert (row["tokens"], row["stream"], row["outcome"]) == (3, 1, "ok")
    assert row["complete_ns"] <= row["first_token_ns"] <= row["last_token_ns"]
    truthd.reset()
    assert truthd.log() == []


def test_a_test_can_have_a_truthd_of_its_own(truthd, start_truthd):
    own = start_truthd(core=0, key="secret")
    with pytest.raises(urllib.error.HTTPError) as refused:
        ask(own.url, "sim:n=1")
    refused.value.close()
    assert (refused.value.code, own.log()[0]["outcome"], truthd.log()) == (401, "401", [])
