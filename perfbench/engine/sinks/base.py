"""Sink: where records go. `add` is called on the event loop and must return at once."""

from typing import Protocol

from perfbench.engine.request import Record


class Sink(Protocol):
    def add(self, record: Record) -> None: ...

    async def close(self) -> None:
        """Everything added is where it belongs when this returns. Raises SinkFailed if it is not."""
