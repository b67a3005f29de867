"""Pending: what is proposed and awaits a second person, in the register ``pending`` (laws 9 and 11).

A proposal is checked when it is made and again when it is approved; in between nothing is decided. Its id becomes the
decision's, and the ledger refuses an id that it has, so that two who approve it at once make one decision.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial

import anyio.to_thread
from starlette.responses import Response

from controls.authority import Principal, require
from controls.proposals import Proposal
from controls.service import refuse_repeated
from feed.access.caller import Caller
from feed.bootstrap import Service
from feed.cases.awaiting import finish_case, may_approve, put_case_by, reopen_case
from feed.decisions.bulk import decide_together
from feed.decisions.deciding import decide_as, principal_of
from feed.decisions.pending_papers import (
    APPROVED,
    DECLINED,
    PENDING,
    Paper,
    approval_of,
    content_of,
    decliner,
    edited,
    found,
    id_under,
    keep_record,
    known_under,
    paper_of,
    pending_of,
    person_of,
    shown,
    under_way,
)
from feed.errors import Gone
from feed.http.wire import answer
from feed.models.activations import load_before_reversal
from feed.schemas.decisions import DecidedOut
from feed.schemas.pending import BulkOut, PendingOut
from feed.storage.answers import durable
from feed.storage.ports.store import Once, Store
from feed.storage.register import Entry
from feed.storage.rules import idempotency_conflict


async def propose(service: Service, caller: Caller, proposal: Proposal, once: Once | None) -> Response:
    """Decide (201), or keep what needs a second person until one approves it (202)."""
    principal = principal_of(caller)
    if service.decisions.awaits_second(proposal, principal):
        return await kept(service, principal, [proposal], once, together=False)
    before = None if once is None else await anyio.to_thread.run_sync(known_under, service.store, once)
    if before is not None:
        return answer(shown(before, service.clock.now()), 202)
    return answer(await decide_as(service, principal, proposal, once), 201)


async def kept(
    service: Service, principal: Principal, proposals: Sequence[Proposal], once: Once | None, *, together: bool
) -> Response:
    """Check proposals and keep them for a second person; answers 202 with their id."""
    id = id_under(once) if once is not None else service.decisions.new_id()
    paper = Paper(principal, tuple(proposals), together, once.digest if once is not None else "")
    if once is not None:
        await _reserve(service.store, once)
    entry = await anyio.to_thread.run_sync(_waiting, service, paper) if once is None else None
    if entry is None:
        entry = await anyio.to_thread.run_sync(keep, service, id, paper)
    if once is not None and paper_of(entry).digest != once.digest:
        raise idempotency_conflict(once)
    where = {"Location": f"/v1/decisions/pending/{entry.id}"}
    return answer(shown(entry, service.clock.now()), 202, where)


async def _reserve(store: Store, once: Once) -> None:
    """Take an idempotency key for a proposal; raises ``IdempotencyConflict`` if anything else was done under it."""
    await durable(store.items.edit_items([], lambda stored: [], once))


def _waiting(service: Service, paper: Paper) -> Entry | None:
    """The same proposal of the same person, if it waits already: sent twice without a key it is one. Blocks."""
    subject, now = paper.proposals[0].subject, service.clock.now()
    entries = pending_of(service.store).find(
        state=PENDING, subject=subject.id if subject is not None else "", person=person_of(paper.proposer.subject)
    )
    asked = content_of(replace(paper, proposals=tuple(map(_plain, paper.proposals))))
    return next((one for one in entries if one.due_at > now and one.content == asked), None)


def keep(service: Service, id: str, paper: Paper) -> Entry:
    """Check a paper and keep it under an id; what is there already is returned as it is. Raises what refuses any of its
    proposals. Blocks until it is durable."""
    register = pending_of(service.store)
    known = register.get(id)
    if known is not None:
        return known
    ledger, now = service.store.ledger, service.clock.now()
    decided = ledger.by_id(id) or ledger.by_id(f"{id}.0")
    if decided is not None:
        raise Gone(f"this was proposed and decided long ago; read it at /v1/decisions/{decided.id}")
    refuse_repeated([service.decisions.examine(proposal, paper.proposer, now) for proposal in paper.proposals])
    subject = paper.proposals[0].subject
    made = Entry(
        id=id,
        content=content_of(replace(paper, proposals=tuple(map(_plain, paper.proposals)))),
        state=PENDING,
        subject=subject.id if subject is not None else "",
        person=person_of(paper.proposer.subject),
        at=now,
        due_at=now + service.settings.approval_hours * 3600,
    )
    written = register.edit([id], lambda stored: [] if stored else [made]).result()
    known = written[0] if written else register.get(id)
    if known is None:
        raise Gone("the proposal was erased with its maker while it was made; propose it again")
    return known


def _plain(proposal: Proposal) -> Proposal:
    """A proposal whose parameters can be laid down."""
    return replace(proposal, parameters=dict(proposal.parameters))


async def approve(service: Service, caller: Caller, id: str) -> Response:
    """Make the decision that was proposed, as its maker's, approved by the caller; every check is made again. What was
    approved before is answered with the decision that came of it."""
    entry = await anyio.to_thread.run_sync(found, service.store, id)
    paper, now = paper_of(entry), service.clock.now()
    once = approval_of(entry)
    attempt = f"{now}.{service.decisions.new_id()}"
    # A crash between decision and entry leaves a decision; what is over by now was not when it was made.
    if await anyio.to_thread.run_sync(service.store.ledger.decided_under, once) is None:
        _refuse_what_is_over(entry, now)
        if paper.case:
            await may_approve(service, paper.case, caller.subject)
            await put_case_by(service, paper.case, id)
        taken_up = partial(edited, lambda paper: replace(paper, approving=(*paper.approving, attempt)))
        if not await durable(pending_of(service.store).edit([id], taken_up)):
            raise Gone(f"proposal {id} was declined meanwhile; read it again")
    proposals = [_startable(proposal, now) for proposal in paper.proposals]
    approver = principal_of(caller)
    decided: DecidedOut | BulkOut
    try:
        if paper.together:
            for proposal in proposals:
                if proposal.reverses is not None:
                    await anyio.to_thread.run_sync(load_before_reversal, service, proposal.reverses)
            decided = await decide_together(service, paper.proposer, proposals, once, approver, id)
            made = tuple(str(one.id) for one in decided.decisions)
        else:
            decided = await decide_as(service, paper.proposer, proposals[0], once, approver, id)
            made = (decided.decision.id,)
    except Exception:
        if await anyio.to_thread.run_sync(service.store.ledger.decided_under, once) is None:
            given_up = partial(edited, lambda paper: replace(paper, approving=_without(paper.approving, attempt)))
            await durable(pending_of(service.store).edit([id], given_up))
        raise
    await approved(service, entry, made)
    return answer(decided, 201)


async def approved(service: Service, entry: Entry, made: tuple[str, ...]) -> None:
    """Note what came of a proposal, and end the case that waits for it; again changes nothing."""
    paper = paper_of(entry)
    if entry.state != APPROVED:
        content = content_of(replace(paper, decisions=made, approving=()))
        after = replace(entry, state=APPROVED, content=content)
        await durable(pending_of(service.store).edit([entry.id], lambda stored: [after] if entry.id in stored else []))
    if paper.case:
        await finish_case(service, paper.case, made)


def _without(attempts: tuple[str, ...], attempt: str) -> tuple[str, ...]:
    return tuple(one for one in attempts if one != attempt)


async def decline(service: Service, caller: Caller, id: str, reason: str) -> PendingOut:
    """Take a proposal back, or refuse it as a second person; nothing is decided, and a case that waits for it is open
    again."""
    entry = await anyio.to_thread.run_sync(found, service.store, id)
    paper, now = paper_of(entry), service.clock.now()
    if caller.subject != paper.proposer.subject:
        require(principal_of(caller), paper.proposals[0].type)
    if entry.state == DECLINED and paper.declined == reason:
        return shown(entry, now)
    _refuse_what_is_over(entry, now)
    declined = replace(entry, state=DECLINED, content=content_of(replace(paper, declined=reason, approving=())))
    by = decliner(entry, caller.subject, now)

    def edit(stored: Mapping[str, Entry]) -> list[Entry]:
        waits = id in stored and stored[id].state == PENDING and not under_way(paper_of(stored[id]), now)
        return [declined, by] if waits else []

    written = await durable(pending_of(service.store).edit([id, by.id], edit))
    if not written:
        raise Gone(f"proposal {id} is being approved, or was approved or declined meanwhile; read it again")
    await anyio.to_thread.run_sync(keep_record, service.store, written[0])
    if paper.case:
        await reopen_case(service, paper.case, id, f"proposal {id} was declined: {reason}")
    return shown(written[0], now)


def _refuse_what_is_over(entry: Entry, now: int) -> None:
    if entry.state == DECLINED:
        raise Gone("the proposal was declined; propose it again if it is still wanted")
    if entry.state == APPROVED:
        raise Gone(f"the proposal is decided; read it at /v1/decisions/{entry.id}")
    if entry.state != PENDING or entry.due_at <= now:
        raise Gone(paper_of(entry).lapsed or "nobody approved the proposal in time; propose it again")


def _startable(proposal: Proposal, now: int) -> Proposal:
    """A proposal that starts now if its start passed while it waited."""
    late = proposal.starts_at is not None and proposal.starts_at < now
    return replace(proposal, starts_at=None) if late else proposal
