"""What cutting a model down to a graph costs: held-out recall of the served graph over that of its dense model.

``experiments.truncation`` compares; here it is asked for several widths. Data: MovieLens ``ml-latest-small`` in the
folder that ``WEIR_DATA`` names (ratings of 3.5 and more), else drawn interactions. Run it with ``python -m benchmarks
truncation``.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.building import drawn
from experiments.splits import Split, latest_of_each, validation
from experiments.truncation import BLOCKED, Truncation, truncation
from ranking.errors import TrainingError
from ranking.interactions import Interactions
from ranking.models import silent, trainer

K = 20
MOST_ROWS = 4000
WIDTHS = (100, 200, 300, 400)
_MODELS: Mapping[str, Mapping[str, Any]] = {"ease": {}, "spectral": {"components": 256}}
KEPT: Mapping[str, int] = {name: trainer(name).parameters().width for name in _MODELS}
"""Neighbours a row that trainers keep unless told otherwise."""

_MOST_DRAWN = 2000
_LIKED = 3.5
_SEED = 1


@dataclass(frozen=True, slots=True)
class TruncationRow:
    """One model of the data, cut to so many neighbours a row."""

    data: str
    model: str
    width: int
    found: Truncation


@dataclass(frozen=True, slots=True)
class Truncations:
    """All that was measured."""

    rows: tuple[TruncationRow, ...]

    def results(self) -> dict[str, float]:
        """Flat keys for ``benchmarks/results/latest.json``: the model with the better dense recall, which is the one
        that would serve, at the width that trainers keep."""
        kept = [row for row in self.rows if row.width == KEPT[row.model]]
        served = max(kept, key=lambda row: (row.found.blocked == 0, row.found.dense_recall)).model
        return {row.found.name: round(row.found.ratio, 4) for row in kept if row.model == served}


def run(*, rows: int = MOST_ROWS) -> Truncations:
    """Train every model once, and compare it at every width and share blocked with what it was cut from."""
    name, split = _data(rows)
    made = []
    for model, given in _MODELS.items():
        chosen = trainer(model)
        if chosen.dense is None:
            raise TrainingError(f"{model} has no dense model to compare with; leave it out")
        parameters = chosen.parse({**given, "width": max(WIDTHS)})
        graph = chosen.train(split.train, parameters, seed=_SEED, progress=silent)
        dense = chosen.dense(split.train, parameters, seed=_SEED, progress=silent)
        made += [
            TruncationRow(name, model, width, truncation(cut, dense, split, blocked=share, k=K, seed=_SEED))
            for share in BLOCKED
            for width in WIDTHS
            for cut in (graph.narrowed(width),)
        ]
    return Truncations(tuple(made))


def _data(rows: int) -> tuple[str, Split]:
    folder = os.environ.get("WEIR_DATA")
    ratings = Path(folder) / "ml-latest-small" / "ratings.csv" if folder else None
    if ratings is None or not ratings.exists():
        rows = min(rows, _MOST_DRAWN)
        return "drawn", validation(_most_active(drawn(rows, rows * 50), rows), seed=_SEED)
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
