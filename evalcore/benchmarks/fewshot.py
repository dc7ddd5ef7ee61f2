"""Few-shot turns: worked examples as earlier turns of the conversation.

The one room for it, so that every benchmark shows its examples alike: a user turn asks the way the real question will
be asked, an assistant turn answers the way the answer should look. A benchmark brings two functions of a sample, what
is asked and what is replied; which samples are shown is chosen before, not here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from evalcore.types import Message, Sample


def turns(shots: Iterable[Sample], ask: Callable[[Sample], str], reply: Callable[[Sample], str]) -> list[Message]:
    """Two messages a shot, in the order of the shots: the question as it is asked, the answer as it should look."""
    return [
        message
        for shot in shots
        for message in ({"role": "user", "content": ask(shot)}, {"role": "assistant", "content": reply(shot)})
    ]
