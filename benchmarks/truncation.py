"""What cutting a model down to a graph costs: held-out recall of the served graph over that of its dense model.

The dense model is the same training at full width, every neighbour of every row kept; the served graph is its first
columns. With half of the items blocked, lists hold allowed items alone, the graph is what it was, and recall is over
the allowed held-out items. Data: MovieLens ``ml-latest-small`` in the folder that ``WEIR_DATA`` names (ratings of 3.5
and more), else drawn interactions. Run it with ``python -m benchmarks truncation``.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from benchmarks.building import drawn
from experiments.evaluation import judge
from experiments.splits import Split, latest_of_each, validation
from experiments.statistics import paired_bootstrap
from ranking.graph import ItemGraph
from ranking.interactions import Interactions
from ranking.models import silent, trainer

K = 20
MOST_ROWS = 4000
"""A graph keeps at most 4096 neighbours a row, so a dense model has no more rows than that."""

WIDTHS = (100, 200, 400)
KEPT = 200
"""Neighbours a row that trainers keep unless told otherwise."""

_MOST_DRAWN = 2000
_LIKED = 3.5
_MODELS: Mapping[str, Mapping[str, Any]] = {"ease": {}, "spectral": {"components": 256}}


@dataclass(frozen=True, slots=True)
class TruncationRow:
    """Recall@20 on the held-out entries: the dense model's and the graph's of so many neighbours a row."""

    data: str
    model: str
    width: int
    blocked: float
    dense: float
    graph: float
    low: float
    high: float
    """Paired bootstrap over readers: the 95 % interval of the graph's recall."""

    @property
    def ratio(self) -> float:
        """The graph's over the dense model's."""
        return self.graph / self.dense


@dataclass(frozen=True, slots=True)
class Truncation:
    """All that was measured."""

    rows: tuple[TruncationRow, ...]

    def results(self) -> dict[str, float]:
        """Flat keys for ``benchmarks/results/latest.json``: the worst model's, at the width that trainers keep."""
        flat = {}
        kept = [row for row in self.rows if row.width == KEPT]
        for blocked in sorted({row.blocked for row in kept}):
            suffix = f"_{blocked * 100:.0f}_blocked" if blocked else ""
            worst = min(row.ratio for row in kept if row.blocked == blocked)
            flat[f"graph_recall_over_dense{suffix}"] = round(worst, 4)
        return flat


def run(*, rows: int = MOST_ROWS, shares_blocked: Sequence[float] = (0.0, 0.5)) -> Truncation:
    """Train every model once at full width, and judge it whole and cut, at every share blocked."""
    name, split = _data(rows)
    made = []
    for model, parameters in _MODELS.items():
        chosen = trainer(model)
        full = split.train.rows - 1
        graph = chosen.train(split.train, chosen.parse({**parameters, "width": full}), seed=1, progress=silent)
        for share in shares_blocked:
            blocked = np.random.default_rng(3).random(split.train.rows) < share
            dense = _recall(graph, split, blocked)
            for width in WIDTHS:
                cut = _recall(graph.narrowed(width), split, blocked)
                mean, over = float(dense.mean()), paired_bootstrap(cut, dense, seed=1)
                recalls = (mean, float(cut.mean()), mean + over.low, mean + over.high)
                made.append(TruncationRow(name, model, width, share, *recalls))
    return Truncation(tuple(made))


def _recall(graph: ItemGraph, split: Split, blocked: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Recall@20 by reader, of the lists that serving would give: summed votes, positive ones, without history and
    blocked items."""
    allowed = Split(split.train, split.test.where(~blocked[split.test.indices]))
    readers = np.flatnonzero(np.diff(allowed.test.indptr)).astype(np.int64)
    history = split.train.matrix(binary=True).astype(np.float64)[readers]
    ids, weights = graph.neighbours, graph.weights
    present = ids >= 0
    matrix = sparse.csr_matrix(
        (weights[present].astype(np.float64), ids[present], np.append(0, np.cumsum(present.sum(axis=1)))),
        shape=(split.train.rows, split.train.rows),
    )
    scores = (history @ matrix).toarray()  # whole numbers below 2**53: exact
    scores[history.nonzero()] = -np.inf
    scores[:, blocked] = -np.inf
    best = np.argsort(-scores, axis=1, kind="stable")[:, :K]
    lists = np.where(np.take_along_axis(scores, best, axis=1) > 0, best, -1).astype(np.int32)
    return judge(lists, readers, allowed).recall


def _data(rows: int) -> tuple[str, Split]:
    folder = os.environ.get("WEIR_DATA")
    ratings = Path(folder) / "ml-latest-small" / "ratings.csv" if folder else None
    if ratings is None or not ratings.exists():
        rows = min(rows, _MOST_DRAWN)
        return "drawn", validation(_most_active(drawn(rows, rows * 50), rows), seed=1)
    reader, item, stars, second = np.loadtxt(ratings, delimiter=",", skiprows=1, unpack=True)
    liked = stars >= _LIKED
    _, row = np.unique(item[liked], return_inverse=True)
    all_rows = Interactions.from_columns(reader[liked].astype(np.int64), row, second[liked].astype(np.int64))
    return "ml-latest-small", latest_of_each(_most_active(all_rows, rows))


def _most_active(interactions: Interactions, rows: int) -> Interactions:
    """The interactions with the rows that most readers acted on, numbered anew."""
    kept = np.sort(np.argsort(-interactions.popularity(), kind="stable")[:rows])
    number = np.full(interactions.rows, -1, dtype=np.int64)
    number[kept] = np.arange(kept.size)
    left = interactions.where(number[interactions.indices] >= 0)
    times = left.times if left.timed else None
    return Interactions.from_columns(left.entry_readers(), number[left.indices], times, rows=kept.size)
