"""Undoing: what ended a decision, and what a restore would end, told from the decisions about a subject (law 1)."""

from __future__ import annotations

from collections.abc import Iterable

from controls.decisions import Decision, DecisionType


def undone_by(decision: Decision, about: Iterable[Decision]) -> Decision | None:
    """Of the decisions about its subject, oldest first, the one that reversed it or restored what it took down."""
    for other in about:
        if other.reverses == decision.id:
            return other
        restores = other.type is DecisionType.RESTORE and decision.type is DecisionType.TAKEDOWN
        later = other.subject == decision.subject and other.revision > decision.revision
        if restores and later and not _expired(decision, other.decided_at):
            return other
    return None


def takedowns_left(about: Iterable[Decision], now: int) -> list[Decision]:
    """Of the decisions about one subject, oldest first, the takedowns that hold at a second or will."""
    left: dict[str, Decision] = {}
    for decision in about:
        if decision.type is DecisionType.TAKEDOWN:
            left[decision.id] = decision
        elif decision.type is DecisionType.RESTORE:
            left.clear()
        elif decision.reverses is not None:
            left.pop(decision.reverses, None)
    return [decision for decision in left.values() if not _expired(decision, now)]


def _expired(decision: Decision, at: int) -> bool:
    return decision.expires_at is not None and decision.expires_at <= at
