"""The probe finds the most exact way that an endpoint offers, and believes none without a check."""

from __future__ import annotations

from functools import partial
from typing import Any

import pytest

from evalcore.likelihood.echo import Echo
from evalcore.likelihood.first_token import FirstToken
from evalcore.likelihood.guided_choice import GuidedChoice
from evalcore.likelihood.probe import probe
from evalcore.likelihood.prompt_logprobs import PromptLogprobs
from evalcore.likelihood.ways import way_of, written
from tests.evalcore.likelihood.servers import asker, chat, completion, echoing, generated, listing, obeying, vllm


@pytest.mark.parametrize(
    ("server", "way"),
    [
        pytest.param(echoing, Echo(), id="echo; the first token has no likelihood"),
        pytest.param(partial(echoing, bos="<s>"), Echo(begins=True), id="echo with a token before the prompt"),
        pytest.param(partial(echoing, last=False), Echo(), id="echo that keeps the generated token to itself"),
        pytest.param(vllm, PromptLogprobs(begins=True), id="echo ignored, vLLM's field not"),
        pytest.param(listing(500), FirstToken("chat", 200), id="a long list of first tokens"),
        pytest.param(listing(20), FirstToken("chat", 20), id="a list of 20"),
        pytest.param(listing(5, "completions"), FirstToken("completions", 5), id="a list of 5, of completions"),
        pytest.param(obeying("structured_outputs"), GuidedChoice("chat", "structured_outputs"), id="vLLM's newer mask"),
        pytest.param(obeying("guided_choice"), GuidedChoice("chat", "guided_choice"), id="vLLM's older mask"),
        pytest.param(obeying("grammar"), GuidedChoice("chat", "grammar"), id="llama.cpp's grammar"),
        pytest.param(obeying("response_format"), GuidedChoice("chat", "json_schema"), id="OpenAI's response format"),
    ],
)
async def test_the_most_exact_way_that_works_is_found(server, way):
    found, _ = await probe(asker(server))
    assert found == way
    assert way_of(written(way)) == way


@pytest.mark.parametrize(
    ("server", "why"),
    [
        pytest.param(partial(echoing, shift=1), "stand at the wrong tokens", id="off by some"),
        pytest.param(partial(echoing, sign=-1.0), "logarithms are at most 0", id="probabilities above 1"),
        pytest.param(
            lambda api, body: chat("Hello.") if api == "chat" else generated(body), "echo was ignored", id="ignored"
        ),
        pytest.param(
            lambda api, body: chat("Hello.") if api == "chat" else completion(body["prompt"] + " day", logprobs=None),
            "generation tells no likelihoods: the reply has no logprobs", id="echo without likelihoods",
        ),
    ],
)  # fmt: skip
async def test_an_echo_that_cannot_be_true_is_not_believed(server, why):
    way, tried = await probe(asker(server))
    assert way is None
    assert why in dict(tried)["echo"]


async def test_an_endpoint_that_offers_nothing_is_asked_for_all_and_told_of_each():
    heard: list[dict[str, Any]] = []
    way, tried = await probe(asker(lambda api, _: chat("Hello.") if api == "chat" else completion("Hello."), heard))
    assert way is None
    assert [name.split(" ")[0] for name, _ in tried] == [
        "echo", "prompt_logprobs", "first_token", "first_token", *["guided_choice"] * 8,
    ]  # fmt: skip
    assert all(why for _, why in tried)
    assert len(heard) < 20


async def test_no_request_asks_for_no_tokens_at_all():
    """Some servers take max_tokens 0 for "no limit"."""
    heard: list[dict[str, Any]] = []
    await probe(asker(echoing, heard))
    assert heard and all(body["max_tokens"] >= 1 for body in heard)


@pytest.mark.parametrize("plain", [{}, {"name": "tea leaves"}, {"name": "echo", "colour": 1}])
def test_a_way_that_is_none_is_refused(plain):
    with pytest.raises(ValueError, match="no way of comparing"):
        way_of(plain)
