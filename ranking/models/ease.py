"""EASE: the closed-form linear item-to-item model (Steck 2019, "Embarrassingly Shallow Autoencoders").

``P = (RᵀR + λI + p/(1-p) diag(RᵀR))⁻¹``, ``B_ij = -P_ij / P_jj``, zero diagonal; the last term is the dropout of EDLAE
(Steck 2020, "Autoencoders that don't overfit towards the Identity"). Exact, signed, and cubic in the rows: for small
catalogues.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from scipy.linalg import lapack
from threadpoolctl import threadpool_limits

from ranking.errors import TrainingError
from ranking.graph import ItemGraph
from ranking.interactions import Interactions
from ranking.models.cores import available
from ranking.models.dense import Scores, matrix_scores
from ranking.models.heaviest import heaviest
from ranking.models.progress import Progress, stage
from ranking.models.space import WEIGHTED, Real
from ranking.models.spectral import spread
from ranking.models.trainer import Trainer, require, require_entries, require_width

LARGEST = 20_000
"""Rows with interactions up to which the closed form is worth its time and its memory (1.6 GB)."""


@dataclass(frozen=True, slots=True)
class EaseParameters:
    """What matters most is the ridge."""

    regularization: float = 250.0
    """λ: larger values trust co-occurrence less; about the number of events of a popular row."""

    dropout: float = 0.0
    """p: share of a reader's rows that training leaves out at random, in expectation (EDLAE, Steck 2020); a ridge of
    p / (1 - p) times its entries on every row, so that popular rows too must not lean on a single other."""

    width: int = 400
    """M: neighbours kept a row."""

    weighted: bool = False
    """Whether event weights count, or only that there was an event."""

    def __post_init__(self) -> None:
        """Refuse what cannot be trained with."""
        require(0 < self.regularization < 1e9, "regularization", self.regularization, "positive and below 1e9")
        require(0 <= self.dropout <= 0.95, "dropout", self.dropout, "from 0 to 0.95")
        require_width(self.width)


def train(interactions: Interactions, parameters: EaseParameters, *, seed: int, progress: Progress) -> ItemGraph:
    """Train on interactions; the seed is not needed. Raises TrainingError above LARGEST active rows."""
    active, inverse = _model(interactions, parameters, stage(progress, 0.0, 0.8))
    progress(0.8, "choosing neighbours")
    ids, weights = heaviest(inverse, np.float32(-1) / inverse.diagonal(), parameters.width)
    progress(1.0, "choosing neighbours")
    return ItemGraph.from_arrays(
        *spread(ids, weights, active, interactions.rows),
        trainer="ease",
        parameters=dataclasses.asdict(parameters),
    )


def dense(interactions: Interactions, parameters: EaseParameters, *, seed: int, progress: Progress) -> Scores:
    """The closed form itself."""
    active, inverse = _model(interactions, parameters, progress)
    inverse *= np.float32(-1) / inverse.diagonal()
    return matrix_scores(interactions, active, inverse)


def _model(
    interactions: Interactions, parameters: EaseParameters, progress: Progress
) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """Active rows and P."""
    require_entries(interactions, "ease")
    active = np.flatnonzero(interactions.popularity())
    if active.size > LARGEST:
        raise TrainingError(
            f"ease: {active.size} rows have interactions, the closed form is for at most {LARGEST}; use spectral"
        )
    matrix = sparse.csr_matrix(interactions.confidences(weighted=parameters.weighted)[:, active])
    progress(0.05, "counting co-occurrences")
    gram = np.asarray((matrix.T @ matrix).toarray(), np.float32, order="F")
    ridge = parameters.dropout / (1 - parameters.dropout) * gram.diagonal() + parameters.regularization
    gram[np.diag_indices_from(gram)] += ridge.astype(np.float32)
    progress(0.25, "inverting")
    return active, _inverse(gram)


def _inverse(gram: NDArray[np.float32]) -> NDArray[np.float32]:
    """Inverse of a symmetric positive definite matrix, in place."""
    with threadpool_limits(limits=available(), user_api="blas"):
        factor, failed = lapack.spotrf(gram, lower=1, overwrite_a=1)
        if not failed:
            factor, failed = lapack.spotri(factor, lower=1, overwrite_c=1)
    if failed:
        raise TrainingError("ease: the co-occurrence matrix cannot be inverted; raise regularization")
    whole: NDArray[np.float32] = np.tril(factor)
    whole += np.tril(factor, -1).T
    return whole


TRAINER = Trainer(
    "ease",
    "closed-form linear model; catalogues up to 20,000 rows",
    EaseParameters,
    train,
    dense=dense,
    space={"regularization": Real(5.0, 5000.0, log=True), "dropout": Real(0.0, 0.8), "weighted": WEIGHTED},
)
