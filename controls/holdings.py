"""Holdings: which rows are held below standard by other causes than before, told from verdict classes (laws 2 and 9).

Classes are compared as arrays; what a class means is worked out once. So a change costs what changed, whatever the
number of rows.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from controls.causes import Handles, mapped
from controls.governance import Governance
from controls.restrictions import Holding, holding
from controls.scopes import Scope

_NOTHING: frozenset[Holding] = frozenset()


@dataclass(frozen=True, slots=True)
class Moved:
    """Rows int32[n] whose holdings changed; ``old`` and ``new`` int32[n] are places in ``sets``."""

    rows: NDArray[np.int32]
    old: NDArray[np.int32]
    new: NDArray[np.int32]
    sets: list[frozenset[Holding]]

    def change(self, place: int) -> tuple[frozenset[Holding], frozenset[Holding]]:
        """What took hold of the row at a place, and what let go of it."""
        old, new = self.sets[self.old[place]], self.sets[self.new[place]]
        return new - old, old - new


class Holdings:
    """The sets of holdings of one replica's verdict classes; for one thread. Sets once handed out never change."""

    def __init__(self) -> None:
        self._of: Governance | None = None
        self._begin()

    def _begin(self) -> None:
        self._sets: list[frozenset[Holding]] = [_NOTHING]
        self._places: dict[frozenset[Holding], int] = {_NOTHING: 0}
        self._place_of = np.zeros(1024, dtype=np.int32)
        self._known = 0

    def moved(self, governance: Governance, before: Governance | None) -> Moved:
        """What changed from an earlier view to a governance; rows that the earlier one did not have were not held."""
        after, known = governance.class_of, 0 if before is None else before.class_of.size
        rows, old = np.empty(0, dtype=np.int64), np.empty(0, dtype=np.int32)
        if before is not None:
            rows = governance.changed_rows(before)
            old = self._worked_out(before)[before.class_of[rows]]
            if not governance.same_classes(before):
                old = self._carried(old, governance)
        places = self._worked_out(governance)
        added = np.arange(known, after.size, dtype=np.int64)
        rows = np.concatenate((rows, added))
        old = np.concatenate((old, np.zeros(added.size, dtype=np.int32)))
        new = places[after[rows]]
        differ = old != new
        return Moved(rows[differ].astype(np.int32), old[differ], new[differ], self._sets)

    def _carried(self, places: Handles, governance: Governance) -> Handles:
        """int32[n]: the same sets by their places among those of a governance whose classes were interned anew."""
        sets, self._of = self._sets, governance
        self._begin()
        return mapped(places, len(sets), lambda place: self._placed(sets[place]))

    def _worked_out(self, governance: Governance) -> NDArray[np.int32]:
        """int32[C]: the place of each class's set."""
        if self._of is None or not governance.same_classes(self._of):
            self._of = governance
            self._begin()
        size = governance.classes
        if size > self._place_of.size:
            self._place_of = np.concatenate((self._place_of, np.zeros(size, dtype=np.int32)))
        for cls in range(self._known, size):
            self._place_of[cls] = self._place(governance, cls)
        self._known = max(self._known, size)
        return self._place_of

    def _place(self, governance: Governance, cls: int) -> int:
        asked = governance.asked(cls)
        released = {one.scope for _, one in asked if one.releases}
        pairs = [(cause, one) for cause, one in asked if not one.held or released.isdisjoint({Scope(), one.scope})]
        return self._placed(frozenset(held for held in (holding(*pair) for pair in pairs) if held is not None))

    def _placed(self, found: frozenset[Holding]) -> int:
        place = self._places.setdefault(found, len(self._sets))
        if place == len(self._sets):
            self._sets.append(found)
        return place
