"""Corrections: what is sent to those who were exposed to an item that was wrong, and how many of them it reached.

A correction goes once to every reader with an exposure to the item or a near-duplicate from before it began, until they
have seen it, until it ends. It travels beside the items of a page, never among them (law 7).
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable
from dataclasses import dataclass, replace

from controls.decisions import Decision
from controls.scopes import Scope

WITHIN = (60, 300, 900, 3_600, 21_600, 86_400, 259_200, 604_800, 2_592_000)
"""Seconds from the beginning of a correction by which those reached are counted."""

_NOBODY = (0,) * (len(WITHIN) + 1)


@dataclass(frozen=True, slots=True, eq=False)
class Correction:
    """What readers are told. ``members``: the item and its near-duplicates when it was decided; ``starts_at`` and
    ``ends_at``: seconds from which and before which it is sent."""

    decision: str
    item: str
    members: tuple[str, ...]
    notice: str
    text: str
    scope: Scope
    starts_at: int
    ends_at: int

    @classmethod
    def of(cls, decision: Decision, members: Iterable[str], longest: int) -> Correction:
        """The correction that a decision of the type ``correct`` makes; it is sent for ``longest`` seconds at most."""
        ends_at = decision.starts_at + longest
        return cls(
            decision=decision.id,
            item=decision.subject.id,
            members=tuple(dict.fromkeys((decision.subject.id, *members))),
            notice=str(decision.parameters["notice"]),
            text=str(decision.parameters["text"]),
            scope=decision.scope,
            starts_at=decision.starts_at,
            ends_at=ends_at if decision.expires_at is None else min(ends_at, decision.expires_at),
        )

    @property
    def before(self) -> int:
        """The second below which an exposure counts: those of the beginning's own second may have come before it."""
        return self.starts_at + 1


@dataclass(frozen=True, slots=True)
class Reach:
    """How far a correction came: readers ``exposed``, those who have ``seen`` it, and those to whom it was sent again
    and again without a sign that they have (``unconfirmed``). ``within[n]`` of those who have seen it did so
    within ``WITHIN[n]`` seconds but not sooner, the last ones later."""

    exposed: int = 0
    seen: int = 0
    unconfirmed: int = 0
    within: tuple[int, ...] = _NOBODY

    def told(self, seconds: Iterable[int], unconfirmed: int) -> Reach:
        """With more who have seen it, each after so many seconds, and more who gave no sign."""
        counts = list(self.within)
        for taken in seconds:
            counts[bisect_left(WITHIN, taken)] += 1
        return replace(self, seen=sum(counts), unconfirmed=self.unconfirmed + unconfirmed, within=tuple(counts))

    def grown(self, exposed: int) -> Reach:
        """With so many exposed, if those are more; nobody is exposed less because their history was erased."""
        return replace(self, exposed=max(self.exposed, exposed))

    @property
    def share(self) -> float:
        """Share of the exposed who have seen it, from 0 to 1; 0 while nobody was exposed."""
        return min(self.seen / self.exposed, 1.0) if self.exposed else 0.0

    def reached_within(self, share: float) -> int | None:
        """The first of :data:`WITHIN` by which so large a share of the exposed had seen it; None while it is not."""
        wanted, count = share * self.exposed, 0
        for seconds, reached in zip(WITHIN, self.within, strict=False):
            count += reached
            if self.exposed and count >= wanted:
                return seconds
        return None
