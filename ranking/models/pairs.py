"""All pairs of rows, top-M of each, without N² memory: how factors become a graph.

Owns the blocked product and the running selection. Of the symmetric product only one half is computed; every
tile serves its rows and its columns. For given factors the result does not depend on the number of threads
of the selection.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numba import njit, prange
from numpy.typing import NDArray
from scipy import sparse

from ranking.models.progress import Progress
from ranking.models.selecting import lightest, select

_STRIP = 2048
_TILE = 8192
_CHUNK = 64


@dataclass(frozen=True, slots=True, eq=False)
class Symmetric:
    """A symmetric matrix [N, N] that is never formed: ``F diag(signs) Fᵀ + TᵀT``, dense factors and a sparse part."""

    factors: NDArray[np.float32]
    """F float32 [N, K], C-ordered."""

    signs: NDArray[np.float32] | None = None
    """float32 [K]: what each component counts; 1 where not given."""

    sparse_part: sparse.csr_matrix | None = None
    """T float32 CSR [R, N] with sorted indices; nothing where not given."""


def top_pairs(
    matrix: Symmetric,
    row_scale: NDArray[np.float32],
    column_scale: NDArray[np.float32],
    width: int,
    progress: Progress,
) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
    """Top ``width`` by magnitude of each row of ``diag(row_scale) S diag(column_scale)``, without its diagonal.

    Scales float32 [N], not negative. Returns ids int32 [N, M], -1 where there is none, and weights float32 [N, M], in
    no particular order within a row, with M = min(width, N - 1) but at least 1. Memory: O(N·(K + M)) and one tile of
    64 MB; time: N²·K for the dense part, the squared history lengths of all readers for the sparse part.
    """
    factors = matrix.factors
    rows = factors.shape[0]
    kept = max(1, min(width, rows - 1))
    room = 2 * kept + 64
    ids = np.full((rows, room), -1, np.int32)
    values = np.zeros((rows, room), np.float32)
    filled = np.zeros(rows, np.int64)
    floor = np.zeros(rows, np.float32)
    buffer = np.empty(_STRIP * _TILE, np.float32)
    state = (ids, values, filled, floor, kept)
    add = _sparse_adder(matrix.sparse_part)
    for start in range(0, rows, _STRIP):
        stop = min(start + _STRIP, rows)
        strip = factors[start:stop] if matrix.signs is None else factors[start:stop] * matrix.signs
        tile = _product(strip, factors[start:stop], buffer)
        add(tile, start, start)
        np.fill_diagonal(tile, 0)
        _by_row(tile, start, start, column_scale, *state)
        for left in range(stop, rows, _TILE):
            right = min(left + _TILE, rows)
            tile = _product(strip, factors[left:right], buffer)
            add(tile, start, left)
            _by_row(tile, start, left, column_scale, *state)
            _by_column(tile, start, left, column_scale, *state)
        progress(1 - ((rows - stop) / rows) ** 2, "comparing all pairs of rows")
    _finish(ids, values, filled, kept)
    return ids[:, :kept].copy(), values[:, :kept] * row_scale[:, None]


def _sparse_adder(part: sparse.csr_matrix | None) -> Callable[[NDArray[np.float32], int, int], None]:
    """A function that adds the tile of TᵀT at (start, left)."""
    if part is None:
        return lambda tile, start, left: None
    across = sparse.csc_matrix(part)
    arrays = (across.indptr, across.indices, across.data, part.indptr, part.indices, part.data)
    return lambda tile, start, left: _add_sparse(tile, start, left, *arrays)


def _product(left: NDArray[np.float32], right: NDArray[np.float32], buffer: NDArray[np.float32]) -> NDArray[np.float32]:
    shape = (left.shape[0], right.shape[0])
    out = buffer[: shape[0] * shape[1]].reshape(shape)
    np.matmul(left, right.T, out=out)
    return out


@njit(parallel=True, cache=True, nogil=True)
def _add_sparse(
    tile: Any, start: int, left: int, c_indptr: Any, c_indices: Any, c_data: Any, indptr: Any, indices: Any, data: Any
) -> None:
    right = left + tile.shape[1]
    for at in prange(tile.shape[0]):
        for entry in range(c_indptr[start + at], c_indptr[start + at + 1]):
            reader, value = c_indices[entry], c_data[entry]
            first, last = indptr[reader], indptr[reader + 1]
            first += np.searchsorted(indices[first:last], left)
            for other in range(first, last):
                if indices[other] >= right:
                    break
                tile[at, indices[other] - left] += value * data[other]


@njit(cache=True, nogil=True)
def _offer(ids: Any, values: Any, filled: Any, floor: Any, row: int, other: int, value: Any, kept: int) -> None:
    at = filled[row]
    ids[row, at] = other
    values[row, at] = value
    filled[row] = at + 1
    if at + 1 == ids.shape[1]:
        select(ids[row], values[row], at + 1, kept)
        filled[row] = kept
        floor[row] = lightest(values[row], kept)


@njit(parallel=True, cache=True, nogil=True)
def _by_row(
    tile: Any, start: int, left: int, scale: Any, ids: Any, values: Any, filled: Any, floor: Any, kept: int
) -> None:
    for at in prange(tile.shape[0]):
        row = start + at
        for column in range(tile.shape[1]):
            value = tile[at, column] * scale[left + column]
            if abs(value) > floor[row]:
                _offer(ids, values, filled, floor, row, left + column, value, kept)


@njit(parallel=True, cache=True, nogil=True)
def _by_column(
    tile: Any, start: int, left: int, scale: Any, ids: Any, values: Any, filled: Any, floor: Any, kept: int
) -> None:
    columns = tile.shape[1]
    for chunk in prange((columns + _CHUNK - 1) // _CHUNK):
        first = chunk * _CHUNK
        last = min(first + _CHUNK, columns)
        for at in range(tile.shape[0]):
            for column in range(first, last):
                value = tile[at, column] * scale[start + at]
                if abs(value) > floor[left + column]:
                    _offer(ids, values, filled, floor, left + column, start + at, value, kept)


@njit(parallel=True, cache=True, nogil=True)
def _finish(ids: Any, values: Any, filled: Any, kept: int) -> None:
    for row in prange(ids.shape[0]):
        select(ids[row], values[row], filled[row], kept)
