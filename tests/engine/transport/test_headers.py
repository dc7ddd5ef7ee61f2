"""What goes out with a request, and who wins."""

import pytest

from perfbench.engine.errors import ScenarioError
from perfbench.engine.transport.base import Endpoint
from perfbench.engine.transport.headers import request_headers
from tests.engine.transport.dialects import Get, Keyed, a_request

URLS = ("http://127.0.0.1:1",)


def test_defaults_are_json_and_streams():
    headers = request_headers(Endpoint(URLS), a_request())
    assert headers["content-type"] == "application/json"
    assert "text/event-stream" in headers["accept"]
    assert headers["user-agent"].startswith("perfbench/")
    assert "authorization" not in headers


def test_a_get_has_no_content_type():
    assert "content-type" not in request_headers(Endpoint(URLS), a_request(dialect=Get()))


def test_the_key_is_a_bearer_token():
    assert request_headers(Endpoint(URLS, api_key="k1"), a_request())["authorization"] == "Bearer k1"


def test_a_dialect_may_show_the_key_its_own_way():
    headers = request_headers(Endpoint(URLS, api_key="k1"), a_request(dialect=Keyed()))
    assert (headers["x-api-key"], headers["x-version"]) == ("k1", "1")
    assert "authorization" not in headers


def test_later_ones_win_whatever_their_case():
    endpoint = Endpoint(URLS, api_key="k1", headers={"AUTHORIZATION": "Basic x", "X-A": "endpoint", "X-B": "endpoint"})
    headers = request_headers(endpoint, a_request(headers=(("x-a", "request"), ("User-Agent", "me"))))
    assert headers["authorization"] == "Basic x"
    assert (headers["x-a"], headers["x-b"], headers["user-agent"]) == ("request", "endpoint", "me")
    assert len({name.lower() for name in headers}) == len(headers)


@pytest.mark.parametrize(("name", "value"), [
    pytest.param("x-a", "secret\r\nx-b: 1", id="a line break would start a header of its own"),
    pytest.param("x-a", "secret\n", id="a line feed at the end"),
    pytest.param("x-a", "secret\x00", id="a control character"),
    pytest.param("x-a", "secreté", id="not ASCII"),
    pytest.param("x a", "secret", id="a space in the name"),
    pytest.param("", "secret", id="no name"),
    pytest.param("Content-Length", "secret", id="framing is the transport's"),
])  # fmt: skip
def test_what_cannot_be_sent_is_refused_without_showing_the_value(name, value):
    for endpoint, headers in ((Endpoint(URLS, headers={name: value}), ()), (Endpoint(URLS), ((name, value),))):
        with pytest.raises(ScenarioError) as caught:
            request_headers(endpoint, a_request(headers=headers))
        assert name in str(caught.value) or repr(name) in str(caught.value)
        assert "secret" not in str(caught.value)


def test_a_key_with_a_line_break_is_refused_without_showing_it():
    with pytest.raises(ScenarioError, match="API key") as caught:
        request_headers(Endpoint(URLS, api_key="k1\n"), a_request())
    assert "k1" not in str(caught.value)
