"""Authors: what the decisions in force say of them: strikes, limited services, attested identity (laws 2 and 6).

A fold: what an author's view says depends on the decisions in force alone, never on the order in which they came.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from controls.decisions import Decision, DecisionType
from controls.parameters import Service
from controls.views import Viewed

FULL_STANDING = 100
"""The points of an author of whom nobody has told anything, once a strike counts them."""


@dataclass(frozen=True, slots=True)
class AuthorView:
    """One author by the decisions in force. ``strikes`` and ``restrictions`` (the ``restrict_author`` ones) are
    decisions by start; ``per_day`` is the least rate, or None; ``identity`` is empty while nobody attests one."""

    points_lost: int = 0
    strikes: tuple[Decision, ...] = ()
    restrictions: tuple[Decision, ...] = ()
    services: frozenset[Service] = frozenset()
    per_day: int | None = None
    identity: str = ""

    @property
    def suspended(self) -> bool:
        """Whether new items are refused."""
        return Service.SUSPENDED in self.services

    def standing(self, stored: float | None) -> float | None:
        """Points that rules see: those stored less those lost, at least 0; None while nothing is known or counted."""
        if not self.strikes:
            return stored
        return max(0.0, (FULL_STANDING if stored is None else stored) - self.points_lost)

    def canonical(self) -> dict[str, object]:
        """The same as plain values, equal on all replicas."""
        return {
            "points_lost": self.points_lost,
            "strikes": [made.id for made in self.strikes],
            "restrictions": [made.id for made in self.restrictions],
            "identity": self.identity,
        }


NOBODY_SPOKE = AuthorView()
"""The view of an author of whom no decision in force speaks."""


class Authors:
    """The views of all authors of whom decisions in force speak."""

    def __init__(self) -> None:
        self._acting: dict[str, dict[str, Decision]] = {}
        self._views: Viewed[str, AuthorView] = Viewed()
        self._signalling: set[str] = set()

    @property
    def signal(self) -> bool:
        """Whether decisions change a signal of some author."""
        return bool(self._signalling)

    def turn(self, decision: Decision, *, begins: bool) -> bool:
        """Let a decision begin or end; whether a signal of the author's items changed by it."""
        author = decision.subject.id
        acting = self._acting.setdefault(author, {})
        if begins:
            acting[decision.id] = decision
        else:
            del acting[decision.id]
        before = self.of(author)
        after = _view(acting) if acting else NOBODY_SPOKE
        if not acting:
            del self._acting[author]
        self._views.put(author, after if acting else None)
        (self._signalling.add if after.strikes or after.identity else self._signalling.discard)(author)
        return (before.strikes, before.identity) != (after.strikes, after.identity)

    def of(self, author: str) -> AuthorView:
        """The view of one author."""
        return self._views.get(author) or NOBODY_SPOKE

    def view(self) -> Mapping[str, AuthorView]:
        """All views, by author, read-only; never changed once handed out."""
        return self._views.view()


def _view(acting: Mapping[str, Decision]) -> AuthorView:
    made = sorted(acting.values(), key=lambda one: (one.starts_at, one.decided_at, one.id))
    strikes = tuple(one for one in made if one.type is DecisionType.STRIKE)
    restrictions = tuple(one for one in made if one.type is DecisionType.RESTRICT_AUTHOR)
    rates = [int(str(one.parameters["per_day"])) for one in restrictions if _service(one) is Service.RATE]
    attested = [one for one in made if one.type is DecisionType.VERIFY_IDENTITY]
    newest = max(
        attested, key=lambda one: (one.starts_at, one.decided_at, str(one.parameters["identity"])), default=None
    )
    return AuthorView(
        points_lost=sum(int(str(one.parameters["points"])) for one in strikes),
        strikes=strikes,
        restrictions=restrictions,
        services=frozenset(map(_service, restrictions)),
        per_day=min(rates, default=None),
        identity="" if newest is None else str(newest.parameters["identity"]),
    )


def _service(decision: Decision) -> Service:
    return Service(str(decision.parameters["service"]))
