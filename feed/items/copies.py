"""Copies: an act on an item and on its near-duplicates, in one transaction, undone in one (laws 1 and 9)."""

from __future__ import annotations

from dataclasses import replace

import anyio.to_thread
from starlette.responses import Response

from controls.decisions import DecisionType, Subject, SubjectKind
from controls.errors import InvalidDecision
from controls.proposals import Proposal
from feed.access.caller import Caller
from feed.bootstrap import Service
from feed.decisions.bulk import bulk_of, decide_together, told
from feed.decisions.deciding import principal_of
from feed.decisions.pending import kept
from feed.decisions.pending_papers import known_under, shown
from feed.http.wire import answer
from feed.storage.ports.store import Once

REACHING = (
    DecisionType.TAKEDOWN,
    DecisionType.RESTRICT,
    DecisionType.CORRECT,
    DecisionType.SUPPRESS,
    DecisionType.LABEL,
)
"""The acts that can reach copies."""

MOST_COPIES = 500
"""Items of one family, the item among them, that are decided on together."""


def with_copies(service: Service, proposal: Proposal) -> list[Proposal]:
    """The proposal, and the same about each near-duplicate, which says so. Raises ``InvalidDecision``; blocks."""
    subject = proposal.subject
    if proposal.type not in REACHING or subject is None or subject.kind is not SubjectKind.ITEM:
        acts = ", ".join(act.value for act in REACHING)
        raise InvalidDecision(f"copies are of items, for the acts {acts}; leave copies out", "copies")
    members = [one for one in service.families.members(subject.id) if one != subject.id]
    if len(members) >= MOST_COPIES:
        raise InvalidDecision(
            f"item {subject.id!r} has {len(members)} near-duplicates, {MOST_COPIES - 1} can be decided on with it; "
            "read them at /v1/items/{id}/copies and decide in bulk",
            "copies",
        )
    said = (*proposal.evidence, f"a near-duplicate of item {subject.id}")
    return [
        proposal,
        *(replace(proposal, subject=Subject(SubjectKind.ITEM, item), evidence=said) for item in members),
    ]


async def decide_with_copies(service: Service, caller: Caller, proposal: Proposal, once: Once | None) -> Response:
    """Decide about an item and its copies, all or none, and answer; raises what refuses any of them."""
    principal = principal_of(caller)
    if once is not None:
        first = await anyio.to_thread.run_sync(service.store.ledger.decided_under, once)
        if first is not None:
            return answer(await anyio.to_thread.run_sync(told, service, bulk_of(first)), 201)
        before = await anyio.to_thread.run_sync(known_under, service.store, once)
        if before is not None:
            return answer(shown(before, service.clock.now()), 202)
    proposals = await anyio.to_thread.run_sync(with_copies, service, proposal)
    if any(service.decisions.awaits_second(one, principal) for one in proposals):
        return await kept(service, principal, proposals, once, together=True)
    return answer(await decide_together(service, principal, proposals, once), 201)
