"""Comparison: what changed between two runs, and whether it is real."""
