"""ALS: matrix factorisation of implicit feedback (Hu, Koren and Volinsky 2008; the `implicit` library).

Reader factors are thrown away. What remains of the model for a reader's history is linear in it up to a
normalisation: with item factors Y, ``B = Y (YᵀY + λI + c·YᵀDY)⁻¹ Yᵀ`` is the fold-in of a reader whose
history is the average one, so the factors become a graph like all others.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import linalg
from threadpoolctl import threadpool_limits

from ranking.graph import ItemGraph
from ranking.interactions import Interactions
from ranking.models.cores import available
from ranking.models.dense import Scores, symmetric_scores
from ranking.models.pairs import Symmetric, top_pairs
from ranking.models.progress import Progress, stage
from ranking.models.space import WEIGHTED, Real, Whole
from ranking.models.spectral import spread
from ranking.models.trainer import Trainer, require, require_entries, require_width


@dataclass(frozen=True, slots=True)
class AlsParameters:
    """Defaults suit thousands to hundreds of thousands of rows."""

    factors: int = 128
    """Dimensions of the factorisation."""

    regularization: float = 10.0
    """λ: ridge on every factor."""

    confidence: float = 10.0
    """α: how much more an event counts than its absence, per unit of weight."""

    iterations: int = 15
    """Alternations."""

    width: int = 200
    """M: neighbours kept a row."""

    weighted: bool = False
    """Whether event weights count, or only that there was an event."""

    def __post_init__(self) -> None:
        """Refuse what cannot be trained with."""
        require(1 <= self.factors <= 4096, "factors", self.factors, "from 1 to 4096")
        require(0 < self.regularization < 1e6, "regularization", self.regularization, "positive and below 1e6")
        require(0 < self.confidence < 1e6, "confidence", self.confidence, "positive and below 1e6")
        require(1 <= self.iterations <= 1000, "iterations", self.iterations, "from 1 to 1000")
        require_width(self.width)


def train(interactions: Interactions, parameters: AlsParameters, *, seed: int, progress: Progress) -> ItemGraph:
    """Train on interactions; rows that nobody has acted on get no neighbours."""
    active, folded = _model(interactions, parameters, seed, stage(progress, 0.0, 0.7))
    with threadpool_limits(limits=available(), user_api="blas"):
        ones = np.ones(active.size, np.float32)
        ids, weights = top_pairs(Symmetric(folded), ones, ones, parameters.width, stage(progress, 0.7, 1.0))
    return ItemGraph.from_arrays(
        *spread(ids, weights, active, interactions.rows),
        trainer="als",
        parameters={**dataclasses.asdict(parameters), "seed": seed},
    )


def dense(interactions: Interactions, parameters: AlsParameters, *, seed: int, progress: Progress) -> Scores:
    """The fold-in of the average reader, all pairs of rows."""
    active, folded = _model(interactions, parameters, seed, progress)
    ones = np.ones(active.size, np.float32)
    return symmetric_scores(interactions, active, Symmetric(folded), ones, ones)


def _model(
    interactions: Interactions, parameters: AlsParameters, seed: int, progress: Progress
) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """Active rows and the factors whose Gram matrix is the model."""
    from implicit.als import AlternatingLeastSquares

    require_entries(interactions, "als")

    def told(iteration: int, *_: Any) -> None:
        progress((iteration + 1) / parameters.iterations, "alternating")

    # implicit parallelises over rows itself; a threaded BLAS beneath it would only contend.
    with threadpool_limits(limits=1, user_api="blas"):
        model = AlternatingLeastSquares(
            factors=parameters.factors,
            regularization=parameters.regularization,
            alpha=parameters.confidence,
            iterations=parameters.iterations,
            random_state=seed,
        )
        matrix = interactions.confidences(weighted=parameters.weighted)
        model.fit(matrix, show_progress=False, callback=told)
    popularity = interactions.popularity()
    active = np.flatnonzero(popularity)
    factors = np.asarray(model.item_factors, np.float32)[active]
    with threadpool_limits(limits=available(), user_api="blas"):
        return active, _folded(factors, popularity[active], interactions.readers, parameters)


def _folded(
    factors: NDArray[np.float32], popularity: NDArray[np.int64], readers: int, parameters: AlsParameters
) -> NDArray[np.float32]:
    """``Y W^½`` [N, K], with W the fold-in of the average reader; its Gram matrix is the model."""
    real = factors.astype(np.float64)
    share = popularity / max(1, readers)
    normal = real.T @ real + parameters.confidence * (real.T * share) @ real
    normal[np.diag_indices_from(normal)] += parameters.regularization
    lower = linalg.cholesky(normal, lower=True)
    return np.ascontiguousarray(linalg.solve_triangular(lower, real.T, lower=True).T, dtype=np.float32)


TRAINER = Trainer(
    "als",
    "matrix factorisation by alternating least squares",
    AlsParameters,
    train,
    dense=dense,
    space={
        "factors": Whole(16, 256, log=True),
        "regularization": Real(0.01, 100.0, log=True),
        "confidence": Real(0.3, 100.0, log=True),
        "width": Whole(100, 800, log=True),
        "weighted": WEIGHTED,
    },
)
