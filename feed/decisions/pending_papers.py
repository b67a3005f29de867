"""Pending papers: proposals that await a second person, as entries of the register ``pending``, and how they are read.

An entry's id becomes the decision's, or begins the ids of those that are made together. What the proposal was for stays
beside it: with ``case`` it is the end of that case.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from hashlib import sha256

import orjson
from pydantic import TypeAdapter

from controls.authority import Principal
from controls.case_endings import GONE_ON
from controls.proposals import Proposal
from feed.bootstrap import Service
from feed.errors import NotFound
from feed.schemas.pending import PendingListOut, PendingOut
from feed.storage.ports.store import Once, Store
from feed.storage.register import Entry, Register
from feed.storage.rules import NO_PERSONS, idempotency_conflict

REGISTER = "pending"
PENDING, APPROVED, DECLINED, EXPIRED = "pending", "approved", "declined", "expired"

LAPSED = "lapsed"
"""Register of proposals that came to nothing: ``state`` is ``declined``, ``expired`` or ``overtaken``, ``at`` when they
were made."""

OVERTAKEN = GONE_ON
"""Why a proposal lapsed whose case went on without it."""

ATTEMPT_SECONDS = 120
"""An attempt to approve that began so long ago was cut off by a crash, and holds nobody back."""

_PAGE = 500
_DECLINED = "/declined"


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
    """Attempts to approve it that are under way, as ``second.id``: meanwhile nobody declines it."""
    case: str = ""
    """The case that ends with it."""
    lapsed: str = ""
    """Why it came to nothing without anybody declining it."""


_PAPER: TypeAdapter[Paper] = TypeAdapter(Paper)


def pending_of(store: Store) -> Register:
    """The register of what awaits a second person."""
    return store.register(REGISTER)


def paper_of(entry: Entry) -> Paper:
    """What an entry holds."""
    return _PAPER.validate_json(entry.content)


def content_of(paper: Paper) -> str:
    """A paper as an entry's content."""
    return _PAPER.dump_json(paper).decode()


def decliner(entry: Entry, person: str, now: int) -> Entry:
    """The entry that tells who declined a proposal: it is theirs to be erased, the proposal its maker's."""
    return Entry(entry.id + _DECLINED, "{}", state="decliner", subject=entry.id, person=person_of(person), at=now)


def keep_record(store: Store, entry: Entry) -> None:
    """Keep what is left of a proposal that came to nothing: which acts on what, and why not; no words, no names. Blocks
    until it is durable."""
    paper = paper_of(entry)
    acts = [
        {"type": one.type.value, "subject": [one.subject.kind.value, one.subject.id] if one.subject else None}
        for one in paper.proposals
    ]
    content = orjson.dumps({"acts": acts, "case": paper.case}).decode()
    state = "overtaken" if paper.lapsed == OVERTAKEN else entry.state
    record = Entry(entry.id, content, state, entry.subject, kept=True, at=entry.at, due_at=entry.due_at)
    store.register(LAPSED).edit([record.id], lambda stored: [] if stored else [record]).result()


def person_of(subject: str) -> str:
    """Whose an entry is: nobody's that is nobody in person."""
    return "" if subject in NO_PERSONS else subject


def approval_of(entry: Entry) -> Once:
    """Under what a proposal is decided once, whoever approves it how often."""
    return Once(f"pending:{entry.id}", sha256(f"{entry.id} {entry.at}".encode()).hexdigest())


def id_under(once: Once) -> str:
    """The id of what is proposed under an idempotency key."""
    return sha256(f"pending {once.key}".encode()).hexdigest()[:32]


def known_under(store: Store, once: Once) -> Entry | None:
    """What this very request proposed before, or None; raises ``IdempotencyConflict`` if another one did. Blocks."""
    entry = pending_of(store).get(id_under(once))
    if entry is not None and paper_of(entry).digest != once.digest:
        raise idempotency_conflict(once)
    return entry


def under_way(paper: Paper, now: int) -> bool:
    """Whether somebody is approving it at this second."""
    return any(abs(now - int(one.partition(".")[0])) < ATTEMPT_SECONDS for one in paper.approving if "." in one)


def edited(change: Callable[[Paper], Paper], stored: Mapping[str, Entry]) -> list[Entry]:
    """A proposal that still waits, with another paper, and one that was approved as it is; nothing otherwise."""
    return [
        replace(entry, content=content_of(change(paper_of(entry)))) if entry.state == PENDING else entry
        for entry in stored.values()
        if entry.state in (PENDING, APPROVED)
    ]


def naming(store: Store, person: str) -> list[Entry]:
    """Proposals of others that would give this person a power, or take one. Blocks."""
    return [entry for entry in proposals(store) if entry.person != person and _names(paper_of(entry), person)]


def proposals(store: Store, state: str = "") -> Iterator[Entry]:
    """All proposals, or those in a state, newest first. Blocks."""
    after: tuple[int, str] | None = None
    while page := pending_of(store).find(state=state, after=after, limit=_PAGE):
        after = page[-1].at, page[-1].id
        yield from (entry for entry in page if not entry.id.endswith(_DECLINED))


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


def shown(entry: Entry, now: int) -> PendingOut:
    """An entry as the wire shows it."""
    paper = paper_of(entry)
    over = entry.state == PENDING and entry.due_at <= now
    told = []
    for proposal in paper.proposals:
        one = asdict(proposal)
        one.pop("idempotency_key")
        told.append(one)
    return PendingOut(
        id=entry.id,
        state=EXPIRED if over else entry.state,
        proposer=paper.proposer.subject,
        role=paper.proposer.role,
        proposed_at=entry.at,
        until=entry.due_at,
        proposals=told,
        decisions=list(paper.decisions),
        declined=paper.declined,
        lapsed=paper.lapsed,
        case=paper.case,
    )


def _names(paper: Paper, person: str) -> bool:
    return any(proposal.parameters.get("person") == person for proposal in paper.proposals)
