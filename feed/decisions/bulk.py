"""Bulk: one act on many subjects, looked at before, made in one transaction, undone in one (laws 1, 9 and 11).

Nothing is remembered between the dry run and the act: the digest names what was asked and what was seen, and is worked
out again. The ids of the decisions begin with that of the bulk, so that the ledger alone tells what belongs together.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from hashlib import sha256

import anyio.to_thread
import orjson

from controls.acts import restricted_by
from controls.authority import Principal
from controls.decisions import Decision, DecisionType, Subject
from controls.errors import AlreadyReversed, ControlsError, DecidedSince, InvalidDecision
from controls.proposals import PLATFORM_ACTS, Proposal
from feed.bootstrap import Service
from feed.decisions.broken_glass import open_review
from feed.decisions.deciding import obeyed, proposal_of, read, shown
from feed.decisions.foreseeing import foreseen
from feed.errors import Fault, InputInvalid, NotFound
from feed.schemas.decisions import DecisionIn
from feed.schemas.pending import BulkIn, BulkOut, DryRunOut, SubjectEffectOut
from feed.storage.ports.store import Once

_ONE_BY_ONE = frozenset({DecisionType.PIN, DecisionType.REVERSE}) | PLATFORM_ACTS
"""Acts that are made one at a time: a pin has a position of its own, and the platform is one."""


def proposals_of(body: BulkIn, once: Once | None) -> list[Proposal]:
    """A proposal for each subject; raises ``InvalidDecision`` for what cannot be done to many."""
    act = body.decision
    if act.type in _ONE_BY_ONE:
        raise InvalidDecision(f"{act.type.value} is decided one at a time; use POST /v1/decisions", "decision.type")
    subjects = [Subject(subject.kind, subject.id) for subject in body.subjects]
    if len(set(subjects)) < len(subjects):
        raise InvalidDecision("a subject is named twice; name each once", "subjects")
    one = proposal_of(DecisionIn.model_validate(act.model_dump()), once)
    return [replace(one, subject=subject) for subject in subjects]


def dry_run(service: Service, principal: Principal, proposals: Sequence[Proposal]) -> DryRunOut:
    """What the proposals would do, subject by subject, and the digest of it. Writes nothing. Blocks."""
    now = service.clock.now()
    snapshot = service.replica.latest()
    policy = snapshot.governance.policy
    restricted = restricted_by(service.policies(policy) if policy else None)
    effects: list[SubjectEffectOut] = []
    for proposal in proposals:
        assert proposal.subject is not None  # each has one
        newest = service.decisions.newest_about(proposal.subject)
        problem = detail = ""
        decision: Decision | None = None
        try:
            decision = service.decisions.examine(proposal, principal, now)
        except ControlsError as error:
            problem, detail = error.type, error.message
        restores = decision is not None and decision.type is DecisionType.RESTORE
        lifted = service.decisions.takedowns(proposal.subject, now) if restores else []
        ends = frozenset(one.id for one in lifted)
        rows, before, after = foreseen(snapshot, proposal.subject, decision, restricted, ends)
        effects.append(
            SubjectEffectOut(
                {"kind": proposal.subject.kind.value, "id": proposal.subject.id},
                problem,
                detail,
                decision is not None and service.decisions.waits(decision),
                rows,
                newest.revision if newest is not None else 0,
                before,
                after,
            )
        )
    second = any(service.decisions.awaits_second(proposal, principal) for proposal in proposals)
    return DryRunOut(_digest(principal, proposals, effects), sum(bool(e.problem) for e in effects), second, effects)


def refuse_unseen(told: DryRunOut, digest: str) -> None:
    """Raise unless the dry run that a digest names would come out the same now, with nothing refused."""
    faults = [
        Fault(f"subjects.{place}", f"{effect.problem}: {effect.detail}")
        for place, effect in enumerate(told.subjects)
        if effect.problem
    ]
    if faults:
        raise InputInvalid(
            f"{len(faults)} of {len(told.subjects)} subjects are refused, so nothing was decided; leave them out",
            faults=faults,
        )
    if not digest:
        raise InvalidDecision("this was not looked at; send it with dry_run first and name its digest", "digest")
    if told.digest != digest:
        raise DecidedSince(
            "the subjects or the request are not what the dry run saw; look at it again with dry_run", "digest"
        )


async def decide_together(
    service: Service,
    principal: Principal,
    proposals: Sequence[Proposal],
    once: Once | None,
    approver: Principal | None = None,
    id: str = "",
) -> BulkOut:
    """Make decisions in one transaction, all or none, and wait for the replicas; raises what refuses any of them."""
    id = id or service.decisions.new_id()
    make = partial(service.decisions.decide_all, proposals, principal, service.clock.now(), once, approver, id=id)
    decisions = await anyio.to_thread.run_sync(make)
    enforced = await obeyed(service, decisions)
    for decision, proposal in zip(decisions, proposals, strict=True):
        if proposal.break_glass:
            await anyio.to_thread.run_sync(open_review, service, decision)
    return BulkOut(bulk_of(decisions[0]), [shown(decision) for decision in decisions], enforced)


def bulk_of(decision: Decision) -> str:
    """The id of the bulk that a decision of one was made in."""
    return decision.id.rpartition(".")[0]


def reversals(service: Service, id: str, reversal: Proposal) -> list[Proposal]:
    """A reversal of each decision of a bulk that nobody undid yet; raises ``NotFound``, ``AlreadyReversed``. Blocks."""
    left = [one for one in made_together(service, id) if service.decisions.undone_by(one) is None]
    if not left:
        raise AlreadyReversed(f"every decision of {id} was undone before", "bulk")
    return [replace(reversal, reverses=decision.id) for decision in left]


def made_together(service: Service, id: str) -> list[Decision]:
    """The decisions of a bulk; raises ``NotFound``. Blocks."""
    decisions = service.decisions.bulk(id)
    if not decisions:
        raise NotFound(f"no decisions were made together as {id!r}; check the id")
    return decisions


def told(service: Service, id: str) -> BulkOut:
    """The decisions of a bulk with what reversed them. Blocks."""
    return BulkOut(id, [read(service, decision) for decision in made_together(service, id)])


def _digest(principal: Principal, proposals: Sequence[Proposal], effects: Sequence[SubjectEffectOut]) -> str:
    asked = [
        orjson.dumps(replace(proposal, idempotency_key="", parameters=dict(proposal.parameters)))
        for proposal in proposals
    ]
    seen = [orjson.dumps([effect.problem, effect.waits, effect.newest]) for effect in effects]
    return sha256(b"\n".join([principal.subject.encode(), *asked, *seen])).hexdigest()
