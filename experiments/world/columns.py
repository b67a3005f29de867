"""What the simulated community hands out: items and authors as records, behaviour in bulk as columns."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ranking.reader import EventKind


@dataclass(frozen=True, slots=True)
class SimulatedItem:
    """An item as its author published it; ``published_at`` in seconds."""

    id: str
    author: str
    title: str
    topics: tuple[str, ...]
    published_at: int
    language: str
    region: str


@dataclass(frozen=True, slots=True)
class SimulatedAuthor:
    """An author: standing in points (0 to 100), kind (person, business, public_service), identity state."""

    id: str
    name: str
    standing: int
    kind: str
    identity: str


@dataclass(frozen=True, slots=True, eq=False)
class ReactionColumns:
    """What readers did, as read-only columns, oldest first; ``readers`` and ``items`` index the id tuples.

    ``readers`` and ``items`` int32[n], ``kinds`` uint8[n] (:class:`ranking.reader.EventKind`), ``times``
    int64[n] seconds, ``dwell_ms`` int32[n] (0 unless the kind is DWELL).
    """

    reader_ids: tuple[str, ...]
    item_ids: tuple[str, ...]
    readers: NDArray[np.int32]
    items: NDArray[np.int32]
    kinds: NDArray[np.uint8]
    times: NDArray[np.int64]
    dwell_ms: NDArray[np.int32]

    def __len__(self) -> int:
        """Number of events."""
        return int(self.times.size)


EventParts = tuple[NDArray[np.int32], NDArray[np.int32], NDArray[np.uint8], NDArray[np.int64], NDArray[np.int32]]
"""Readers, items, kinds, times and dwell of some events."""


def in_order(
    reader_ids: tuple[str, ...], item_ids: tuple[str, ...], parts: list[EventParts], until: int
) -> ReactionColumns:
    """What happened ``until`` a second, oldest first; all but an impression counts once per reader and item."""
    readers, items, kinds, times, dwell = (np.concatenate(column) for column in zip(*parts, strict=True))
    order = np.argsort(times, kind="stable")
    order = order[times[order] <= until]
    key = (readers[order].astype(np.int64) * len(item_ids) + items[order]) * 256 + kinds[order]
    first = np.zeros(order.size, dtype=np.bool_)
    first[np.unique(key, return_index=True)[1]] = True
    order = order[first | (kinds[order] == EventKind.IMPRESSION)]
    columns = tuple(column[order] for column in (readers, items, kinds, times, dwell))
    for column in columns:
        column.setflags(write=False)
    return ReactionColumns(reader_ids, item_ids, *columns)
