"""Resolving: a case ends with decisions made through the one write door, or with none, and those who asked are told.

The decisions are made together, in one transaction of the ledger, under an id that is made of the case and its version:
a retry after a crash finds them and ends the case, and nobody is decided upon twice (ADR 0021). What needs a second
person is kept as one proposal under the same id, and the case waits for it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial

import anyio.to_thread

from controls.case_endings import ending_id
from controls.cases import (
    Case,
    CaseKind,
    CaseOutcome,
    CaseState,
    Resolution,
    begin_ending,
    no_longer_ending,
    resolve,
)
from controls.decisions import Basis, DecisionType
from controls.errors import ControlsError, InvalidCase
from controls.proposals import Proposal
from feed.access.caller import Caller
from feed.bootstrap import Service
from feed.cases.appeals import barred_from, to_undo
from feed.cases.awaiting import put_case_by
from feed.cases.outcomes import count, ended
from feed.cases.papers import changed, found_case, noted
from feed.decisions.bulk import decide_together
from feed.decisions.deciding import principal_of
from feed.decisions.pending import keep
from feed.decisions.pending_papers import Paper
from feed.items.copies import with_copies
from feed.models.activations import load_before_reversal
from feed.storage.ports.store import Once
from feed.storage.rules import idempotency_conflict

EVIDENCE = "case:"
"""What the evidence of a decision begins with that was made in a case; the case's id follows."""

MARGIN = 10
"""Seconds that a claim must still hold when a case is being ended."""

BASIS = Basis("operations", "appeal upheld")


@dataclass(frozen=True, slots=True)
class Ending:
    """How a caller wants a case to end: with ``proposals`` to be decided, each with whether it reaches copies, and
    decisions that were ``made`` elsewhere. ``request`` tells this request from any other."""

    outcome: CaseOutcome
    answer: str
    request: str
    proposals: tuple[tuple[Proposal, bool], ...] = ()
    made: tuple[str, ...] = ()


async def end(service: Service, caller: Caller, id: str, ending: Ending, expected: int | None) -> Case:
    """End a case that the caller holds, or put it by while a second person is asked about what is to be decided. Raises
    what ``controls`` and the store refuse; then nothing was decided. A request that ended the case, or put it by, is
    answered as it was."""
    now = service.clock.now()
    case, _ = await anyio.to_thread.run_sync(found_case, service.store, id)
    if _answered(case, ending):
        return await _told(service, case)
    barred = await anyio.to_thread.run_sync(barred_from, service.store, case)
    draft = Resolution(ending.outcome, ending.answer, ending.made)

    def begun(stored: Case) -> Case:
        if _answered(stored, ending):
            return stored
        # Nobody else is to take the case on while the decisions are being made, and no other request to end it.
        return begin_ending(
            stored, caller.subject, draft, now, ending.request, margin=MARGIN, barred=barred, expected=expected
        )

    case, _ = await noted(service.store, id, begun)
    if _answered(case, ending):
        return await _told(service, case)
    try:
        decisions = await _decided(service, caller, case, ending)
    except Exception:
        if not await anyio.to_thread.run_sync(service.decisions.bulk, ending_id(case)):
            await noted(service.store, id, partial(no_longer_ending, request=ending.request))
        raise
    if decisions is None:
        return await put_case_by(service, id, ending_id(case))
    resolution = replace(draft, decisions=(*ending.made, *decisions))
    ending_it = partial(
        resolve, who=caller.subject, resolution=resolution, now=now, barred=barred, request=ending.request
    )
    case, _ = await changed(service.store, id, ending_it, ending.request)
    count(service, case)
    return await ended(service, case)


def _answered(case: Case, ending: Ending) -> bool:
    """Whether this request ended the case before, or put it by."""
    return case.state in (CaseState.RESOLVED, CaseState.AWAITING) and case.request == ending.request


async def _told(service: Service, case: Case) -> Case:
    return await ended(service, case) if case.state is CaseState.RESOLVED else case


def _proposals(service: Service, case: Case, ending: Ending) -> list[Proposal]:
    """What is to be decided: what was asked for, and what an upheld appeal undoes. Blocks."""
    for made in ending.made:
        if service.store.ledger.by_id(made) is None:
            raise InvalidCase(f"no decision {made!r} is in the ledger; check the id", "made")
    undone = to_undo(service, case) if ending.outcome is CaseOutcome.UPHELD else []
    reversals = [
        Proposal(type=DecisionType.REVERSE, subject=None, reason=ending.answer, basis=BASIS, reverses=target.id)
        for target in undone
        if target.id not in {proposal.reverses for proposal, _ in ending.proposals}
    ]
    asked = [
        one
        for proposal, copies in ending.proposals
        for one in (with_copies(service, proposal) if copies else [proposal])
    ]
    evidence = f"{EVIDENCE}{case.id}"
    return [
        replace(proposal, evidence=(*proposal.evidence, evidence), idempotency_key=f"{evidence}:{case.version}")
        for proposal in (*reversals, *asked)
    ]


def _check_acts(case: Case, ending: Ending, proposals: Sequence[Proposal]) -> None:
    """Raise unless the outcome and the decisions say the same."""
    acts = bool(proposals or ending.made)
    if ending.outcome in (CaseOutcome.ACTED, CaseOutcome.UPHELD) and not acts:
        undoing = ""
        if case.kind is CaseKind.APPEAL:
            undoing = (
                "nothing that is this author's alone is left to reverse; where somebody reversed it meanwhile, name "
                "that reversal in made, or give the case back and it ends by itself; else "
            )
        raise InvalidCase(
            f"{undoing}say in decisions what is done, such as a reversal, or a label that lifts what a rule holds",
            "decisions",
        )
    if ending.outcome in (CaseOutcome.NO_ACTION, CaseOutcome.DISMISSED) and acts:
        raise InvalidCase(f"{ending.outcome.value} makes no decisions; leave them out", "decisions")


async def _decided(service: Service, caller: Caller, case: Case, ending: Ending) -> list[str] | None:
    """The ids of the decisions, made together, or by this request before; waits for those who obey them. None when they
    are kept for a second person to approve."""
    id = ending_id(case)
    # No client's key has a line break.
    once = Once(f"case\n{id}", ending.request)
    made = await anyio.to_thread.run_sync(service.decisions.bulk, id)
    if made:
        if await anyio.to_thread.run_sync(service.store.ledger.decided_under, once) is None:
            raise idempotency_conflict(once)
        return [decision.id for decision in made]
    try:
        return await _decide(service, caller, case, ending, once)
    except ControlsError:
        # The same request, sent twice at once, may be what changed what this one found.
        made = await anyio.to_thread.run_sync(service.decisions.bulk, id)
        if not made or await anyio.to_thread.run_sync(service.store.ledger.decided_under, once) is None:
            raise
        return [decision.id for decision in made]


async def _decide(service: Service, caller: Caller, case: Case, ending: Ending, once: Once) -> list[str] | None:
    id = ending_id(case)
    proposals = await anyio.to_thread.run_sync(_proposals, service, case, ending)
    _check_acts(case, ending, proposals)
    if not proposals:
        return []
    principal = principal_of(caller)
    if any(service.decisions.awaits_second(proposal, principal) for proposal in proposals):
        paper = Paper(principal, tuple(proposals), together=True, digest=ending.request, case=case.id)
        await anyio.to_thread.run_sync(keep, service, id, paper)
        return None
    for proposal in proposals:
        if proposal.reverses is not None:
            await anyio.to_thread.run_sync(load_before_reversal, service, proposal.reverses)
    told = await decide_together(service, principal, proposals, once, id=id)
    return [decision.id for decision in told.decisions]
