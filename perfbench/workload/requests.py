"""Requests: from the items of a workload to requests that are ready to leave. The last stop before the scheduler."""

from __future__ import annotations

from dataclasses import fields, replace
from typing import Any

from perfbench.engine.dialect.base import Options, dialect
from perfbench.engine.errors import ScenarioError
from perfbench.engine.flow import Flow, Pause
from perfbench.engine.request import Request
from perfbench.scenario import Scenario
from perfbench.settings.suggest import did_you_mean
from perfbench.workload.base import Item, Turns, Workload
from perfbench.workload.hangups import hang_ups_of

_NAMES = frozenset(field.name for field in fields(Options))


class Requests:
    """Call it with a position of the schedule: gives the request, or the flow of requests, that is due there.

    The same in whatever process asks. A request's key is its position; in a session it is `position.turn`.
    """

    def __init__(self, scenario: Scenario, workload: Workload) -> None:
        self._workload = workload
        self._dialect = dialect(scenario.api or "chat")
        self._options = scenario.options()
        self._hang_ups = hang_ups_of(scenario)

    def __call__(self, index: int) -> Request | Flow:
        found = self._workload.item(index)
        return self._request(found, str(index)) if isinstance(found, Item) else self._flow(found, index)

    def _flow(self, turns: Turns, index: int) -> Flow:
        heard, turn = None, 0
        try:
            while True:
                step = turns.send(heard)
                if isinstance(step, Pause):
                    heard = yield step
                    continue
                turn += 1
                heard = yield self._request(step, f"{index}.{turn}", index, turn)
        except StopIteration:
            return
        finally:
            turns.close()

    def _request(self, item: Item, key: str, session: int | None = None, turn: int | None = None) -> Request:
        options = self._options
        wanted = item.wanted_output_tokens
        if item.options or wanted is not None:
            options = options_for(item, options)
            wanted = None if wanted is None else options.max_tokens
        cancel_after_s = item.cancel_after_s
        if self._hang_ups is not None and cancel_after_s is None:
            cancel_after_s = self._hang_ups.after_s(key)
        prompt_tokens = item.wanted_input_tokens or self._workload.expected_tokens
        return Request(
            key=key, body=self._dialect.encode(item.prompt, options), dialect=self._dialect, stream=options.stream,
            model=options.model, expected_tokens=prompt_tokens + (options.max_tokens or 0),
            cancel_after_s=cancel_after_s, tag=item.tag, session=session, turn=turn, turns=item.turns,
            wanted_input_tokens=item.wanted_input_tokens, wanted_output_tokens=wanted,
            item=item.item,
        )  # fmt: skip


def options_for(item: Item, options: Options) -> Options:
    """The options of the run with an item's own over them.

    A `wanted_output_tokens` becomes max_tokens, and `ignore_eos: true` where nobody said otherwise, so that the reply
    has just that length (vLLM, SGLang, llama.cpp and others; a server that refuses unknown fields needs
    `ignore_eos: false`, and then it is a longest length). A smaller max_tokens of the run caps it.

    Raises ScenarioError for an override that is no option.
    """
    changes: dict[str, Any] = {**item.options}
    if strange := sorted(changes.keys() - _NAMES):
        raise ScenarioError(
            f"a workload overrides {strange[0]!r}, which is no option{did_you_mean(strange[0], _NAMES)}"
        )
    extra = {**options.extra, **changes.get("extra", {})}
    wanted = item.wanted_output_tokens
    if wanted is not None:
        most = changes.get("max_tokens", options.max_tokens)
        changes["max_tokens"] = wanted if most is None else min(wanted, most)
        extra.setdefault("ignore_eos", True)
    if extra != options.extra:
        changes["extra"] = extra
    return replace(options, **changes)
