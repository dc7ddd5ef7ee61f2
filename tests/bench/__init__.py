"""Benchmarks: run by hand (`python -m tests.bench.cost`), and by test_bars.py as slow tests that assert ratios only.

Server and client are pinned to a core each where there are two; what is compared ran in turn against the same server.
"""
