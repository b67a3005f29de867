"""Sessions: which entries of a reader belong together, in data without times.

Owns one measure, by which `experiments.splits` holds out runs of what belongs together as readers leave them.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray
from scipy import sparse

from ranking.interactions import Interactions

MOST_COMPANIONS = 500
"""Readers of a row that are asked what else they acted on, evenly over those there are."""


def closeness(
    interactions: Interactions, readers: NDArray[np.int64], entries: NDArray[np.int64]
) -> NDArray[np.float64]:
    """float64[n]: how often each entry goes with the one entry that was drawn for its reader; 0 for other readers.

    ``entries`` int64 holds one entry of each of ``readers``. The measure is the number of other readers of the drawn
    row who acted on the entry's row too, over the root of all who did; infinite for the drawn entry itself.
    """
    by_row = sparse.csc_matrix(interactions.matrix(binary=True))
    found = np.zeros(interactions.count)
    _close(interactions.indptr, interactions.indices, by_row.indptr, by_row.indices, readers, entries, found)
    return found


@njit(cache=True, nogil=True)
def _close(
    indptr: Any, indices: Any, row_starts: Any, row_readers: Any, readers: Any, entries: Any, found: Any
) -> None:
    mine = np.full(row_starts.size - 1, -1, np.int64)
    shared = np.zeros(row_starts.size - 1, np.int64)
    for at in range(readers.size):
        reader, drawn = readers[at], entries[at]
        start, stop = indptr[reader], indptr[reader + 1]
        for entry in range(start, stop):
            mine[indices[entry]] = reader
            shared[indices[entry]] = 0
        row = indices[drawn]
        step = max(1, (row_starts[row + 1] - row_starts[row]) // MOST_COMPANIONS)
        for place in range(row_starts[row], row_starts[row + 1], step):
            other = row_readers[place]
            if other != reader:
                for entry in range(indptr[other], indptr[other + 1]):
                    if mine[indices[entry]] == reader:
                        shared[indices[entry]] += 1
        for entry in range(start, stop):
            each = indices[entry]
            found[entry] = shared[each] / np.sqrt(row_starts[each + 1] - row_starts[each])
        found[drawn] = np.inf
