"""Skill: questions are recognised in what a harness makes of them, and the count of right answers is exact."""

from __future__ import annotations

import asyncio
import json
import re
import string

import aiohttp
import pytest
from hypothesis import given
from hypothesis import strategies as st

from perfbench.engine.errors import ScenarioError
from perfbench.simulator.config import SimulatorConfig
from perfbench.simulator.plan import Plan
from perfbench.simulator.skill import AnswerKey, Item, Skill, words_of

QUICK = "sim:ttft=0,itl=0"


def item(id_, question, *answers, choices=(), **more):
    return Item(id_, words_of(question), answers or ("1",), tuple(words_of(text) for text in choices), **more)


def key_file(tmp_path, lines):
    path = tmp_path / "key.jsonl"
    path.write_text("".join((line if isinstance(line, str) else json.dumps(line)) + "\n" for line in lines))
    return path


KEY = AnswerKey(
    [
        item("sum", "What is 2 + 3?"),
        item("difference", "What is 2 - 3?"),
        item("short", "Why?"),
        item("long", "Ann has two dogs. Why?"),
        item("longer", "Ann has two dogs. Why? Give three reasons."),
        item("chinese", "小明有几个苹果？"),
        item("beginning", "Ann has two dogs. And a cat. How many?"),
        item("animals", "Which one is it?", "A", choices=["cat", "dog"]),
        item("plants", "Which one is it?", "B", choices=["oak", "red rose"]),
        item("turned", "Which one is it?", "B", choices=["dog", "cat"]),
        item("open", "Which one is it?", "a horse"),
        item("inside", "Red rose", "A", choices=["a flower", "a bird"]),
    ]
)


@pytest.mark.parametrize(
    ("message", "found"),
    [
        pytest.param("What is 2 + 3?", "sum", id="the question alone"),
        pytest.param("Q:What is\n 2 +3?\nA:", "sum", id="other spaces, something before and after"),
        pytest.param('Solve "What is 2 - 3?" now', "difference", id="operators count"),
        pytest.param("Ann has two dogs. Why?", "long", id="the longer question, not the one inside it"),
        pytest.param("Ann has two dogs. Why? Give three reasons. Now.", "longer", id="the longest of those that fit"),
        pytest.param("Q: What is 2 + 3? A: 5. Q: Why? A:", "short", id="the last one, after examples"),
        pytest.param("请回答小明有几个苹果？谢谢", "chinese", id="scripts without spaces"),
        pytest.param("Ann has two dogs. And a", None, id="a beginning alone"),
        pytest.param("What is 2 + 4?", None, id="another question"),
        pytest.param("", None, id="nothing"),
        pytest.param("Which one is it? A) oak B) red rose", "plants", id="choices tell the same question apart"),
        pytest.param("Which one is it? A) cat B) dog", "animals", id="and the other way"),
        pytest.param("Which one is it? A) dog B) cat", "turned", id="their order tells too"),
        pytest.param("Which one is it?", "open", id="no choices shown, and an item without"),
        pytest.param("Which one is it? oak, Red rose, red rose", "plants", id="a choice is not the question asked"),
        pytest.param("About: Red rose. Think!", "inside", id="choices need not be shown"),
    ],
)
def test_which_question_a_message_asks(message, found):
    assert getattr(KEY.find(message), "id", None) == found


@given(st.integers(0, len(KEY.items) - 1), st.text(string.ascii_letters + " \n", max_size=20))
def test_a_question_is_found_behind_any_preface(index, preface):
    wanted = KEY.items[index]
    message = f"{preface} {' '.join(wanted.question)} {' '.join(' '.join(choice) for choice in wanted.choices)}"
    assert KEY.find(message) is wanted


@pytest.mark.parametrize(
    ("answers", "choices", "looks_like"),
    [
        pytest.param(["B"], (), r"[ACD]", id="a letter"),
        pytest.param(["b"], (), r"[acd]", id="a small letter"),
        pytest.param(["B"], ("x", "y"), r"A", id="a letter among two"),
        pytest.param(["E"], (), r"[ABCD]", id="a letter beyond D"),
        pytest.param(["18"], (), r"\d+", id="a number"),
        pytest.param(["-3"], (), r"-\d+", id="a negative number"),
        pytest.param(["1,000"], (), r"1,00\d", id="thousands"),
        pytest.param(["$2.50"], (), r"\$\d+\.50", id="money"),
        pytest.param(["Yes"], (), r"No", id="yes or no"),
        pytest.param(["false"], (), r"true", id="true or false"),
        pytest.param(["Paris", "paris, France"], (), r"Rome|unknown", id="a word: the answer of another item"),
    ],
)
def test_wrong_answers_are_plausible_and_wrong(answers, choices, looks_like):
    asked = item("asked", "Which city?", *answers, choices=choices)
    key = AnswerKey([asked, item("rome", "And which other?", "Rome")])
    for repeat in range(40):
        verdict = Skill(key, answer_format="{answer}").answer("Which city?", 0.0, repeat)
        assert not verdict.right
        assert re.fullmatch(looks_like, verdict.text)
        assert verdict.text not in answers


def test_all_right_at_one_and_all_wrong_at_zero():
    key = AnswerKey([item(str(n), f"Number {n} is?", str(n)) for n in range(50)])
    skill = Skill(key, answer_format="It is {answer}")
    for n in range(50):
        assert skill.answer(f"Number {n} is?", 1.0).text == f"It is {n}"
        assert skill.answer(f"Number {n} is?", 0.0).text != f"It is {n}"


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize(("share", "right"), [(0.8, 80), (0.333, 33), (0.005, 0), (0.999, 100)])
def test_whoever_asks_all_items_finds_the_share_in_whole_items(seed, share, right):
    key = AnswerKey([item(str(n), f"Number {n} is?", str(n)) for n in range(100)])
    skill = Skill(key, seed)
    for repeat in (0, 1):
        assert sum(skill.answer(f"Number {n} is?", share, repeat).right for n in range(100)) == right


def test_more_skill_never_unlearns():
    key = AnswerKey([item(str(n), f"Number {n} is?", str(n)) for n in range(200)])
    skill = Skill(key, seed=5)
    known = [{n for n in range(200) if skill.answer(f"Number {n} is?", share).right} for share in (0.3, 0.6, 0.9)]
    assert known[0] < known[1] < known[2]


def test_an_item_may_choose_its_words(tmp_path):
    path = key_file(tmp_path, [{"question": "Q1?", "answer": "C", "answer_format": "\\boxed{{answer}}", "wrong": "Z"}])
    skill = Skill(AnswerKey.load(path))
    assert skill.answer("Q1?", 1.0).text == "\\boxed{C}"
    assert skill.answer("Q1?", 0.0).text == "\\boxed{Z}"


@pytest.mark.parametrize(
    ("line", "answers"),
    [
        pytest.param({"question": "Q?", "answer": "B"}, ("B",), id="question"),
        pytest.param({"prompt": "Q?", "answer": 5}, ("5",), id="prompt, and a number"),
        pytest.param({"question": "Q?", "answer": ["a", 2.5]}, ("a", "2.5"), id="several"),
        pytest.param({"question": "Q?", "answer": "2 + 16 = 18\n#### 18"}, ("18",), id="worked out"),
        pytest.param({"question": "Q?", "answer": True}, ("true",), id="true"),
    ],
)
def test_what_a_line_of_the_key_may_be(tmp_path, line, answers):
    assert AnswerKey.load(key_file(tmp_path, [line])).items[0].answers == answers


@pytest.mark.parametrize(
    ("lines", "says"),
    [
        pytest.param([], ["holds no item"], id="empty"),
        pytest.param([{"question": "Q?", "answer": 1}, "{"], ["line 2", "not JSON"], id="broken line"),
        pytest.param([{"text": "Q?", "answer": 1}], ["line 1", "no question", "text, answer"], id="no question"),
        pytest.param([{"question": "Q?"}], ["line 1", "no answer"], id="no answer"),
        pytest.param([{"question": "Q?", "answer": ["a", None]}], ["line 1", "no answer"], id="an answer that is null"),
        pytest.param([{"question": "Q?", "answer": "A", "answer_format": "x"}], ["line 1", "{answer}"], id="format"),
        pytest.param([{"question": "Q?", "answer": "A", "wrong": "A"}], ["line 1", "wrong is 'A'"], id="not wrong"),
        pytest.param([{"question": "Q?", "answer": "A", "choices": 3}], ["line 1", "choices"], id="choices"),
        pytest.param(
            [{"question": "Q?", "answer": 1}, {"question": "Q ?", "answer": 2}], ["1 and 2", "ask the same"],
            id="two answers to one question",
        ),
    ],
)  # fmt: skip
def test_a_key_that_cannot_be_used_is_refused_by_line(tmp_path, lines, says):
    with pytest.raises(ScenarioError) as refused:
        AnswerKey.load(key_file(tmp_path, lines))
    assert all(part in str(refused.value) for part in says), str(refused.value)


def test_a_key_that_is_not_there_is_named(tmp_path):
    with pytest.raises(ScenarioError, match=r"nowhere\.jsonl"):
        AnswerKey.load(tmp_path / "nowhere.jsonl")


@pytest.fixture
def big_key(tmp_path):
    """500 items: letters and numbers by turns."""
    return key_file(
        tmp_path,
        [
            {"id": f"q{n}", "question": f"Item {n}: what follows from case {n * 7}?", "answer": "ABCD"[n % 4]}
            if n % 2
            else {"id": f"q{n}", "question": f"Item {n}: how many are {n} and {n * 7}?", "answer": n * 8}
            for n in range(500)
        ],
    )


async def sit_exam(simulator, key, model=QUICK, at_a_time=32, **fields):
    """Ask every question once, many at a time; which ids were answered rightly?"""
    items = [json.loads(line) for line in key.read_text().splitlines()]
    gate = asyncio.Semaphore(at_a_time)

    async def ask(session, asked):
        messages = [{"role": "user", "content": f"Please answer.\n\n{asked['question']}\nAnswer:"}]
        async with (
            gate,
            session.post(
                f"{simulator.url}/chat/completions", json={"model": model, "messages": messages, **fields}
            ) as reply,
        ):
            text = (await reply.json())["choices"][0]["message"]["content"]
        said = re.fullmatch(r"The answer is (.*)\.", text)
        return asked["id"] if said and said[1] == str(asked["answer"]) else None

    async with aiohttp.ClientSession() as session:
        answered = await asyncio.gather(*(ask(session, asked) for asked in items))
    return {id_ for id_ in answered if id_ is not None}


async def test_the_count_of_right_answers_is_exactly_the_truth(start, big_key):
    simulator = await start(answer_key=big_key, skill=0.8)
    right = await sit_exam(simulator, big_key)
    truth = (await simulator.get("/skill")).json
    assert (truth["asked"], truth["right"], truth["unknown"]) == (500, len(right), 0)
    assert {one["id"] for one in truth["items"] if one["right"]} == right
    assert 350 < len(right) < 450  # 500 draws at 0.8: more than five standard deviations either way


async def test_an_exam_repeats_with_its_seed_and_not_with_another(start, big_key):
    results = [await sit_exam(await start(answer_key=big_key, skill=0.8, seed=seed), big_key) for seed in (1, 1, 2)]
    assert results[0] == results[1] != results[2]


async def test_a_request_may_name_its_skill_and_its_try(start, big_key):
    simulator = await start(answer_key=big_key)
    assert len(await sit_exam(simulator, big_key)) == 500  # a key alone means full skill
    first = await sit_exam(simulator, big_key, f"{QUICK},skill=0.5", seed=1)
    assert first == await sit_exam(simulator, big_key, "sim--ttft.0_itl.0_skill.0.5", seed=1)
    assert first != await sit_exam(simulator, big_key, f"{QUICK},skill=0.5", seed=2)
    assert (await simulator.get("/skill")).json["asked"] == 2000


@pytest.mark.parametrize(
    ("plan", "others", "share"),
    [
        pytest.param(Plan(skill=0.9, busy=16, busyskill=0.6), 15, 0.9, id="the sixteenth still has its own"),
        pytest.param(Plan(skill=0.9, busy=16, busyskill=0.6), 16, 0.6, id="one more, and the batch is too large"),
        pytest.param(Plan(skill=0.9, busy=16, busyskill=0.6, slots=16), 40, 0.9, id="slots keep the batch small"),
        pytest.param(Plan(skill=0.9), 1000, 0.9, id="never, unless asked for"),
        pytest.param(Plan(busy=1, busyskill=0.6), 1000, None, id="no skill, none to lose"),
    ],
)
def test_a_batch_that_is_too_large_has_its_own_skill(plan, others, share):
    assert plan.served(others).skill == share


@pytest.mark.parametrize(
    ("half", "says"), [({"busy": 16}, "busy=16 needs"), ({"busyskill": 0.6}, r"busyskill=0\.6 is of a batch")]
)
def test_half_of_a_busy_skill_is_refused(big_key, half, says):
    with pytest.raises(ValueError, match=says):
        SimulatorConfig(answer_key=big_key, **half)


async def test_the_skill_falls_while_too_many_are_served(start, big_key):
    simulator = await start(answer_key=big_key, skill=0.9, busy=8, busyskill=0.5)
    busy = await sit_exam(simulator, big_key, "sim:ttft=20,itl=0", at_a_time=32)
    calm = await sit_exam(simulator, big_key, at_a_time=8)
    assert len(calm) == 450
    assert 250 <= len(busy) < 350  # those at the beginning and at the end are not crowded
    assert busy < calm


async def test_choices_of_one_request_are_tries_of_their_own(start, big_key):
    simulator = await start(answer_key=big_key, skill=0.5)
    asked = {
        "model": QUICK, "n": 64, "messages": [{"role": "user", "content": "Item 1: what follows from case 7?"}],
    }  # fmt: skip
    heard = await simulator.ask(asked)
    texts = [choice["message"]["content"] for choice in heard.json["choices"]]
    truth = (await simulator.get("/skill")).json
    assert (truth["asked"], truth["right"]) == (64, texts.count("The answer is B."))
    assert 0 < truth["right"] < 64


@pytest.mark.parametrize(
    ("path", "fields"),
    [
        ("/v1/chat/completions", {"messages": [{"role": "user", "content": [{"type": "text", "text": "QUESTION"}]}]}),
        ("/v1/completions", {"prompt": "QUESTION"}),
        ("/v1/responses", {"input": "QUESTION"}),
        ("/v1/responses", {"input": [{"role": "user", "content": [{"type": "input_text", "text": "QUESTION"}]}]}),
        ("/v1/messages", {"messages": [{"role": "user", "content": "QUESTION"}]}),
    ],
)
@pytest.mark.parametrize("stream", [True, False])
async def test_every_dialect_is_skilled(start, big_key, path, fields, stream):
    simulator = await start(answer_key=big_key, skill=1.0, reason=3, ttft_ms=0, itl_ms=0)
    given = json.loads(json.dumps(fields).replace("QUESTION", "Item 1: what follows from case 7?"))
    heard = await simulator.ask({"model": "sim", "stream": stream, **given}, path)
    assert (await simulator.get("/skill")).json["right"] == 1
    if not stream:
        assert b"The answer is B." in heard.body


async def test_what_a_client_did_not_get_is_not_counted(start, big_key):
    simulator = await start(answer_key=big_key, skill=1.0, ttft_ms=0, itl_ms=0)
    question = [{"role": "user", "content": "Item 1: what follows from case 7?"}]
    await simulator.ask({"model": "sim:trunc=1", "stream": True, "messages": question})
    await simulator.ask({"model": "sim:e500=1", "messages": question})
    assert (await simulator.get("/skill")).json["asked"] == 0
    await simulator.ask({"model": "sim", "messages": question, "max_tokens": 2})
    await simulator.ask({"model": "sim", "messages": [{"role": "user", "content": "Who?"}]})
    truth = (await simulator.get("/skill")).json
    assert (truth["asked"], truth["right"], truth["cut"], truth["unknown"]) == (1, 0, 1, 1)
    await simulator.get("/reset", "POST")
    assert (await simulator.get("/skill")).json["asked"] == 0


async def test_without_a_key_there_is_no_truth_to_tell(simulator):
    heard = await simulator.get("/skill")
    assert (heard.status, "answer key" in heard.json["error"]["message"]) == (404, True)
