"""Traces: production traffic as files: when requests came, how long they and their replies were, what they shared.

    base.py       the contract of a format            table.py    all of them, and which one a file is in
    columns.py    .csv: Azure 2023 and 2024, BurstGPT, and lengths without times
    blocks.py     .jsonl with hashes of prefix blocks: Mooncake, and Alibaba's bailian
    own.py        .jsonl of our own, which may bring the prompts too
    reading.py    from a file to a `TraceTable`: the part asked for, within limits, and what was left out

To add a format: a class that satisfies `Format`, a line in `table.FORMATS`, its name in `scenario.trace.TraceFormat`,
and rows in tests/workload/test_traces.py.
"""
