"""Telemetry: what servers and GPUs say of themselves while a run lasts, at their /metrics.

    engines.py    the tables: which engine calls what by which name, in common names
    reading.py    one answer of /metrics -> common names
    scraper.py    asks every second, beside the run and never in its way; lines of server.jsonl
    figures.py    those lines -> figures over the window of a run, beside the client's own

Nothing here sends load, and nothing that goes wrong here ends or changes a run: it is recorded, and said.
"""
