"""Spectral: a low-pass filter on the graph of readers and rows, as one item-to-item matrix.

With R the readers × rows matrix and d_u, d_i its degrees, let ``A = D_u^-p R D_i^-q``, scaled to a largest singular
value of 1, and V, s its K leading right singular vectors and values. The model is ``B = D_i^-q H D_i^q`` with

    H = V diag(f(s)) Vᵀ + t · f(s_K) / s_K² · (AᵀA - V diag(s²) Vᵀ),    f(s) = s, or s² / (s² + μ) with a ridge μ

a filter on the leading components, and of all others a share t of what it would give them at s_K: the few leading
components generalise, the long tail remembers. A linear graph filter in the family of GF-CF
(Shen et al. 2021), Turbo-CF (Park et al. 2024) and ChebyCF (Kim et al. 2025); with p = q = 0 and all components it is
the ridge regression behind EASE (Steck 2019).
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from ranking.graph import ItemGraph
from ranking.interactions import Interactions
from ranking.models.decomposition import Start, right_singular
from ranking.models.dense import Scores, symmetric_scores
from ranking.models.pairs import Symmetric, top_pairs
from ranking.models.progress import Progress, stage
from ranking.models.scratch import Scratch
from ranking.models.sharing import shared_pairs
from ranking.models.space import Choice, Real, Whole
from ranking.models.trainer import LONGEST_HISTORY, Trainer, require, require_entries, require_width
from ranking.models.warm_start import start_block

MOST_COMPONENTS = 2048
"""Components taken unless more are asked for."""

ROUNDING = 1e-5
"""Share of the first component's square below which float32 cannot tell another one from nothing."""

WARM_ITERATIONS = 1
"""Refinements of the subspace that are left to do where training begins from an earlier graph."""

PAIRS = ("all", "shared", "auto")
MOST_ALL_PAIRS = 200_000
"""Active rows up to which ``auto`` compares all pairs: work grows with their square."""


@dataclass(frozen=True, slots=True)
class SpectralParameters:
    """Defaults suit data in which readers act on tens of rows each."""

    components: int = 0
    """K: singular vectors kept, at most the smaller side of the matrix; 0 takes a twentieth of it, 32 to 2048."""

    reader_exponent: float = 0.4
    """p: how strongly readers with long histories are damped."""

    row_exponent: float = 0.5
    """q: how strongly popular rows are damped while comparing."""

    ridge: float = 0.0
    """μ: how much a component must explain to count, as a share of what the first one does; 0: each counts by its
    singular value."""

    tail: float = 0.15
    """t: what is kept of the components after the K-th; 0 drops them. Hold-outs drawn at random want more of it, those
    of whole sessions less; this much cost on neither."""

    width: int = 300
    """M: neighbours kept a row."""

    pairs: str = "auto"
    """Which pairs of rows are compared: all, shared (rows that a reader acted on both of), or auto: all up to 200,000
    active rows."""

    newest: int = LONGEST_HISTORY
    """Entries of a reader that count, newest first; 0 for all. The work of the tail and of shared pairs grows with
    their square."""

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
        require(0 <= self.ridge <= 1e3, "ridge", self.ridge, "from 0 to 1000")
        require(0 <= self.tail <= 1, "tail", self.tail, "from 0 to 1")
        require(self.pairs in PAIRS, "pairs", self.pairs, "all, shared or auto")
        require(0 <= self.newest <= 1 << 30, "newest", self.newest, "from 0 (all) to 2³⁰")
        require(0 <= self.oversampling <= 4096, "oversampling", self.oversampling, "from 0 to 4096")
        require(0 <= self.power_iterations <= 64, "power_iterations", self.power_iterations, "from 0 to 64")
        require_width(self.width)


def train(
    interactions: Interactions,
    parameters: SpectralParameters,
    *,
    seed: int,
    progress: Progress,
    scratch: Scratch = Scratch(),  # noqa: B008 - frozen, and keeps nothing
    start: ItemGraph | None = None,
) -> ItemGraph:
    """Train on interactions; rows that nobody has acted on get no neighbours.

    The decomposition, and with shared pairs each finished block, is kept in ``scratch``. An earlier graph to ``start``
    from spares all refinements but ``WARM_ITERATIONS``; the new one names it.
    """
    active, product, (row_scale, column_scale), components = _model(
        interactions, parameters, seed, stage(progress, 0, 0.4), scratch, start
    )
    width, comparing = parameters.width, stage(progress, 0.4, 1.0)
    if parameters.pairs == "all" or (parameters.pairs == "auto" and active.size <= MOST_ALL_PAIRS):
        ids, weights = top_pairs(product, row_scale, column_scale, width, comparing)
    else:
        ids, weights = shared_pairs(product, row_scale, column_scale, width, scratch=scratch, progress=comparing)
    del product
    return ItemGraph.from_arrays(
        *spread(ids, weights, active, interactions.rows),
        trainer="spectral",
        parameters={
            **dataclasses.asdict(parameters),
            "components": components,
            "seed": seed,
            **({} if start is None else {"start": start.version}),
        },
    )


def dense(interactions: Interactions, parameters: SpectralParameters, *, seed: int, progress: Progress) -> Scores:
    """The filter itself, all pairs of rows."""
    active, product, scales, _ = _model(interactions, parameters, seed, progress, Scratch())
    return symmetric_scores(interactions, active, product, *scales)


def _model(
    interactions: Interactions,
    parameters: SpectralParameters,
    seed: int,
    progress: Progress,
    scratch: Scratch,
    start: ItemGraph | None = None,
) -> tuple[NDArray[np.int64], Symmetric, tuple[NDArray[np.float32], NDArray[np.float32]], int]:
    """Active rows, H, the scales of its rows and columns, and how many components there are."""
    require_entries(interactions, "spectral")
    if parameters.newest:
        interactions = interactions.newest(parameters.newest)
    active = np.flatnonzero(interactions.popularity())
    normalised, row_degree = _normalised(interactions, parameters, active)
    blocks = None if start is None else _blocks(start, active, row_degree, parameters, seed)
    vectors, values = _decomposed(normalised, parameters, seed, progress, scratch, blocks)
    # H as one dense and one sparse part: the tail of all components, and what the leading ones get beyond it.
    squares = (values / values[0]) ** 2
    leading = squares / (squares + parameters.ridge) if parameters.ridge else np.sqrt(squares)
    # Where the last one kept is rounding, the leading ones are all there is, and nothing is left for a tail.
    share = parameters.tail * leading[-1] / squares[-1] if squares[-1] > ROUNDING else np.float32(0)
    gain = leading - share * squares
    normalised.data *= np.float32(np.sqrt(share) / values[0])
    vectors *= np.sqrt(np.abs(gain))
    product = Symmetric(np.ascontiguousarray(vectors), np.sign(gain), normalised)
    row_scale, column_scale = (_power(row_degree, sign * parameters.row_exponent) for sign in (-1, 1))
    return active, product, (row_scale, column_scale), int(values.size)


def _normalised(
    interactions: Interactions, parameters: SpectralParameters, active: NDArray[np.int64]
) -> tuple[sparse.csr_matrix, NDArray[np.float64]]:
    """A as float32 CSR [R, active rows], and the degrees of its columns."""
    matrix = sparse.csr_matrix(interactions.confidences(weighted=parameters.weighted)[:, active])
    row_degree = np.asarray(matrix.sum(axis=0), np.float64).ravel()
    reader_degree = np.asarray(matrix.sum(axis=1), np.float64).ravel()
    scaled = (
        sparse.diags_array(_power(reader_degree, -parameters.reader_exponent))
        @ matrix
        @ sparse.diags_array(_power(row_degree, -parameters.row_exponent))
    )
    normalised = sparse.csr_matrix(scaled, dtype=np.float32)
    normalised.sort_indices()
    return normalised, row_degree


def _blocks(
    start: ItemGraph,
    active: NDArray[np.int64],
    row_degree: NDArray[np.float64],
    parameters: SpectralParameters,
    seed: int,
) -> Start:
    """Blocks that lie near the singular vectors that an earlier graph was made of."""
    scale = _power(row_degree, float(start.parameters.get("row_exponent", parameters.row_exponent)))
    return lambda width: start_block(start, active, scale, width, seed)


def _decomposed(
    normalised: sparse.csr_matrix,
    parameters: SpectralParameters,
    seed: int,
    progress: Progress,
    scratch: Scratch,
    start: Start | None,
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Right singular vectors and values; taken from ``scratch`` where an earlier run has finished them."""
    readers, rows = (int(extent) for extent in normalised.shape)
    components = parameters.components or min(MOST_COMPONENTS, max(32, min(readers, rows) // 20))
    kept = min(components, readers, rows)
    finished = scratch.get("decomposition", (rows, kept), (kept,))
    if finished is not None:
        progress(1.0, "decomposing")
        return finished[0], finished[1]
    power_iterations = parameters.power_iterations
    if start is not None:
        power_iterations = min(power_iterations, WARM_ITERATIONS)
    found = right_singular(
        normalised,
        components,
        oversampling=parameters.oversampling,
        power_iterations=power_iterations,
        seed=seed,
        progress=progress,
        start=start,
    )
    scratch.put("decomposition", *found)
    return found


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
    "spectral",
    "low-pass filter on the reader-item graph; best on large catalogues",
    SpectralParameters,
    train,
    train,
    dense,
    {
        "components": Whole(16, 2048, log=True),
        "reader_exponent": Real(0.0, 0.7),
        "row_exponent": Real(0.0, 0.7),
        "ridge": Choice((0.0, 0.03, 0.1, 0.3)),
        "tail": Choice((0.0, 0.15, 0.3, 0.5)),
    },
    train,
)
