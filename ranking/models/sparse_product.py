"""Sparse times dense on all cores: what decompositions spend their time on.

Owns one kernel; scipy's own product runs on one core. Each output row is summed by one thread in the order
of the sparse row, so the result does not depend on the number of threads.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit, prange
from numpy.typing import NDArray
from scipy import sparse


def multiply(
    matrix: sparse.csr_matrix, dense: NDArray[np.float32], out: NDArray[np.float32] | None = None
) -> NDArray[np.float32]:
    """``matrix`` float32 [R, N] times ``dense`` float32 [N, K] C-ordered: float32 [R, K], into ``out`` if
    given.
    """
    rows = int(matrix.shape[0])
    result = np.empty((rows, dense.shape[1]), np.float32) if out is None else out
    _multiply(matrix.indptr, matrix.indices, matrix.data, dense, result)
    return result


@njit(parallel=True, cache=True, nogil=True, fastmath={"contract"})
def _multiply(indptr: Any, indices: Any, data: Any, dense: Any, out: Any) -> None:
    width = dense.shape[1]
    for row in prange(out.shape[0]):
        target = out[row]
        target[:] = np.float32(0)
        for entry in range(indptr[row], indptr[row + 1]):
            value = data[entry]
            source = dense[indices[entry]]
            for column in range(width):
                target[column] += value * source[column]
