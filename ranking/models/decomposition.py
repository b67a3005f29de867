"""Truncated singular value decomposition by randomized subspace iteration, in float32 on all cores.

Owns the method (Halko, Martinsson and Tropp 2011, algorithms 4.4 and 5.1, with a Rayleigh–Ritz step on the
Gram matrix). Orthonormal bases come from shifted Cholesky (Fukaya et al. 2020), which runs at the speed of a
matrix product, and from Householder where that is not enough. Same seed, same machine, same result.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from scipy import linalg, sparse
from threadpoolctl import threadpool_limits

from ranking.models.cores import available
from ranking.models.progress import Progress
from ranking.models.sparse_product import multiply

Start = Callable[[int], NDArray[np.float32]]
"""Makes a block float32 [N, b] of a width b, to begin with."""

_EPSILON = float(np.finfo(np.float32).eps)
_PASSES = 3
_ORTHONORMAL = 1e-4


def right_singular(
    matrix: sparse.csr_matrix,
    components: int,
    *,
    oversampling: int,
    power_iterations: int,
    seed: int,
    progress: Progress,
    start: Start | None = None,
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Leading right singular vectors V float32 [N, K] and values float32 [K], falling, of a float32 CSR [R,
    N].

    K is ``components`` capped at min(R, N). More power iterations come closer to the exact decomposition;
    fewer leave a soft tail behind the last component. ``start`` makes the block to begin with, where there is one that
    lies nearer to the vectors sought than a random one does.
    """
    rows, columns = (int(extent) for extent in matrix.shape)
    kept = min(components, rows, columns)
    block = min(kept + oversampling, rows, columns)
    if kept == 0:
        return np.zeros((columns, 0), np.float32), np.zeros(0, np.float32)
    across = sparse.csr_matrix(matrix.T)
    lean, wide = (matrix, across) if rows <= columns else (across, matrix)
    rounds = power_iterations + 2
    with threadpool_limits(limits=available(), user_api="blas"):
        if start is None:
            draw = np.random.default_rng(seed)
            basis = multiply(lean, draw.standard_normal((int(lean.shape[1]), block), dtype=np.float32))
        else:
            basis = multiply(lean, start(block)) if rows <= columns else start(block)
        for step in range(power_iterations):
            progress((step + 1) / rounds, "decomposing")
            basis = _better_conditioned(basis)
            basis = multiply(lean, multiply(wide, basis), out=basis)
        basis = orthonormal(basis)
        progress((rounds - 1) / rounds, "decomposing")
        image = multiply(wide, basis)
        squares, rotation = linalg.eigh(image.T @ image, subset_by_index=[block - kept, block - 1], check_finite=False)
        rotation = np.ascontiguousarray(rotation[:, ::-1], dtype=np.float32)
        values = np.sqrt(np.maximum(squares[::-1], 0)).astype(np.float32)
        if rows > columns:
            vectors = basis @ rotation
        else:
            vectors = (image @ rotation) / np.where(values > values[0] * _EPSILON, values, np.inf)
    progress(1.0, "decomposing")
    return vectors, values


def orthonormal(block: NDArray[np.float32]) -> NDArray[np.float32]:
    """An orthonormal basis float32 [n, k] of the columns of a block [n, k ≤ n], completed where they are
    dependent.
    """
    for _ in range(_PASSES):
        block = _better_conditioned(block)
        gram = block.T @ block
        gram[np.diag_indices_from(gram)] -= 1
        if float(np.abs(gram).max(initial=0.0)) < _ORTHONORMAL:
            return block
    return np.ascontiguousarray(np.linalg.qr(block)[0])


def _better_conditioned(block: NDArray[np.float32]) -> NDArray[np.float32]:
    """The same column space with columns of length one that are close to orthogonal: one shifted Cholesky
    pass.
    """
    lengths = np.sqrt(np.einsum("ij,ij->j", block, block))
    scaled = block / np.where(lengths > 0, lengths, 1)
    gram = scaled.T @ scaled
    gram[np.diag_indices_from(gram)] += 10 * _EPSILON * gram.shape[0] ** 0.5
    try:
        upper = linalg.cholesky(gram, overwrite_a=True, check_finite=False)
    except linalg.LinAlgError:
        return np.ascontiguousarray(np.linalg.qr(block)[0])
    solved = linalg.solve_triangular(upper, scaled.T, trans="T", overwrite_b=True, check_finite=False)
    return np.ascontiguousarray(solved.T)
