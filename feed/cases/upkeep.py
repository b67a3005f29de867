"""Case upkeep: what is done for cases by the clock: priorities follow live reach, outcomes reach reports that a crash
left without, holds that began late have their review, and /metrics tells how many wait, how long, and how many too
long."""

from __future__ import annotations

from collections import Counter

import anyio.to_thread
import structlog

from controls.cases import CaseKind, CaseState, overdue
from feed.bootstrap import Service
from feed.cases.keeping import reprioritise, unresolved
from feed.cases.papers import case_of, cases_of
from feed.cases.reports import REPORTS, ReportState, settle
from feed.items.publishing_cases import review_late_holds
from feed.storage.errors import StorageError

COUNT_SECONDS = 60.0
"""Seconds between two counts of the queue for /metrics."""

PRIORITY_SECONDS = 300.0
"""Seconds between two looks at the live reach of what cases are about."""

LATEST_SECONDS = 1800
"""Holds that began so long ago, beside their quiet seconds, are the newest."""

ALL_SECONDS = 3600.0
"""Seconds between two looks at all holds."""

_PAGE = 200

_log = structlog.get_logger("weir")


async def count_cases(service: Service) -> None:
    """Tell /metrics how many cases wait, how many are overdue, and how old the oldest is, by kind."""
    try:
        await anyio.to_thread.run_sync(_count, service)
    except StorageError as error:
        _log.warning("cases could not be counted; tried again in a minute", error=str(error))


async def bring_forward(service: Service) -> None:
    """Give waiting cases the priority of their reach now, and tell reports what a crash kept from them."""
    try:
        await anyio.to_thread.run_sync(reprioritise, service)
        await anyio.to_thread.run_sync(_settle_left, service)
    except StorageError as error:
        _log.warning("cases could not be brought forward; tried again in some minutes", error=str(error))


class LateHolds:
    """Opens the reviews of holds that began after publication: of the newest ones again and again, of all at first and
    every so often, so that whatever a crash or a reversal left without its review has one."""

    def __init__(self, service: Service) -> None:
        self._service = service
        self._all_at = float("-inf")

    async def turn(self) -> None:
        """Open the reviews that are missing."""
        whole = self._service.clock.monotonic() >= self._all_at
        newest = self._service.clock.now() - self._service.settings.restriction_quiet - LATEST_SECONDS
        try:
            await anyio.to_thread.run_sync(review_late_holds, self._service, 0 if whole else newest)
        except StorageError as error:
            _log.warning("reviews of holds could not be opened; tried again in a minute", error=str(error))
        else:
            if whole:
                self._all_at = self._service.clock.monotonic() + ALL_SECONDS


def _count(service: Service) -> None:
    now, metrics = service.clock.now(), service.metrics
    waiting, late, oldest = Counter[CaseKind](), Counter[CaseKind](), dict.fromkeys(CaseKind, 0)
    for entry in unresolved(service.store):
        case = case_of(entry)
        waiting[case.kind] += 1
        late[case.kind] += overdue(case, now)
        oldest[case.kind] = max(oldest[case.kind], now - case.opened_at)
    for kind in CaseKind:
        metrics.cases.labels(kind.value).set(waiting[kind])
        metrics.cases_overdue.labels(kind.value).set(late[kind])
        metrics.cases_oldest.labels(kind.value).set(oldest[kind])


def _settle_left(service: Service) -> None:
    after = None
    reports, cases = service.store.register(REPORTS), cases_of(service.store)
    while page := reports.find(state=ReportState.RECEIVED, after=after, limit=_PAGE):
        for id in {entry.subject for entry in page}:
            entry = cases.get(id)
            if entry is not None and entry.state == CaseState.RESOLVED:
                settle(service.store, case_of(entry))
        after = (page[-1].at, page[-1].id)
