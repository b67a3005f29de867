"""Growth: neighbours of items that the active model does not know yet, beside the model's own rows (laws 2, 3 and 8).

Rows come from the journal, for one item each. Every pair is read both ways: the newcomer's row leads to its neighbours,
and a neighbour's row leads to the newcomer. What a row gains is bounded, whatever is written about it, so that no
number of entries about one item, or about many, can fill the rows of others.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ranking.compiling import Whole, kernel
from ranking.graph import NO_NEIGHBOUR, ItemGraph

Int32s = NDArray[np.int32]
Int64s = NDArray[np.int64]

GROWN_ONE = 1024
"""Weight of a grown neighbour that is as strong as the model's usual first neighbour."""

GROWN_WIDTH = 16
"""Neighbours that a row gains at most."""

MOST_GROWN = 2048
"""Items that have grown rows at a time; beyond, the one whose row was written first loses it."""

SMALLEST_BLOCK = 1 + (1 << 4)
"""Length of a block in which no row gains anything."""

_SAMPLED = 1024
_LARGEST_ROW = (1 << 31) - 1
_HASH = 0x9E3779B1
_WORD = 0xFFFFFFFF


@dataclass(frozen=True, slots=True, eq=False)
class Growth:
    """What P rows gain. Arrays are read-only."""

    newcomers: Int32s
    """int32[n], ascending: items whose own row was grown and that the model does not know."""

    rows: Int32s
    """int32[P], ascending: newcomers and their neighbours."""

    neighbours: Int32s
    """int32[P, 16], each once in a row, strongest first, of equals the newest row first; -1 behind the last."""

    weights: NDArray[np.int16]
    """int16[P, 16], at least 1, in the model's own units; 0 behind the last."""

    block: Int32s
    """The same as the kernels read it, in one piece: b; an open-addressing table of 2^b, at most half full, of where in
    the block a row's entry begins, 0 for none; the entries: row, neighbours, weights."""

    def weight(self, row: int, other: int) -> int:
        """The weight from one row to another; 0 if growth does not connect them."""
        place = int(np.searchsorted(self.rows, row))
        if place == self.rows.size or self.rows[place] != row:
            return 0
        return int(self.weights[place][self.neighbours[place] == other].sum())

    def terms(self, rows: Int32s, others: Int32s) -> list[tuple[int, int, int]]:
        """(row, other, weight) of all that connects any of ``rows`` (int32[n]) with any of ``others``."""
        if not self.rows.size:
            return []
        places = np.searchsorted(self.rows, rows)
        places = places[self.rows[np.minimum(places, self.rows.size - 1)] == rows]
        if not places.size:
            return []
        found, slots = np.nonzero(np.isin(self.neighbours[places], others))
        columns = (self.rows[places[found]], self.neighbours[places[found], slots], self.weights[places[found], slots])
        return list(zip(*(column.tolist() for column in columns), strict=True))


class GrowthBuilder:
    """Accumulates grown rows; :meth:`view` gives what they come to beside a graph. A view is a function of the rows
    given, in their order, and of the graph."""

    def __init__(self) -> None:
        self._grown: dict[int, tuple[Int32s, Int64s]] = {}
        self._graph: ItemGraph | None = None
        self._view = NO_GROWTH

    def grow(self, row: int, neighbours: Sequence[int], weights: Sequence[int]) -> None:
        """Set the row of an item, replacing the one it had. Neighbours below 0, the item itself, repetitions, weights
        below 1 and all but the first 16 are left out; weights above ``GROWN_ONE`` count as that. None left: no row."""
        kept: dict[int, int] = {}
        for other, weight in zip(neighbours, weights, strict=False):
            if other >= 0 and other != row and weight > 0 and len(kept) < GROWN_WIDTH:
                kept.setdefault(other, min(weight, GROWN_ONE))
        self._graph = None
        self._grown.pop(row, None)
        if kept:
            self._grown[row] = (np.array(list(kept), dtype=np.int32), np.array(list(kept.values()), dtype=np.int64))
            if len(self._grown) > MOST_GROWN:
                del self._grown[next(iter(self._grown))]

    def view(self, graph: ItemGraph) -> Growth:
        """What the rows come to beside a graph; the same object while neither changed."""
        if graph is not self._graph:
            self._view = self._made(graph)
            self._graph = graph
        return self._view

    def _made(self, graph: ItemGraph) -> Growth:
        rows = np.fromiter(self._grown, dtype=np.int32, count=len(self._grown))
        newcomers = np.sort(rows[~known_to(graph, rows)])
        if not newcomers.size:
            return NO_GROWTH
        grown = [self._grown[row] for row in newcomers.tolist()]
        own = np.repeat(newcomers, [others.size for others, _ in grown]).astype(np.int64)
        others = np.concatenate([others for others, _ in grown]).astype(np.int64)
        weights = np.concatenate([weights for _, weights in grown])
        return _laid_out(
            newcomers,
            np.concatenate((own, others)),
            np.concatenate((others, own)),
            np.concatenate((weights, weights)),
            usual_strength(graph),
        )


def grown_of(terms: Sequence[tuple[int, int, int]]) -> Growth:
    """The part of a Growth that its ``terms`` told; it has no newcomers."""
    rows = sorted({row for row, _, _ in terms})
    neighbours = np.full((len(rows), GROWN_WIDTH), NO_NEIGHBOUR, dtype=np.int32)
    weights = np.zeros((len(rows), GROWN_WIDTH), dtype=np.int16)
    for place, row in enumerate(rows):
        mine = [(other, weight) for one, other, weight in terms if one == row]
        neighbours[place, : len(mine)], weights[place, : len(mine)] = zip(*mine, strict=True)
    return _frozen(np.empty(0, dtype=np.int32), np.array(rows, dtype=np.int32), neighbours, weights)


@kernel
def entry_of(block: Int32s, row: Whole) -> Whole:
    """Where in a block the entry of a row begins, 0 if the row gains nothing."""
    bits = np.int64(block[0])
    slot = ((np.int64(row) * _HASH) & _WORD) >> (32 - bits)
    while True:
        entry = np.int64(block[1 + slot])
        if entry == 0 or block[entry] == row:
            return entry
        slot = (slot + 1) & ((1 << bits) - 1)


def known_to(graph: ItemGraph, rows: Int32s) -> NDArray[np.bool_]:
    """bool[n]: whether the graph has neighbours for each row."""
    inside = rows < graph.rows
    known = np.zeros(rows.shape, dtype=np.bool_)
    known[inside] = graph.neighbours[rows[inside], 0] >= 0
    return known


def usual_strength(graph: ItemGraph) -> int:
    """The median first weight (its size) of a thousand rows spread over the graph, ``GROWN_ONE`` if none has any."""
    sample = np.unique(np.linspace(0, max(graph.rows - 1, 0), min(graph.rows, _SAMPLED)).astype(np.int64))
    first = np.abs(graph.weights[sample, 0].astype(np.int64))
    first = np.sort(first[first > 0])
    return int(first[first.size // 2]) if first.size else GROWN_ONE


def _laid_out(newcomers: Int32s, from_row: Int64s, to_row: Int64s, weight: Int64s, strength: int) -> Growth:
    # Sorting whole numbers is many times faster than sorting by several keys: place 16 bits, weight 10, row 31.
    rows = np.unique(from_row)
    place = np.searchsorted(rows, from_row)
    pairs = np.sort((place << 41) | (to_row << 10) | (GROWN_ONE - weight))
    pairs = pairs[np.concatenate(([True], np.diff(pairs >> 10) > 0))]  # of two weights of a pair the greater
    place, to_row, lightness = pairs >> 41, (pairs >> 10) & _LARGEST_ROW, pairs & (GROWN_ONE - 1)
    pairs = np.sort((place << 41) | (lightness << 31) | (_LARGEST_ROW - to_row))
    place, to_row = pairs >> 41, _LARGEST_ROW - (pairs & _LARGEST_ROW)
    weight = GROWN_ONE - ((pairs >> 31) & (GROWN_ONE - 1))
    slot = np.arange(pairs.size) - np.searchsorted(place, place)
    kept = slot < GROWN_WIDTH
    neighbours = np.full((rows.size, GROWN_WIDTH), NO_NEIGHBOUR, dtype=np.int32)
    weights = np.zeros((rows.size, GROWN_WIDTH), dtype=np.int16)
    neighbours[place[kept], slot[kept]] = to_row[kept]
    weights[place[kept], slot[kept]] = np.maximum(weight[kept] * strength // GROWN_ONE, 1)
    return _frozen(newcomers, rows.astype(np.int32), neighbours, weights)


def _frozen(newcomers: Int32s, rows: Int32s, neighbours: Int32s, weights: NDArray[np.int16]) -> Growth:
    entries = np.concatenate((rows[:, None], neighbours, weights.astype(np.int32)), axis=1)
    growth = Growth(newcomers, rows, neighbours, weights, _in_one(rows, entries))
    for array in (growth.newcomers, growth.rows, growth.neighbours, growth.weights, growth.block):
        array.setflags(write=False)
    return growth


def _in_one(rows: Int32s, entries: Int32s) -> Int32s:
    """The block. Its table is filled in rounds: a row that finds its slot taken tries the next, so every slot that it
    passed is full, as a search expects."""
    bits = 4
    while (1 << bits) < 2 * rows.size:
        bits += 1
    table = np.zeros(1 << bits, dtype=np.int32)
    begins = (1 + table.size + np.arange(rows.size) * entries.shape[1]).astype(np.int32)
    slots = ((rows.astype(np.int64) * _HASH) & _WORD) >> (32 - bits)
    while begins.size:
        free = table[slots] == 0
        table[slots[free][::-1]] = begins[free][::-1]
        left = table[slots] != begins
        begins, slots = begins[left], (slots[left] + 1) & (table.size - 1)
    return np.concatenate((np.array([bits], dtype=np.int32), table, entries.ravel()))


NO_GROWTH = _frozen(
    np.empty(0, dtype=np.int32),
    np.empty(0, dtype=np.int32),
    np.empty((0, GROWN_WIDTH), dtype=np.int32),
    np.empty((0, GROWN_WIDTH), dtype=np.int16),
)
"""Growth while no row has grown."""
