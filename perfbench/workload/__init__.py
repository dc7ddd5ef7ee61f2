"""Workloads: what a run sends. `table.py` lists them; to add one, see `base.py`."""

from perfbench.workload.table import bounded, described, open_workload

__all__ = ["bounded", "described", "open_workload"]
