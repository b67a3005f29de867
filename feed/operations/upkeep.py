"""Upkeep: what a running service does by the clock: read keys, let Servings and events go, sign the ledger, train.

Each job waits for its time and survives its failures: what did not work is logged, and tried again the next time.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from functools import partial

import anyio.to_thread
import structlog

from feed.bootstrap import Service
from feed.cases.moot import end_moot_cases
from feed.cases.upkeep import COUNT_SECONDS, PRIORITY_SECONDS, LateHolds, bring_forward, count_cases
from feed.decisions.broken_glass import open_reviews_owed
from feed.decisions.lapsing import look_at_proposals
from feed.decisions.standings import LOOK_SECONDS, Standings
from feed.experiments.results import keep_findings
from feed.models.freshness import Freshness
from feed.operations.retention import EventRetention
from feed.storage.answers import durable
from feed.storage.errors import StorageError
from feed.storage.records import CheckpointRecord
from feed.transparency.reports import follow_exposures

_log = structlog.get_logger("weir")

EXPIRY_SECONDS = 3600.0
"""Seconds between two looks for Servings and events that are older than their days."""

EXPOSURE_SECONDS = 600.0
"""Seconds between two counts of the exposures around acts."""

_DAY = 86_400


@contextlib.asynccontextmanager
async def upkeep(service: Service) -> AsyncIterator[None]:
    """Do every job once, then again and again while the context is open. Of several processes the one with the duties
    does what is to be done once; each reads keys and counts cases for itself."""
    await service.authenticator.refresh()
    await count_cases(service)
    at_once = (expire_servings, let_evidence_go, count_exposures, bring_forward, open_reviews_owed, look_at_proposals)
    for job in at_once:
        await _on_duty(service, partial(job, service))
    freshness, standings = Freshness(service), Standings(service)
    duties: list[tuple[float, Callable[[], Awaitable[object]]]] = [
        (COUNT_SECONDS, partial(look_at_proposals, service)),
        (COUNT_SECONDS, partial(end_moot_cases, service)),
        (COUNT_SECONDS, LateHolds(service).turn),
        (PRIORITY_SECONDS, partial(bring_forward, service)),
        (PRIORITY_SECONDS, partial(open_reviews_owed, service)),
        (EXPIRY_SECONDS, partial(expire_servings, service)),
        (EXPIRY_SECONDS, partial(let_evidence_go, service)),
        (EXPOSURE_SECONDS, partial(count_exposures, service)),
        (service.settings.log_every, partial(keep_checkpoint, service)),
        (LOOK_SECONDS, partial(anyio.to_thread.run_sync, standings.turn)),
    ]
    jobs = [asyncio.create_task(_every(seconds, partial(_on_duty, service, duty))) for seconds, duty in duties]
    jobs += [
        asyncio.create_task(_every(COUNT_SECONDS, partial(count_cases, service))),
        asyncio.create_task(_every(service.settings.jwks_refresh, service.authenticator.refresh)),
        asyncio.create_task(freshness.run()),
        # Not waited for: where a retention is new, there may be years to be let go.
        asyncio.create_task(
            _every(EXPIRY_SECONDS, partial(_on_duty, service, EventRetention(service).turn), soon=True)
        ),
    ]
    try:
        yield
    finally:
        for task in jobs:
            task.cancel()
        await asyncio.gather(*jobs, return_exceptions=True)
        await _on_duty(service, partial(keep_checkpoint, service))


async def _on_duty(service: Service, job: Callable[[], Awaitable[object]]) -> None:
    if service.duties.held:
        await job()


async def expire_servings(service: Service) -> None:
    """Delete the Servings that are older than the setting allows; what experiments showed by them is kept before."""
    before = service.clock.now() - service.settings.servings_days * _DAY
    if service.settings.database is not None:
        before -= before % _DAY  # a database drops whole days, which costs nothing; part of one is deleted row by row
    try:
        await anyio.to_thread.run_sync(keep_findings, service)
        gone = await durable(service.store.servings.expire(before))
    except StorageError as error:
        _log.warning("old Servings could not be deleted; tried again in an hour", error=str(error))
    else:
        if gone:
            _log.info("old Servings deleted", servings=gone)


async def let_evidence_go(service: Service) -> None:
    """Delete the evidence whose hold is over."""
    try:
        gone = await anyio.to_thread.run_sync(service.evidence.let_go, service.clock.now())
    except StorageError as error:
        _log.warning("evidence could not be deleted; tried again in an hour", error=str(error))
    else:
        if gone:
            _log.info("evidence whose hold is over deleted", decisions=gone)


async def count_exposures(service: Service) -> None:
    """Count the exposures before and after the acts of the last days, for the transparency report."""
    try:
        await anyio.to_thread.run_sync(follow_exposures, service.store, service.clock.now())
    except StorageError as error:
        _log.warning("exposures around acts were not counted; tried again later", error=str(error))


async def keep_checkpoint(service: Service) -> None:
    """Sign the ledger's head and keep the checkpoint, unless it is kept already."""
    try:
        record = await anyio.to_thread.run_sync(_unkept, service)
        if record is not None:
            await durable(service.store.log.keep(record))
    except StorageError as error:
        _log.warning("the ledger's checkpoint could not be kept; tried again later", error=str(error))


def _unkept(service: Service) -> CheckpointRecord | None:
    head = service.store.ledger.head()
    if service.store.log.checkpoints(after=head - 1, limit=1):
        return None
    return CheckpointRecord(head, service.log_keys.checkpoint(head, service.store.log.root(head)))


async def _every(seconds: float, job: Callable[[], Awaitable[object]], *, soon: bool = False) -> None:
    """Do a job again and again, and with ``soon`` the first time at once."""
    while True:
        await asyncio.sleep(0 if soon else seconds)
        soon = False
        try:
            await job()
        except Exception:
            _log.exception("a job failed in a way that nobody expected; it is tried again")
