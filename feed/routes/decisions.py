"""Decisions: made, read and reversed. The ledger holds them all; undoing one is another one (law 1)."""

from __future__ import annotations

from typing import Annotated

from fastapi import Depends, Path, Query
from starlette.responses import Response

from controls.decisions import DecisionType
from controls.proposals import Proposal
from feed.auth import INSPECTORS, Caller
from feed.deciding import basis_of, decide, key_of, proposal_of, read
from feed.errors import NotFound
from feed.schemas.decisions import DecidedOut, DecisionIn, DecisionOut, DecisionsOut, ReversalIn
from feed.schemas.fields import Id
from feed.wire import Allow, OnceOnly, ServiceNow, answer, router

routes = router("decisions")

DecisionId = Annotated[Id, Path()]
DecidingCaller = Annotated[Caller, Depends(Allow("editor", "moderator", "policy", "experimenter"))]
InspectingCaller = Annotated[Caller, Depends(Allow("experimenter", *INSPECTORS))]


@routes.post("/v1/decisions", summary="Decide", status_code=201, responses={201: {"model": DecidedOut}})
async def make(body: DecisionIn, service: ServiceNow, caller: DecidingCaller, once: OnceOnly) -> Response:
    """Make a decision. It is durable once answered, and `enforced` tells which replicas obey it and how fast.

    Editors pin, boost, feature and suppress; moderators suppress, take down, restore and freeze; `policy` publishes
    policies; `experimenter` activates models. A reversal needs the scope of what it reverses. Restrictions and
    placements must say when they end (`expires_at`) or are reviewed (`review_by`). A decision on a subject that is not
    known yet is taken and waits for it. A pin at a position that another pin holds, for some of the same audience at
    some of the same time, is refused with that pin's id; so is a second pin of an item that stands further ahead.
    """
    return answer(await decide(service, caller, proposal_of(body, once), once), 201)


@routes.get("/v1/decisions", summary="List decisions", responses={200: {"model": DecisionsOut}})
def listing(
    service: ServiceNow,
    caller: InspectingCaller,
    before: Annotated[int | None, Query(ge=1, le=1 << 53, description="Revisions below this one")] = None,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
    subject: Annotated[str | None, Query(max_length=128, description="Only decisions about this id")] = None,
) -> Response:
    """The decisions, newest first."""
    found = service.store.ledger.listing(before=before, limit=limit, subject=subject)
    following = found[-1].revision if len(found) == limit and found[-1].revision > 1 else None
    return answer(DecisionsOut([read(service, decision) for decision in found], following))


@routes.get("/v1/decisions/{decision}", summary="Read a decision", responses={200: {"model": DecisionOut}})
def one(decision: DecisionId, service: ServiceNow, caller: InspectingCaller) -> Response:
    """One decision, and the one that reversed it if any did."""
    found = service.store.ledger.by_id(decision)
    if found is None:
        raise NotFound(f"no decision {decision!r} is in the ledger; check the id")
    return answer(read(service, found))


@routes.post(
    "/v1/decisions/{decision}/reverse",
    summary="Reverse a decision",
    status_code=201,
    responses={201: {"model": DecidedOut}},
)
async def reverse(
    decision: DecisionId, body: ReversalIn, service: ServiceNow, caller: DecidingCaller, once: OnceOnly
) -> Response:
    """Undo a decision by another one. What it did ends everywhere at once; both stay in the ledger."""
    proposal = Proposal(
        type=DecisionType.REVERSE,
        subject=None,
        reason=body.reason,
        basis=basis_of(body.basis),
        reverses=decision,
        idempotency_key=key_of(once),
    )
    return answer(await decide(service, caller, proposal, once), 201)
