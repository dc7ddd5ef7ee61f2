"""Likelihoods of options: told in every way that servers tell them, and always by the same skill."""

from __future__ import annotations

import json

import pytest

from perfbench.simulator.options import LIKELY, PLAIN, UNLIKELY, Options
from perfbench.simulator.skill import AnswerKey, Item, Skill, words_of

QUICK = {"ttft_ms": 0, "itl_ms": 0}
QUESTION = "Which one is it?"
SHOWN = f"{QUESTION}\nA. dog\nB. hot dog\nC. oak\nAnswer:"


def item(id_, question, answer, *choices):
    return Item(id_, words_of(question), (answer,), tuple(words_of(text) for text in choices))


def options(*items):
    key = AnswerKey(list(items))
    return Options(key, Skill(key))


KNOWN = options(
    item("animals", QUESTION, "B", "dog", "hot dog", "oak"),
    item("blank", "The _ fell off the table.", "A", "cup", "old bowl"),
    item("sum", "What is 2 + 3?", "5"),
)


def levels(prompt, share=1.0):
    return [logprob for _, logprob in KNOWN.score(prompt, share).tokens]


@pytest.mark.parametrize(
    ("prompt", "expected"),
    [
        pytest.param(f"{QUESTION} hot dog", [PLAIN] * 4 + [LIKELY] * 2, id="the option it would choose"),
        pytest.param(f"{QUESTION} dog", [PLAIN] * 4 + [UNLIKELY], id="another one, the end of the first"),
        pytest.param(f"{QUESTION} Oak", [PLAIN] * 4 + [UNLIKELY], id="capitals do not matter"),
        pytest.param(f"{QUESTION} elm", [PLAIN] * 4 + [UNLIKELY], id="what is no option"),
        pytest.param("What is it? hot dog", [PLAIN] * 5, id="another question"),
        pytest.param("What is 2 + 3? 5", [PLAIN] * 6, id="a question without options"),
        pytest.param(f"{SHOWN} B", [PLAIN] * 12 + [LIKELY], id="its letter, where options are shown"),
        pytest.param(f"{SHOWN} A", [PLAIN] * 12 + [UNLIKELY], id="another letter"),
        pytest.param("The cup fell off the table.", [LIKELY] * 6, id="the option in the blank"),
        pytest.param("The old bowl fell off the table.", [UNLIKELY] * 7, id="another one in the blank"),
    ],
)
def test_an_option_is_likely_if_the_skill_would_choose_it(prompt, expected):
    assert levels(prompt) == expected


def test_tokens_rebuild_the_prompt():
    prompt = f"  {QUESTION}\n\nhot  dog "
    assert "".join(token for token, _ in KNOWN.score(prompt, 1.0).tokens) == prompt


def test_only_the_right_option_counts_so_that_a_comparison_counts_once():
    right = [KNOWN.score(f"{QUESTION} {text}", 1.0).verdict.item for text in ("dog", "hot dog", "oak", "elm")]
    assert [found is not None for found in right] == [False, True, False, False]


def test_without_skill_a_wrong_option_is_the_likely_one():
    by_option = {text: levels(f"{QUESTION} {text}", share=0.0)[-1] for text in ("dog", "hot dog", "oak")}
    assert by_option["hot dog"] == UNLIKELY and sorted(by_option.values())[-1] == LIKELY


@pytest.fixture
def key(tmp_path):
    path = tmp_path / "key.jsonl"
    path.write_text(json.dumps({"question": QUESTION, "answer": "B", "choices": ["dog", "hot dog", "oak"]}) + "\n")
    return path


async def test_echo_repeats_the_prompt_and_its_tokens_the_first_without_a_likelihood(start, key):
    simulator = await start(**QUICK, answer_key=key)
    asked = {"prompt": f"{QUESTION} hot dog", "max_tokens": 1, "echo": True, "logprobs": 1}
    (choice,) = (await simulator.ask(asked, "/v1/completions")).json["choices"]
    told = choice["logprobs"]
    assert choice["text"] == f"{QUESTION} hot dog the"
    assert "".join(told["tokens"]) == choice["text"]
    assert told["token_logprobs"] == [None, PLAIN, PLAIN, PLAIN, LIKELY, LIKELY, PLAIN]
    assert told["text_offset"] == [0, 5, 9, 12, 16, 20, 24]
    assert (await simulator.get("/skill")).json["right"] == 1


async def test_prompt_logprobs_have_a_token_before_the_prompt(start, key):
    simulator = await start(**QUICK, answer_key=key)
    asked = {"prompt": f"{QUESTION} oak", "max_tokens": 1, "prompt_logprobs": 0}
    (choice,) = (await simulator.ask(asked, "/v1/completions")).json["choices"]
    first, *rest = choice["prompt_logprobs"]
    entries = [next(iter(entry.values())) for entry in rest]
    assert first is None and choice["text"] == " the"
    assert [(one["decoded_token"], one["logprob"]) for one in entries[-2:]] == [(" it?", PLAIN), (" oak", UNLIKELY)]


@pytest.mark.parametrize("path", ["/v1/completions", "/v1/chat/completions"])
async def test_the_first_token_of_an_answer_is_listed_beside_the_other_letters(start, key, path):
    simulator = await start(**QUICK, answer_key=key)
    if path == "/v1/completions":
        asked = {"prompt": SHOWN, "logprobs": 5}
    else:
        asked = {"messages": [{"role": "user", "content": SHOWN}], "logprobs": True, "top_logprobs": 5}
    (choice,) = (await simulator.ask({**asked, "max_tokens": 1}, path)).json["choices"]
    told = choice["logprobs"]
    if path == "/v1/completions":
        listed = told["top_logprobs"][0]
    else:
        listed = {one["token"]: one["logprob"] for one in told["content"][0]["top_logprobs"]}
    assert max(listed, key=listed.get) == " B" and set(listed) == {" A", " B", " C"}
    assert (await simulator.get("/skill")).json["right"] == 1


@pytest.mark.parametrize(
    ("field", "text"),
    [
        ({"structured_outputs": {"choice": ["A", "B", "C"]}}, "B"),
        ({"guided_choice": ["A", "B", "C"]}, "B"),
        ({"grammar": 'root ::= "A" | "B" | "C"'}, "B"),
        ({"guided_choice": ["X", "Y"]}, "X"),
        (
            {"response_format": {"type": "json_schema", "json_schema": {"schema": {
                "type": "object", "properties": {"answer": {"enum": ["A", "B", "C"]}},
            }}}},
            '{"answer":"B"}',
        ),
    ],
    ids=["newer vLLM", "older vLLM", "llama.cpp", "not among them", "JSON schema"],
)  # fmt: skip
async def test_an_answer_that_may_only_be_one_of_a_list_is_one_of_it(start, key, field, text):
    simulator = await start(**QUICK, answer_key=key)
    (choice,) = (await simulator.ask({"messages": [{"role": "user", "content": SHOWN}], **field})).json["choices"]
    assert choice["message"]["content"] == text


@pytest.mark.parametrize(
    ("path", "fields"),
    [
        ("/v1/completions", {"prompt": SHOWN, "echo": True, "logprobs": 1, "prompt_logprobs": 0, "max_tokens": 1}),
        ("/v1/chat/completions", {"messages": [{"role": "user", "content": "hi"}], "logprobs": True, "max_tokens": 1}),
    ],
)
async def test_what_is_not_offered_is_ignored_in_silence(start, key, path, fields):
    simulator = await start(**QUICK, answer_key=key, likelihoods=())
    (choice,) = (await simulator.ask(fields, path)).json["choices"]
    assert choice.get("logprobs") is None and "prompt_logprobs" not in choice
    assert not choice.get("text", "").startswith(QUESTION)


async def test_nobody_who_does_not_ask_is_told(start):
    simulator = await start(**QUICK)
    (choice,) = (await simulator.ask({"prompt": "hi", "max_tokens": 2}, "/v1/completions")).json["choices"]
    assert choice["logprobs"] is None and set(choice) == {"index", "text", "logprobs", "finish_reason"}


async def test_a_wrong_type_names_the_field(start):
    simulator = await start(**QUICK)
    heard = await simulator.ask({"prompt": "hi", "echo": "yes"}, "/v1/completions")
    assert heard.status == 400 and "echo is a JSON string" in heard.json["error"]["message"]
