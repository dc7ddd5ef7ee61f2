"""Service: evaluations and load tests over HTTP. `evalcore serve`.

Values
    A *job* is one command of ours at work: `evalcore run`, `perfbench run` or `perfbench sweep`, as a process of its
    own, on a file made of the request's body. So the figures are those of the command line, because it is the command
    line; and a job that crashes or keeps a core busy harms nobody. A *run* is a folder that some job, or somebody at a
    shell, has left below the outputs.

State, beside the outputs (outputs/.service, for the owner alone)
    service.sqlite     jobs, and an index of the runs; every change of a job is committed before anybody is told of it
    jobs/ID/           task.yaml (what is run), log, progress.jsonl, result.json
    A job is queued, running, done, failed, cancelled or interrupted. Jobs die with the service; what ran when it was
    killed is found as interrupted when it is started again, and can be resumed: an evaluation and a sweep go on with
    what they have, a single load test begins anew, since half of one measures nothing. What was queued is still queued,
    unless its keys are lost: they were only ever in memory and in the environment of processes.

Rooms
    settings.py        what the service was started with           security.py   who may ask, and from which page
    problems.py        RFC 9457: what is wrong, key by key         models.py     what is answered (pydantic)
    endpoints.py       one endpoint: path, models, handler; reading queries and bodies, writing answers
    api/               the handlers, a file a noun; api/table.py lists them all
    openapi.py, schema.py, docs.py    what all this is called, generated from the same models
    bodies.py          a body into a plan of a job: checked by TaskConfig and Scenario, keys taken out
    permitted.py       which addresses and files of this machine a body may name
    store.py, told.py  SQLite, and its rows as answers
    jobs.py            the queue; process.py: one process of it, child.py: who stands before it
    runs.py            the index of folders; folders.py: what a folder is
    readers.py         the helper processes; reading.py, heads.py, lines.py: pages of samples and requests
    events.py          progress and logs, followed               metrics.py    Prometheus

The event loop answers and starts processes, and does nothing that takes long: records, samples and comparisons are read
by two helper processes of low priority (readers.py), where a file of a million lines is indexed once (offsets and the
few columns that filters need, kept beside the outputs) and a page is a few seeks. So a service that is looked at does
not disturb a load test that runs beside it.

Security
    Without a token only this machine is served. Whoever can ask can start processes that send requests and read data
    files, so: the Host must be one that we are known under (against DNS rebinding), a foreign Origin or Sec-Fetch-Site
    is refused (against other pages in the same browser), files that a body names must lie in permitted folders,
    addresses must match --allow-url if any is given. Ids are looked up in SQLite and never become part of a path.

To add an endpoint: a handler in api/, its models in models.py, a line in api/table.py; /openapi.json and /docs follow.
"""
