"""The table of trace formats. A file is in the first that recognises its first line."""

from __future__ import annotations

from perfbench.workload.traces.base import Format
from perfbench.workload.traces.blocks import BAILIAN, MOONCAKE
from perfbench.workload.traces.columns import AZURE, BURSTGPT, LENGTHS
from perfbench.workload.traces.own import Own

FORMATS: dict[str, Format] = {made.name: made for made in (AZURE, BURSTGPT, MOONCAKE, BAILIAN, LENGTHS, Own())}


def recognised(first: bytes) -> Format | None:
    return next((made for made in FORMATS.values() if made.recognises(first)), None)
