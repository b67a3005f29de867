"""Slices: the newest events of a store, as what two models are judged by that have seen none of them.

Owns where a slice begins and what of it counts. Only readers with a history before it do, since a graph can speak of no
others.
"""

from __future__ import annotations

import numpy as np

from experiments.splits import Split
from ranking.errors import DataError
from ranking.interactions import Interactions

LEAST_READERS = 50
"""Readers with events in a slice below which nothing is concluded."""


def slice_start(everything: Interactions, share: float, *, after: int) -> int:
    """The second after which the newest ``share`` of all entries lies, but not before ``after``."""
    if not 0 < share < 1:
        raise DataError(f"a slice is a share between 0 and 1 of the entries, got {share}")
    if everything.count == 0:
        return after
    return max(after, int(np.quantile(everything.times, 1 - share, method="lower")))


def sliced(before: Interactions, newest: Interactions) -> Split:
    """The split of a slice: what was known before, and of ``newest`` what is new and of readers who were known.

    What a reader has acted on before is not recommended again, so a repetition is nothing that a model could get right.
    """
    known = before.entry_readers() * before.rows + before.indices
    readers = newest.entry_readers()
    had_history = np.diff(before.indptr)[readers] > 0
    repeated = np.isin(readers * newest.rows + newest.indices, known)
    return Split(before, newest.where(had_history & ~repeated))


def judged_readers(split: Split) -> int:
    """Readers that a split judges by."""
    return int(np.count_nonzero(np.diff(split.test.indptr)))
