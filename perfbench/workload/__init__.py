"""Workloads: what a run sends. `table.py` lists them; importing this package loads none."""
