"""Shared prefixes: a cache that forgets nothing answers just the share that the report states."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest

from perfbench.engine.errors import ScenarioError
from perfbench.scenario import Scenario
from perfbench.settings.prefix import SharedPrefix, popularity, shared_prefix
from perfbench.workload import described, open_workload
from perfbench.workload.base import Item, Workload

SMALL = {"system_tokens": 40, "groups": 6, "group_tokens": 60, "users": 5, "user_tokens": 25, "zipf": 1.1}


def opened(prefix: Any = SMALL, **keys: Any) -> Workload:
    given = {"url": "http://127.0.0.1:8000/v1", "seed": 5, "shared_prefix": prefix, "prompt_tokens": 30, **keys}
    return open_workload(Scenario.from_mapping(given, environment={}))


def words(item: Item) -> list[str]:
    """What the model reads, a word a token."""
    if item.prompt.text is not None:
        return item.prompt.text.split(" ")
    return [word for message in item.prompt.messages or () for word in str(message["content"]).split(" ")]


class PrefixCache:
    """A tree of all tokens ever seen, word by word."""

    def __init__(self) -> None:
        self._root: dict[str, Any] = {}

    def hit(self, tokens: list[str]) -> int:
        """How many of the first tokens it had seen behind each other; then it has seen them all."""
        node, known, counting = self._root, 0, True
        for token in tokens:
            counting = counting and token in node
            known += counting
            node = node.setdefault(token, {})
        return known


@pytest.mark.parametrize(
    ("prefix", "requests"),
    [
        (SMALL, 60),
        (SMALL, 1500),
        ({**SMALL, "zipf": 0, "users": 50}, 400),
        ({**SMALL, "system_tokens": 0, "user_tokens": 0}, 50),
        ({**SMALL, "group_tokens": 0}, 300),
    ],
    ids=["few", "many", "all users alike", "groups alone", "users below the system prompt"],
)
@pytest.mark.parametrize("api", ["chat", "completions"])
def test_the_share_that_is_stated_is_what_a_cache_answers(prefix, requests, api):
    found = []
    for seed in (5, 6, 7, 8):
        workload = opened(prefix, number=requests, api=api, seed=seed)
        cache, hit, sent = PrefixCache(), 0, 0
        for index in range(requests):
            tokens = words(workload.item(index))
            hit, sent = hit + cache.hit(tokens), sent + len(tokens)
        found.append(hit / sent)
    stated = described("shared_prefix", workload)["shared_prefix"]
    assert sum(found) / len(found) == pytest.approx(stated["share_expected"], abs=0.012)
    assert f"{stated['share_expected']:.1%} of the prompt tokens of {requests} requests" in workload.reuse
    assert stated["share_in_the_end"] >= stated["share_expected"]


def test_a_prompt_is_as_long_as_its_parts():
    workload = opened(prompt_tokens="uniform(10, 50)")
    items = [workload.item(index) for index in range(100)]
    assert [len(words(item)) for item in items] == [item.wanted_input_tokens for item in items]
    assert {item.wanted_input_tokens for item in items} <= set(range(125 + 10, 125 + 51))


def test_popular_branches_come_in_their_proportion():
    workload = opened({**SMALL, "groups": 3, "zipf": 2})
    found = Counter(workload.branch(index)[0] for index in range(20_000))
    assert [found[group] / 20_000 for group in range(3)] == pytest.approx(popularity(3, 2), abs=0.012)
    assert popularity(3, 2) == pytest.approx([36 / 49, 9 / 49, 4 / 49])


def test_the_system_prompt_is_a_message_where_there_are_messages():
    roles = [message["role"] for message in opened().item(0).prompt.messages]
    assert roles == ["system", "user"]
    assert opened(api="completions").item(0).prompt.text.startswith(opened().item(1).prompt.messages[0]["content"])
    assert opened({**SMALL, "system_tokens": 0}).item(0).prompt.text is not None


def test_replies_may_have_lengths_too():
    assert opened(output_tokens="7").item(3).wanted_output_tokens == 7
    assert opened(prompt_tokens="30:9").item(3).wanted_output_tokens == 9


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"grups": 3}, "did you mean groups?"),
        ({"groups": "none"}, "groups 'none'"),
        ({"users": 0}, "users is 0, but there is at least one"),
        ({"zipf": "steep"}, "zipf is 'steep', not an exponent"),
        ({"zipf": -1}, "zipf is -1, not an exponent"),
        ({"system_tokens": 0, "group_tokens": 0, "user_tokens": 0}, "shares no token"),
    ],
)
def test_a_tree_that_is_none_says_why(given, says):
    with pytest.raises(ScenarioError) as error:
        opened(given)
    assert says in str(error.value)


def test_flags_and_files_mean_the_same():
    flags = Scenario.from_mapping({"url": "simulator", "shared_prefix": ["groups=3", "zipf=2"]}, environment={})
    assert flags.shared_prefix == shared_prefix({"groups": 3, "zipf": 2.0}) == SharedPrefix(groups=3, zipf=2.0)
    assert Scenario.from_mapping(flags.dump(), environment={}).shared_prefix == flags.shared_prefix
    assert flags.workload_name == "shared_prefix"
