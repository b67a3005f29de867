"""Lapsing: proposals that nobody approved in time, and what a crash cut off between a proposal and its decision.

What comes to nothing leaves a record in the register ``lapsed`` of what was proposed and why it was not decided; it
holds no words of anybody, and stays when the proposal goes (law 1 has decisions alone, so this is counted beside them).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import anyio.to_thread
import structlog

from controls.case_endings import ending_id
from controls.cases import CaseState
from feed.bootstrap import Service
from feed.cases.awaiting import take_up_again
from feed.cases.papers import case_of, cases_of
from feed.decisions.pending import approved
from feed.decisions.pending_papers import (
    APPROVED,
    DECLINED,
    EXPIRED,
    OVERTAKEN,
    PENDING,
    Paper,
    approval_of,
    content_of,
    keep_record,
    paper_of,
    pending_of,
    proposals,
    under_way,
)
from feed.one_by_one import left_for_later
from feed.storage.errors import StorageError
from feed.storage.ports.store import Store
from feed.storage.register import Entry

KEPT_DAYS = 30
"""Days after its end for which a proposal can be read, and its idempotency key is answered with it."""

LATE = "nobody approved the proposal in time; propose it again"

_log = structlog.get_logger("weir")


async def look_at_proposals(service: Service) -> None:
    """End proposals that are over, finish what a crash cut off, and bring on the cases that wait for them."""
    try:
        for entry in await anyio.to_thread.run_sync(_waiting, service):
            with left_for_later("a proposal could not be looked at", proposal=entry.id):
                made = await anyio.to_thread.run_sync(_made, service, entry)
                if made:
                    await approved(service, entry, made)
                else:
                    await anyio.to_thread.run_sync(_looked_at, service, entry)
        await anyio.to_thread.run_sync(_cleaned, service)
        await take_up_again(service)
    except StorageError as error:
        _log.warning("proposals were not looked at; tried again in a minute", error=str(error))


def _waiting(service: Service) -> list[Entry]:
    return list(proposals(service.store, PENDING))


def _made(service: Service, entry: Entry) -> tuple[str, ...]:
    """What was decided of a proposal that is not marked as approved."""
    first = service.store.ledger.decided_under(approval_of(entry))
    if first is None:
        return ()
    if not paper_of(entry).together:
        return (first.id,)
    return tuple(decision.id for decision in service.decisions.bulk(entry.id))


def _looked_at(service: Service, entry: Entry) -> None:
    """Let a proposal lapse that is over, or that its case went on without; forget attempts that a crash cut off."""
    paper, now = paper_of(entry), service.clock.now()
    if under_way(paper, now):
        return
    if paper.case and not _waits(service.store, paper, entry.id):
        _edit(service.store, entry, EXPIRED, replace(paper, lapsed=OVERTAKEN, approving=()))
    elif entry.due_at <= now:
        _edit(service.store, entry, EXPIRED, replace(paper, lapsed=LATE, approving=()))
    elif paper.approving:
        _edit(service.store, entry, PENDING, replace(paper, approving=()))


def _waits(store: Store, paper: Paper, proposal: str) -> bool:
    stored = cases_of(store).get(paper.case)
    if stored is None:
        return False
    case = case_of(stored)
    if case.state is CaseState.AWAITING:
        return case.proposal == proposal
    return bool(case.ending) and ending_id(case) == proposal


def _edit(store: Store, entry: Entry, state: str, paper: Paper) -> None:
    """Write it unless somebody was quicker."""
    after = replace(entry, state=state, content=content_of(paper))

    def edit(stored: Mapping[str, Entry]) -> list[Entry]:
        return [after] if entry.id in stored and stored[entry.id].version == entry.version else []

    written = pending_of(store).edit([entry.id], edit).result()
    if written and state != PENDING:
        keep_record(store, after)


def _cleaned(service: Service) -> None:
    """Remove what ended long ago; the record of what lapsed is kept by then."""
    long_ago, old = service.clock.now() - KEPT_DAYS * 86_400, []
    for state in (DECLINED, EXPIRED, APPROVED):
        for entry in pending_of(service.store).find(state=state, due_before=long_ago):
            if state != APPROVED:
                keep_record(service.store, entry)
            old += [entry.id, *(other.id for other in pending_of(service.store).find(subject=entry.id))]
    if old:
        pending_of(service.store).remove(old).result()
