"""Placements: pins and features in force, as places of rows (law 6)."""

from __future__ import annotations

from controls.decisions import Decision, DecisionType
from controls.governance import Placement
from controls.signals import Columns


class Placements:
    """Those of a replica. Worked out anew only where one changed, or an item that one waits for may have come."""

    def __init__(self) -> None:
        self._acting: dict[str, Decision] = {}
        self._places: tuple[Placement, ...] | None = ()

    def turn(self, decision: Decision, *, begins: bool) -> None:
        """Let a pin or feature begin or end."""
        self._places = None
        if begins:
            self._acting[decision.id] = decision
        else:
            del self._acting[decision.id]

    def rows_added(self) -> None:
        """Tell that the columns have new rows."""
        if self._places is not None and len(self._places) < len(self._acting):
            self._places = None

    def current(self, columns: Columns | None) -> tuple[Placement, ...]:
        """The placements of known items, by when they were decided."""
        if self._places is None:
            found = []
            for decision in sorted(self._acting.values(), key=lambda made: (made.decided_at, made.id)):
                row = columns.row_of(decision.subject.id) if columns is not None else -1
                if row >= 0:
                    pinned = decision.type is DecisionType.PIN
                    position = int(str(decision.parameters["position"])) if pinned else -1
                    found.append(Placement(row, position, decision.scope, decision.id, decision.decided_at))
            self._places = tuple(found)
        return self._places
