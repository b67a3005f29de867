"""Moot cases: what nothing is left of to decide ends by itself, with the reason, and whoever asked is told (law 9).

A review or an inspection when its item was taken away or taken down meanwhile, or when nothing holds the item any more;
a report when its item was taken down; an appeal when what it is against was undone or expired. What somebody holds or
handed on is left to people, and so are reviews of what the service or its people did.
"""

from __future__ import annotations

from functools import partial

import anyio.to_thread
import structlog

from controls.case_endings import ended_by_itself, left_to_people
from controls.cases import Case, CaseKind, CaseOutcome, CaseState, Resolution
from controls.decisions import SubjectKind
from controls.foresight import PUBLISHED, state_of
from controls.scopes import Scope
from controls.tiers import Tier
from feed.bootstrap import Service
from feed.cases import breaker
from feed.cases.keeping import unresolved
from feed.cases.outcomes import count, ended
from feed.cases.papers import case_of, noted
from feed.decisions import broken_glass
from feed.items.entrance import Look
from feed.items.publishing import WEIR
from feed.items.publishing_cases import PUBLISHING
from feed.one_by_one import left_for_later
from feed.storage.errors import StorageError

_OF_ACTS = frozenset({broken_glass.CATEGORY, breaker.CATEGORY})
"""Categories of reviews that are about what was done, whatever became of the item."""

_log = structlog.get_logger("weir")


async def end_moot_cases(service: Service) -> None:
    """End every case of which nothing is left to decide, and tell those who asked."""
    try:
        for case, resolution in await anyio.to_thread.run_sync(_moot, service):
            with left_for_later("a moot case was not ended", case=case.id):
                await _ended_by_itself(service, case, resolution)
    except StorageError as error:
        _log.warning("moot cases could not be ended; tried again in some minutes", error=str(error))


async def _ended_by_itself(service: Service, case: Case, resolution: Resolution) -> None:
    change = partial(ended_by_itself, resolution=resolution, who=WEIR.subject, now=service.clock.now())
    after, _ = await noted(service.store, case.id, change)
    if after.state is CaseState.RESOLVED:
        if after.resolved_by == WEIR.subject:
            count(service, after)
        await ended(service, after)


def _moot(service: Service) -> list[tuple[Case, Resolution]]:
    now = service.clock.now()
    look = Look(service.entrance, service.store, service.replica.latest(), now)
    waiting = [case_of(entry) for entry in unresolved(service.store)]
    found: list[tuple[Case, Resolution]] = []
    for case in waiting:
        with left_for_later("a case could not be looked at", case=case.id):
            resolution = None if left_to_people(case, now) else _resolution(service, look, case, now)
            if resolution is not None:
                found.append((case, resolution))
    return found


def _resolution(service: Service, look: Look, case: Case, now: int) -> Resolution | None:
    """How a case ends by itself; None when something is left to decide. Blocks."""
    if case.kind is CaseKind.APPEAL and "decision" in case.about:
        return _of_decision(service, case.about["decision"], now)
    if case.kind is CaseKind.ORDER or case.category in _OF_ACTS or case.subject.kind is not SubjectKind.ITEM:
        return None
    takedown = _taken_down(service, look, case)
    if takedown:
        outcome = CaseOutcome.ACTED if case.kind is CaseKind.REPORT else CaseOutcome.MOOT
        return Resolution(outcome, f"the item was taken down meanwhile by decision {takedown}", (takedown,))
    if case.kind not in (CaseKind.REVIEW, CaseKind.INSPECTION):
        return None
    record = service.store.items.item(case.subject.id)
    if record is None:
        return None
    if record.withdrawn:
        return Resolution(CaseOutcome.MOOT, "the item was taken away by its author or the platform")
    if case.category == PUBLISHING and state_of(look.asked(record))[0] == PUBLISHED:
        return Resolution(CaseOutcome.MOOT, "nothing holds the item any more: it was released, or its hold ended")
    return None


def _of_decision(service: Service, id: str, now: int) -> Resolution | None:
    decision = service.store.ledger.by_id(id)
    if decision is None:
        return None
    undone = service.decisions.undone_by(decision)
    if undone is not None:
        answer = f"decision {id} was undone by decision {undone.id} before the appeal was decided"
        return Resolution(CaseOutcome.MOOT, answer, (undone.id,))
    if decision.expires_at is not None and decision.expires_at <= now:
        return Resolution(CaseOutcome.MOOT, f"decision {id} ended at second {decision.expires_at} and holds no more")
    return None


def _taken_down(service: Service, look: Look, case: Case) -> str:
    """The takedown, everywhere, that came since a case was opened; empty without one."""
    row = look.snapshot.catalogue.row_of(case.subject.id)
    for cause, asks in look.of_row(row) if row >= 0 else ():
        if cause.kind == "decision" and asks.tier is Tier.BLOCKED and asks.scope == Scope():
            decision = service.store.ledger.by_id(cause.id)
            if decision is not None and decision.decided_at >= case.opened_at:
                return cause.id
    return ""
