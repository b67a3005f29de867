"""Decisions: made, approved, read and reversed. The ledger holds them all; undoing one is another one (law 1)."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated

import anyio.to_thread
from fastapi import Depends, Path, Query
from starlette.responses import Response

from controls.decisions import DecisionType
from controls.errors import DecidedSince
from controls.proposals import Proposal
from feed.access.caller import INSPECTORS, Caller
from feed.bootstrap import Service
from feed.decisions.bulk import bulk_of, decide_together, dry_run, proposals_of, refuse_unseen, reversals, told
from feed.decisions.deciding import basis_of, key_of, principal_of, proposal_of, read
from feed.decisions.pending import approve, decline, kept, propose
from feed.decisions.pending_papers import found, known_under, listed, shown
from feed.errors import InputInvalid, NotFound
from feed.http.wire import Allow, ExpectedVersion, OnceOnly, ServiceNow, answer, router
from feed.items.copies import decide_with_copies
from feed.schemas.decisions import DecidedOut, DecisionIn, DecisionOut, DecisionsOut, ReversalIn
from feed.schemas.fields import Id, OptionalId
from feed.schemas.pending import (
    BulkIn,
    BulkOut,
    BulkReversalIn,
    DeclineIn,
    DryRunOut,
    PendingListOut,
    PendingOut,
)
from feed.storage.ports.store import Once

routes = router("decisions")

DecisionId = Annotated[Id, Path()]
DecidingCaller = Annotated[Caller, Depends(Allow("editor", "moderator", "policy", "experimenter"))]
InspectingCaller = Annotated[Caller, Depends(Allow("experimenter", *INSPECTORS))]


@routes.post(
    "/v1/decisions",
    summary="Decide",
    status_code=201,
    responses={201: {"model": DecidedOut | BulkOut}, 202: {"model": PendingOut}},
)
async def make(
    body: DecisionIn, service: ServiceNow, caller: DecidingCaller, once: OnceOnly, expected: ExpectedVersion
) -> Response:
    """Make a decision. It is durable once answered, and `enforced` tells which replicas obey it and how fast.

    Editors pin, boost, feature and suppress; moderators suppress, take down, restore and freeze; `policy` publishes
    policies; `experimenter` activates models, and starts and stops experiments. A reversal needs the scope of what
    it reverses. Restrictions and placements must say when they end (`expires_at`) or are reviewed (`review_by`). A
    decision on a subject that is not known yet is taken and waits for it. A pin at a position that another pin
    holds, for some of the same audience at some of the same time, is refused with that pin's id; so is a second pin
    of an item that stands further ahead.

    What is of high impact is answered 202 with an id, and is decided when a second person approves it. With
    `break_glass` it is decided at once, for a day at most, and a review is opened. With `expected_revision` or
    `If-Match` a decision is refused (412) when anything about its subject was decided after that revision. With
    `copies` it is made about the item and its near-duplicates, all or none, and answered as a bulk.
    """
    proposal = proposal_of(body, once)
    if expected is not None:
        proposal = replace(proposal, expected_revision=expected)
    if body.copies:
        return await decide_with_copies(service, caller, proposal, once)
    return await propose(service, caller, proposal, once)


@routes.get("/v1/decisions", summary="List decisions", responses={200: {"model": DecisionsOut}})
def listing(
    service: ServiceNow,
    caller: InspectingCaller,
    before: Annotated[int | None, Query(ge=1, le=1 << 53, description="Revisions below this one")] = None,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
    subject: Annotated[OptionalId | None, Query(description="Only decisions about this id")] = None,
) -> Response:
    """The decisions, newest first."""
    found = service.store.ledger.listing(before=before, limit=limit, subject=subject)
    following = found[-1].revision if len(found) == limit and found[-1].revision > 1 else None
    return answer(DecisionsOut([read(service, decision) for decision in found], following))


@routes.get(
    "/v1/decisions/pending", summary="List what awaits a second person", responses={200: {"model": PendingListOut}}
)
def waiting(
    service: ServiceNow,
    caller: InspectingCaller,
    state: Annotated[
        str, Query(pattern="^(pending|approved|declined|expired)$", description="Which proposals")
    ] = "pending",
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
    after: Annotated[
        str, Query(pattern=r"^([0-9]{1,12}\.[0-9a-f-]{1,64})?$", description="`next` of the page before")
    ] = "",
) -> Response:
    """Proposals of high impact, newest first. Those that nobody approved in time, or that nothing waits for any more,
    are told as `expired`."""
    return answer(listed(service, state, limit, after))


@routes.get("/v1/decisions/pending/{decision}", summary="Read a proposal", responses={200: {"model": PendingOut}})
def proposed(decision: DecisionId, service: ServiceNow, caller: InspectingCaller) -> Response:
    """One proposal, what became of it, and until when it can be approved."""
    return answer(shown(found(service.store, decision), service.clock.now()))


@routes.post(
    "/v1/decisions/bulk",
    summary="Decide about many",
    status_code=201,
    responses={200: {"model": DryRunOut}, 201: {"model": BulkOut}, 202: {"model": PendingOut}},
)
async def many(body: BulkIn, service: ServiceNow, caller: DecidingCaller, once: OnceOnly) -> Response:
    """The same act on up to 500 subjects, in one transaction of the ledger: all are decided or none.

    Send it with `dry_run` first: nothing is decided, and every subject is told with what would become of its items, or
    why it is refused. The answer's `digest` makes it, with `dry_run` false; when anything about the subjects was
    decided since, that is refused (412). `POST /v1/decisions/bulk/{id}/reverse` undoes all of them at once.
    """
    proposals, principal = proposals_of(body, once), principal_of(caller)
    known = None if body.dry_run else await _made_before(service, once)
    if known is not None:
        return known
    seen = await anyio.to_thread.run_sync(dry_run, service, principal, proposals)
    if body.dry_run:
        return answer(seen)
    try:
        refuse_unseen(seen, body.digest)
    except (DecidedSince, InputInvalid):
        # The same request, sent twice at once, may be what was decided since.
        known = await _made_before(service, once)
        if known is None:
            raise
        return known
    proposals = [
        replace(proposal, expected_revision=effect.newest)
        for proposal, effect in zip(proposals, seen.subjects, strict=True)
    ]
    if seen.needs_second_person:
        return await kept(service, principal, proposals, once, together=True)
    return answer(await decide_together(service, principal, proposals, once), 201)


async def _made_before(service: Service, once: Once | None) -> Response | None:
    """What this very request was answered, if it decided or proposed together before."""
    if once is None:
        return None
    first = await anyio.to_thread.run_sync(service.store.ledger.decided_under, once)
    if first is not None:
        return answer(await anyio.to_thread.run_sync(told, service, bulk_of(first)), 201)
    before = await anyio.to_thread.run_sync(known_under, service.store, once)
    return answer(shown(before, service.clock.now()), 202) if before is not None else None


@routes.get("/v1/decisions/bulk/{bulk}", summary="Read what was decided together", responses={200: {"model": BulkOut}})
def together(bulk: Annotated[Id, Path()], service: ServiceNow, caller: InspectingCaller) -> Response:
    """The decisions that were made together, in order, and what reversed them."""
    return answer(told(service, bulk))


@routes.post(
    "/v1/decisions/bulk/{bulk}/reverse",
    summary="Reverse what was decided together",
    status_code=201,
    responses={201: {"model": BulkOut}},
)
async def reverse_many(
    bulk: Annotated[Id, Path()], body: BulkReversalIn, service: ServiceNow, caller: DecidingCaller, once: OnceOnly
) -> Response:
    """Undo decisions that were made together, in one transaction. Those that somebody undid before are left alone."""
    reversal = Proposal(DecisionType.REVERSE, None, body.reason, basis_of(body.basis), idempotency_key=key_of(once))
    if once is not None:
        first = await anyio.to_thread.run_sync(service.store.ledger.decided_under, once)
        if first is not None:
            return answer(await anyio.to_thread.run_sync(told, service, bulk_of(first)), 201)
    proposals = await anyio.to_thread.run_sync(reversals, service, bulk, reversal)
    return answer(await decide_together(service, principal_of(caller), proposals, once), 201)


@routes.get("/v1/decisions/{decision}", summary="Read a decision", responses={200: {"model": DecisionOut}})
def one(decision: DecisionId, service: ServiceNow, caller: InspectingCaller) -> Response:
    """One decision, and the one that reversed it if any did."""
    found = service.store.ledger.by_id(decision)
    if found is None:
        raise NotFound(f"no decision {decision!r} is in the ledger; check the id")
    return answer(read(service, found))


@routes.post(
    "/v1/decisions/{decision}/approve",
    summary="Approve a proposal",
    status_code=201,
    responses={201: {"model": DecidedOut}},
)
async def second(decision: DecisionId, service: ServiceNow, caller: DecidingCaller, once: OnceOnly) -> Response:
    """Approve, as a second person, what awaits one: it is then decided as its maker's, with `approved_by`.

    The approver is somebody else, and may do the act. Every check is made again. Approving again changes nothing and is
    answered with the decision, with or without an idempotency key. A proposal that is to end a case ends it, in its
    proposer's name; whoever decided what an appeal is about does not approve it.
    """
    return await approve(service, caller, decision)


@routes.post("/v1/decisions/{decision}/decline", summary="Decline a proposal", responses={200: {"model": PendingOut}})
async def refuse(
    decision: DecisionId, body: DeclineIn, service: ServiceNow, caller: DecidingCaller, once: OnceOnly
) -> Response:
    """Refuse what awaits a second person, or take back one's own proposal. Nothing is decided."""
    return answer(await decline(service, caller, decision, body.reason))


@routes.post(
    "/v1/decisions/{decision}/reverse",
    summary="Reverse a decision",
    status_code=201,
    responses={201: {"model": DecidedOut}},
)
async def reverse(
    decision: DecisionId,
    body: ReversalIn,
    service: ServiceNow,
    caller: DecidingCaller,
    once: OnceOnly,
    expected: ExpectedVersion,
) -> Response:
    """Undo a decision by another one. What it did ends everywhere at once; both stay in the ledger."""
    proposal = Proposal(
        type=DecisionType.REVERSE,
        subject=None,
        reason=body.reason,
        basis=basis_of(body.basis),
        reverses=decision,
        idempotency_key=key_of(once),
        expected_revision=body.expected_revision if expected is None else expected,
    )
    return await propose(service, caller, proposal, once)
