"""Metrics: what /metrics tells Prometheus. Aggregates only; no reader, item or credential is ever a label.

One registry per application, so that several can live in one process. What the event loop counts with every request is
counted by ``feed.observing.loop_metrics``; its children are looked up once and kept.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from feed.observing.loop_metrics import Distribution, LoopCounter, LoopHistogram

_SECONDS = (0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5)
_COUNTS = (0, 1, 5, 10, 20, 30, 50, 100, 200, 500)

Gauges = Callable[[], dict[tuple[str, str], float]]
"""Values read when /metrics is asked: (name, label value or empty) to number."""

_READ = {
    "weir_revision": ("Revision of the current Snapshot", ""),
    "weir_edition": ("Edition of the current Snapshot", ""),
    "weir_lease_fresh": ("1 while the freshness lease holds", ""),
    "weir_duties": ("1 while this process has the duties", ""),
    "weir_loop_delay_seconds": ("Seconds that a request waits at least before it is looked at", ""),
    "weir_items": ("Items in the catalogue", ""),
    "weir_model_active": ("1 when a model is active", ""),
    "weir_reader_states": ("Reader states in memory", ""),
    "weir_reader_state_bytes": ("Bytes that they take", ""),
    "weir_queue_depth": ("Entries waiting, by queue", "queue"),
    "weir_disk_free_bytes": ("Bytes free where the home folder lies", ""),
    "weir_servings": ("Servings since start, by what became of them", "outcome"),
}


class _ReadOnAsking(Collector):
    def __init__(self, read: Gauges) -> None:
        self._read = read

    def collect(self) -> Iterator[GaugeMetricFamily]:
        values = self._read()
        for name, (words, label) in _READ.items():
            family = GaugeMetricFamily(name, words, labels=[label] if label else None)
            for (of, value), number in values.items():
                if of == name:
                    family.add_metric([value] if label else [], number)
            yield family


class Metrics:
    """Every counter and histogram of one application."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.requests = LoopHistogram(
            "weir_request_seconds",
            "Time to answer, by route, method and status",
            ("route", "method", "status"),
            _SECONDS,
            self.registry,
        )
        stages = LoopHistogram(
            "weir_stage_seconds", "Time spent in a stage of a feed request", ("stage",), _SECONDS, self.registry
        )
        self.reader_stage = stages.labels("reader")
        self.rank_stage = stages.labels("rank")
        self.json_stage = stages.labels("json")
        self.page_items = LoopHistogram(
            "weir_page_items", "Items on a page, by mode", ("mode",), _COUNTS, self.registry
        )
        self.candidates = LoopCounter("weir_candidates", "Items placed on pages, by source", ("source",), self.registry)
        self.tiers = LoopCounter("weir_served", "Items served, by tier", ("tier",), self.registry)
        self.shed = LoopCounter("weir_shed", "Requests refused for overload, by reason", ("reason",), self.registry)
        self.unread_readers = LoopCounter(
            "weir_reader_unread",
            "Pages made without knowing the reader, as the store did not tell in time",
            (),
            self.registry,
        )
        self.events = Counter("weir_events", "Events, by what became of them", ("outcome",), registry=self.registry)
        self.unknown_items = Counter(
            "weir_events_unknown_item", "Accepted events about items that are not known", registry=self.registry
        )
        self.events_let_go = Counter("weir_events_let_go", "Events let go by their age", registry=self.registry)
        self.decisions = Counter("weir_decisions", "Decisions made, by type", ("type",), registry=self.registry)
        waiting = ("kind",)
        self.cases = Gauge("weir_cases", "Cases that wait for an answer", waiting, registry=self.registry)
        self.cases_overdue = Gauge("weir_cases_overdue", "Those past their deadline", waiting, registry=self.registry)
        self.cases_oldest = Gauge(
            "weir_cases_oldest_seconds", "Age of the oldest of them, 0 without any", waiting, registry=self.registry
        )
        self.resolved = Counter(
            "weir_cases_resolved",
            "Cases that got their answer, by kind, outcome, and whether in time",
            ("kind", "outcome", "in_time"),
            registry=self.registry,
        )
        self.enforcement = Histogram(
            "weir_enforcement_seconds",
            "Time from a decision's commit until every replica obeyed it",
            buckets=_SECONDS,
            registry=self.registry,
        )
        self.problems = Counter("weir_problems", "Refusals, by problem type", ("type",), registry=self.registry)
        self.in_flight = Gauge("weir_requests_in_flight", "Requests being answered", registry=self.registry)
        self._answered: dict[tuple[str, str, int], Distribution] = {}

    def read(self, gauges: Gauges) -> None:
        """Register the values that are read when /metrics is asked."""
        self.registry.register(_ReadOnAsking(gauges))

    def answered(self, route: str, method: str, status: int, seconds: float) -> None:
        """Count one answer."""
        key = (route, method, status)
        child = self._answered.get(key)
        if child is None:
            child = self._answered[key] = self.requests.labels(route, method, str(status))
        child.observe(seconds)

    def exposition(self) -> bytes:
        """All metrics in the Prometheus text format."""
        return generate_latest(self.registry)
