"""The verdict class of every row, with cheap changes and views that never change (laws 2 and 4)."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from controls.causes import EMPTY_CLASS, Classes, Handles, mapped
from controls.signals import Mask, Rows

NEVER = np.iinfo(np.int64).max
"""The due second of a row that time alone does not change."""

_FEW = 1024
"""Up to so many rows are sorted to be told apart, more are marked."""


class RowClasses:
    """int32[N] class handles, copied before the first write after a view was handed out, and int64[N] due seconds."""

    def __init__(self, classes: Classes) -> None:
        self._classes = classes
        self._class_of: Handles = np.zeros(0, dtype=np.int32)
        self._shared = False
        self._due: NDArray[np.int64] = np.zeros(0, dtype=np.int64)
        self._next: int = NEVER

    @property
    def count(self) -> int:
        """Number of rows N."""
        return int(self._class_of.size)

    def view(self) -> Handles:
        """int32[N], read-only: the handles now. The same array as before if nothing changed since."""
        self._class_of.setflags(write=False)
        self._shared = True
        return self._class_of

    def grow(self, count: int) -> None:
        """Make room for ``count`` rows; new ones have no cause."""
        if count > self.count:
            added = count - self.count
            self._class_of = np.concatenate((self._class_of, np.full(added, EMPTY_CLASS, dtype=np.int32)))
            self._due = np.concatenate((self._due, np.full(added, NEVER, dtype=np.int64)))
            self._shared = False

    def handles(self, rows: Rows) -> Handles:
        """int32[n], fresh: the handles of some rows."""
        return self._class_of[rows]

    def handle(self, row: int) -> int:
        """The handle of one row."""
        return int(self._class_of.item(row))

    def put_one(self, row: int, handle: int, due: int) -> None:
        """Give one row its handle, and the second at which time alone next changes it."""
        if self._class_of.item(row) != handle:
            self._own()
            self._class_of[row] = handle
        self._due[row] = due
        self._next = min(self._next, due)

    def put(self, rows: Rows, handles: Handles) -> None:
        """Give rows their handles."""
        if np.array_equal(self._class_of[rows], handles):
            return
        self._own()
        self._class_of[rows] = handles

    def add(self, rows: Rows, cause: int) -> None:
        """Add a cause to rows."""
        self.put(rows, self._classes.remapped(self.handles(rows), lambda causes: (*causes, cause)))

    def remove(self, rows: Rows, cause: int) -> None:
        """Take a cause away from rows that have it."""
        self.put(
            rows,
            self._classes.remapped(
                self.handles(rows), lambda causes: tuple(other for other in causes if other != cause)
            ),
        )

    def union(self, parts: Sequence[Rows]) -> Rows:
        """int32[n], ascending: the rows of all parts, each once."""
        if sum(part.size for part in parts) <= _FEW:
            return np.unique(np.concatenate(parts)).astype(np.int32)
        present = np.zeros(self.count, dtype=np.bool_)
        for part in parts:
            present[part] = True
        return np.flatnonzero(present).astype(np.int32)

    def rename(self, causes: Mapping[int, int]) -> None:
        """Let causes go by other ids, in all rows."""
        renamed = self._classes.remapped(self._class_of, lambda held: tuple(causes.get(cause, cause) for cause in held))
        self.put(np.arange(self.count, dtype=np.int32), renamed)

    def renew(self, classes: Classes, again: Callable[[int], int]) -> None:
        """Go over to other intern tables, in which ``again`` gives causes their ids."""
        before, self._classes = self._classes, classes
        self._class_of = mapped(
            self._class_of, before.size, lambda handle: classes.intern(tuple(map(again, before.causes_of(handle))))
        )
        self._shared = False

    def _own(self) -> None:
        if self._shared:
            self._class_of = self._class_of.copy()
            self._shared = False

    def set_due(self, rows: Rows, due: NDArray[np.int64]) -> None:
        """Set the seconds at which time alone next changes rows."""
        self._due[rows] = due
        self._next = min(self._next, int(due.min(initial=NEVER)))

    def clear_due(self) -> None:
        """Time alone changes no row any more."""
        self._due.fill(NEVER)
        self._next = NEVER

    @property
    def next_due(self) -> int:
        """A lower bound of the earliest due second, or :data:`NEVER`."""
        return self._next

    def take_due(self, as_of: int) -> Rows:
        """int32[n], ascending: rows that are due at a second. The caller sets when they are due next."""
        if self._next > as_of:
            return np.zeros(0, dtype=np.int32)
        is_due = self._due <= as_of
        self._next = int(self._due.min(where=~is_due, initial=NEVER))
        return np.flatnonzero(is_due).astype(np.int32)


def with_cause(classes: Classes, handles: Handles, mask: Mask, cause: int) -> Handles:
    """int32[n]: handles with a cause added where ``mask`` is set; the input is left as it is."""
    if not mask.any():
        return handles
    changed = handles.copy()
    changed[mask] = classes.remapped(handles[mask], lambda causes: (*causes, cause))
    return changed
