"""Neighbours: items that the same readers act on, weighted by BM25 or cosine (the `implicit` library).

The classic item-to-item model: cheap, all weights positive, and a strong yardstick.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

from scipy import sparse
from threadpoolctl import threadpool_limits

from ranking.graph import ItemGraph
from ranking.interactions import Interactions
from ranking.models.heaviest import heaviest_sparse
from ranking.models.progress import Progress
from ranking.models.trainer import Trainer, require, require_entries, require_width

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

    weighted: bool = False
    """Whether event weights count, or only that there was an event."""

    def __post_init__(self) -> None:
        """Refuse what cannot be trained with."""
        require(self.similarity in SIMILARITIES, "similarity", self.similarity, "bm25 or cosine")
        require(0 < self.saturation <= 1e6, "saturation", self.saturation, "positive and at most 1e6")
        require(0 <= self.length_penalty <= 1, "length_penalty", self.length_penalty, "from 0 to 1")
        require_width(self.width)


def train(interactions: Interactions, parameters: NeighboursParameters, *, seed: int, progress: Progress) -> ItemGraph:
    """Train on interactions; the seed is not needed."""
    from implicit.nearest_neighbours import ItemItemRecommender, bm25_weight, normalize

    require_entries(interactions, "neighbours")
    by_row = interactions.matrix(binary=not parameters.weighted).T
    if parameters.similarity == "bm25":
        weighted = bm25_weight(by_row, K1=parameters.saturation, B=parameters.length_penalty)
    else:
        weighted = normalize(by_row)
    # One more than the width, because implicit counts the row itself among its neighbours.
    model = ItemItemRecommender(K=parameters.width + 1)
    with threadpool_limits(limits=1, user_api="blas"):
        model.fit(sparse.csr_matrix(weighted.T), show_progress=False)
    progress(0.8, "choosing neighbours")
    ids, weights = heaviest_sparse(sparse.csr_matrix(model.similarity), parameters.width)
    progress(1.0, "choosing neighbours")
    return ItemGraph.from_arrays(ids, weights, trainer="neighbours", parameters=dataclasses.asdict(parameters))


TRAINER = Trainer("neighbours", "items that the same readers act on (BM25 or cosine)", NeighboursParameters, train)
