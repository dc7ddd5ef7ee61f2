"""Models: what the API answers. Times are ISO 8601 with a zone, durations seconds, shares 0 to 1."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict

Kind = Literal["eval", "perf"]
Form = Literal["run", "sweep", "search", "plan", "series"]
"""Of perf: one load test, one at each of several loads, a search for an SLO's limit, a plan made of those, or the same
test several times. An eval is a run."""
Status = Literal["queued", "running", "done", "failed", "cancelled", "interrupted"]
OVER: frozenset[str] = frozenset({"done", "failed", "cancelled", "interrupted"})
RESUMABLE: frozenset[str] = frozenset({"failed", "cancelled", "interrupted"})


class Model(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Health(Model):
    status: Literal["ok"] = "ok"
    version: str | None = None
    """This and the counts are told to who may ask."""
    running: int | None = None
    queued: int | None = None


class Progress(Model):
    """How far a job is; `figures` are the last line of its progress file (see the event stream)."""

    at: str
    elapsed_s: float
    done: int | None = None
    planned: int | None = None
    fraction: float | None = None
    left_s: float | None = None
    """At the pace of late."""
    run: int = 1
    """Of a sweep or a series: which of its runs is going on."""
    runs: int = 1
    figures: dict[str, Any]


class Job(Model):
    id: str
    kind: Kind
    form: Form
    status: Status
    stopping: bool = False
    """It was told to stop, and has not ended yet."""
    name: str
    model: str
    target: str
    created_at: str
    started_at: str | None = None
    ended_at: str | None = None
    attempts: int = 0
    """Times it was started."""
    exit_code: int | None = None
    """Of the command: 0 done, 2 wrong, 3 SLO or gate missed, 4 target unreachable or too many failures,
    5 inconclusive, 130 interrupted."""
    error: str | None = None
    folder: str | None = None
    """The output folder, on the machine of the service."""
    run: str | None = None
    """Id of the run that it makes."""
    needs: list[str] = []
    """Keys that are lost and must be given to resume it."""
    progress: Progress | None = None


class Score(Model):
    benchmark: str
    protocol: str
    score: float | None
    low: float | None = None
    high: float | None = None
    """95 % interval."""
    n: int
    coverage: float


class JobDetail(Job):
    description: dict[str, Any]
    """The whole task or scenario, secrets left out; a list of loads for a sweep."""
    command: str
    """What to type for the same."""
    scores: list[Score] | None = None
    """Of an eval that has got so far."""
    summary: dict[str, Any] | None = None
    """Of a load test: its summary.json; of a sweep: its sweep.json."""


class Jobs(Model):
    total: int
    """That match, on all pages."""
    offset: int
    jobs: list[Job]


class Run(Model):
    id: str
    kind: Kind
    form: Form
    status: Literal["running", "finished", "unfinished"]
    """unfinished: it was cut short or killed, or somebody at a shell is at it."""
    name: str
    model: str
    target: str = ""
    started_at: str
    benchmarks: list[str] = []
    scores: list[Score] = []
    figures: dict[str, float | None] = {}
    """Of a load test, as far as it has them: requests_per_s, output_tokens_per_s, p50 and p99 of ttft and e2e in ms,
    succeeded, failed, error_rate."""
    verdict: str | None = None
    """Of the client: ok, suspect, saturated."""
    parent: str | None = None
    """The sweep, search or series that it belongs to."""
    job: str | None = None
    """The job that made it."""
    folder: str


class Runs(Model):
    total: int
    offset: int
    runs: list[Run]


class RunDetail(Run):
    description: dict[str, Any]
    """The resolved task or scenario, secrets left out."""
    children: int
    """Runs that belong to it."""
    has: list[Literal["summary", "report", "samples", "requests"]]
    """What can be asked of it."""


class RunSummary(Model):
    id: str
    kind: Kind
    form: Form
    reports: list[dict[str, Any]] | None = None
    """Of an eval: a report per benchmark."""
    summary: dict[str, Any] | None = None
    """Of perf: summary.json, sweep.json, slo.json, plan.json or series.json."""


class Deleted(Model):
    id: str
    deleted: Literal[True] = True


class Samples(Model):
    total: int
    """That match."""
    offset: int
    counts: dict[str, int]
    """By verdict, of those that match the other filters: right, partly, wrong, unscored."""
    samples: list[dict[str, Any]]
    """Reviews, as in reviews/MODEL/*.jsonl, with `n`, `benchmark` and `verdict`."""


class Sample(Model):
    review: dict[str, Any]
    prediction: dict[str, Any] | None
    """The conversation as it went, reasoning included; None where the folder has none of it."""


class Requests(Model):
    total: int
    offset: int
    counts: dict[str, int]
    """By outcome, of those that match the other filters."""
    requests: list[dict[str, Any]]
    """Records, as in requests.jsonl but without the gaps between chunks, with `n`, `start_s` since the first, `ttft_ms`
    and `e2e_ms` (from written)."""


class OneRequest(Model):
    n: int
    record: dict[str, Any]


class Points(Model):
    """One figure of requests over time."""

    total: int
    """Requests that have it."""
    start_s: list[float]
    value: list[float]
    n: list[int]
    """Which request each is."""


class Comparison(Model):
    kind: Kind
    a: str
    b: str
    benchmarks: list[dict[str, Any]] | None = None
    """Of evals: paired, per benchmark: difference with interval, p_value, flips."""
    figures: dict[str, Any] | None = None
    """Of load tests: as `perfbench compare --json` tells."""


class Benchmark(Model):
    name: str
    title: str
    items: int
    subsets: list[str]
    few_shot: int
    metrics: list[str]
    """Names of its scores, the headline first."""
    tags: list[str]
    paper: str
    licence: str


class Benchmarks(Model):
    benchmarks: list[Benchmark]


class LoggedIn(Model):
    status: Literal["ok"] = "ok"
