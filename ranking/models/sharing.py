"""Rows that share readers: sums over shared readers, and comparisons of only those pairs, without N² anything.

Owns both orientations of the entries and the kernels over them. A pair of rows that no reader acted on both of is never
met, so work is Σ d² over the readers' history lengths d, and memory one row's worth of scratch a thread.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

from ranking.interactions import Interactions
from ranking.models.progress import Progress
from ranking.models.row_blocks import Ids, Weights, by_blocks
from ranking.models.scratch import Scratch
from ranking.models.selecting import lightest, select

Space = tuple[NDArray[np.float64], NDArray[np.int32], NDArray[np.int32], NDArray[np.float32]]
"""One thread's: sums float64[N], rows met int32[N], and slots of candidates with their values."""


@dataclass(frozen=True, slots=True, eq=False)
class BothWays:
    """Entries by reader and by row, each with a value float32[n]."""

    reader_starts: NDArray[np.int64]
    rows: NDArray[np.int32]
    values: NDArray[np.float32]
    row_starts: NDArray[np.int64]
    readers: NDArray[np.int32]
    row_values: NDArray[np.float32]

    @property
    def work(self) -> NDArray[np.int64]:
        """int64[N]: for each row the entries of its readers."""
        work: NDArray[np.int64] = _work(self.reader_starts, self.row_starts, self.readers)
        return work


def both_ways(interactions: Interactions, values: NDArray[np.float32], scratch: Scratch) -> BothWays:
    """The entries of interactions with ``values`` float32[n] in both orientations; the second is new, 8 bytes an entry,
    mapped from a file where ``scratch`` has a folder.
    """
    starts = np.concatenate([np.zeros(1, np.int64), np.cumsum(interactions.popularity())])
    readers = scratch.array("readers", interactions.count, np.int32)
    row_values = scratch.array("row-values", interactions.count, np.float32)
    _transpose(interactions.indptr, interactions.indices, values, starts[:-1].copy(), readers, row_values)
    return BothWays(interactions.indptr, interactions.indices, values, starts, readers, row_values)


def shared_entries(interactions: Interactions, active: NDArray[np.int64], scratch: Scratch) -> BothWays:
    """Both orientations of entries of value 1, with the rows numbered as in ``active`` [A], which rises."""
    number = np.full(interactions.rows, -1, np.int32)
    number[active] = np.arange(active.size, dtype=np.int32)
    numbered = replace(interactions, indices=number[interactions.indices], rows=int(active.size))
    return both_ways(numbered, np.ones(interactions.count, np.float32), scratch)


def heaviest_sums(
    entries: BothWays, width: int, *, scratch: Scratch, progress: Progress
) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
    """Top ``width`` of each row of ``VᵀV`` for the sparse values V [R, N], none of them negative, without its diagonal.

    Ids int32 [N, M], -1 where there is none, and weights float32 [N, M], M = min(width, N - 1) but at least 1, in no
    particular order within a row. Sums are taken in float64, readers in rising order.
    """
    rows = entries.row_starts.size - 1
    kept = max(1, min(width, rows - 1))
    by_reader = (entries.reader_starts, entries.rows, entries.values)
    by_row = (entries.row_starts, entries.readers, entries.row_values)

    def workspace() -> Space:
        return np.zeros(rows), np.empty(rows, np.int32), *_slots(kept)

    def compute(start: int, space: Space, ids: Ids, weights: Weights) -> None:
        _sums(start, by_reader, by_row, space, ids, weights)

    message = "counting shared readers"
    return by_blocks(entries.work, kept, compute, workspace, scratch=scratch, progress=progress, message=message)


def heaviest_shared_pairs(
    entries: BothWays,
    factors: NDArray[np.float32],
    row_scale: NDArray[np.float32],
    column_scale: NDArray[np.float32],
    width: int,
    *,
    scratch: Scratch,
    progress: Progress,
) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
    """Top ``width`` by magnitude of each row of ``diag(row_scale) F Fᵀ diag(column_scale)`` among the rows it shares a
    reader with: `ranking.models.pairs.top_pairs` for catalogues whose pairs are too many.

    ``factors`` F float32 [N, K] C-ordered; scales float32 [N], not negative. Returns what `heaviest_sums` returns.
    """
    rows = factors.shape[0]
    kept = max(1, min(width, rows - 1))
    by_reader = (entries.reader_starts, entries.rows)
    by_row = (entries.row_starts, entries.readers)
    product = (factors, row_scale, column_scale)

    def workspace() -> Space:
        return np.empty(0), np.full(rows, -1, np.int32), *_slots(kept)

    def compute(start: int, space: Space, ids: Ids, weights: Weights) -> None:
        _compared(start, by_reader, by_row, product, space, ids, weights)

    # A candidate costs about one step to meet and K / 16 to compare.
    work = entries.work * (1 + factors.shape[1] // 16)
    message = "comparing rows that share readers"
    return by_blocks(work, kept, compute, workspace, scratch=scratch, progress=progress, message=message)


def _slots(kept: int) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
    return np.empty(2 * kept + 64, np.int32), np.empty(2 * kept + 64, np.float32)


@njit(cache=True, nogil=True)
def _transpose(starts: Any, rows: Any, values: Any, free: Any, readers: Any, row_values: Any) -> None:
    for reader in range(starts.size - 1):
        for entry in range(starts[reader], starts[reader + 1]):
            row = rows[entry]
            at = free[row]
            free[row] = at + 1
            readers[at] = reader
            row_values[at] = values[entry]


@njit(cache=True, nogil=True)
def _work(reader_starts: Any, row_starts: Any, readers: Any) -> Any:
    work = np.zeros(row_starts.size - 1, np.int64)
    for row in range(work.size):
        for at in range(row_starts[row], row_starts[row + 1]):
            reader = readers[at]
            work[row] += reader_starts[reader + 1] - reader_starts[reader]
    return work


@njit(cache=True, nogil=True)
def _offer(ids: Any, values: Any, filled: Any, floor: Any, kept: int, other: Any, value: Any) -> Any:
    """Take one candidate; slots filled and the smallest magnitude that may still enter."""
    if abs(value) < floor or value == 0:
        return filled, floor
    ids[filled] = other
    values[filled] = value
    filled += 1
    if filled == ids.size:
        select(ids, values, filled, kept)
        filled, floor = kept, lightest(values, kept)
    return filled, floor


@njit(cache=True, nogil=True)
def _sums(start: int, by_reader: Any, by_row: Any, space: Any, ids: Any, weights: Any) -> None:
    reader_starts, rows, values = by_reader
    row_starts, readers, row_values = by_row
    sums, met, slots, slot_values = space
    kept = ids.shape[1]
    for at in range(ids.shape[0]):
        row = start + at
        count = 0
        for mine in range(row_starts[row], row_starts[row + 1]):
            value = np.float64(row_values[mine])
            reader = readers[mine]
            for entry in range(reader_starts[reader], reader_starts[reader + 1]):
                term = value * values[entry]
                if term > 0:
                    other = rows[entry]
                    # No term is negative, so 0 says that this row was not met yet.
                    if sums[other] == 0:
                        met[count] = other
                        count += 1
                    sums[other] += term
        filled, floor = 0, np.float32(0)
        for each in range(count):
            other = met[each]
            if other != row:
                filled, floor = _offer(slots, slot_values, filled, floor, kept, other, np.float32(sums[other]))
            sums[other] = 0
        if filled > kept:
            select(slots, slot_values, filled, kept)
        for slot in range(min(filled, kept)):
            ids[at, slot] = slots[slot]
            weights[at, slot] = slot_values[slot]


@njit(cache=True, nogil=True, fastmath={"contract", "reassoc"})
def _dot(left: Any, right: Any) -> Any:
    total = np.float32(0)
    for at in range(left.size):
        total += left[at] * right[at]
    return total


@njit(cache=True, nogil=True)
def _compared(start: int, by_reader: Any, by_row: Any, product: Any, space: Any, ids: Any, weights: Any) -> None:
    reader_starts, rows = by_reader
    row_starts, readers = by_row
    factors, row_scale, column_scale = product
    _, met, slots, slot_values = space
    kept = ids.shape[1]
    for at in range(ids.shape[0]):
        row = start + at
        met[row] = row
        filled, floor = 0, np.float32(0)
        for mine in range(row_starts[row], row_starts[row + 1]):
            reader = readers[mine]
            for entry in range(reader_starts[reader], reader_starts[reader + 1]):
                other = rows[entry]
                if met[other] != row:
                    met[other] = row
                    value = _dot(factors[row], factors[other]) * column_scale[other]
                    filled, floor = _offer(slots, slot_values, filled, floor, kept, other, value)
        if filled > kept:
            select(slots, slot_values, filled, kept)
        for slot in range(min(filled, kept)):
            ids[at, slot] = slots[slot]
            weights[at, slot] = slot_values[slot] * row_scale[row]
