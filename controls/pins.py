"""Pins against one another: at one position, and of one item, there is one for each audience at a time (law 6).

The fold orders those that meet all the same (the earliest decided has the position); a pin that would show nowhere is
refused where it is proposed.
"""

from __future__ import annotations

from collections.abc import Iterable

from controls.decisions import Decision
from controls.errors import PositionTaken


def hides(pin: Decision, other: Decision, now: int) -> bool:
    """Whether, for some audience at some second from ``now`` on, ``pin`` would not show because ``other`` does: at the
    same position, or with the same item at the same or a foremost position."""
    mine, theirs = int(str(pin.parameters["position"])), int(str(other.parameters["position"]))
    if mine != theirs and (pin.subject != other.subject or mine < theirs):
        return False
    return _meet_in_time(pin, other, now) and pin.scope.meets(other.scope)


def _meet_in_time(one: Decision, other: Decision, now: int) -> bool:
    ends = [decision.expires_at for decision in (one, other) if decision.expires_at is not None]
    return not ends or max(one.starts_at, other.starts_at, now) < min(ends)


def check_position(pin: Decision, others: Iterable[Decision]) -> None:
    """Raise :class:`PositionTaken` if another pin, in force or to come, would stand where this one asks to."""
    for other in others:
        if hides(pin, other, pin.decided_at):
            held = "the item is pinned already" if other.subject == pin.subject else "the position is taken"
            ends = "it is reversed" if other.expires_at is None else f"second {other.expires_at}"
            raise PositionTaken(
                f"{held} by decision {other.id} ({other.subject.id!r} at {other.parameters['position']}, until "
                f"{ends}); reverse it, or choose another position, scope or time",
                "parameters.position",
            )
