"""The past in bulk: who visited when, and what an ordinary feed of that time would have shown them.

The logging feed mixes what suits the reader, what is popular and what is new, at fixed shares, over what had
been published by then: biased towards recent and good items, as real logs are.
"""

from __future__ import annotations

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from experiments.world.taste import DAY, HOUR, Taste
from experiments.world.works import Works

PAGE = 12
"""Items of a page in the simulated past."""

_SUITED, _GOOD = 0.55, 0.3
_BY_HOUR = np.array([2, 1, 1, 1, 1, 2, 4, 6, 7, 6, 6, 6, 7, 7, 6, 6, 6, 7, 8, 10, 11, 10, 7, 4], dtype=np.float64)

Ints = NDArray[np.int32]


def visit_times(rng: Generator, count: int, start: int, days: int) -> NDArray[np.int64]:
    """int64[count], rising: seconds of visits, more in the evening than at night."""
    day = rng.integers(days, size=count)
    hour = rng.choice(24, size=count, p=_BY_HOUR / _BY_HOUR.sum())
    return np.sort(start + day * DAY + hour * HOUR + rng.integers(HOUR, size=count))


class Shelf:
    """Items by publication time, in all and by cell, to draw from what existed at a second."""

    def __init__(self, works: Works) -> None:
        columns = works.columns()
        cells, times, self._quality = columns.cells, columns.times, columns.quality
        self._origin = int(times.min()) if times.size else 0
        self._span = (int(times.max()) - self._origin + 1) if times.size else 1
        self._all = np.argsort(times, kind="stable").astype(np.int32)
        self._all_times = times[self._all]
        keys = cells.astype(np.int64) * self._span + (times - self._origin)
        self._by_cell = np.argsort(keys, kind="stable").astype(np.int32)
        self._keys = keys[self._by_cell]

    def shown(self, rng: Generator, taste: Taste, readers: Ints, times: NDArray[np.int64]) -> Ints:
        """int32[n, PAGE]: what the logging feed showed at each visit; -1 where nothing had been published."""
        interests = taste.at(readers, times) + np.float32(1e-4)
        edges = np.cumsum(interests, axis=1)
        draws = rng.random((readers.size, PAGE), dtype=np.float32) * edges[:, -1:]
        cells = np.minimum((draws[:, :, None] > edges[:, None, :]).sum(axis=2), edges.shape[1] - 1)
        seconds = np.broadcast_to(times[:, None], cells.shape)
        suited = self._recent_in_cell(rng, cells.astype(np.int64), seconds)
        good = self._recent(rng, seconds, reach=0.6, tries=4)
        new = self._recent(rng, seconds, reach=0.05, tries=1)
        coin = rng.random(cells.shape)
        page = np.where(coin < _SUITED, suited, np.where(coin < _SUITED + _GOOD, good, new))
        page = np.where(page < 0, good, page)
        return _without_repeats(page)

    def _recent_in_cell(self, rng: Generator, cells: NDArray[np.int64], times: NDArray[np.int64]) -> Ints:
        first = np.searchsorted(self._keys, cells * self._span, side="left")
        until = np.clip(times - self._origin, -1, self._span - 1)
        count = np.searchsorted(self._keys, cells * self._span + until, side="right") - first
        return self._best_of(rng, self._by_cell, first, np.maximum(count, 0), reach=1.0, tries=2)

    def _recent(self, rng: Generator, times: NDArray[np.int64], *, reach: float, tries: int) -> Ints:
        count = np.searchsorted(self._all_times, times, side="right")
        return self._best_of(rng, self._all, np.zeros_like(count), count, reach=reach, tries=tries)

    def _best_of(
        self,
        rng: Generator,
        order: Ints,
        first: NDArray[np.int64],
        count: NDArray[np.int64],
        *,
        reach: float,
        tries: int,
    ) -> Ints:
        """The best of ``tries`` draws from the newest ``reach`` of each run, newest likeliest; -1 if empty."""
        best = np.full(count.shape, -1, dtype=np.int32)
        if not order.size:
            return best
        best_quality = np.full(count.shape, -1.0)
        for _ in range(tries):
            back = (count * reach * rng.random(count.shape) ** 2).astype(np.int64)
            drawn = order[np.clip(first + count - 1 - back, 0, order.size - 1)]
            better = (count > 0) & (self._quality[drawn] > best_quality)
            best = np.where(better, drawn, best)
            best_quality = np.where(better, self._quality[drawn], best_quality)
        return best.astype(np.int32)


def _without_repeats(page: Ints) -> Ints:
    """The same pages with an item's second and later places emptied (-1)."""
    order = np.argsort(page, axis=1, kind="stable")
    ordered = np.take_along_axis(page, order, axis=1)
    again = np.zeros(page.shape, dtype=np.bool_)
    again[:, 1:] = ordered[:, 1:] == ordered[:, :-1]
    repeated = np.zeros_like(again)
    np.put_along_axis(repeated, order, again, axis=1)
    return np.where(repeated, np.int32(-1), page)
