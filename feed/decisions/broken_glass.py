"""Broken glass: each decision that did not wait for its second person is looked at by one afterwards (law 9).

The review is opened with the decision. What a crash came between is opened when the service runs again: such decisions
last a day at most, so only those of the last day are looked through.
"""

from __future__ import annotations

from collections.abc import Iterator
from hashlib import sha256

import anyio.to_thread
import structlog

from controls.cases import CaseKind
from controls.checking import BREAK_GLASS, BROKEN_GLASS_SECONDS
from controls.decisions import Decision
from feed.bootstrap import Service
from feed.cases.keeping import opened
from feed.cases.papers import cases_of
from feed.storage.errors import StorageError

CATEGORY = "break-glass"

_PAGE = 200

_log = structlog.get_logger("weir")


def open_review(service: Service, decision: Decision) -> None:
    """Open the review of a decision, unless there is or was one. Blocks until it is durable."""
    matter = f"{CATEGORY}\0{decision.id}"
    first = f"{sha256(matter.encode()).hexdigest()[:24]}-1"
    if cases_of(service.store).get(first) is None:
        reason = f"decision {decision.id} ({decision.type.value}) was made without a second person"
        opened(
            service,
            matter,
            CaseKind.REVIEW,
            decision.subject,
            CATEGORY,
            reason,
            severity=0,
            at=decision.decided_at,
            due_at=0,
            about={"decision": decision.id},
        )


async def open_reviews_owed(service: Service) -> None:
    """Open the reviews of the last day's decisions that are still without one."""
    try:
        await anyio.to_thread.run_sync(_open_owed, service)
    except StorageError as error:
        _log.warning("reviews of broken glass could not be opened; tried again later", error=str(error))


def _open_owed(service: Service) -> None:
    for decision in _lately_broken(service):
        open_review(service, decision)


def _lately_broken(service: Service) -> Iterator[Decision]:
    since, before = service.clock.now() - BROKEN_GLASS_SECONDS, None
    while page := service.store.ledger.listing(before=before, limit=_PAGE):
        for decision in page:
            if decision.decided_at < since:
                return
            if decision.parameters.get(BREAK_GLASS):
                yield decision
        before = page[-1].revision
