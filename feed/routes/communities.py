"""Communities: founded by the platform, run by their founders and managers, within what the platform allows."""

from __future__ import annotations

from typing import Annotated

import anyio.to_thread
from fastapi import Depends, Path
from starlette.requests import Request
from starlette.responses import Response

from controls.communities import check_tightening
from controls.decisions import Basis, DecisionType, Subject, SubjectKind
from controls.delegation import FOUNDER
from controls.errors import InvalidDecision
from controls.policy import canonical, content_hash, parse
from controls.proposals import Proposal
from feed.access.caller import ADMIN, INSPECTORS, Caller
from feed.decisions.communities import Community, as_made_here, belongs, describe, escalate, found, powers, shown
from feed.decisions.deciding import decide, decide_as, key_of, proposal_of
from feed.errors import Fault, InputInvalid, NotAllowed, NotFound
from feed.http.wire import Allow, OnceOnly, ServiceNow, answer, router, tagged
from feed.policies.text import DOCUMENT_BODY, policy_text
from feed.schemas.communities import CommunityIn, CommunityOut, EscalatedOut, EscalationIn
from feed.schemas.decisions import DecidedOut, DecisionIn
from feed.schemas.fields import Id
from feed.storage.answers import durable

routes = router("communities")

BASIS = Basis("terms", "founding of a community")
CommunityId = Annotated[Id, Path()]
Member = Annotated[Caller, Depends(Allow("reader", "author", "editor", "moderator"))]
"""Powers in a community are granted to persons, whatever else their token opens."""


@routes.put("/v1/communities/{community}", summary="Found or describe", responses={200: {"model": CommunityOut}})
async def put(community: CommunityId, body: CommunityIn, service: ServiceNow, caller: Member) -> Response:
    """Found a community, or change what it says of itself.

    Founding needs the scope `admin` and names the founder, who is granted that power by a decision. Afterwards the
    founder may change name and description; who holds which power is changed by the decisions `grant` and `revoke`.
    """
    platform = ADMIN in caller.scopes
    if not platform and FOUNDER not in powers(service, community, caller.subject):
        raise NotAllowed("a community is founded with the scope admin, and described by its founder")
    try:
        await anyio.to_thread.run_sync(found, service, community)
    except NotFound:
        if not body.founder:
            fault = "name the founder of a new community by the id that their token has"
            raise InputInvalid(f"founder: {fault}", faults=[Fault("founder", fault)]) from None
    if platform and body.founder and FOUNDER not in powers(service, community, body.founder):
        grant = Proposal(
            type=DecisionType.GRANT,
            subject=Subject(SubjectKind.COMMUNITY, community),
            reason=f"founded the community {body.name}",
            basis=BASIS,
            parameters={"person": body.founder, "power": FOUNDER},
        )
        await decide(service, caller, grant, None)
    said = Community(body.name, body.description)
    await anyio.to_thread.run_sync(describe, service, community, said, service.clock.now())
    return answer(shown(service, community, said))


@routes.get("/v1/communities/{community}", summary="Read a community", responses={200: {"model": CommunityOut}})
def read(
    request: Request,
    community: CommunityId,
    service: ServiceNow,
    caller: Annotated[Caller, Depends(Allow("feed", "reader", *INSPECTORS, "author"))],
) -> Response:
    """A community, who runs it, and the version of its own policy, if it has one."""
    return tagged(request, shown(service, community, found(service, community)))


@routes.post(
    "/v1/communities/{community}/decisions",
    summary="Decide in a community",
    status_code=201,
    responses={201: {"model": DecidedOut}},
)
async def make(
    community: CommunityId, body: DecisionIn, service: ServiceNow, caller: Member, once: OnceOnly
) -> Response:
    """Decide as the founder or a manager: `suppress`, `restrict`, `takedown` or `feature` an item of the community, on
    its surface alone; `reverse` what was decided so; as the founder also `grant` and `revoke` the power `manager`.

    It is a decision like any other: in the ledger, with a reason, a basis and an end, open to appeal to the platform.
    """
    if body.copies:
        raise InvalidDecision("in a community one decides about single items; leave copies to the platform", "copies")
    proposal = proposal_of(body, once)
    made, principal = await anyio.to_thread.run_sync(as_made_here, service, community, caller.subject, proposal)
    return answer(await decide_as(service, principal, made, once), 201)


@routes.post(
    "/v1/communities/{community}/policy",
    summary="Publish a community's policy",
    status_code=201,
    responses={201: {"model": DecidedOut}},
    openapi_extra={"requestBody": DOCUMENT_BODY},
)
async def publish(
    request: Request, community: CommunityId, service: ServiceNow, caller: Member, once: OnceOnly
) -> Response:
    """Publish rules that hold for the community's items on its surface, beside the platform's. They may restrict,
    block, hold and mark, never encourage or promote: what would loosen is refused with every problem."""
    text = await policy_text(request)
    policy = await anyio.to_thread.run_sync(parse, text)
    check_tightening(policy)
    version = content_hash(policy)
    proposal = Proposal(
        type=DecisionType.PUBLISH_POLICY,
        subject=Subject(SubjectKind.COMMUNITY, community),
        reason=f"the rules of {community}: {policy.name}",
        basis=Basis("terms", "rules of the community"),
        parameters={"policy": version},
        idempotency_key=key_of(once),
    )
    made, principal = await anyio.to_thread.run_sync(as_made_here, service, community, caller.subject, proposal)
    await durable(service.store.policies.put(version, canonical(policy).decode(), service.clock.now()))
    return answer(await decide_as(service, principal, made, once), 201)


@routes.post(
    "/v1/communities/{community}/escalations",
    summary="Hand an item to the platform",
    status_code=201,
    responses={201: {"model": EscalatedOut}},
)
async def hand_over(community: CommunityId, body: EscalationIn, service: ServiceNow, caller: Member) -> Response:
    """Ask the platform's moderators to decide about an item of the community: a case of kind `review` is opened, or the
    open one is named."""
    if not powers(service, community, caller.subject):
        raise NotAllowed(f"you hold no power in the community {community!r}; report the item instead")
    if not belongs(service, community, body.item):
        raise NotFound(f"item {body.item!r} does not belong to the community {community!r}; check the id")
    now = service.clock.now()
    case = await anyio.to_thread.run_sync(escalate, service, community, body.item, body.reason, now)
    return answer(EscalatedOut(case), 201)
