"""What each way sends, and what it reads out of the answers."""

from __future__ import annotations

import json
import math
from functools import partial

import pytest

from evalcore.benchmarks.base import Comparison, Pair, pair
from evalcore.likelihood.base import Reading, Unreadable, Way
from evalcore.likelihood.echo import Echo
from evalcore.likelihood.first_token import FirstToken
from evalcore.likelihood.guided_choice import GuidedChoice
from evalcore.likelihood.prompt_logprobs import PromptLogprobs
from tests.evalcore.likelihood.servers import Server, asker, chat, completion, echoing, legacy, truth, vllm

MESSAGES = ({"role": "user", "content": "Which? A. yes B. no"},)
TEXTS = Comparison((Pair("Is it so?", " yes"), Pair("Is it so?", " not at all")), MESSAGES, ("A", "B"), priors=True)
LETTERS = Comparison((Pair("Which?\nAnswer:", " A"), Pair("Which?\nAnswer:", " B")), MESSAGES, ("A", "B"))


async def read(way: Way, server: Server, compared: Comparison) -> Reading:
    ask = asker(server)
    return way.read(compared, [await ask(way.api, body) for body in way.bodies(compared)])


EXACT = [
    pytest.param(Echo(), echoing, id="echo"),
    pytest.param(Echo(), partial(echoing, last=False), id="echo without the generated token"),
    pytest.param(Echo(begins=True), partial(echoing, bos="<s>"), id="echo with a token before the prompt"),
    pytest.param(PromptLogprobs(begins=True), vllm, id="prompt_logprobs"),
]


@pytest.mark.parametrize(("way", "server"), EXACT)
async def test_an_exact_way_sums_the_tokens_of_the_option_and_no_others(way, server):
    yes, other = (await read(way, server, TEXTS)).likelihoods
    assert yes.logprob == pytest.approx(truth(" yes", 3))
    assert other.logprob == pytest.approx(truth(" not", 3) + truth(" at", 4) + truth(" all", 5))
    assert (yes.tokens, other.tokens, yes.merged, yes.greedy) == (1, 3, False, True)


@pytest.mark.parametrize(("way", "server"), EXACT)
async def test_without_the_question_an_option_follows_nothing_or_answer(way, server):
    yes, _ = (await read(way, server, TEXTS)).likelihoods
    if way.begins:
        assert (yes.prior, yes.prior_answer) == (pytest.approx(truth(" yes", 0)), None)
    else:
        assert (yes.prior, yes.prior_answer) == (None, pytest.approx(truth(" yes", 1)))


async def test_options_of_which_priors_play_no_part_take_one_request_each():
    assert len(Echo().bodies(TEXTS)) == 4
    assert len(Echo().bodies(LETTERS)) == 2


async def test_a_token_across_the_boundary_is_counted_whole_and_said():
    def merging(api, body):
        tokens = ["Is", " it", " so?", NEWLINE_YES] if body["prompt"].endswith("\nyes") else []
        return completion(body["prompt"], logprobs=legacy(tokens, [None, -1.0, -2.0, -3.0]))

    NEWLINE_YES = "\nyes"  # one token of the question's line end and the answer
    compared = Comparison((Pair("Is it so?\n", "yes"),), MESSAGES, ("A",))
    (one,) = (await read(Echo(), merging, compared)).likelihoods
    assert (one.logprob, one.tokens, one.merged) == (-3.0, 1, True)


@pytest.mark.parametrize(
    ("context", "continuation", "expected"),
    [
        pytest.param("Q: a\nA:", " b", Pair("Q: a\nA:", " b"), id="as it is"),
        pytest.param("Q: a\nA: ", "b", Pair("Q: a\nA:", " b"), id="a blank moves to the word behind it"),
        pytest.param("", " b", Pair("", " b"), id="no context"),
    ],
)
def test_blanks_at_a_contexts_end_belong_to_the_continuation(context, continuation, expected):
    assert pair(context, continuation) == expected


@pytest.mark.parametrize(
    "reply",
    [
        pytest.param(completion("Is it so? yes"), id="no likelihoods"),
        pytest.param(completion("no", logprobs=legacy(["no"], [-1.0])), id="echo ignored"),
        pytest.param(completion("Is it so? yes", logprobs=legacy(["Was", " yes"], [None, -1.0])), id="another text"),
        pytest.param(completion("Is it so? yes", logprobs={"tokens": ["Is"], "token_logprobs": []}), id="uneven lists"),
        pytest.param(
            completion("Is it so? yes", logprobs=legacy(["Is", " it", " so?", " yes"], [None, -1.0, -1.0, None])),
            id="none for the option",
        ),
        pytest.param(
            completion("Is it so? yes", logprobs=legacy(["Is", " it", " so?", " yes"], [None, -1.0, -1.0, 0.5])),
            id="above 0",
        ),
    ],
)  # fmt: skip
@pytest.mark.parametrize("way", [Echo(), PromptLogprobs()])
async def test_what_cannot_be_read_or_believed_is_said(way, reply):
    with pytest.raises(Unreadable):
        await read(way, lambda *_: reply, Comparison(TEXTS.pairs[:1], MESSAGES, ("A",)))


@pytest.mark.parametrize(
    ("api", "reply"),
    [
        (
            "completions",
            completion("B", logprobs={"top_logprobs": [{" B": -0.5, "B": -1.5, " The": -2.0, " A": -3.0}]}),
        ),
        (
            "chat",
            chat("B", logprobs={"content": [{"token": " B", "logprob": -0.5, "top_logprobs": [
                {"token": "B", "logprob": -1.5}, {"token": " The", "logprob": -2.0}, {"token": " A", "logprob": -3.0},
            ]}]}),
        ),
    ],
)  # fmt: skip
async def test_a_letter_is_as_likely_as_all_tokens_that_read_as_it(api, reply):
    first, second = (await read(FirstToken(api, 20), lambda *_: reply, LETTERS)).likelihoods
    assert first.logprob == pytest.approx(-3.0)
    assert second.logprob == pytest.approx(math.log(math.exp(-0.5) + math.exp(-1.5)))
    assert (first.greedy, second.greedy) == (False, True)


async def test_a_list_without_any_of_the_letters_tells_nothing():
    reply = completion("The", logprobs={"top_logprobs": [{" The": -0.5, " An": -3.0}]})
    with pytest.raises(Unreadable, match="none of A, B"):
        await read(FirstToken("completions", 5), lambda *_: reply, LETTERS)


@pytest.mark.parametrize(
    ("form", "said", "letter"),
    [
        ("structured_outputs", "B", "B"), ("guided_choice", " A\n", "A"), ("grammar", "B", "B"),
        ("json_schema", '{"answer": "B"}', "B"), ("json_schema", '```json\n{"answer":"A"}\n```', "A"),
    ],
)  # fmt: skip
async def test_a_masked_answer_is_read(form, said, letter):
    assert await read(GuidedChoice("chat", form), lambda *_: chat(said), LETTERS) == Reading(text=letter)


@pytest.mark.parametrize("said", ["", "C", "A or B", '{"answer": "C"}'])
async def test_a_masked_answer_that_broke_out_is_no_answer(said):
    with pytest.raises(Unreadable, match="is none of A, B"):
        await read(GuidedChoice("chat", "json_schema"), lambda *_: chat(said), LETTERS)


def test_bodies_say_what_each_server_knows():
    (grammar,) = GuidedChoice("chat", "grammar").bodies(LETTERS)
    assert grammar["grammar"] == 'root ::= "A" | "B"'
    (schema,) = GuidedChoice("completions", "json_schema").bodies(LETTERS)
    assert schema["prompt"] == "Which?\nAnswer:"
    assert '"enum": ["A", "B"]' in json.dumps(schema)
    (listed,) = FirstToken("chat", 7).bodies(LETTERS)
    assert (listed["logprobs"], listed["top_logprobs"], listed["max_tokens"]) == (True, 7, 1)
