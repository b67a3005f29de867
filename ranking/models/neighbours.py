"""Neighbours: items that the same readers act on, weighted by BM25 or cosine.

The classic item-to-item model: cheap, all weights positive, a strong yardstick, and the one that grows furthest: its
cost is the pairs of items that readers share, whatever the catalogue's size.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray
from scipy import sparse

from ranking.graph import ItemGraph
from ranking.interactions import Interactions
from ranking.models.dense import Scores, symmetric_scores
from ranking.models.pairs import Symmetric
from ranking.models.progress import Progress, stage
from ranking.models.scratch import Scratch
from ranking.models.sharing import both_ways, heaviest_sums
from ranking.models.space import Choice, Real, Whole
from ranking.models.trainer import LONGEST_HISTORY, Trainer, require, require_entries, require_width

SIMILARITIES = ("bm25", "cosine")


@dataclass(frozen=True, slots=True)
class NeighboursParameters:
    """Defaults are BM25, damping popular rows less than text retrieval damps long documents."""

    similarity: str = "bm25"
    """How co-occurrence is weighted: bm25 or cosine."""

    width: int = 200
    """M: neighbours kept a row."""

    saturation: float = 1.2
    """BM25's K1: how soon repeated weight stops counting."""

    length_penalty: float = 0.2
    """BM25's B: how strongly rows with many readers are damped, 0 to 1."""

    newest: int = LONGEST_HISTORY
    """Entries of a reader that count, newest first; 0 for all. Work grows with the square of the longest histories."""

    weighted: bool = False
    """Whether event weights count, or only that there was an event."""

    def __post_init__(self) -> None:
        """Refuse what cannot be trained with."""
        require(self.similarity in SIMILARITIES, "similarity", self.similarity, "bm25 or cosine")
        require(0 < self.saturation <= 1e6, "saturation", self.saturation, "positive and at most 1e6")
        require(0 <= self.length_penalty <= 1, "length_penalty", self.length_penalty, "from 0 to 1")
        require(0 <= self.newest <= 1 << 30, "newest", self.newest, "from 0 (all) to 2³⁰")
        require_width(self.width)


@dataclass(frozen=True, slots=True, eq=False)
class Weighting:
    """An entry's value: ``weight · gain / (row_term[row] + slope · weight) · reader_factor[reader]``."""

    gain: float
    slope: float
    row_term: NDArray[np.float64]
    """float64[N], positive for every row with entries."""

    reader_factor: NDArray[np.float64]
    """float64[R]."""


def weighting(interactions: Interactions, parameters: NeighboursParameters) -> Weighting:
    """BM25 as Robertson and Zaragoza (2009) have it, rows for documents and readers for terms with
    idf = ln N - ln(1 + d); or cosine, which divides by the length of the row.
    """
    rows = interactions.rows
    weights = interactions.weights if parameters.weighted else None
    if parameters.similarity == "cosine":
        squares = None if weights is None else weights.astype(np.float64) ** 2
        length = np.sqrt(np.bincount(interactions.indices, squares, minlength=rows))
        return Weighting(1.0, 0.0, length, np.ones(interactions.readers))
    total = np.bincount(interactions.indices, weights, minlength=rows).astype(np.float64)
    damping = 1 - parameters.length_penalty + parameters.length_penalty * total / total.mean()
    idf = np.log(rows) - np.log1p(np.diff(interactions.indptr))
    return Weighting(parameters.saturation + 1, 1.0, parameters.saturation * damping, idf)


def train(
    interactions: Interactions,
    parameters: NeighboursParameters,
    *,
    seed: int,
    progress: Progress,
    scratch: Scratch = Scratch(),  # noqa: B008 - frozen, and keeps nothing
) -> ItemGraph:
    """Train on interactions; the seed is not needed. Finished blocks are kept in ``scratch``."""
    require_entries(interactions, "neighbours")
    if parameters.newest:
        interactions = interactions.newest(parameters.newest)
    progress(0.0, "weighting entries")
    values = _values(interactions, parameters, scratch)
    entries = both_ways(interactions.indptr, interactions.indices, values, interactions.rows, scratch)
    ids, sums = heaviest_sums(entries, parameters.width, scratch=scratch, progress=stage(progress, 0.05, 0.95))
    progress(0.95, "choosing neighbours")
    graph = ItemGraph.from_arrays(ids, sums, trainer="neighbours", parameters=dataclasses.asdict(parameters))
    progress(1.0, "choosing neighbours")
    return graph


def dense(interactions: Interactions, parameters: NeighboursParameters, *, seed: int, progress: Progress) -> Scores:
    """The sums themselves, all rows that share a reader."""
    require_entries(interactions, "neighbours")
    known = interactions.newest(parameters.newest) if parameters.newest else interactions
    progress(0.0, "weighting entries")
    values = _values(known, parameters, Scratch())
    shape = (known.readers, known.rows)
    weighed = sparse.csr_matrix((values, known.indices, known.indptr), shape=shape)
    ones = np.ones(known.rows, np.float32)
    none = np.zeros((known.rows, 1), np.float32)
    progress(1.0, "weighting entries")
    return symmetric_scores(interactions, np.arange(known.rows), Symmetric(none, None, weighed), ones, ones)


def _values(interactions: Interactions, parameters: NeighboursParameters, scratch: Scratch) -> NDArray[np.float32]:
    """float32[n]: what each entry counts."""
    by = weighting(interactions, parameters)
    values: NDArray[np.float32] = scratch.array("values", interactions.count, np.float32)
    weights = interactions.weights if parameters.weighted else np.ones(1, np.float32)
    _value(interactions.indptr, interactions.indices, weights, by.gain, by.slope, by.row_term, by.reader_factor, values)
    return values


@njit(cache=True, nogil=True)
def _value(
    starts: Any, rows: Any, weights: Any, gain: Any, slope: Any, row_term: Any, reader_factor: Any, values: Any
) -> None:
    for reader in range(starts.size - 1):
        for entry in range(starts[reader], starts[reader + 1]):
            weight = np.float64(weights[entry if weights.size > 1 else 0])
            term = row_term[rows[entry]] + slope * weight
            values[entry] = weight * gain / term * reader_factor[reader]


TRAINER = Trainer(
    "neighbours",
    "items that the same readers act on (BM25 or cosine)",
    NeighboursParameters,
    train,
    train,
    dense,
    {
        "similarity": Choice(SIMILARITIES),
        "width": Whole(20, 400, log=True),
        "saturation": Real(0.3, 1000.0, log=True),
        "length_penalty": Real(0.0, 1.0),
    },
)
