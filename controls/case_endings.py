"""Case endings: how a case ends that nobody holds any more: once a second person approved, after a crash, or by itself
when nothing is left to decide (law 9).

``claimed ──put_by──> awaiting approval ──finished──> resolved``, and ``──reopened──> open`` when the proposal came to
nothing. A case that is being ended keeps how it is to end, so that what was decided is never without its case.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from controls.cases import Case, CaseState, Resolution, moved, state_at
from controls.errors import CaseHeld

GONE_ON = "the case went on without this proposal, which ends nothing any more; read the case"


def ending_id(case: Case) -> str:
    """The id under which the decisions are made that end a case as it stands."""
    return f"{case.id}-{case.version}"


def put_by(case: Case, proposal: str, now: int) -> Case:
    """The case while a second person is asked to approve the proposal that is to end it; one that was put by for it
    stays as it is. Raises ``CaseHeld`` when the case went on."""
    if case.state is CaseState.AWAITING and case.proposal == proposal:
        return case
    if case.state is not CaseState.CLAIMED or not case.ending or proposal != ending_id(case):
        raise CaseHeld(GONE_ON, "case")
    return moved(
        case,
        now,
        state=CaseState.AWAITING,
        proposal=proposal,
        drafted=case.drafted,
        request=case.ending,
        lease_until=0,
    )


def finished(case: Case, decisions: Sequence[str], now: int) -> Case:
    """The end of a case that awaited a second person, or was being ended, with the decisions that were made; one that
    is neither stays as it is. Its holder ended it; the time that it waited is no time that somebody worked on it."""
    waited = case.state is CaseState.AWAITING
    draft = case.drafted
    if draft is None or not (waited or (case.state is CaseState.CLAIMED and case.ending)):
        return case
    at = max(now, case.changed_at)
    return moved(
        case,
        at,
        state=CaseState.RESOLVED,
        request=case.request if waited else case.ending,
        held_at=case.held_at + (at - case.changed_at if waited else 0),
        lease_until=0,
        resolution=replace(draft, decisions=(*draft.decisions, *decisions)),
        resolved_by=case.holder,
        resolved_at=at,
    )


def reopened(case: Case, proposal: str, why: str, now: int) -> Case:
    """A case whose proposal came to nothing, for anybody to claim, with ``why`` in its note; one that does not wait for
    this proposal stays as it is."""
    if case.state is not CaseState.AWAITING or case.proposal != proposal:
        return case
    note = "\n".join(filter(None, (case.note, why)))
    return moved(
        case, now, state=case.waits_as, holder="", held_at=0, lease_until=0, proposal="", request="", note=note
    )


def left_to_people(case: Case, now: int) -> bool:
    """Whether a case is with somebody, or was handed on: then it does not end by itself."""
    return state_at(case, now) is not CaseState.OPEN or bool(case.ending)


def ended_by_itself(case: Case, resolution: Resolution, who: str, now: int) -> Case:
    """The end of a case that nothing is left of to decide, in the service's own name ``who``; one that is left to
    people, or resolved, stays as it is."""
    if left_to_people(case, now):
        return case
    at = max(now, case.changed_at, case.opened_at)
    return moved(
        case,
        at,
        state=CaseState.RESOLVED,
        request="",
        holder="",
        held_at=0,
        lease_until=0,
        resolution=resolution,
        resolved_by=who,
        resolved_at=at,
    )
