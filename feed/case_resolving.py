"""Resolving: a case ends with decisions made through the one write door, or with none, and those who asked are told.

The decisions are made together, in one transaction of the ledger, under an id that is made of the case and its version:
a retry after a crash finds them and ends the case, and nobody is decided upon twice (ADR 0021).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial

import anyio.to_thread

from controls.cases import (
    Case,
    CaseKind,
    CaseOutcome,
    CaseState,
    Resolution,
    begin_ending,
    no_longer_ending,
    overdue,
    resolve,
)
from controls.decisions import Basis, DecisionType
from controls.errors import InvalidCase
from controls.proposals import Proposal
from feed.activations import load_before_reversal
from feed.appeals import appealed_case, deciders, note_overturn, to_undo
from feed.auth import Caller
from feed.bootstrap import Service
from feed.breaker import look_at_rule
from feed.bulk import decide_together
from feed.case_papers import changed, found_case, noted
from feed.copies import with_copies
from feed.deciding import principal_of
from feed.reports import settle
from feed.storage.ports import Once
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
    """End a case that the caller holds. Raises what ``controls`` and the store refuse; then nothing was decided.
    A request that ended the case before is answered as it was."""
    now = service.clock.now()
    case, _ = await anyio.to_thread.run_sync(found_case, service.store, id)
    if case.state is CaseState.RESOLVED and case.request == ending.request:
        return await _ended(service, case)
    barred = await anyio.to_thread.run_sync(deciders, service.store, case)
    draft = Resolution(ending.outcome, ending.answer, ending.made)

    def begun(stored: Case) -> Case:
        if stored.state is CaseState.RESOLVED and stored.request == ending.request:
            return stored
        # Nobody else is to take the case on while the decisions are being made, and no other request to end it.
        return begin_ending(
            stored, caller.subject, draft, now + MARGIN, ending.request, barred=barred, expected=expected
        )

    case, _ = await noted(service.store, id, begun)
    if case.state is CaseState.RESOLVED:
        return await _ended(service, case)
    try:
        decisions = await _decided(service, caller, case, ending)
    except Exception:
        if not await anyio.to_thread.run_sync(service.decisions.bulk, _bulk_of(case)):
            await noted(service.store, id, partial(no_longer_ending, request=ending.request))
        raise
    resolution = replace(draft, decisions=(*ending.made, *decisions))
    ending_it = partial(
        resolve, who=caller.subject, resolution=resolution, now=now, barred=barred, request=ending.request
    )
    case, _ = await changed(service.store, id, ending_it, ending.request)
    in_time = "no" if overdue(case, now) else "yes"
    service.metrics.resolved.labels(case.kind.value, ending.outcome.value, in_time).inc()
    return await _ended(service, case)


async def _ended(service: Service, case: Case) -> Case:
    """The case, once everybody was told and the rule it speaks of was looked at; again changes nothing."""
    await anyio.to_thread.run_sync(_tell, service, case)
    if case.kind is CaseKind.APPEAL and "rule" in case.about:
        await look_at_rule(service, case.about["rule"])
    return case


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
        undoing = "nothing that is this author's alone is left to reverse; " if case.kind is CaseKind.APPEAL else ""
        raise InvalidCase(
            f"{undoing}say in decisions what is done, such as a reversal, or a label that lifts what a rule holds",
            "decisions",
        )
    if ending.outcome in (CaseOutcome.NO_ACTION, CaseOutcome.DISMISSED) and acts:
        raise InvalidCase(f"{ending.outcome.value} makes no decisions; leave them out", "decisions")


async def _decided(service: Service, caller: Caller, case: Case, ending: Ending) -> list[str]:
    """The ids of the decisions, made together, or by this request before; waits for those who obey them."""
    id = _bulk_of(case)
    # No client's key has a line break.
    once = Once(f"case\n{id}", ending.request)
    made = await anyio.to_thread.run_sync(service.decisions.bulk, id)
    if made:
        if await anyio.to_thread.run_sync(service.store.ledger.decided_under, once) is None:
            raise idempotency_conflict(once)
        return [decision.id for decision in made]
    proposals = await anyio.to_thread.run_sync(_proposals, service, case, ending)
    _check_acts(case, ending, proposals)
    if not proposals:
        return []
    for proposal in proposals:
        if proposal.reverses is not None:
            await anyio.to_thread.run_sync(load_before_reversal, service, proposal.reverses)
    told = await decide_together(service, principal_of(caller), proposals, once, id=id)
    return [decision.id for decision in told.decisions]


def _bulk_of(case: Case) -> str:
    """The id under which the decisions that end a case are made."""
    return f"{case.id}-{case.version}"


def _tell(service: Service, case: Case) -> None:
    """Write the outcome where it is looked up: to the reports, and to what an appeal was about. Blocks."""
    settle(service.store, case)
    if case.kind is not CaseKind.APPEAL or case.resolution is None:
        return
    note_overturn(service.store, case)
    before = appealed_case(service.store, case)
    if case.resolution.outcome is CaseOutcome.UPHELD and before is not None:
        acted = before.resolution is not None and before.resolution.outcome is CaseOutcome.ACTED
        settle(service.store, before, CaseOutcome.NO_ACTION if acted else CaseOutcome.ACTED)
