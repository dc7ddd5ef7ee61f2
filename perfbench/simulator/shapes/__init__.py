"""Shapes: how a reply looks on the wire, one file per dialect; `SHAPES` is the whole list of those that stream."""

from __future__ import annotations

from collections.abc import Callable

from perfbench.simulator.shapes.base import Shape, Speech
from perfbench.simulator.shapes.chat import Chat
from perfbench.simulator.shapes.completions import Completions
from perfbench.simulator.shapes.messages import Messages
from perfbench.simulator.shapes.responses import Responses

SHAPES: dict[str, Callable[[Speech], Shape]] = {
    "chat": Chat,
    "completions": Completions,
    "responses": Responses,
    "messages": Messages,
}
