"""A reader's state in memory: the view, what waits to count in it, and how long it may be believed (laws 7 and 8)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from feed.readers.views import ReaderView
from feed.readers.weights import event_bytes, view_bytes
from feed.storage.records import EventRecord

NOBODY: NDArray[np.int64] = np.empty(0, dtype=np.int64)
"""No client id's hash."""


@dataclass(slots=True)
class State:
    """One reader's; whoever changes it holds the lock of the states."""

    view: ReaderView
    waiting: Sequence[EventRecord]
    """Events on items that had no row yet when the catalogue had ``rows`` of them."""
    rows: int
    until: float
    """The monotonic second after which it is read anew."""
    pending: list[EventRecord] | None = None
    """What came since the view was made."""
    known: NDArray[np.int64] = field(default_factory=lambda: NOBODY)
    """Hashes of client ids that the state was built with, while events are being stored that may be among them."""
    bytes: int = 0

    def weight(self) -> int:
        """The bytes that it takes while nothing is pending."""
        return view_bytes(self.view) + self.known.nbytes + sum(map(event_bytes, self.waiting))


def hashes(events: Sequence[EventRecord]) -> NDArray[np.int64]:
    """Of the client ids of these events."""
    return np.array([hash(event.client_id) for event in events], dtype=np.int64)
