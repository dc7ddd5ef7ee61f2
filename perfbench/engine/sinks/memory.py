"""Records in a list: for callers that want them in hand, and for tests."""

from perfbench.engine.request import Record


class MemorySink:
    def __init__(self) -> None:
        self.records: list[Record] = []

    def add(self, record: Record) -> None:
        self.records.append(record)

    async def close(self) -> None:
        pass
