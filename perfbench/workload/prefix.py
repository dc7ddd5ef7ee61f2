"""Shared prefixes: prompts that begin alike, as those of real applications: a system prompt that all share, the text of
a group (a document, a tenant, a tool list), that of a user in it, and then something of their own.

Which group, and which user in it, is drawn by seed and index alone, the popular ones more often (Zipf). The share of
tokens that repeats is known beforehand, and stated.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping
from typing import Any

from perfbench.engine.dialect.base import Prompt
from perfbench.settings.lengths import Lengths
from perfbench.settings.prefix import SharedPrefix, popularity, until
from perfbench.workload.base import Item, Workload
from perfbench.workload.synthetic import Drawn
from perfbench.workload.words import Numbers, Words


class SharedPrefixes(Workload):
    def __init__(
        self, tree: SharedPrefix, own: Lengths, words: Words, seed: int, *, roles: bool, requests: int | None = None
    ) -> None:
        """`own`: how long the part of each prompt is that no other has. `roles`: the system prompt is a message of its
        own; else it is the beginning of the text. `requests`: how many will be sent, where that is known."""
        self._tree, self._words, self._roles, self._source = tree, words, roles, words.source
        self._drawn = Drawn(own, seed)
        self._groups, self._users = (until(popularity(n, tree.zipf)) for n in (tree.groups, tree.users))
        self._which_group, self._which_user = Numbers(seed, "prefix group"), Numbers(seed, "prefix user")
        self._group_texts, self._user_texts = Numbers(seed, "group texts"), Numbers(seed, "user texts")
        self._own_texts = Numbers(seed, "own texts")
        self._system = ""
        if tree.system_tokens:
            self._system = words.text(Numbers(seed, "system text").number(0), tree.system_tokens)
        self.expected_tokens = round(tree.tokens + own.mean)
        in_the_end, by_then = tree.share_expected(None, own.mean), None
        if requests is not None:
            by_then = tree.share_expected(requests, own.mean)
        self._told = {
            "shared_prefix": {
                "tokens": tree.tokens,
                "share_in_the_end": in_the_end,
                "share_expected": by_then,
                "requests": requests,
            },
            "prompt_tokens_source": words.source,
            "mean_input_tokens": tree.tokens + own.mean,
        }
        told = f"{in_the_end:.1%} of the prompt tokens, once all have been seen"
        if by_then is not None:
            told = f"{by_then:.1%} of the prompt tokens of {requests} requests, and {told}"
        self.reuse = (
            f"intended: prompts begin with {tree.system_tokens} tokens that all share, {tree.group_tokens} of one of "
            f"{tree.groups} groups and {tree.user_tokens} of one of its {tree.users} users (Zipf {tree.zipf:g}); a "
            f"cache that forgets nothing answers {told}"
        )

    def facts(self) -> Mapping[str, Any]:
        return self._told

    def branch(self, index: int) -> tuple[int, int]:
        """The group, and which of its users, from 0: the popular ones first."""
        return (
            bisect_right(self._groups, self._which_group.share(index)),
            bisect_right(self._users, self._which_user.share(index)),
        )

    def item(self, index: int) -> Item:
        tree, text = self._tree, self._words.text
        group, user = self.branch(index)
        own, reply = self._drawn(index)
        opening = self._roles or not self._system
        pieces = [] if self._roles else [self._system]
        for numbers, number, tokens in (
            (self._group_texts, group, tree.group_tokens),
            (self._user_texts, group * tree.users + user, tree.user_tokens),
            (self._own_texts, index, own),
        ):
            if tokens:
                pieces.append(text(numbers.number(number), tokens, opening=opening))
                opening = False
        said = "".join(pieces)
        prompt = Prompt(text=said)
        if self._roles and self._system:
            prompt = Prompt(messages=[{"role": "system", "content": self._system}, {"role": "user", "content": said}])
        return Item(prompt=prompt, wanted_input_tokens=tree.tokens + own, wanted_output_tokens=reply)
