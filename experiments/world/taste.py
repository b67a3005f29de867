"""What simulated readers like, how that drifts, and which news flares up when.

Interests live in *cells*: one for each strand of each topic. A reader wanders between two private interest
vectors in a slow wave, so what was liked in spring is not what is liked in autumn. A burst of news lifts one
topic for everybody for some hours.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.random import Generator, default_rng
from numpy.typing import NDArray

from experiments.world import vocabulary

DAY = 86_400
HOUR = 3_600
CELLS = len(vocabulary.NAMES) * vocabulary.STRANDS

FADED = 6
"""Half-lives after which a burst is over."""

_BURSTS_A_DAY = 0.6
_HOURS = (2.0, 8.0)
_LONGEST = int(FADED * _HOURS[1]) * HOUR
_INTEREST_STREAM, _BURST_STREAM = 1, 2

Floats = NDArray[np.float64]


class Taste:
    """Interests of n readers over all cells, in [0, 1], as a function of time."""

    def __init__(self, seed: int, readers: int, start: int) -> None:
        rng = default_rng([seed, _INTEREST_STREAM])
        self._first = _interests(rng, readers)
        self._second = _interests(rng, readers)
        self._period = rng.uniform(90, 400, readers) * DAY
        self._phase = rng.uniform(0, np.pi, readers)
        self._start = start
        self.activity: Floats = rng.lognormal(0.0, 1.0, readers)
        """float64[readers]: how often each one visits, relative to the others."""

    def at(self, readers: NDArray[np.int32], times: NDArray[np.int64]) -> NDArray[np.float32]:
        """float32[n, cells]: the interests of each reader at each second."""
        wave = np.cos(np.pi * (times - self._start) / self._period[readers] + self._phase[readers]) ** 2
        share = wave.astype(np.float32)[:, None]
        blended: NDArray[np.float32] = self._first[readers] * share + self._second[readers] * (1 - share)
        return blended


def _interests(rng: Generator, readers: int) -> NDArray[np.float32]:
    topics = rng.gamma(0.18, size=(readers, len(vocabulary.NAMES), 1))
    strands = rng.gamma(0.5, size=(readers, len(vocabulary.NAMES), vocabulary.STRANDS))
    cells = (topics * strands).reshape(readers, CELLS)
    interests: NDArray[np.float32] = (cells / cells.max(axis=1, keepdims=True)).astype(np.float32)
    return interests


@dataclass(frozen=True, slots=True)
class Burst:
    """Some hours in which a topic is on everybody's mind; ``strength`` multiplies interest at its start."""

    topic: int
    start: int
    hours: float
    strength: float
    place: str


class News:
    """Bursts by day, drawn from the seed and the day's number alone, so that any day can be asked for."""

    def __init__(self, seed: int) -> None:
        self._seed = seed
        self._days: dict[int, tuple[Burst, ...]] = {}

    def between(self, first: int, last: int) -> tuple[Burst, ...]:
        """Bursts that begin on the days of these two seconds or on a day between."""
        return tuple(
            burst for day in range(first // DAY, last // DAY + 1) for burst in self._on(day) if burst.start <= last
        )

    def heat(self, times: NDArray[np.int64]) -> Floats:
        """float64[n, topics]: what bursts multiply interest by: 1 when all is quiet, halved every ``hours``,
        over after ``FADED`` of them."""
        heat = np.ones((times.size, len(vocabulary.NAMES)))
        if times.size:
            for burst in self.between(int(times.min()) - _LONGEST, int(times.max())):
                since = (times - burst.start) / (burst.hours * HOUR)
                heat[:, burst.topic] += np.where(
                    (since >= 0) & (since < FADED), (burst.strength - 1) * np.exp2(-since), 0.0
                )
        return heat

    def place(self, topic: int, at: int) -> str:
        """The town of the newest burst about a topic that has begun by a second."""
        begun = [burst for burst in self.between(at - _LONGEST, at) if burst.topic == topic]
        return max(begun, key=lambda burst: burst.start).place

    def _on(self, day: int) -> tuple[Burst, ...]:
        if day not in self._days:
            rng = default_rng([self._seed, _BURST_STREAM, max(day, 0)])
            self._days[day] = tuple(
                Burst(
                    int(rng.integers(len(vocabulary.NAMES))),
                    day * DAY + int(rng.integers(DAY)),
                    float(rng.uniform(*_HOURS)),
                    float(rng.uniform(3, 8)),
                    vocabulary.place(rng),
                )
                for _ in range(rng.poisson(_BURSTS_A_DAY))
            )
        return self._days[day]
