"""Metrics of the hot path: plain numbers, counted on the event loop alone and laid down when /metrics is asked.

The Prometheus client takes a lock for every increment, ten times a page; what only one thread counts needs none. Names,
labels and buckets are exposed as that client exposes its own.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from itertools import accumulate

from prometheus_client import CollectorRegistry
from prometheus_client.core import CounterMetricFamily, HistogramMetricFamily
from prometheus_client.registry import Collector


class Distribution:
    """How often values fell into each bucket; a bound belongs to the bucket it ends."""

    __slots__ = ("_bounds", "counts", "total")

    def __init__(self, bounds: Sequence[float]) -> None:
        self._bounds = bounds
        self.counts = [0] * (len(bounds) + 1)
        self.total = 0.0

    def observe(self, value: float) -> None:
        """Count one value."""
        self.counts[bisect_left(self._bounds, value)] += 1
        self.total += value


class Count:
    """A number that only grows."""

    __slots__ = ("value",)

    def __init__(self) -> None:
        self.value = 0

    def inc(self, by: int = 1) -> None:
        """Count so many more."""
        self.value += by


class LoopHistogram(Collector):
    """Distributions by their labels' values."""

    def __init__(
        self, name: str, words: str, labels: Sequence[str], buckets: Sequence[float], registry: CollectorRegistry
    ) -> None:
        self._name, self._words, self._labels, self._buckets = name, words, labels, buckets
        self._names = [*(str(float(bound)) for bound in buckets), "+Inf"]
        self._children: dict[tuple[str, ...], Distribution] = {}
        registry.register(self)

    def labels(self, *values: str) -> Distribution:
        """The distribution of these values, to be looked up once and kept."""
        return self._children.setdefault(values, Distribution(self._buckets))

    def collect(self) -> Iterator[HistogramMetricFamily]:
        """What /metrics tells."""
        family = HistogramMetricFamily(self._name, self._words, labels=self._labels)
        for values, child in list(self._children.items()):
            counts = zip(self._names, accumulate(child.counts), strict=True)
            family.add_metric(values, [(name, count) for name, count in counts], child.total)
        yield family


class LoopCounter(Collector):
    """Counts by their labels' values."""

    def __init__(self, name: str, words: str, labels: Sequence[str], registry: CollectorRegistry) -> None:
        self._name, self._words, self._labels = name, words, labels
        self._children: dict[tuple[str, ...], Count] = {}
        registry.register(self)

    def labels(self, *values: str) -> Count:
        """The count of these values, to be looked up once and kept."""
        return self._children.setdefault(values, Count())

    def collect(self) -> Iterator[CounterMetricFamily]:
        """What /metrics tells."""
        family = CounterMetricFamily(self._name, self._words, labels=self._labels)
        for values, child in list(self._children.items()):
            family.add_metric(values, child.value)
        yield family
