"""Exposure of new items: how long it takes until anybody is shown one.

Owns the measure on recorded data: each reader's list is dated at the second of their first held-out entry, as the list
that they would have been given then. A row is new when it came in after the first list's date.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from experiments.splits import Split

_DAY = 86_400
_NEVER = np.iinfo(np.int64).max


@dataclass(frozen=True, slots=True)
class FirstExposure:
    """How new items fared."""

    new: int
    """Rows that came in while lists were being made."""

    exposed: float
    """Share of them that stand in a list of their time or later."""

    days: float | None
    """Median days from coming in to the first such list, over those that had one; None when none had."""


def first_exposure(
    lists: NDArray[np.int32],
    readers: NDArray[np.int64],
    split: Split,
    *,
    published: NDArray[np.int64] | None = None,
) -> FirstExposure | None:
    """Judge lists int32[e, k] of ``readers`` int64[e]; None without times, or when nothing came in.

    A row comes in when it was ``published`` int64[N] (seconds, 0 for unknown), else with its first entry.
    """
    train, test = split.train, split.test
    if not (train.timed or test.timed) or readers.size == 0:
        return None
    dates = test.times[test.indptr[readers]]
    came = _first_entries(split)
    if published is not None:
        came = np.where(published > 0, published, came)
    new = (came > dates.min()) & (came <= dates.max())
    if not new.any():
        return None
    first = np.full(train.rows, _NEVER)
    place = np.nonzero((lists >= 0) & (dates[:, None] >= came[lists]))
    np.minimum.at(first, lists[place], dates[place[0]])
    waited = (first - came)[new & (first < _NEVER)]
    count = int(new.sum())
    return FirstExposure(count, waited.size / count, float(np.median(waited)) / _DAY if waited.size else None)


def _first_entries(split: Split) -> NDArray[np.int64]:
    """int64[N]: second of each row's first entry; the end of time for rows without any."""
    first = np.full(split.train.rows, _NEVER)
    for part in (split.train, split.test):
        np.minimum.at(first, part.indices, part.times)
    return first
