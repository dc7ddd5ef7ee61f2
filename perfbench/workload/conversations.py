"""Conversations: sessions of several turns from a file; what the server answered is the history of the next turn.

A row of the file is one conversation, in one of two layouts:

    {"messages": [{"role": "user", "content": "..."}, {"role": "assistant", "content": "..."}, ...]}
    {"conversations": [{"from": "human", "value": "..."}, {"from": "gpt", "value": "..."}, ...]}      (ShareGPT)

A turn is what stands between two recorded answers; a message may say `delay_s`, how long its user took to write it.
Session `index` of a run is conversation `index` of the file, and from its end on the file begins anew. Nothing here
knows the network: a session is a generator (`engine.flow`) that is told what came of each of its turns.
"""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import Any

from perfbench.engine.dialect.base import Prompt
from perfbench.engine.errors import ScenarioError
from perfbench.engine.flow import Heard, Pause
from perfbench.settings.delays import Delay
from perfbench.workload.base import Item, Turns, Workload, estimated_tokens
from perfbench.workload.rows import Rows

Message = dict[str, Any]

ROLES = {"human": "user", "user": "user", "gpt": "assistant", "chatgpt": "assistant", "bing": "assistant",
         "bard": "assistant", "assistant": "assistant", "system": "system", "tool": "tool"}  # fmt: skip
"""What the speakers of ShareGPT files are called, in the words of the API."""
PROBLEMS_SHOWN = 5


@dataclass(frozen=True, slots=True)
class Turn:
    said: tuple[Message, ...]
    """What is added to the history: of the user, mostly one message."""
    answer: Message | None
    """The recorded one."""
    delay_s: float = 0.0


@dataclass(frozen=True, slots=True)
class Rules:
    """How a session goes on."""

    think_time: Delay | None = None
    """None: as long as the file says."""
    replay_answers: bool = False
    most_turns: int | None = None
    goes_on_after_failure: bool = False


class Conversations(Workload):
    sessions = True

    def __init__(self, rows: Rows, rules: Rules = Rules(), seed: int = 0) -> None:
        """Raises ScenarioError naming the first rows that are no conversations."""
        self._rows, self._rules, self._seed = rows, rules, seed
        self._usable: list[int] = []
        problems: list[str] = []
        characters = turns = 0
        for number in range(len(rows)):
            try:
                found = turns_of(rows[number])
            except ValueError as error:
                problems.append(f"{rows.place(number)}: {error}")
                continue
            if found:  # ShareGPT's own file has some in which no user speaks
                self._usable.append(number)
                turns += len(found)
                characters += _characters_sent(found)
        if problems:
            more = len(problems) - PROBLEMS_SHOWN
            tail = [f"and {more} more"] if more > 0 else []
            raise ScenarioError("\n  ".join(["the conversations cannot be used:", *problems[:PROBLEMS_SHOWN], *tail]))
        if not self._usable:
            raise ScenarioError(f"{rows.key} {rows.path}: in none of its {len(rows)} rows a user says anything")
        self.length = len(self._usable)
        self.expected_tokens = estimated_tokens(characters / turns)
        left_out = len(rows) - self.length
        self.reuse = (
            "intended: each turn repeats the history of its session; "
            f"the {self.length} conversations are sent in turn, and then again"
            + (f" ({left_out} rows without a user's turn are left out)" if left_out else "")
        )

    def item(self, index: int) -> Turns:
        found = turns_of(self._rows[self._usable[index % len(self._usable)]])
        return session(found, self._rules, random.Random(f"session {self._seed} {index}"))


def session(turns: list[Turn], rules: Rules, rng: random.Random) -> Turns:
    """One session. A turn that the client hung up on counts as answered, with what had come by then."""
    turns = turns[: rules.most_turns]
    history: list[Message] = []
    for number, turn in enumerate(turns):
        think_s = turn.delay_s if rules.think_time is None else rules.think_time.draw(rng)
        if number and think_s > 0:
            yield Pause(think_s)
        before = len(history)
        history += turn.said
        heard = yield Item(prompt=Prompt(messages=[*history]), turns=len(turns))
        answer = turn.answer if rules.replay_answers else _answer(heard)
        failed = heard is None or (heard[0].outcome != "ok" and heard[0].error != "hung_up")
        if failed and not rules.goes_on_after_failure:
            return
        answer = answer or turn.answer
        if answer is None:  # nobody answered: most APIs refuse two turns of a user in a row
            del history[before:]
        else:
            history.append(answer)


def _answer(heard: Heard) -> Message | None:
    return {"role": "assistant", "content": heard[1].text} if heard is not None and heard[1].text else None


def turns_of(row: Any) -> list[Turn]:
    """The turns of a conversation; none when no user speaks in it. Raises ValueError with what is wrong."""
    if not isinstance(row, dict):
        raise ValueError(f"is a {type(row).__name__}, not an object with messages or conversations")
    messages = [_message(message, number) for number, message in enumerate(_messages(row), 1)]
    turns: list[Turn] = []
    said: list[Message] = []
    delay_s = 0.0
    for message, message_delay_s in messages:
        if message["role"] == "assistant" and any(before["role"] in ("user", "tool") for before in said):
            turns.append(Turn(tuple(said), message, delay_s))
            said, delay_s = [], 0.0
        else:  # an assistant that speaks first is history
            said.append(message)
            delay_s += message_delay_s
    if any(message["role"] in ("user", "tool") for message in said):
        turns.append(Turn(tuple(said), None, delay_s))
    return turns


def _messages(row: dict[str, Any]) -> list[Any]:
    found = [row[name] for name in ("messages", "conversations") if name in row]
    if len(found) != 1 or not isinstance(found[0], list):
        raise ValueError("has no list named messages or conversations; one of them holds what was said")
    return found[0]


def _message(message: Any, number: int) -> tuple[Message, float]:
    """In the words of the API, and how long it took to write."""
    if not isinstance(message, dict):
        raise ValueError(f"message {number} is a {type(message).__name__}, not an object")
    if "from" in message:
        role = ROLES.get(message["from"])
        if role is None:
            raise ValueError(f"message {number} is from {message['from']!r}; there are {', '.join(ROLES)}")
        plain: Message = {"role": role, "content": message.get("value")}
    else:
        plain = {name: value for name, value in message.items() if name != "delay_s"}
    if not isinstance(plain.get("role"), str):
        raise ValueError(f"message {number} does not say its role")
    if not isinstance(plain.get("content"), str | list) and not plain.get("tool_calls"):
        raise ValueError(f"message {number} has no content")
    delay_s = message.get("delay_s", 0.0)
    if not isinstance(delay_s, int | float) or not 0 <= delay_s < float("inf"):
        raise ValueError(f"message {number}: delay_s is {delay_s!r}, not a number of seconds")
    return plain, float(delay_s)


def _characters_sent(turns: list[Turn]) -> int:
    """Of all prompts of the session: each repeats what was said before."""
    total = history = 0
    for turn in turns:
        history += sum(_length(message) for message in turn.said)
        total += history
        history += _length(turn.answer) if turn.answer is not None else 0
    return total


def _length(message: Message) -> int:
    content = message.get("content")
    return len(content) if isinstance(content, str) else len(str(content or ""))
