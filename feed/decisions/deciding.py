"""Deciding over HTTP: a proposal goes through the one write door; its maker is told who obeys it (laws 9 and 11)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from functools import partial

import anyio.to_thread

from controls.authority import Principal
from controls.decisions import Basis, Decision, DecisionType, Subject
from controls.proposals import Proposal
from controls.scopes import Scope
from feed.access.caller import Caller
from feed.bootstrap import Service
from feed.decisions.broken_glass import open_review
from feed.models.activations import load_before_reversal
from feed.observing import tracing
from feed.schemas.decisions import BasisIn, DecidedOut, DecisionIn, DecisionOut, EnforcedOut
from feed.storage.answers import durable
from feed.storage.ports.store import Once
from feed.transparency.evidence import PRESERVED_AT


def basis_of(body: BasisIn) -> Basis:
    """The basis that a body states."""
    return Basis(body.kind, body.clause, body.url, body.category)


def proposal_of(body: DecisionIn, once: Once | None) -> Proposal:
    """The proposal that a body makes."""
    return Proposal(
        type=body.type,
        subject=Subject(body.subject.kind, body.subject.id) if body.subject is not None else None,
        reason=body.reason,
        basis=basis_of(body.basis),
        starts_at=body.starts_at,
        expires_at=body.expires_at,
        review_by=body.review_by,
        scope=Scope(body.scope.surfaces, body.scope.regions, body.scope.audience),
        parameters=dict(body.parameters),
        evidence=body.evidence,
        reverses=body.reverses,
        idempotency_key=key_of(once),
        expected_revision=body.expected_revision,
        break_glass=body.break_glass_reason,
    )


def key_of(once: Once | None) -> str:
    """The idempotency key as the decision records it."""
    return once.key if once is not None else ""


def principal_of(caller: Caller) -> Principal:
    """Who acts, as the write door knows them."""
    return Principal(caller.subject, frozenset(caller.scopes), caller.role)


async def decide(service: Service, caller: Caller, proposal: Proposal, once: Once | None) -> DecidedOut:
    """Make a decision and wait for the replicas; raises what ``controls`` and the store refuse.

    The decision is durable even when replicas lag: the answer then names them.
    """
    return await decide_as(service, principal_of(caller), proposal, once)


async def decide_as(
    service: Service,
    principal: Principal,
    proposal: Proposal,
    once: Once | None,
    approver: Principal | None = None,
    id: str = "",
) -> DecidedOut:
    """The same, by a principal, and approved by another if there is one; ``id`` is the decision's if it has one."""
    if proposal.reverses is not None:
        await anyio.to_thread.run_sync(load_before_reversal, service, proposal.reverses)
    make = partial(service.decisions.decide, proposal, principal, service.clock.now(), once, approver, id=id)
    decision = await durable(await anyio.to_thread.run_sync(make))
    enforced = await obeyed(service, [decision])
    if proposal.break_glass:
        await anyio.to_thread.run_sync(open_review, service, decision)
    return DecidedOut(shown(decision), enforced, service.decisions.waits(decision), _warning(service, decision))


async def obeyed(service: Service, decisions: Sequence[Decision]) -> EnforcedOut:
    """Wake the replicas and tell who obeys decisions that were made."""
    service.replica.wake()
    last = max(decision.revision for decision in decisions)
    with tracing.span("decision enforced", **{"weir.revision": last}):
        enforcement = await service.replica.enforced(last, service.settings.enforced_timeout)
    for decision in decisions:
        service.metrics.decisions.labels(decision.type.value).inc()
    if any(decision.type in PRESERVED_AT for decision in decisions):
        # Whoever reads the answer may change the item next.
        await anyio.to_thread.run_sync(service.consequences.wait, last, service.settings.enforced_timeout)
    if not enforcement.lagging:
        service.metrics.enforcement.observe(enforcement.ms / 1000)
    return EnforcedOut(enforcement.replicas, enforcement.acked, enforcement.ms, enforcement.lagging)


def _warning(service: Service, decision: Decision) -> str:
    """What the maker of a decision may not expect of it."""
    placed = service.replica.latest().governance.placements
    if decision.type is DecisionType.FREEZE and not placed:
        return "nothing is featured or pinned: while this holds, every feed is empty; feature items, or reverse it"
    return ""


def shown(decision: Decision, reversed_by: str | None = None) -> DecisionOut:
    """A decision as the wire shows it."""
    return DecisionOut(
        id=decision.id,
        revision=decision.revision,
        type=decision.type.value,
        subject={"kind": decision.subject.kind.value, "id": decision.subject.id},
        actor=decision.actor,
        role=decision.role,
        reason=decision.reason,
        basis=asdict(decision.basis),
        decided_at=decision.decided_at,
        starts_at=decision.starts_at,
        expires_at=decision.expires_at,
        review_by=decision.review_by,
        scope=asdict(decision.scope),
        parameters=dict(decision.parameters),
        evidence=decision.evidence,
        reverses=decision.reverses,
        reversed_by=reversed_by,
        approved_by=decision.approved_by,
    )


def read(service: Service, decision: Decision) -> DecisionOut:
    """A stored decision with what reversed it. Blocks."""
    undone = service.decisions.undone_by(decision)
    return shown(decision, undone.id if undone is not None else None)
