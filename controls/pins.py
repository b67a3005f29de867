"""Pins against one another: at one position, and of one item, there is one for each audience at a time (law 6).

The fold orders those that meet all the same (the earliest decided has the position); a pin that would show nowhere is
refused where it is proposed.
"""

from __future__ import annotations

from collections.abc import Collection

from controls.decisions import Decision
from controls.scopes import EVERYWHERE, Scope


def hides(pin: Decision, other: Decision, now: int) -> bool:
    """Whether, for some audience at some second from ``now`` on, ``pin`` would not show because ``other`` does: at the
    same position, or with the same item at the same or a foremost position."""
    mine, theirs = int(str(pin.parameters["position"])), int(str(other.parameters["position"]))
    if mine != theirs and (pin.subject != other.subject or mine < theirs):
        return False
    return _meet_in_time(pin, other, now) and _meet_in_scope(pin.scope, other.scope)


def _meet_in_time(one: Decision, other: Decision, now: int) -> bool:
    ends = [decision.expires_at for decision in (one, other) if decision.expires_at is not None]
    return not ends or max(one.starts_at, other.starts_at, now) < min(ends)


def _meet_in_scope(one: Scope, other: Scope) -> bool:
    return (
        _meet(one.surfaces, other.surfaces)
        and _meet(one.regions, other.regions)
        and ("any" in (one.audience, other.audience) or one.audience == other.audience)
    )


def _meet(some: Collection[str], others: Collection[str]) -> bool:
    return EVERYWHERE in some or EVERYWHERE in others or not set(some).isdisjoint(others)
