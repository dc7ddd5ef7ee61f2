"""Workloads: what a run sends. `table.py` lists them; to add one, see `base.py`."""

from perfbench.workload.table import open_workload

__all__ = ["open_workload"]
