"""Dense models: what a trainer knows before its graph is cut to the heaviest neighbours and rounded to integers.

Owns how a reader's history is scored by such a model. It measures what the cut costs and never serves: a row of scores
is as long as the catalogue.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from ranking.interactions import Interactions
from ranking.models.pairs import Symmetric
from ranking.models.progress import Progress

Scores = Callable[[NDArray[np.int64]], NDArray[np.float32]]
"""Readers int64[b] to scores float32[b, N]; -inf where the model knows nothing of a row."""


class Dense(Protocol):
    """Train on interactions as `Train` does, and keep everything."""

    def __call__(self, interactions: Interactions, parameters: Any, *, seed: int, progress: Progress) -> Scores:
        """How the model scores the readers of ``interactions``, every entry of a history counting the same."""


def symmetric_scores(
    interactions: Interactions,
    active: NDArray[np.int64],
    matrix: Symmetric,
    row_scale: NDArray[np.float32],
    column_scale: NDArray[np.float32],
) -> Scores:
    """Scores by ``diag(row_scale) S diag(column_scale)`` over the ``active`` rows; scales float32 [A]."""
    histories = _histories(interactions, active, row_scale)
    factors, signs, part = matrix.factors, matrix.signs, matrix.sparse_part

    def scores(readers: NDArray[np.int64]) -> NDArray[np.float32]:
        history = histories[readers]
        left = np.asarray(history @ factors)
        known = (left if signs is None else left * signs) @ factors.T
        if part is not None:
            known += ((history @ part.T) @ part).toarray()
        return spread_scores(known * column_scale, active, interactions.rows)

    return scores


def matrix_scores(interactions: Interactions, active: NDArray[np.int64], matrix: NDArray[np.float32]) -> Scores:
    """Scores by a dense matrix float32 [A, A] over the ``active`` rows."""
    histories = _histories(interactions, active, np.ones(active.size, np.float32))

    def scores(readers: NDArray[np.int64]) -> NDArray[np.float32]:
        return spread_scores(np.asarray(histories[readers] @ matrix), active, interactions.rows)

    return scores


def spread_scores(known: NDArray[np.float32], active: NDArray[np.int64], rows: int) -> NDArray[np.float32]:
    """Scores float32 [b, A] of the ``active`` rows as scores [b, ``rows``] of all."""
    made = np.full((known.shape[0], rows), -np.inf, np.float32)
    made[:, active] = known
    return made


def _histories(
    interactions: Interactions, active: NDArray[np.int64], row_scale: NDArray[np.float32]
) -> sparse.csr_matrix:
    seen = sparse.csr_matrix(interactions.matrix(binary=True)[:, active])
    return sparse.csr_matrix(seen @ sparse.diags_array(row_scale), dtype=np.float32)
