"""Peers: the models of the `implicit` library under their own scores, to compare with and never to serve.

Owns one entry for each: its parameters, where a search looks for better ones, and how it scores. Nothing of ours stands
between a peer's model and its lists: item-to-item models score ``R · S`` and factor models ``U Yᵀ``, as their own
``recommend`` does.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import numpy as np
from scipy import sparse
from threadpoolctl import threadpool_limits

from ranking.errors import TrainingError
from ranking.interactions import Interactions
from ranking.models.dense import Scores
from ranking.models.space import Real, Space, Whole
from ranking.models.trainer import require_entries

_NEIGHBOURS: Space = MappingProxyType({"K": Whole(10, 400, log=True)})
_FACTORS: Space = MappingProxyType(
    {"factors": Whole(16, 256, log=True), "regularization": Real(0.001, 100.0, log=True)}
)


@dataclass(frozen=True, slots=True)
class Peer:
    """One model of the library."""

    name: str
    module: str
    model: str
    """Where the library keeps it."""

    defaults: Mapping[str, Any]
    """Parameters, by the library's own names."""

    space: Space
    factors: bool = False
    """Whether it is a factor model; otherwise it is an item-to-item model."""

    def scores(self, interactions: Interactions, given: Mapping[str, Any], *, seed: int) -> Scores:
        """Train on interactions with the defaults and what is ``given``; TrainingError for an unknown parameter."""
        require_entries(interactions, self.name)
        unknown = sorted(set(given) - set(self.defaults))
        if unknown:
            raise TrainingError(f"{self.name} has no parameter {unknown[0]}; it has: {', '.join(self.defaults)}")
        parameters = {**self.defaults, **given}
        matrix = interactions.matrix(binary=True)
        module = __import__(self.module, fromlist=[self.model])
        made = getattr(module, self.model)
        with threadpool_limits(limits=1, user_api="blas"), warnings.catch_warnings():
            # The library converts its own matrices and warns of how long that took.
            warnings.simplefilter("ignore")
            if not self.factors:
                model = made(**parameters)
                model.fit(matrix, show_progress=False)
                similarity = sparse.csr_matrix(model.similarity)
                return lambda readers: np.asarray((matrix[readers] @ similarity).toarray(), np.float32)
            # BPR's threads write over each other, so only one of them gives the same model again.
            threads = {"num_threads": 1} if self.model == "BayesianPersonalizedRanking" else {}
            model = made(**parameters, **threads, random_state=seed)
            model.fit(matrix, show_progress=False)
        known, rows = np.asarray(model.user_factors), np.asarray(model.item_factors)
        return lambda readers: np.asarray(known[readers] @ rows.T, np.float32)


peers: Mapping[str, Peer] = MappingProxyType(
    {
        each.name: each
        for each in (
            Peer(
                "implicit-als",
                "implicit.als",
                "AlternatingLeastSquares",
                {"factors": 100, "regularization": 0.01, "alpha": 1.0, "iterations": 15},
                MappingProxyType({**_FACTORS, "alpha": Real(0.3, 100.0, log=True)}),
                factors=True,
            ),
            Peer(
                "implicit-bm25",
                "implicit.nearest_neighbours",
                "BM25Recommender",
                {"K": 20, "K1": 1.2, "B": 0.75},
                MappingProxyType({**_NEIGHBOURS, "K1": Real(0.3, 1000.0, log=True), "B": Real(0.0, 1.0)}),
            ),
            Peer("implicit-tfidf", "implicit.nearest_neighbours", "TFIDFRecommender", {"K": 20}, _NEIGHBOURS),
            Peer("implicit-cosine", "implicit.nearest_neighbours", "CosineRecommender", {"K": 20}, _NEIGHBOURS),
            Peer(
                "implicit-bpr",
                "implicit.bpr",
                "BayesianPersonalizedRanking",
                {"factors": 100, "learning_rate": 0.01, "regularization": 0.01, "iterations": 100},
                MappingProxyType({**_FACTORS, "learning_rate": Real(0.003, 0.1, log=True)}),
                factors=True,
            ),
        )
    }
)
"""Every peer by name; the first is the strongest on most data."""
