"""Policy: public to read, changed by draft, lint and a decision. The active one stays until the next is published."""

from __future__ import annotations

import threading
from dataclasses import asdict
from typing import Annotated

import anyio.to_thread
import orjson
from fastapi import Depends, Path, Query
from starlette.requests import Request
from starlette.responses import Response

from controls.decisions import Basis, DecisionType
from controls.lint import lint
from controls.policy import canonical, content_hash, parse
from controls.proposals import Proposal
from controls.rule_words import standing_in_words
from feed.access.caller import INSPECTORS, Caller
from feed.decisions.deciding import decide, decide_as, key_of, principal_of
from feed.decisions.pending import propose
from feed.errors import TooManyRequests
from feed.experiments.registry import running_now
from feed.http.wire import PUBLIC, Allow, OnceOnly, ServiceNow, answer, router, tagged
from feed.pages.previewing import preview, shown
from feed.policies import drafts, publications
from feed.policies.plain_words import field_words
from feed.policies.text import DOCUMENT_BODY, policy_text
from feed.policies.words import criteria, options, rules_in_words
from feed.schemas.decisions import DecidedOut
from feed.schemas.fields import Id, OptionalId
from feed.schemas.pending import PendingOut
from feed.schemas.policies import (
    DraftListOut,
    DraftOut,
    ParameterOut,
    PolicyOut,
    PolicyVersionOut,
    PreviewIn,
    PreviewOut,
    PublicationIn,
    PublicationsOut,
    RollbackIn,
)
from feed.storage.answers import durable
from ranking.parameters import Parameters

routes = router("policy")

BASIS = Basis("operations", "policy publication")
PolicyCaller = Annotated[Caller, Depends(Allow("policy"))]
ReadingCaller = Annotated[Caller, Depends(Allow(*INSPECTORS))]
Version = Annotated[Id, Path()]

_PREVIEWING = threading.Lock()
"""Held by the one preview that this process makes at a time."""


def _ranking(parameters: Parameters) -> list[ParameterOut]:
    words = field_words(Parameters)
    return [ParameterOut(name, value, words[name]) for name, value in asdict(parameters).items()]


@routes.get("/v1/policy", summary="The policy in force", responses={200: {"model": PolicyOut}})
def current(request: Request, service: ServiceNow) -> Response:
    """The rules that hold now, and in plain language what decides about a page, why, and what a reader can change of it
    (DSA art. 27 and 38). Public; the ETag follows all of it."""
    snapshot = service.replica.latest()
    version, parameters = snapshot.governance.policy, snapshot.parameters
    document = service.store.policies.get(version) if version else None
    policy = orjson.loads(document) if document is not None else None
    rules = rules_in_words(service.policies(version)) if policy is not None else []
    limits = standing_in_words(service.policies(version).standing) if policy is not None else []
    running = running_now(service, snapshot)
    told = PolicyOut(version, policy, criteria(parameters), options(), rules, limits, _ranking(parameters), running)
    return tagged(request, told, PUBLIC)


@routes.get("/v1/policy/versions", summary="What was published", responses={200: {"model": PublicationsOut}})
def versions(
    service: ServiceNow,
    caller: ReadingCaller,
    before: Annotated[int | None, Query(ge=1, le=1 << 53, description="Revisions below this one")] = None,
    limit: Annotated[int, Query(ge=1, le=100)] = 20,
) -> Response:
    """Every policy that was put in force, newest first: when, by whom, approved by whom, why, and what became of it."""
    return answer(publications.listed(service, limit, before))


@routes.get("/v1/policy/versions/{version}", summary="A policy", responses={200: {"model": PolicyVersionOut}})
def stored(request: Request, version: Version, service: ServiceNow, caller: ReadingCaller) -> Response:
    """A stored policy or draft by its content hash."""
    drafts.stored(service, version)
    document = orjson.loads(service.store.policies.get(version) or "{}")
    active = service.replica.latest().governance.policy == version
    return tagged(request, PolicyVersionOut(version, active, document))


@routes.post("/v1/policy/rollback", summary="Go back", status_code=201, responses={201: {"model": DecidedOut}})
async def rollback(body: RollbackIn, service: ServiceNow, caller: PolicyCaller, once: OnceOnly) -> Response:
    """Reverse, by a decision, the publication that is in force: the policy before it holds again. Needs no second
    person, for what holds then was approved before."""
    if once is not None:
        first = await anyio.to_thread.run_sync(service.store.ledger.decided_under, once)
    else:
        first = None
    if first is None:
        first = await anyio.to_thread.run_sync(publications.to_go_back_from, service)
    target = first.reverses or first.id
    proposal = Proposal(DecisionType.REVERSE, None, body.reason, BASIS, reverses=target, idempotency_key=key_of(once))
    return answer(await decide(service, caller, proposal, once), 201)


@routes.post(
    "/v1/policy/drafts",
    summary="Store a draft",
    status_code=201,
    responses={201: {"model": DraftOut}},
    openapi_extra={"requestBody": DOCUMENT_BODY},
)
async def draft(request: Request, service: ServiceNow, caller: PolicyCaller) -> Response:
    """Check a policy document and store it under its content hash; nothing is in force by that.

    A document that breaks the schema is refused with every problem by path and line. Findings of the lint are
    returned, labels that no item has among them; those of severity `error` keep the draft from being published.
    `changes` tells what it says otherwise than the policy in force. Storing the same document again changes nothing.
    """
    text = await policy_text(request)
    now = service.clock.now()
    policy = await anyio.to_thread.run_sync(parse, text)
    version = content_hash(policy)
    labels = frozenset(service.replica.latest().catalogue.labels)
    findings = await anyio.to_thread.run_sync(lint, text, now, labels)
    await durable(service.store.policies.put(version, canonical(policy).decode(), now))
    await anyio.to_thread.run_sync(drafts.keep, service, version, policy, principal_of(caller))
    return answer(await anyio.to_thread.run_sync(drafts.told, service, version, findings), 201)


@routes.get("/v1/policy/drafts", summary="List drafts", responses={200: {"model": DraftListOut}})
def listed(
    service: ServiceNow,
    caller: ReadingCaller,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
    after: Annotated[
        str, Query(pattern=r"^([0-9]{1,12}\.[0-9a-f]{64})?$", description="`next` of the page before")
    ] = "",
) -> Response:
    """The drafts, newest first."""
    return answer(drafts.listed(service, limit, after))


@routes.get("/v1/policy/drafts/{version}", summary="Read a draft", responses={200: {"model": DraftOut}})
def one(
    version: Version,
    service: ServiceNow,
    caller: ReadingCaller,
    against: Annotated[OptionalId | None, Query(description="Version it is compared with")] = None,
) -> Response:
    """A draft with what the lint finds, what it changes of the policy in force (or of `against`), and its approval."""
    return answer(drafts.told(service, version, against=against))


@routes.post("/v1/policy/drafts/{version}/preview", summary="Preview a draft", responses={200: {"model": PreviewOut}})
def tried(version: Version, body: PreviewIn, service: ServiceNow, caller: PolicyCaller, once: OnceOnly) -> Response:
    """Make recently served pages again under the draft, and tell which items, authors and topics gain or lose how many
    places, and how many pages change. Writes nothing.

    Ledger and journal are folded anew for it, so it costs this process time and memory while pages are served; one runs
    at a time, others are answered 429. `weir policy preview` does the same in a process of its own.
    """
    drafts.stored(service, version)
    against = service.replica.latest().governance.policy if body.against is None else body.against
    if against:
        drafts.stored(service, against)
    if not _PREVIEWING.acquire(blocking=False):
        raise TooManyRequests("another preview runs; try again when it is done", headers={"Retry-After": "10"})
    try:
        servings = service.store.servings.newest(body.servings)
        made = preview(service.store, service.policies, service.graphs, servings, version, against)
    finally:
        _PREVIEWING.release()
    return answer(shown(made, version, against))


@routes.post("/v1/policy/drafts/{version}/approve", summary="Approve a draft", responses={200: {"model": DraftOut}})
async def approve(version: Version, service: ServiceNow, caller: PolicyCaller, once: OnceOnly) -> Response:
    """Approve, as a second person, that a draft be published. The approval is of this very text, and holds for
    `WEIR_APPROVAL_HOURS`. Approving again renews it."""
    await anyio.to_thread.run_sync(drafts.approve, service, version, principal_of(caller))
    return answer(await anyio.to_thread.run_sync(drafts.told, service, version))


@routes.post(
    "/v1/policy/drafts/{version}/publish",
    summary="Publish a draft",
    status_code=201,
    responses={201: {"model": DecidedOut}, 202: {"model": PendingOut}},
)
async def publish(
    version: Version, body: PublicationIn, service: ServiceNow, caller: PolicyCaller, once: OnceOnly
) -> Response:
    """Put a stored draft in force, by a decision. Going back is publishing the earlier version, or a rollback.

    One that somebody else than the caller approved is in force at once. Any other is answered 202, and is in force when
    a second person approves it (`POST /v1/decisions/{id}/approve`), unless one person may publish here.
    """
    await anyio.to_thread.run_sync(drafts.stored, service, version)
    proposal = Proposal(
        type=DecisionType.PUBLISH_POLICY,
        subject=None,
        reason=body.reason,
        basis=BASIS,
        parameters={"policy": version},
        idempotency_key=key_of(once),
        break_glass=body.break_glass_reason,
    )
    approver = await anyio.to_thread.run_sync(drafts.approver_of, service, version)
    if approver is None or approver.subject == caller.subject or proposal.break_glass:
        return await propose(service, caller, proposal, once)
    return answer(await decide_as(service, principal_of(caller), proposal, once, approver), 201)
