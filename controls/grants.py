"""Grants: who holds which power, in a community or on the platform, by the decisions in force (laws 2 and 6)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from controls.decisions import Decision, Subject
from controls.ledger import ERASED
from controls.views import Viewed


@dataclass(frozen=True, slots=True, order=True)
class Grant:
    """A power that a person holds, by a decision."""

    power: str
    person: str
    decision: str


class Grants:
    """The grants in force, by what they hold in."""

    def __init__(self) -> None:
        self._views: Viewed[Subject, tuple[Grant, ...]] = Viewed()

    def turn(self, decision: Decision, *, begins: bool) -> None:
        """Let a grant begin or end. One whose person was erased is nobody's: no token may speak for what is left."""
        if str(decision.parameters["person"]).startswith(ERASED):
            return
        grant = Grant(str(decision.parameters["power"]), str(decision.parameters["person"]), decision.id)
        held = set(self._views.get(decision.subject) or ())
        held = held | {grant} if begins else held - {grant}
        self._views.put(decision.subject, tuple(sorted(held)) or None)

    def view(self) -> Mapping[Subject, tuple[Grant, ...]]:
        """All grants by subject, read-only; never changed once handed out."""
        return self._views.view()
