"""Diversity: how unlike each other the items of one list are.

Owns intra-list diversity (Ziegler et al. 2005, as a distance): the mean over pairs of one less their cosine, each item
being the set of its topics, or the set of readers who acted on it. It does not depend on the model that is judged.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numba import get_num_threads, njit, prange
from numpy.typing import NDArray

from ranking.interactions import Interactions


@dataclass(frozen=True, slots=True, eq=False)
class Sets:
    """A set for each of N rows: the members of row i stand at ``indptr[i]:indptr[i + 1]``, each once."""

    indptr: NDArray[np.int64]
    """int64[N + 1]."""

    members: NDArray[np.int32]
    """int32[n], each below ``size``."""

    size: int

    @classmethod
    def of_topics(cls, topics: NDArray[np.int32]) -> Sets:
        """Of topics int32[N, T], -1 for none."""
        present = topics >= 0
        members = topics[present]
        return cls(_pointers(present.sum(axis=1)), members, 1 + int(members.max(initial=-1)))

    @classmethod
    def of_readers(cls, interactions: Interactions) -> Sets:
        """Of the readers who acted on each row."""
        order = np.argsort(interactions.indices, kind="stable")
        members = interactions.entry_readers()[order].astype(np.int32)
        return cls(_pointers(interactions.popularity()), members, interactions.readers)


def diversity(lists: NDArray[np.int32], sets: Sets) -> float | None:
    """Mean over lists int32[e, k] of the mean distance of their pairs; -1 and rows with an empty set have no part in
    it, nor have lists with fewer than two others. None when no list is left."""
    found = distances(lists, sets)
    told = found[~np.isnan(found)]
    return float(told.mean()) if told.size else None


def distances(lists: NDArray[np.int32], sets: Sets) -> NDArray[np.float64]:
    """float64[e]: mean over a list's pairs of 1 − |A ∩ B| / √(|A|·|B|); NaN for lists without a pair."""
    found = np.full(lists.shape[0], np.nan)
    if sets.size:
        _distances(np.ascontiguousarray(lists), sets.indptr, sets.members, sets.size, found, get_num_threads())
    return found


def _pointers(counts: NDArray[np.int64]) -> NDArray[np.int64]:
    return np.concatenate([np.zeros(1, np.int64), np.cumsum(counts, dtype=np.int64)])


@njit(parallel=True, cache=True, nogil=True)
def _distances(lists: Any, indptr: Any, members: Any, size: int, found: Any, parts: int) -> None:
    # With unit vectors v, the cosines of all pairs sum to (|Σ v|² − n) / 2: no pair need be looked at.
    for part in prange(parts):
        sums = np.zeros(size, np.float64)
        for at in range(part, lists.shape[0], parts):
            items, square = 0, 0.0
            for row in lists[at]:
                if row < 0:
                    continue
                first, last = indptr[row], indptr[row + 1]
                if last > first:
                    items += 1
                    unit = 1.0 / np.sqrt(np.float64(last - first))
                    for place in range(first, last):
                        sums[members[place]] += unit
            for row in lists[at]:
                if row >= 0:
                    for place in range(indptr[row], indptr[row + 1]):
                        square += sums[members[place]] ** 2
                        sums[members[place]] = 0.0
            if items >= 2:
                cosines = max(square - items, 0.0) / (items * (items - 1))
                found[at] = min(max(1.0 - cosines, 0.0), 1.0)
