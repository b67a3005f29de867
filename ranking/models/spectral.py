"""Spectral: a low-pass filter on the graph of readers and rows, as one item-to-item matrix.

With R the readers × rows matrix and d_u, d_i its degrees, take the leading right singular vectors V and
values s of ``D_u^-p R D_i^-q`` and let ``B = D_i^-q V (s / s_1)^b Vᵀ D_i^q``. A linear graph filter in the
family of GF-CF (Shen et al. 2021), Turbo-CF (Park et al. 2024) and ChebyCF (Kim et al. 2025).
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from ranking.graph import ItemGraph
from ranking.interactions import Interactions
from ranking.models.decomposition import right_singular
from ranking.models.pairs import top_pairs
from ranking.models.progress import Progress, stage
from ranking.models.trainer import Trainer, require, require_entries, require_width


@dataclass(frozen=True, slots=True)
class SpectralParameters:
    """Defaults suit data in which readers act on tens of rows each."""

    components: int = 0
    """K: singular vectors kept, at most the smaller side of the matrix; 0 takes a twentieth of it, 32 to 2048."""

    reader_exponent: float = 0.4
    """p: how strongly readers with long histories are damped."""

    row_exponent: float = 0.5
    """q: how strongly popular rows are damped while comparing."""

    filter_exponent: float = 1.0
    """b: 0 treats all components alike, larger values favour the leading ones."""

    width: int = 200
    """M: neighbours kept a row."""

    oversampling: int = 160
    """Extra dimensions of the random subspace."""

    power_iterations: int = 3
    """Refinements of the subspace; each passes over the matrix twice."""

    weighted: bool = False
    """Whether event weights count, or only that there was an event."""

    def __post_init__(self) -> None:
        """Refuse what cannot be trained with."""
        require(0 <= self.components <= 16_384, "components", self.components, "from 0 to 16384")
        require(0 <= self.reader_exponent <= 2, "reader_exponent", self.reader_exponent, "from 0 to 2")
        require(0 <= self.row_exponent <= 2, "row_exponent", self.row_exponent, "from 0 to 2")
        require(0 <= self.filter_exponent <= 8, "filter_exponent", self.filter_exponent, "from 0 to 8")
        require(0 <= self.oversampling <= 4096, "oversampling", self.oversampling, "from 0 to 4096")
        require(0 <= self.power_iterations <= 64, "power_iterations", self.power_iterations, "from 0 to 64")
        require_width(self.width)


def train(interactions: Interactions, parameters: SpectralParameters, *, seed: int, progress: Progress) -> ItemGraph:
    """Train on interactions; rows that nobody has acted on get no neighbours."""
    require_entries(interactions, "spectral")
    matrix = interactions.matrix(binary=not parameters.weighted)
    active = np.flatnonzero(interactions.popularity())
    matrix = sparse.csr_matrix(matrix[:, active])
    row_degree = np.asarray(matrix.sum(axis=0), np.float64).ravel()
    reader_degree = np.asarray(matrix.sum(axis=1), np.float64).ravel()
    normalised = sparse.csr_matrix(
        sparse.diags_array(_power(reader_degree, -parameters.reader_exponent))
        @ matrix
        @ sparse.diags_array(_power(row_degree, -parameters.row_exponent)),
        dtype=np.float32,
    )
    components = parameters.components or min(2048, max(32, min(matrix.shape) // 20))
    vectors, values = right_singular(
        normalised,
        components,
        oversampling=parameters.oversampling,
        power_iterations=parameters.power_iterations,
        seed=seed,
        progress=stage(progress, 0.0, 0.4),
    )
    gain = (values / values[0]) ** (parameters.filter_exponent / 2)
    ids, weights = top_pairs(
        np.ascontiguousarray(vectors * gain),
        _power(row_degree, -parameters.row_exponent),
        _power(row_degree, parameters.row_exponent),
        parameters.width,
        stage(progress, 0.4, 1.0),
    )
    return ItemGraph.from_arrays(
        *spread(ids, weights, active, interactions.rows),
        trainer="spectral",
        parameters={**dataclasses.asdict(parameters), "components": values.size, "seed": seed},
    )


def spread(
    ids: NDArray[np.int32], weights: NDArray[np.float32], active: NDArray[np.int64], rows: int
) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
    """Ids and weights [A, M] over the ``active`` rows, as ids and weights [rows, M] over all."""
    all_ids = np.full((rows, ids.shape[1]), -1, np.int32)
    all_weights = np.zeros((rows, ids.shape[1]), np.float32)
    all_ids[active] = np.where(ids >= 0, active[ids], -1)
    all_weights[active] = weights
    return all_ids, all_weights


def _power(degrees: NDArray[np.float64], exponent: float) -> NDArray[np.float32]:
    """``degrees ** exponent``, and 0 where the degree is 0."""
    return np.where(degrees > 0, np.power(np.maximum(degrees, 1e-12), exponent), 0).astype(np.float32)


TRAINER = Trainer(
    "spectral", "low-pass filter on the reader-item graph; best on large catalogues", SpectralParameters, train
)
