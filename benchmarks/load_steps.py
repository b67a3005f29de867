"""What a step of the load came to: throughput, latencies by kind, refusals, memory; and when a server is saturated."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from benchmarks.load_clients import Answers
from benchmarks.load_mix import FORESEEN, SHED
from benchmarks.load_server import Taken

_KEEPS_UP = 0.95
_SLOW_SECONDS = 0.5
_SHED_SHARE = 0.01


@dataclass(frozen=True, slots=True)
class Latency:
    """Latencies (milliseconds) of the answers of one kind that were not shed, and how many these were."""

    count: int
    p50_ms: float
    p95_ms: float
    p99_ms: float


@dataclass(frozen=True, slots=True)
class Level:
    """One rate. Requests a second; ``answered`` ones got what they asked for within a second. Counts by kind and
    status, ``none`` for no answer; what is neither foreseen nor shed is ``unexpected``."""

    name: str
    offered: float
    answered: float
    shed: int
    statuses: Mapping[str, int]
    unexpected: Mapping[str, int]
    latencies: Mapping[str, Latency]
    client_late_ms: float
    """The 99th percentile of how late the clients were: where it is large they were too slow, not the server."""
    resident_mb: float
    cpu: float
    """Cores that the server's processes had."""

    @property
    def saturated(self) -> bool:
        """Whether the server no longer kept up: it answered too few, too many late, or shed."""
        feed = self.latencies.get("feed")
        return (
            self.answered < _KEEPS_UP * self.offered
            or self.shed > _SHED_SHARE * sum(self.statuses.values())
            or (feed is not None and feed.p99_ms > 1000 * _SLOW_SECONDS)
        )

    def line(self) -> str:
        """The level in a line, for who watches."""
        feed = self.latencies.get("feed", Latency(0, 0, 0, 0))
        return (
            f"{self.name}: {self.offered:,.0f}/s offered, {self.answered:,.0f} answered, feed p50 {feed.p50_ms:.1f} "
            f"p99 {feed.p99_ms:.1f} ms, shed {self.shed}, unexpected {dict(self.unexpected)}"
        )


@dataclass(frozen=True, slots=True)
class Result:
    """All levels in the order they were run, and the highest rate that was ``sustained``, 0 for none."""

    levels: Sequence[Level]
    sustained: float

    @property
    def unexpected(self) -> int:
        """Answers that should not have been; when the server was overloaded on purpose, none is missed."""
        return sum(
            count
            for level in self.levels
            for what, count in level.unexpected.items()
            if not (level.saturated and what.endswith(" none"))
        )

    def document(self) -> dict[str, Any]:
        """The result as JSON has it."""
        levels = [{**asdict(level), "saturated": level.saturated} for level in self.levels]
        return {"levels": levels, "sustained": self.sustained, "unexpected": self.unexpected}


def measured(name: str, rate: float, answers: Answers, before: Taken, after: Taken) -> Level:
    """A level out of what clients and system told."""
    good = shed = 0
    statuses: dict[str, int] = {}
    unexpected: dict[str, int] = {}
    for (kind, status), count in sorted(answers.statuses.items()):
        word = f"{kind} {status or 'none'}"
        statuses[word] = count
        if status in SHED:
            shed += count
        elif 200 <= status < 300 or status in FORESEEN.get(kind, ()):
            good += answers.prompt[kind, status]
        else:
            unexpected[word] = count
    return Level(
        name=name,
        offered=round(sum(statuses.values()) / answers.seconds, 1),
        answered=round(good / answers.seconds, 1),
        shed=shed,
        statuses=statuses,
        unexpected=unexpected,
        latencies={kind: _latency(some) for kind, some in answers.latencies.items() if some},
        client_late_ms=round(1000 * answers.late, 1),
        resident_mb=round(after.resident / 1e6, 1),
        cpu=round((after.cpu - before.cpu) / max(after.at - before.at, 1e-6), 2),
    )


def _latency(seconds: Sequence[float]) -> Latency:
    p50, p95, p99 = (round(float(one) * 1000, 2) for one in np.percentile(seconds, (50, 95, 99)))
    return Latency(len(seconds), p50, p95, p99)
