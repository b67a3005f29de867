"""Retention of events by the clock: parts are begun, what is too old goes, and afterwards no process remembers it.

A clock that is wrong for a while lets nothing go too early: another has to agree with it (docs/adr/0034).
"""

from __future__ import annotations

import anyio.to_thread
import structlog

from feed.bootstrap import Service
from feed.future import FUTURE_SECONDS
from feed.storage.answers import durable
from feed.storage.errors import StorageError

_log = structlog.get_logger("weir")

_DAY = 86_400


class EventRetention:
    """What one process lets go. Whatever fails is logged, and done by a later turn."""

    def __init__(self, service: Service) -> None:
        self._service = service
        self._looked: tuple[int, float] | None = None
        # Nobody knows whether the process that had the duties before came to it.
        self._owed = True

    async def turn(self) -> None:
        """Begin a new part when it is time, let go of what is older than the setting allows, have readers forgotten."""
        await self._begin_part()
        if self._service.settings.events_days:
            await self._let_go()
            await self._forget()

    async def _begin_part(self) -> None:
        service, days = self._service, self._service.settings.events_part_days
        try:
            if await durable(service.store.events.begin_part(service.clock.now(), days)):
                _log.info("a new part of events begun", days=days)
        except StorageError as error:
            _log.warning("no new part of events could be begun; tried again in an hour", error=str(error))

    async def _let_go(self) -> None:
        """By whole days. What the door takes occurred later, and so was received five minutes before that at the
        earliest: it is kept as long, so that it is known when it is sent again."""
        service, days = self._service, self._service.settings.events_days
        try:
            before = await anyio.to_thread.run_sync(self._now) - days * _DAY - FUTURE_SECONDS
            if gone := await durable(service.store.events.expire(before - before % _DAY, self._went)):
                _log.info("old events let go", events=gone, days=days)
        except StorageError as error:
            _log.warning("not all old events could be let go; tried again in an hour", error=str(error))

    def _went(self, count: int) -> None:
        if count:
            self._owed = True
            self._service.metrics.events_let_go.inc(count)

    async def _forget(self) -> None:
        if not self._owed:
            return
        try:
            await anyio.to_thread.run_sync(self._service.reader_sharing.forget_all)
        except StorageError as error:
            _log.warning("readers could not be forgotten; tried again in an hour", error=str(error))
        else:
            self._owed = False

    def _now(self) -> int:
        """This second, unless the clock went ahead: then one that has come for certain.

        A database's clock always has to agree. An embedded store knows its newest receipt, and this process how long
        it ran: a clock that was set ahead is believed from the next turn on.
        """
        service, looked = self._service, self._looked
        now, ran = service.clock.now(), service.clock.monotonic()
        self._looked = now, ran
        if service.settings.database is None and looked is not None:
            sure = looked[0] + round(ran - looked[1])
        else:
            sure = service.store.events.vouched()
        # A store that has just been opened may have had nothing to do for years.
        if now - sure > FUTURE_SECONDS and (looked is not None or service.settings.database is not None):
            _log.warning("the clock went ahead of what is known; no event goes by it yet", clock=now, known=sure)
        return min(now, sure)
