import pytest

from perfbench.engine.dialect.error_object import MOST_CHARACTERS, error_message


@pytest.mark.parametrize(("body", "message"), [
    pytest.param(b'{"error": {"message": "slow down", "type": "rate_limit_error"}}', "slow down", id="openai"),
    pytest.param(b'{"error": "no such model"}', "no such model", id="a bare text"),
    pytest.param(b'{"detail": "Not Found"}', "Not Found", id="fastapi"),
    pytest.param(b'{"message": "too long", "code": 400}', "too long", id="at the top"),
    pytest.param(b'data: {"error": {"message": "boom"}}\n\ndata: [DONE]\n\n', "boom", id="in an event stream"),
    pytest.param(b"<html>Bad Gateway</html>", "<html>Bad Gateway</html>", id="not JSON"),
    pytest.param(b"\xff\xfe", "\ufffd\ufffd", id="not even text"),
    pytest.param(b"", "", id="nothing"),
])  # fmt: skip
def test_the_message_of_an_error_reply(body, message):
    assert error_message(body) == message


def test_a_message_is_kept_short():
    assert len(error_message(b'"' + b"x" * 10_000 + b'"')) == MOST_CHARACTERS
