"""Vectors for the vector peers, and what each of them ought to answer.

Unit vectors around centres of a thousand items, of few effective dimensions, and readers drawn like items: this is
the friendly case for inverted lists and neighbour graphs. Over vectors of unequal length, or readers at home in
several clusters, the same indexes were seen to recall .4 to .8 where they recall .98 here.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

FACTORS = 64
_A_CLUSTER = 1000
_FALLING = 0.25
_AT_ONCE = 20
_CHUNK = 100_000

Floats = NDArray[np.float32]


@dataclass(frozen=True, slots=True, eq=False)
class Vectors:
    """``items`` float32[N, 64] and ``readers`` float32[R, 64], all of length 1."""

    items: Floats
    readers: Floats


def vectors(rows: int, readers: int, rng: np.random.Generator) -> Vectors:
    """Items and readers around the same centres."""
    spread = (1 + np.arange(FACTORS, dtype=np.float32)) ** np.float32(-_FALLING)
    centres = rng.standard_normal((max(rows // _A_CLUSTER, 1), FACTORS), dtype=np.float32) * spread

    def drawn(count: int) -> Floats:
        made = np.empty((count, FACTORS), dtype=np.float32)
        for start in range(0, count, _CHUNK):
            part = made[start : start + _CHUNK]
            rng.standard_normal(out=part, dtype=np.float32)
            part *= spread
            part += centres[rng.integers(0, len(centres), len(part))]
            part /= np.linalg.norm(part, axis=1, keepdims=True)
        return made

    return Vectors(drawn(rows), drawn(readers))


def exact_tops(made: Vectors, readers: int, allowed: NDArray[np.bool_], k: int) -> NDArray[np.int64]:
    """int64[readers, k]: of the first readers, the allowed rows of greatest inner product; -1 past the last one."""
    rows = np.flatnonzero(allowed)
    kept = min(k, rows.size)
    tops = np.full((readers, k), -1, dtype=np.int64)
    among = made.items[rows] if rows.size < allowed.size else made.items
    for start in range(0, readers, _AT_ONCE):
        scores = made.readers[start : min(start + _AT_ONCE, readers)] @ among.T
        best = np.argpartition(-scores, kept - 1, axis=1)[:, :kept]
        tops[start : start + len(scores), :kept] = rows[best]
    return tops
