"""What rank() ought to give out, worked out the long way: every score of the graph, every item governed, all sorted."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from benchmarks.synthetic import World
from controls.scopes import AgeClass, Audience, SurfaceKind
from ranking.parameters import Parameters
from ranking.reader import Reader

_AUDIENCE = Audience("DE", AgeClass.ADULT, "de")


def plain_parameters() -> Parameters:
    """The graph's order as it is: no decay, no turns of other sources, no author window, no calibration."""
    return Parameters(
        half_life_days=0,
        half_life_items=0,
        fresh_every=0,
        popular_every=0,
        editorial_every=0,
        explore_every=0,
        author_window=1,
        calibration=0,
    )


def ranked_tops(world: World, readers: Sequence[Reader], k: int) -> NDArray[np.int64]:
    """int64[R, k]: the eligible rows of greatest positive score times verdict weight, the smaller row first; -1 past
    the last one. Readers like distinct items, all with the same vote."""
    snapshot = world.snapshot
    table = snapshot.governance.table(_AUDIENCE, SurfaceKind.HOME)
    weight = np.where(table.eligible == 1, table.weight, 0)[snapshot.governance.class_of].astype(np.int64)
    tops = np.full((len(readers), k), -1, dtype=np.int64)
    for n, reader in enumerate(readers):
        voters = reader.history[:, 0]
        neighbours, weights = snapshot.graph.neighbours[voters].ravel(), snapshot.graph.weights[voters].ravel()
        rows, place = np.unique(neighbours[neighbours >= 0], return_inverse=True)
        scores = np.zeros(rows.size, dtype=np.int64)
        np.add.at(scores, place, weights[neighbours >= 0].astype(np.int64))
        scores *= weight[rows]
        order = np.lexsort((rows, -scores))
        best = rows[order[scores[order] > 0][:k]]
        tops[n, : best.size] = best
    return tops
