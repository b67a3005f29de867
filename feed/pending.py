"""Pending: what is proposed and awaits a second person, in the register ``pending`` (laws 9 and 11).

A proposal is checked when it is made and again when it is approved; in between nothing is decided. Its id becomes the
decision's, and the ledger refuses an id that it has, so that two who approve it at once make one decision.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from functools import partial
from hashlib import sha256

import anyio.to_thread
from pydantic import TypeAdapter
from starlette.responses import Response

from controls.authority import Principal, require
from controls.proposals import Proposal
from feed.auth import Caller
from feed.bootstrap import Service
from feed.bulk import decide_together
from feed.deciding import decide_as, principal_of
from feed.errors import Gone, NotFound
from feed.schemas.decisions import DecidedOut
from feed.schemas.pending import BulkOut, PendingListOut, PendingOut
from feed.storage.ports import Once, Store
from feed.storage.register import Entry, Register
from feed.storage.rules import NO_PERSONS, idempotency_conflict
from feed.wire import answer, durable

REGISTER = "pending"
PENDING, APPROVED, DECLINED, EXPIRED = "pending", "approved", "declined", "expired"

_PAGE = 500
_DECLINED = "/declined"
"""Ends the id of the entry that tells who declined a proposal: it is theirs to be erased, the proposal its maker's."""


@dataclass(frozen=True, slots=True)
class Paper:
    """What an entry holds: who proposes what, and the digest of the request. ``together``: many made as one."""

    proposer: Principal
    proposals: tuple[Proposal, ...]
    together: bool
    digest: str
    decisions: tuple[str, ...] = ()
    declined: str = ""
    approving: tuple[str, ...] = ()
    """Attempts to approve it that are under way: meanwhile nobody declines it."""


_PAPER: TypeAdapter[Paper] = TypeAdapter(Paper)


def pending_of(store: Store) -> Register:
    """The register of what awaits a second person."""
    return store.register(REGISTER)


async def propose(service: Service, caller: Caller, proposal: Proposal, once: Once | None) -> Response:
    """Decide (201), or keep what needs a second person until one approves it (202)."""
    principal = principal_of(caller)
    if service.decisions.awaits_second(proposal, principal):
        return await kept(service, principal, [proposal], once, together=False)
    if once is not None:
        await anyio.to_thread.run_sync(_refuse_another, service.store, once)
    return answer(await decide_as(service, principal, proposal, once), 201)


async def kept(
    service: Service, principal: Principal, proposals: Sequence[Proposal], once: Once | None, *, together: bool
) -> Response:
    """Check proposals and keep them for a second person; answers 202 with their id."""
    entry = await anyio.to_thread.run_sync(_keep, service, principal, tuple(proposals), once, together)
    where = {"Location": f"/v1/decisions/pending/{entry.id}"}
    return answer(shown(entry, service.clock.now()), 202, where)


def _keep(
    service: Service, principal: Principal, proposals: tuple[Proposal, ...], once: Once | None, together: bool
) -> Entry:
    register = pending_of(service.store)
    id = _id_under(once) if once is not None else service.decisions.new_id()
    digest = once.digest if once is not None else ""
    known = register.get(id)
    if known is None:
        now = service.clock.now()
        for proposal in proposals:
            service.decisions.examine(proposal, principal, now)
        subject = proposals[0].subject
        paper = Paper(principal, tuple(map(_plain, proposals)), together, digest)
        made = Entry(
            id=id,
            content=_PAPER.dump_json(paper).decode(),
            state=PENDING,
            subject=subject.id if subject is not None else "",
            person=_person(principal.subject),
            at=now,
            due_at=now + service.settings.approval_hours * 3600,
        )
        written = register.edit([id], lambda stored: [] if stored else [made]).result()
        known = written[0] if written else register.get(id)
    if known is None:
        raise Gone("the proposal was erased with its maker while it was made; propose it again")
    if once is not None and paper_of(known).digest != digest:
        raise idempotency_conflict(once)
    return known


def known_under(store: Store, once: Once) -> Entry | None:
    """What this very request proposed before, or None. Blocks."""
    entry = pending_of(store).get(_id_under(once))
    return entry if entry is not None and paper_of(entry).digest == once.digest else None


def _refuse_another(store: Store, once: Once) -> None:
    """Raise if something else was proposed under this key."""
    entry = pending_of(store).get(_id_under(once))
    if entry is not None and paper_of(entry).digest != once.digest:
        raise idempotency_conflict(once)


def naming(store: Store, person: str) -> list[Entry]:
    """Proposals of others that would give this person a power, or take one. Blocks."""
    found: list[Entry] = []
    after: tuple[int, str] | None = None
    while page := pending_of(store).find(after=after, limit=_PAGE):
        after = page[-1].at, page[-1].id
        others = (entry for entry in page if entry.person != person and not entry.id.endswith(_DECLINED))
        found += [entry for entry in others if _names(paper_of(entry), person)]
    return found


def _names(paper: Paper, person: str) -> bool:
    return any(proposal.parameters.get("person") == person for proposal in paper.proposals)


def _id_under(once: Once) -> str:
    return sha256(f"pending {once.key}".encode()).hexdigest()[:32]


def _person(subject: str) -> str:
    return "" if subject in NO_PERSONS else subject


def _plain(proposal: Proposal) -> Proposal:
    """A proposal whose parameters can be laid down."""
    return replace(proposal, parameters=dict(proposal.parameters))


async def approve(service: Service, caller: Caller, id: str) -> Response:
    """Make the decision that was proposed, as its maker's, approved by the caller; every check is made again. What was
    approved before is answered with the decision that came of it."""
    entry = await anyio.to_thread.run_sync(found, service.store, id)
    paper, now = paper_of(entry), service.clock.now()
    once = Once(f"pending:{id}", sha256(f"{id} {entry.at}".encode()).hexdigest())
    attempt = service.decisions.new_id()
    # A crash between decision and entry leaves a decision; what is over by now was not when it was made.
    if await anyio.to_thread.run_sync(service.store.ledger.decided_under, once) is None:
        _refuse_what_is_over(entry, now)
        taken_up = partial(_edited, lambda paper: replace(paper, approving=(*paper.approving, attempt)))
        if not await durable(pending_of(service.store).edit([id], taken_up)):
            raise Gone(f"proposal {id} was declined meanwhile; read it again")
    proposals = [_startable(proposal, now) for proposal in paper.proposals]
    approver = principal_of(caller)
    decided: DecidedOut | BulkOut
    try:
        if paper.together:
            decided = await decide_together(service, paper.proposer, proposals, once, approver, id)
            made = tuple(str(one.id) for one in decided.decisions)
        else:
            decided = await decide_as(service, paper.proposer, proposals[0], once, approver, id)
            made = (decided.decision.id,)
    except Exception:
        if await anyio.to_thread.run_sync(service.store.ledger.decided_under, once) is None:
            given_up = partial(_edited, lambda paper: replace(paper, approving=_without(paper.approving, attempt)))
            await durable(pending_of(service.store).edit([id], given_up))
        raise
    if entry.state != APPROVED:
        content = _PAPER.dump_json(replace(paper, decisions=made)).decode()
        approved = replace(entry, state=APPROVED, content=content)
        await durable(pending_of(service.store).edit([id], lambda stored: [approved] if id in stored else []))
    return answer(decided, 201)


def _edited(change: Callable[[Paper], Paper], stored: Mapping[str, Entry]) -> list[Entry]:
    """A proposal that still waits, with another paper, and one that was approved as it is; nothing otherwise."""
    return [
        replace(entry, content=_PAPER.dump_json(change(paper_of(entry))).decode()) if entry.state == PENDING else entry
        for entry in stored.values()
        if entry.state in (PENDING, APPROVED)
    ]


def _without(attempts: tuple[str, ...], attempt: str) -> tuple[str, ...]:
    return tuple(one for one in attempts if one != attempt)


async def decline(service: Service, caller: Caller, id: str, reason: str) -> PendingOut:
    """Take a proposal back, or refuse it as a second person; nothing is decided."""
    entry = await anyio.to_thread.run_sync(found, service.store, id)
    paper, now = paper_of(entry), service.clock.now()
    if caller.subject != paper.proposer.subject:
        require(principal_of(caller), paper.proposals[0].type)
    if entry.state == DECLINED and paper.declined == reason:
        return shown(entry, now)
    _refuse_what_is_over(entry, now)
    declined = replace(entry, state=DECLINED, content=_PAPER.dump_json(replace(paper, declined=reason)).decode())
    by = Entry(id + _DECLINED, "{}", state="decliner", subject=id, person=_person(caller.subject), at=now)

    def edit(stored: Mapping[str, Entry]) -> list[Entry]:
        waits = id in stored and stored[id].state == PENDING and not paper_of(stored[id]).approving
        return [declined, by] if waits else []

    written = await durable(pending_of(service.store).edit([id, by.id], edit))
    if not written:
        raise Gone(f"proposal {id} is being approved, or was approved or declined meanwhile; read it again")
    return shown(written[0], now)


def found(store: Store, id: str) -> Entry:
    """An entry by its id; raises ``NotFound``. Blocks."""
    entry = None if id.endswith(_DECLINED) else pending_of(store).get(id)
    if entry is None:
        raise NotFound(f"no proposal {id!r} awaits a second person; GET /v1/decisions/pending lists them")
    return entry


def listed(service: Service, state: str, limit: int, after: str) -> PendingListOut:
    """A page of proposals, newest first; ``after`` is where the page before ended. Blocks."""
    at, _, id = after.partition(".")
    entries = pending_of(service.store).find(state=state, after=(int(at), id) if after else None, limit=limit)
    now = service.clock.now()
    following = f"{entries[-1].at}.{entries[-1].id}" if len(entries) == limit else None
    return PendingListOut([shown(entry, now) for entry in entries], following)


def paper_of(entry: Entry) -> Paper:
    """What an entry holds."""
    return _PAPER.validate_json(entry.content)


def shown(entry: Entry, now: int) -> PendingOut:
    """An entry as the wire shows it."""
    paper = paper_of(entry)
    over = entry.state == PENDING and entry.due_at <= now
    proposals = []
    for proposal in paper.proposals:
        told = asdict(proposal)
        told.pop("idempotency_key")
        proposals.append(told)
    return PendingOut(
        id=entry.id,
        state=EXPIRED if over else entry.state,
        proposer=paper.proposer.subject,
        role=paper.proposer.role,
        proposed_at=entry.at,
        until=entry.due_at,
        proposals=proposals,
        decisions=list(paper.decisions),
        declined=paper.declined,
    )


def _refuse_what_is_over(entry: Entry, now: int) -> None:
    if entry.state == DECLINED:
        raise Gone("the proposal was declined; propose it again if it is still wanted")
    if entry.state == APPROVED:
        raise Gone(f"the proposal is decided; read it at /v1/decisions/{entry.id}")
    if entry.due_at <= now:
        raise Gone("nobody approved the proposal in time; propose it again")


def _startable(proposal: Proposal, now: int) -> Proposal:
    """A proposal that starts now if its start passed while it waited."""
    late = proposal.starts_at is not None and proposal.starts_at < now
    return replace(proposal, starts_at=None) if late else proposal
