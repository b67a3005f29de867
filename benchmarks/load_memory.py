"""How a server's memory went: the second half of a soak against its first, and whether that is flat."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from benchmarks.load_server import Taken

FLAT_SHARE = 0.02
"""Growth from the median of one half to that of the other that still counts as flat. Two runs of one server differ by
half as much; what 280 bytes of every request of 36,000 add to 250 MB is beyond it."""

FLAT_COUNT = 20
"""The same for threads and for open files. SQLite keeps the file of each connection that was ever open beside others,
and uses it again: the least rises until as many were open as ever are."""

_POINTS = 240


@dataclass(frozen=True, slots=True)
class Half:
    """Half a soak: the median of the memory of no file (MB), and the least numbers of threads and of open files that
    are no connections. Pools of them breathe; what leaks raises the least."""

    own_mb: float
    threads: int
    files: int


@dataclass(frozen=True, slots=True)
class Course:
    """Memory by requests offered. ``points`` are (requests, own MB), ``slope_bytes`` is what a request of the second
    half added, by least squares."""

    first: Half
    second: Half
    slope_bytes: float
    points: tuple[tuple[int, float], ...]

    @property
    def growth(self) -> float:
        """Growth of memory from the first half to the second, as a share."""
        return self.second.own_mb / self.first.own_mb - 1

    @property
    def flat(self) -> bool:
        """Whether memory, threads and files stayed as they were."""
        return (
            self.growth < FLAT_SHARE
            and self.second.threads <= self.first.threads + FLAT_COUNT
            and self.second.files <= self.first.files + FLAT_COUNT
        )


def course_of(samples: Sequence[Taken], requests: int) -> Course:
    """The course of a soak in which so many requests were offered at a constant rate; two samples at least."""
    at = np.array([one.at - samples[0].at for one in samples])
    asked = at / at[-1] * requests
    own = np.array([one.own for one in samples]) / 1e6
    late = asked >= requests / 2
    late[-1] = True
    slope = float(np.polyfit(asked[late], own[late], 1)[0]) if np.count_nonzero(late) > 1 else 0.0
    points = [(round(float(x)), round(float(y), 2)) for x, y in zip(asked, own, strict=True)]
    return Course(
        first=_half([one for one, second in zip(samples, late, strict=True) if not second]),
        second=_half([one for one, second in zip(samples, late, strict=True) if second]),
        slope_bytes=round(slope * 1e6, 1),
        points=tuple(points[:: max(len(points) // _POINTS, 1)]),
    )


def _half(samples: Sequence[Taken]) -> Half:
    return Half(
        own_mb=round(float(np.median([one.own for one in samples])) / 1e6, 2),
        threads=min(one.threads for one in samples),
        files=min(one.files for one in samples),
    )
