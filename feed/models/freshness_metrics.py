"""What /metrics tells of the model's freshness: how old the active one is, and how training it again goes."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from prometheus_client import Counter, Gauge

from feed.bootstrap import Service
from feed.control.errors import ControlsStale
from feed.models.retraining_log import LastRun, last_run


class FreshnessMetrics:
    """The metrics of one service, in its registry."""

    def __init__(self, service: Service) -> None:
        registry = service.metrics.registry
        self._outcomes = Counter(
            "weir_retrainings", "Scheduled trainings, by what came of them", ("outcome",), registry=registry
        )
        self._running = Gauge("weir_retraining_running", "1 while a model is trained", registry=registry)
        self._seconds = Gauge(
            "weir_retraining_seconds", "Seconds that the last scheduled training took", registry=registry
        )
        self._succeeded = Gauge(
            "weir_retraining_succeeded_at",
            "Second since the epoch of the last scheduled training that did not fail, 0 for none",
            registry=registry,
        )
        age = Gauge(
            "weir_model_age_seconds", "Seconds since the active model was trained, NaN without one", registry=registry
        )
        age.set_function(lambda: _age(service))
        before = last_run(service.settings)
        if before is not None:
            self._show(before)

    @contextmanager
    def running(self) -> Iterator[None]:
        """While a child trains."""
        with self._running.track_inprogress():
            yield

    def ended(self, run: LastRun) -> None:
        """Count a training that is over."""
        self._outcomes.labels(run.outcome.value).inc()
        self._show(run)

    def _show(self, run: LastRun) -> None:
        self._seconds.set(run.seconds)
        self._succeeded.set(run.succeeded_at or 0)


def _age(service: Service) -> float:
    try:
        snapshot = service.replica.latest()
    except ControlsStale:
        return float("nan")
    return float(service.clock.now() - snapshot.graph.created_at) if snapshot.model else float("nan")
