"""Export: what a run, a sweep, a search, a plan or a comparison says, in the forms that other programs read.

    tables   csv, json, parquet          one row a request, or one row a figure
    metrics  openmetrics, prometheus     text that a monitoring system takes in
    gates    junit, markdown             test cases for CI, a summary for people

One file a format, and one visible table of them (`formats`). It reads the files of a folder as the contracts they are,
and knows nothing of how they were made. To add a format: a file with a function, and a line in that table.
"""
