"""Rows that share readers: sums over shared readers, and comparisons of only those pairs, without N² anything.

Owns both orientations of the entries and the kernels over them. A pair of rows that no reader acted on both of is never
met, so work is Σ d² over the readers' history lengths d, and memory one row's worth of scratch a thread.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

from ranking.models.pairs import Symmetric
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


def both_ways(
    starts: NDArray[Any], rows: NDArray[np.int32], values: NDArray[np.float32], row_count: int, scratch: Scratch
) -> BothWays:
    """Both orientations of a CSR matrix [R, ``row_count``]; the second is new, 8 bytes an entry, mapped from a file
    where ``scratch`` has a folder.
    """
    counts = np.bincount(rows, minlength=row_count)
    row_starts = np.concatenate([np.zeros(1, np.int64), np.cumsum(counts, dtype=np.int64)])
    readers = scratch.array("readers", rows.size, np.int32)
    row_values = scratch.array("row-values", rows.size, np.float32)
    starts = np.asarray(starts, np.int64)
    _transpose(starts, rows, values, row_starts[:-1].copy(), readers, row_values)
    return BothWays(starts, rows, values, row_starts, readers, row_values)


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


def shared_pairs(
    matrix: Symmetric,
    row_scale: NDArray[np.float32],
    column_scale: NDArray[np.float32],
    width: int,
    *,
    scratch: Scratch,
    progress: Progress,
) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
    """`ranking.models.pairs.top_pairs` among the rows that share a reader in the matrix's sparse part, for catalogues
    whose pairs are too many. Raises ValueError for a matrix without a sparse part.
    """
    factors, part = matrix.factors, matrix.sparse_part
    if part is None:
        raise ValueError("pairs are shared in a sparse part; this matrix has none")
    rows, components = factors.shape
    kept = max(1, min(width, rows - 1))
    entries = both_ways(part.indptr, part.indices, part.data, rows, scratch)
    by_reader = (entries.reader_starts, entries.rows, entries.values)
    by_row = (entries.row_starts, entries.readers, entries.row_values)
    signs = np.ones(components, np.float32) if matrix.signs is None else matrix.signs.astype(np.float32)
    product = (factors, signs, row_scale, column_scale)

    def workspace() -> tuple[Space, NDArray[np.int32]]:
        return (np.zeros(rows), np.empty(rows, np.int32), *_slots(kept)), np.full(rows, -1, np.int32)

    def compute(start: int, space: tuple[Space, NDArray[np.int32]], ids: Ids, weights: Weights) -> None:
        _compared(start, by_reader, by_row, product, space[0], space[1], ids, weights)

    # A candidate costs about one step to meet and K / 16 to compare.
    work = entries.work * (1 + components // 16)
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
def _compared(
    start: int, by_reader: Any, by_row: Any, product: Any, space: Any, owner: Any, ids: Any, weights: Any
) -> None:
    reader_starts, rows, values = by_reader
    row_starts, readers, row_values = by_row
    factors, signs, row_scale, column_scale = product
    sums, met, slots, slot_values = space
    kept = ids.shape[1]
    for at in range(ids.shape[0]):
        row = start + at
        count = 0
        for mine in range(row_starts[row], row_starts[row + 1]):
            value = np.float64(row_values[mine])
            reader = readers[mine]
            for entry in range(reader_starts[reader], reader_starts[reader + 1]):
                other = rows[entry]
                if owner[other] != row:
                    owner[other] = row
                    sums[other] = 0
                    met[count] = other
                    count += 1
                sums[other] += value * values[entry]
        signed = factors[row] * signs
        filled, floor = 0, np.float32(0)
        for each in range(count):
            other = met[each]
            if other != row:
                value = (_dot(signed, factors[other]) + np.float32(sums[other])) * column_scale[other]
                filled, floor = _offer(slots, slot_values, filled, floor, kept, other, value)
        if filled > kept:
            select(slots, slot_values, filled, kept)
        for slot in range(min(filled, kept)):
            ids[at, slot] = slots[slot]
            weights[at, slot] = slot_values[slot] * row_scale[row]
