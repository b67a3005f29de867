"""Selecting the heaviest: the one rule by which neighbours are kept, as kernels that other kernels call.

Larger magnitude first, then the smaller id: no order in which neighbours are met decides which of them stay.
"""

from __future__ import annotations

from typing import Any

from numba import njit


@njit(cache=True, nogil=True)
def swap(ids: Any, values: Any, a: int, b: int) -> None:
    """Exchange two slots."""
    ids[a], ids[b] = ids[b], ids[a]
    values[a], values[b] = values[b], values[a]


@njit(cache=True, nogil=True)
def heavier(ids: Any, values: Any, a: int, weight: Any, number: Any) -> bool:
    """Whether slot a comes before (weight, number): larger magnitude first, then smaller id."""
    mine = abs(values[a])
    return bool(mine > weight or (mine == weight and ids[a] < number))


@njit(cache=True, nogil=True)
def select(ids: Any, values: Any, filled: int, kept: int) -> None:
    """Bring the ``kept`` heaviest of the first ``filled`` slots to the front (quickselect)."""
    low, high = 0, filled - 1
    while low < high:
        middle = (low + high) // 2
        weight, number = abs(values[middle]), ids[middle]
        swap(ids, values, middle, high)
        store = low
        for at in range(low, high):
            if heavier(ids, values, at, weight, number):
                swap(ids, values, at, store)
                store += 1
        swap(ids, values, store, high)
        if store == kept - 1:
            return
        if store < kept:
            low = store + 1
        else:
            high = store - 1


@njit(cache=True, nogil=True)
def lightest(values: Any, kept: int) -> Any:
    """Smallest magnitude among the first ``kept`` slots."""
    lowest = abs(values[0])
    for slot in range(1, kept):
        lowest = min(lowest, abs(values[slot]))
    return lowest
