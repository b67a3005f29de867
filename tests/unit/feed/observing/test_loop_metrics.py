"""What the hot path counts is exposed as the Prometheus client exposes its own."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest

from feed.observing.loop_metrics import LoopCounter, LoopHistogram

BOUNDS = (0.001, 0.01, 1.0)


def lines(registry: CollectorRegistry) -> list[str]:
    return [line for line in generate_latest(registry).decode().splitlines() if "_created" not in line]


def test_a_histogram_is_exposed_as_the_clients_own() -> None:
    ours, theirs = CollectorRegistry(), CollectorRegistry()
    made = (
        LoopHistogram("some_seconds", "Words", ("one", "two"), BOUNDS, ours),
        Histogram("some_seconds", "Words", ("one", "two"), buckets=BOUNDS, registry=theirs),
    )
    for values in (("a", "b"), ("c", "d")):
        for second in (0.0, 0.001, 0.0011, 0.5, 1.0, 7.0):
            for histogram in made:
                histogram.labels(*values).observe(second)
    assert lines(ours) == lines(theirs)


def test_a_counter_is_exposed_as_the_clients_own() -> None:
    ours, theirs = CollectorRegistry(), CollectorRegistry()
    for counter in (
        LoopCounter("some", "Words", ("kind",), ours),
        Counter("some", "Words", ("kind",), registry=theirs),
    ):
        counter.labels("a").inc()
        counter.labels("a").inc(4)
        counter.labels("b").inc()
    assert lines(ours) == lines(theirs)
