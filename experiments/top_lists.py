"""Top lists: the k best rows for each reader, from a graph as serving scores it or from dense scores.

Owns the exact arithmetic of an evaluation: ``score(j) = Σ w_i · B[i, j]`` over a reader's training entries, quantised
weights times integer history weights summed in int64 (law 3), ties to the smaller row, what the reader has acted on
left out. Every row of the catalogue competes.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numba import get_num_threads, njit, prange
from numpy.typing import NDArray

from ranking.errors import DataError
from ranking.graph import ItemGraph
from ranking.interactions import Interactions
from ranking.models import Progress, silent

ScoreBlock = Callable[[NDArray[np.int64]], NDArray[np.float32]]
"""A model that gives dense scores: readers int64[b] to float32[b, N]."""

_SLAB = 4096
_BLOCK = 512


def popular_order(train: Interactions) -> NDArray[np.int32]:
    """int32[N]: rows by falling number of readers, then by rising row."""
    return np.argsort(-train.popularity(), kind="stable").astype(np.int32)


def graph_lists(
    graph: ItemGraph,
    train: Interactions,
    readers: NDArray[np.int64],
    k: int,
    *,
    history_weights: NDArray[np.int64] | None = None,
    progress: Progress = silent,
) -> NDArray[np.int32]:
    """int32[b, k]: rows of positive score, best first, then popular rows; -1 where the catalogue has no more.

    ``history_weights`` int64[n] weights each training entry, 1 by default. DataError when the graph has more rows than
    the training data.
    """
    if graph.rows > train.rows:
        raise DataError(
            f"the graph has {graph.rows} rows, the data only {train.rows}: they are of different catalogues"
        )
    weights = np.ones(train.count, np.int64) if history_weights is None else history_weights
    order = popular_order(train)
    lists = np.full((readers.size, k), -1, np.int32)
    for start in range(0, readers.size, _SLAB):
        slab = slice(start, start + _SLAB)
        _graph_lists(
            graph.neighbours,
            graph.weights,
            train.indptr,
            train.indices,
            weights,
            readers[slab],
            order,
            lists[slab],
            get_num_threads(),
        )
        progress(min(1.0, (start + _SLAB) / readers.size), "ranking for every reader")
    return lists


def score_lists(
    scores: ScoreBlock, train: Interactions, readers: NDArray[np.int64], k: int, *, progress: Progress = silent
) -> NDArray[np.int32]:
    """The same from dense scores, whatever their sign; -1 where the catalogue has no more."""
    lists = np.full((readers.size, k), -1, np.int32)
    kept = min(k, train.rows)
    for start in range(0, readers.size, _BLOCK):
        block = readers[start : start + _BLOCK]
        values = np.array(scores(block), np.float32)
        if values.shape != (block.size, train.rows):
            raise DataError(f"scores have shape {values.shape}, expected {(block.size, train.rows)}")
        for at, reader in enumerate(block):
            values[at, train.indices[train.indptr[reader] : train.indptr[reader + 1]]] = -np.inf
        least = np.partition(values, train.rows - kept, axis=1)[:, train.rows - kept]
        for at in range(block.size):
            # Of rows at the threshold, often thousands without a score, only those that have a place are looked at.
            above = np.flatnonzero(values[at] > least[at])
            above = above[np.argsort(-values[at, above], kind="stable")]
            level = np.flatnonzero(values[at] == least[at])[: kept - above.size]
            ranked = above if np.isneginf(least[at]) else np.concatenate([above, level])
            lists[start + at, : ranked.size] = ranked
        progress(min(1.0, (start + _BLOCK) / readers.size), "ranking for every reader")
    return lists


@njit(cache=True, nogil=True)
def _insert(best: Any, values: Any, filled: int, row: int, value: Any) -> int:
    """Put a row into a list kept by falling value, then rising row; the number of rows in the list."""
    k = best.shape[0]
    if filled == k:
        if value < values[k - 1] or (value == values[k - 1] and row > best[k - 1]):
            return filled
        at = k - 1
    else:
        at = filled
        filled += 1
    while at > 0 and (values[at - 1] < value or (values[at - 1] == value and best[at - 1] > row)):
        values[at] = values[at - 1]
        best[at] = best[at - 1]
        at -= 1
    values[at] = value
    best[at] = row
    return filled


@njit(parallel=True, cache=True, nogil=True)
def _graph_lists(
    neighbours: Any,
    weights: Any,
    indptr: Any,
    indices: Any,
    history_weights: Any,
    readers: Any,
    order: Any,
    lists: Any,
    parts: int,
) -> None:
    rows = order.shape[0]
    for part in prange(parts):
        scores = np.zeros(rows, np.int64)
        marks = np.zeros(rows, np.int32)
        touched = np.empty(rows, np.int32)
        values = np.empty(lists.shape[1], np.int64)
        for at in range(part, readers.shape[0], parts):
            reached, out = 2 * at + 1, 2 * at + 2
            first, last = indptr[readers[at]], indptr[readers[at] + 1]
            count = 0
            for entry in range(first, last):
                row = indices[entry]
                if row >= neighbours.shape[0]:
                    continue
                for slot in range(neighbours.shape[1]):
                    other = neighbours[row, slot]
                    if other < 0:
                        break
                    if marks[other] != reached:
                        marks[other] = reached
                        scores[other] = 0
                        touched[count] = other
                        count += 1
                    scores[other] += history_weights[entry] * np.int64(weights[row, slot])
            for entry in range(first, last):
                marks[indices[entry]] = out
            filled = 0
            for position in range(count):
                other = touched[position]
                if marks[other] == reached and scores[other] > 0:
                    filled = _insert(lists[at], values, filled, other, scores[other])
            for position in range(filled):
                marks[lists[at, position]] = out
            for position in range(rows):
                if filled == lists.shape[1]:
                    break
                if marks[order[position]] != out:
                    lists[at, filled] = order[position]
                    filled += 1
