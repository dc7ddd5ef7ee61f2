"""The table of endpoints. A new one is a handler and a line here."""

from __future__ import annotations

from collections.abc import Mapping

from evalcore.service import models
from evalcore.service.api import about, jobs, runs, starting
from evalcore.service.endpoints import Endpoint, Handler, Query, Reply
from evalcore.service.metrics import CONTENT_TYPE as METRICS

LOCATION = {"Location": "Address of the job."}
STARTED = {
    200: Reply("The job is over; status says how.", models.JobDetail),
    202: Reply("The job is accepted.", models.JobDetail, headers=LOCATION),
}
TEXT, HTML, EVENTS = "text/plain", "text/html", "text/event-stream"


def _get(
    path: str, name: str, tag: str, text: str, handler: Handler, reply: Reply, query: type[Query] = Query,
    problems: tuple[int, ...] = (),
) -> Endpoint:  # fmt: skip
    if "{" in path:
        problems = (404, *problems)
    return Endpoint(
        method="GET", path=path, name=name, tag=tag, text=text, handler=handler, query=query, replies={200: reply},
        problems=problems,
    )  # fmt: skip


def _post(
    path: str, name: str, tag: str, text: str, handler: Handler, replies: Mapping[int, Reply], body: str | None,
    problems: tuple[int, ...] = (), *, body_needed: bool = True,
) -> Endpoint:  # fmt: skip
    return Endpoint(
        method="POST", path=path, name=name, tag=tag, text=text, handler=handler, body=body, replies=replies,
        problems=problems, body_needed=body_needed,
    )  # fmt: skip


ENDPOINTS: tuple[Endpoint, ...] = (
    _get("/health", "health", "service", "Whether the service lives.", about.health, Reply("It does.", models.Health)),
    _post("/api/v1/eval", "start_eval", "start", "Run an evaluation.", starting.start_eval, STARTED, "Task", (429,)),
    _post("/api/v1/perf", "start_perf", "start", "Run a load test, or a sweep.", starting.start_perf, STARTED,
          "Scenario", (429,)),
    _get("/api/v1/eval/params", "eval_params", "start", "What the keys of an evaluation mean.", about.eval_params,
         Reply("JSON Schema, or a table.", other=TEXT), about.ParamsQuery),
    _get("/api/v1/perf/params", "perf_params", "start", "What the keys of a load test mean.", about.perf_params,
         Reply("JSON Schema, or a table.", other=TEXT), about.ParamsQuery),
    _get("/api/v1/benchmarks", "benchmarks", "start", "The benchmarks there are.", about.benchmarks,
         Reply("All of them.", models.Benchmarks)),
    _get("/api/v1/jobs", "jobs", "jobs", "Jobs, the newest first.", jobs.jobs, Reply("A page.", models.Jobs),
         jobs.JobsQuery),
    _get("/api/v1/jobs/{id}", "job", "jobs", "One job, with its result.", jobs.job, Reply("It.", models.JobDetail)),
    Endpoint(method="DELETE", path="/api/v1/jobs/{id}", name="cancel_job", tag="jobs",
             text="Cancel a job; what is finished is kept. A second time: at once.", handler=jobs.cancel,
             replies={200: Reply("It is over.", models.JobDetail), 202: Reply("It is stopping.", models.JobDetail)},
             problems=(404,)),
    _get("/api/v1/jobs/{id}/events", "job_events", "jobs",
         "Progress as it happens: events job (its state), progress (a line of its progress file), end.", jobs.follow,
         Reply("Server-sent events.", content_type=EVENTS), jobs.EventsQuery),
    _get("/api/v1/jobs/{id}/log", "job_log", "jobs", "What the command has said.", jobs.log,
         Reply("Text.", content_type=TEXT), jobs.LogQuery),
    _post("/api/v1/jobs/{id}/resume", "resume_job", "jobs",
          "Go on with a job that has stopped: an evaluation and a sweep with what they have, a load test anew.",
          starting.resume, {202: Reply("It is queued.", models.JobDetail, headers=LOCATION)}, "Secrets", (404, 409),
          body_needed=False),
    _get("/api/v1/runs", "runs", "runs", "Run folders, those of the command line too.", runs.runs,
         Reply("A page.", models.Runs), runs.RunsQuery),
    _get("/api/v1/runs/{id}", "run", "runs", "One run.", runs.run, Reply("It.", models.RunDetail)),
    Endpoint(method="DELETE", path="/api/v1/runs/{id}", name="delete_run", tag="runs", text="Delete a run's folder.",
             handler=runs.delete, replies={200: Reply("It is gone.", models.Deleted)}, problems=(404, 409)),
    _get("/api/v1/runs/{id}/summary", "run_summary", "runs", "Its reports, or its summary.", runs.summary,
         Reply("All figures.", models.RunSummary)),
    _get("/api/v1/runs/{id}/report", "run_report", "runs", "Its report page.", runs.report,
         Reply("A page that needs nothing else.", content_type=HTML)),
    _get("/api/v1/runs/{id}/samples", "run_samples", "runs", "Its samples, filtered, a page of them.", runs.samples,
         Reply("A page.", models.Samples), runs.SamplesQuery),
    _get("/api/v1/runs/{id}/samples/{key}", "run_sample", "runs", "One sample, with the whole conversation.",
         runs.sample, Reply("It.", models.Sample)),
    _get("/api/v1/runs/{id}/requests", "run_requests", "runs", "Its requests, filtered, a page of them.",
         runs.requests, Reply("A page.", models.Requests), runs.RequestsQuery),
    _get("/api/v1/runs/{id}/requests/points", "run_points", "runs", "A figure of its requests over time, thinned out.",
         runs.points, Reply("Points.", models.Points), runs.PointsQuery),
    _get("/api/v1/runs/{id}/requests/{n}", "run_request", "runs", "One request, whole.", runs.one_request,
         Reply("Its record.", models.OneRequest)),
    _get("/api/v1/compare", "compare", "runs", "Two runs of one kind, compared.", runs.compare,
         Reply("What differs, and whether it is real.", models.Comparison), runs.CompareQuery, (404, 409)),
    _post("/api/v1/login", "login", "service", "A cookie for a token.", about.login,
          {200: Reply("The cookie is set.", models.LoggedIn)}, "Login"),
    _post("/api/v1/logout", "logout", "service", "Take the cookie back.", about.logout,
          {200: Reply("It is.", models.LoggedIn)}, None),
    _get("/openapi.json", "openapi", "service", "This description.", about.description, Reply("OpenAPI 3.1.")),
    _get("/docs", "docs", "service", "The same to read.", about.documentation, Reply("A page.", content_type=HTML)),
    _get("/metrics", "metrics", "service", "For Prometheus.", about.exposition,
         Reply("Text.", content_type=METRICS.partition(";")[0])),
)  # fmt: skip
