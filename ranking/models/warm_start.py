"""Warm start: the subspace from which a decomposition begins, taken from an earlier model's item graph.

Owns how a graph is multiplied by a random block. The graph of a spectral model is its filter, cut and rounded, so what
it makes of a random block leans towards the singular vectors that it was made of; rows that the earlier model did not
know are random. Nothing but the graph is needed, so no factors are kept anywhere. Whether an earlier model may be begun
from at all is not decided here (law 8).
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit, prange
from numpy.typing import NDArray

from ranking.graph import ItemGraph

_SIGNS = 8
"""Entries of ±1 in each row of the random block: as few do as well as a full one (Tropp and Webber 2023, section 3.3;
Martinsson and Tropp 2020, section 9.2), and the product costs this much an entry of the graph instead of a block's
width."""


def start_block(
    graph: ItemGraph, active: NDArray[np.int64], scale: NDArray[np.float32], width: int, seed: int
) -> NDArray[np.float32]:
    """``diag(scale) B diag(scale)^-1 S`` float32 [A, width] over the ``active`` rows, B the graph and S random signs.

    ``scale`` float32 [A] is positive. Rows without neighbours among the active ones are normal, as long as the others
    on average.
    """
    draw = np.random.default_rng(seed)
    places = draw.integers(0, width, (active.size, _SIGNS), dtype=np.int32)
    signs = draw.choice(np.array([-1, 1], np.float32), (active.size, _SIGNS))
    at = np.full(max(graph.rows, int(active.max(initial=-1)) + 1), -1, np.int64)
    at[active] = np.arange(active.size)
    known = active < graph.rows
    block = np.zeros((active.size, width), np.float32)
    rows = np.where(known, active, 0)
    _product(graph.neighbours, graph.weights, rows, known, at, scale, places, signs, block)
    lengths = np.sqrt(np.einsum("ij,ij->i", block, block))
    new = np.flatnonzero(lengths == 0)
    length = float(lengths.sum()) / max(1, active.size - new.size) or 1.0
    block[new] = draw.standard_normal((new.size, width), dtype=np.float32) * np.float32(length / np.sqrt(width))
    return block


@njit(parallel=True, cache=True, nogil=True)
def _product(
    neighbours: Any, weights: Any, rows: Any, known: Any, at: Any, scale: Any, places: Any, signs: Any, block: Any
) -> None:
    for row in prange(block.shape[0]):
        if known[row]:
            target = block[row]
            for slot in range(neighbours.shape[1]):
                neighbour = neighbours[rows[row], slot]
                if neighbour < 0:
                    break
                other = at[neighbour]
                if other >= 0:
                    value = np.float32(weights[rows[row], slot]) * scale[row] / scale[other]
                    for each in range(places.shape[1]):
                        target[places[other, each]] += value * signs[other, each]
