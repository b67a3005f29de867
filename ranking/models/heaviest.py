"""Heaviest entries of rows: how a dense or sparse item matrix becomes neighbours and weights.

Owns the selection from matrices that exist in memory; `ranking.models.pairs` owns it for products that do
not.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

_STRIP = 1024


def heaviest(
    matrix: NDArray[np.float32], column_scale: NDArray[np.float32], width: int
) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
    """Top ``width`` by magnitude of each row of ``matrix · diag(column_scale)`` [N, N], without its diagonal.

    Ids int32 [N, M], -1 where there is none, and weights float32 [N, M], M = min(width, N - 1) but at least
    1, in no particular order within a row.
    """
    rows = matrix.shape[0]
    kept = max(1, min(width, rows - 1))
    ids = np.full((rows, kept), -1, np.int32)
    weights = np.zeros((rows, kept), np.float32)
    for start in range(0, rows, _STRIP):
        stop = min(start + _STRIP, rows)
        block = matrix[start:stop] * column_scale
        block[np.arange(stop - start), np.arange(start, stop)] = 0
        best = np.argpartition(-np.abs(block), kept - 1, axis=1)[:, :kept]
        chosen = np.take_along_axis(block, best, axis=1)
        ids[start:stop] = np.where(chosen == 0, -1, best)
        weights[start:stop] = chosen
    return ids, weights


def heaviest_sparse(matrix: sparse.csr_matrix, width: int) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
    """The same of a CSR matrix [N, N]."""
    rows = int(matrix.shape[0])
    kept = max(1, min(width, rows - 1))
    ids = np.full((rows, kept), -1, np.int32)
    weights = np.zeros((rows, kept), np.float32)
    owner = np.repeat(np.arange(rows), np.diff(matrix.indptr))
    useful = (matrix.indices != owner) & (matrix.data != 0)
    owner, columns, data = owner[useful], matrix.indices[useful], matrix.data[useful]
    order = np.lexsort((columns, -np.abs(data), owner))
    owner, columns, data = owner[order], columns[order], data[order]
    starts = np.searchsorted(owner, np.arange(rows))
    slot = np.arange(owner.size) - starts[owner]
    fits = slot < kept
    ids[owner[fits], slot[fits]] = columns[fits]
    weights[owner[fits], slot[fits]] = data[fits]
    return ids, weights
