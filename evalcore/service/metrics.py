"""Metrics: the service as Prometheus sees it: jobs, requests answered, and the latencies of load tests that run."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import TYPE_CHECKING, get_args

from prometheus_client import CollectorRegistry
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.exposition import generate_latest

from evalcore.service.models import Status
from perfbench.live.progressfile import BOUNDS_MS

if TYPE_CHECKING:
    from evalcore.service.app import Service

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
OUTCOMES = ("ok", "failed", "cancelled")


def text(service: Service) -> str:
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Collector(service))
    return generate_latest(registry).decode()


class Answered:
    """Counts what the service has answered."""

    def __init__(self) -> None:
        self.counts: Counter[tuple[str, str]] = Counter()

    def add(self, method: str, status: int) -> None:
        known = method if method in ("GET", "POST", "DELETE", "HEAD") else "other"  # no label that callers choose
        self.counts[known, str(status)] += 1


class _Collector:
    def __init__(self, service: Service) -> None:
        self._service = service

    def collect(self) -> Iterator[Metric]:
        counts = self._service.store.counts()
        jobs = GaugeMetricFamily("evalcore_jobs", "Jobs by status.", labels=["status"])
        for status in get_args(Status):
            jobs.add_metric([status], counts.get(status, 0))
        yield jobs
        answered = CounterMetricFamily(
            "evalcore_http_requests", "Requests answered by the service.", labels=["method", "status"]
        )
        for (method, code), count in sorted(self._service.answered.counts.items()):
            answered.add_metric([method, code], count)
        yield answered
        yield from self._of_running_jobs()

    def _of_running_jobs(self) -> Iterator[Metric]:
        labels = ["job", "kind"]
        sent = CounterMetricFamily(
            "evalcore_job_requests", "Requests of running jobs that are over.", labels=[*labels, "outcome"]
        )
        in_flight = GaugeMetricFamily("evalcore_job_in_flight", "Requests in flight.", labels=labels)
        tokens = CounterMetricFamily("evalcore_job_output_tokens", "Output tokens.", labels=labels)
        fraction = GaugeMetricFamily("evalcore_job_fraction_done", "How far it is, 0 to 1.", labels=labels)
        latency = HistogramMetricFamily(
            "evalcore_perf_latency_seconds", "Latencies of a running load test, from written.",
            labels=["job", "latency"],
        )  # fmt: skip
        for row in self._service.store.jobs(status=["running"])[1]:
            tail = self._service.jobs.tail(row.id)
            if tail is None or tail.figures is None:
                continue
            figures = tail.figures
            for outcome in OUTCOMES:
                if outcome in figures:
                    sent.add_metric([row.id, row.kind, outcome], figures[outcome])
            in_flight.add_metric([row.id, row.kind], figures["in_flight"])
            tokens.add_metric([row.id, row.kind], figures["output_tokens"])
            if figures.get("fraction") is not None:
                fraction.add_metric([row.id, row.kind], figures["fraction"])
            for name, histogram in figures.get("histograms", {}).items():
                latency.add_metric([row.id, name], _buckets(histogram["counts"]), histogram["sum_ms"] / 1e3)
        yield from (sent, in_flight, tokens, fraction, latency)


def _buckets(counts: list[int]) -> list[tuple[str, float]]:
    """Cumulative, by upper bound in seconds."""
    found, total = [], 0
    for bound, count in zip([*(str(ms / 1e3) for ms in BOUNDS_MS), "+Inf"], counts, strict=True):
        total += count
        found.append((bound, float(total)))
    return found
