"""Undoing: what ended a decision, and what a sweep would end, told from the decisions about a subject (law 1).

``restore`` ends every takedown of its subject, ``revoke`` every grant of its power to its person there, and
``stop_experiment`` the experiment that it names.
"""

from __future__ import annotations

from collections.abc import Iterable

from controls.decisions import Decision, DecisionType

SWEEPING = {
    DecisionType.RESTORE: DecisionType.TAKEDOWN,
    DecisionType.REVOKE: DecisionType.GRANT,
    DecisionType.STOP_EXPERIMENT: DecisionType.START_EXPERIMENT,
}
"""The types that end others all at once, and which ones."""

SWEPT = frozenset(SWEEPING.values())


def undone_together(decision: Decision) -> tuple[object, ...]:
    """What those that are swept at once have in common with what sweeps them; empty for all other types."""
    if decision.type in (DecisionType.TAKEDOWN, DecisionType.RESTORE):
        return (decision.subject,)
    if decision.type in (DecisionType.GRANT, DecisionType.REVOKE):
        return (decision.subject, decision.parameters["person"], decision.parameters["power"])
    if decision.type is DecisionType.START_EXPERIMENT:
        return (decision.subject, decision.id)
    if decision.type is DecisionType.STOP_EXPERIMENT:
        return (decision.subject, decision.parameters["experiment"])
    return ()


def undone_by(decision: Decision, about: Iterable[Decision]) -> Decision | None:
    """Of the decisions about its subject, oldest first, the one that reversed it, restored what it took down or revoked
    what it granted."""
    for other in about:
        if other.reverses == decision.id:
            return other
        sweeps = SWEEPING.get(other.type) is decision.type and undone_together(other) == undone_together(decision)
        if sweeps and other.revision > decision.revision and not _expired(decision, other.decided_at):
            return other
    return None


def takedowns_left(about: Iterable[Decision], now: int) -> list[Decision]:
    """Of the decisions about one subject, oldest first, the takedowns that hold at a second or will."""
    return [made for made in _left(about, now) if made.type is DecisionType.TAKEDOWN]


def grants_left(about: Iterable[Decision], person: str, power: str, now: int) -> list[Decision]:
    """Of the decisions about one subject, oldest first, the grants of a power to a person that hold or will."""
    held = [made for made in _left(about, now) if made.type is DecisionType.GRANT]
    return [made for made in held if (made.parameters["person"], made.parameters["power"]) == (person, power)]


def _left(about: Iterable[Decision], now: int) -> list[Decision]:
    left: dict[str, Decision] = {}
    for decision in about:
        if decision.type in SWEPT:
            left[decision.id] = decision
        elif decision.type in SWEEPING:
            swept = undone_together(decision)
            left = {name: made for name, made in left.items() if undone_together(made) != swept}
        elif decision.reverses is not None:
            left.pop(decision.reverses, None)
    return [decision for decision in left.values() if not _expired(decision, now)]


def _expired(decision: Decision, at: int) -> bool:
    return decision.expires_at is not None and decision.expires_at <= at
