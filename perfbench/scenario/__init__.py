"""The description of a run, section by section; see `scenario.py`."""

from perfbench.scenario.scenario import Scenario
from perfbench.scenario.section import GROUPS

__all__ = ["GROUPS", "Scenario"]
