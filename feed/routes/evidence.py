"""Evidence that was preserved at decisions, and the holds by which it is kept."""

from __future__ import annotations

from typing import Annotated

import orjson
from fastapi import Depends, Query
from starlette.responses import Response

from feed.access.caller import Caller
from feed.bootstrap import Service
from feed.errors import Fault, InputInvalid, NotFound
from feed.http.wire import Allow, ServiceNow, answer, router
from feed.ledger import proofs
from feed.routes.decisions import DecisionId
from feed.schemas.evidence import EvidenceListOut, EvidenceOut, HeldEvidenceOut, HoldIn, HoldOut
from feed.transparency.evidence import Kept, evidence_of, listed

routes = router("evidence")

_LONGEST_HOLD = 30 * 366 * 86_400

ReadingCaller = Annotated[Caller, Depends(Allow("moderator", "auditor"))]
HoldingCaller = Annotated[Caller, Depends(Allow("admin"))]


@routes.get("/v1/evidence", summary="List evidence", responses={200: {"model": EvidenceListOut}})
def listing(
    service: ServiceNow,
    caller: ReadingCaller,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
    after: Annotated[
        str, Query(max_length=160, pattern=r"^([0-9]{1,12}\.[^\x00]+)?$", description="`next` of the page before")
    ] = "",
) -> Response:
    """Evidence that is held, by when it is deleted unless a longer hold is ordered: what goes first first."""
    until, _, id = after.partition(".")
    entries = listed(service.store, (int(until), id) if after else None, limit)
    found = [(entry, service.store.ledger.by_id(entry.id)) for entry in entries]
    told = [
        HeldEvidenceOut(
            entry.id,
            decision.type.value if decision is not None else "",
            {"kind": decision.subject.kind.value if decision is not None else "", "id": entry.subject},
            entry.at,
            entry.due_at,
        )
        for entry, decision in found
    ]
    following = f"{entries[-1].due_at}.{entries[-1].id}" if len(entries) == limit else None
    return answer(EvidenceListOut(told, following))


@routes.get("/v1/decisions/{decision}/evidence", summary="Read evidence", responses={200: {"model": EvidenceOut}})
def read(decision: DecisionId, service: ServiceNow, caller: ReadingCaller) -> Response:
    """What was preserved when an item was taken down, restricted or corrected, or its author given a strike.

    It is what the item was then, whatever became of it since, and names no reader. `weir evidence export` writes it as
    a folder that can be checked offline.
    """
    return answer(_shown(service, decision, evidence_of(service.store, decision)))


@routes.put("/v1/decisions/{decision}/evidence/hold", summary="Hold evidence", responses={200: {"model": EvidenceOut}})
def hold(decision: DecisionId, body: HoldIn, service: ServiceNow, caller: HoldingCaller) -> Response:
    """Keep evidence until another second than it is kept until now. Every order stays on record."""
    now = service.clock.now()
    if not now < body.until <= now + _LONGEST_HOLD:
        message = "must lie ahead, by thirty years at most; delete the hold to let the evidence go"
        raise InputInvalid(f"until {message}", faults=(Fault("until", message),))
    kept = service.evidence.hold(decision, HoldOut(caller.subject, now, body.until, body.reason))
    return answer(_shown(service, decision, kept))


@routes.delete(
    "/v1/decisions/{decision}/evidence/hold", summary="Let evidence go", responses={200: {"model": EvidenceOut}}
)
def let_go(decision: DecisionId, service: ServiceNow, caller: HoldingCaller) -> Response:
    """End the hold now: the evidence is deleted within the hour. The decision stays in the ledger."""
    now = service.clock.now()
    kept = service.evidence.hold(decision, HoldOut(caller.subject, now, now, "the hold was ended"))
    return answer(_shown(service, decision, kept))


def _shown(service: Service, decision: str, kept: Kept) -> EvidenceOut:
    found = service.store.ledger.by_id(decision)
    if found is None:
        raise NotFound(f"no decision {decision!r} is in the ledger; check the id")
    proof = proofs.inclusion(service.store, service.log_keys, found.revision)
    preserved = orjson.loads(kept.preserved.text)
    return EvidenceOut(decision, preserved, kept.preserved.seal, kept.holds, kept.held_until, proof)
