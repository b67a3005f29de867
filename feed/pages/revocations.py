"""Revocations: which items may no longer be shown, so that clients can drop what they prefetched (law 11).

Every change of a row's verdict class, whether by a decision, an edition or the passing of time, is remembered for a
while with the position at which it came into force. A position is ``revision.edition.as_of``, as every page tells
them. Too much is safe, too little is not: a client that comes from before what is remembered is told to drop all.
"""

from __future__ import annotations

import threading
from collections import deque
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from controls.scopes import Audience
from feed.pages.visibility import revoked
from feed.schemas.verdicts import RevocationsOut
from ranking.snapshot import Snapshot

_REMEMBERED_ROWS = 1_000_000
_REMEMBERED_CHANGES = 100_000
_LONGEST_ANSWER = 10_000


@dataclass(frozen=True, slots=True)
class Position:
    """A place in ledger, journal and time; edition and as_of are 0 where a client did not say, which reaches nothing
    that is remembered."""

    revision: int
    edition: int = 0
    as_of: int = 0

    @classmethod
    def read(cls, text: str) -> Position:
        """A position from ``revision[.edition[.as_of]]``, numbers all."""
        return cls(*(int(part) for part in text.split(".")))

    @classmethod
    def of(cls, snapshot: Snapshot) -> Position:
        """The position of a Snapshot."""
        return cls(snapshot.revision, snapshot.edition, snapshot.as_of)

    def reaches(self, other: Position) -> bool:
        """Whether nothing of ``other`` is newer."""
        return self.revision >= other.revision and self.edition >= other.edition and self.as_of >= other.as_of

    def ahead(self, other: Position) -> bool:
        """Whether anything of it is newer than ``other``."""
        return self.revision > other.revision or self.edition > other.edition or self.as_of > other.as_of

    def __str__(self) -> str:
        return f"{self.revision}.{self.edition}.{self.as_of}"


@dataclass(frozen=True, slots=True)
class _Change:
    at: Position
    rows: NDArray[np.int64]
    everything: bool


class Revocations:
    """Remembers changed rows; :meth:`swapped` is called with every new Snapshot by the replica's thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._changes: deque[_Change] = deque()
        self._rows = 0
        self._since: Position | None = None
        self._last: Snapshot | None = None

    def swapped(self, snapshot: Snapshot) -> None:
        """Remember what changed from the last Snapshot to this one."""
        last, self._last = self._last, snapshot
        if last is None:
            self._since = Position.of(snapshot)
            return
        rows = _changed(last, snapshot)
        frozen = last.governance.frozen != snapshot.governance.frozen
        if not len(rows) and not frozen:
            return
        with self._lock:
            self._changes.append(_Change(Position.of(snapshot), rows, frozen))
            self._rows += len(rows)
            while self._rows > _REMEMBERED_ROWS or len(self._changes) > _REMEMBERED_CHANGES:
                forgotten = self._changes.popleft()
                self._rows -= len(forgotten.rows)
                self._since = forgotten.at

    def since(self, position: Position, snapshot: Snapshot, audience: Audience) -> RevocationsOut:
        """Of the items changed since a position, those that may not be shown to an audience everywhere."""
        now = Position.of(snapshot)
        with self._lock:
            # A position that is ahead was told before a store was restored, or by another one.
            known = self._since is not None and position.reaches(self._since) and not position.ahead(now)
            changes = [change for change in self._changes if not position.reaches(change.at)]
        if not known or any(change.everything for change in changes):
            return RevocationsOut(snapshot.revision, True, [], str(now))
        rows = sorted({int(row) for change in changes for row in change.rows})
        ids = snapshot.catalogue.ids
        items = [ids[row] for row in rows if revoked(snapshot, row, audience)]
        if len(items) > _LONGEST_ANSWER:
            return RevocationsOut(snapshot.revision, True, [], str(now))
        return RevocationsOut(snapshot.revision, False, items, str(now))


def _changed(last: Snapshot, snapshot: Snapshot) -> NDArray[np.int64]:
    # Rows that are new were never on a page, so nobody can have prefetched them.
    return snapshot.governance.changed_rows(last.governance)
