"""Capacity of a store's review team (``controls.capacity``), from its cases and the operator's hours."""

from __future__ import annotations

from collections.abc import Iterator

from controls.capacity import Capacity, capacity, observed
from feed.cases.keeping import unresolved
from feed.cases.papers import case_of, cases_of
from feed.schemas.cases import CapacityOut, LoadOut
from feed.storage.ports.store import Store
from feed.storage.register import Entry, Order

DAYS = 28
_DAY = 86_400
_PAGE = 1000


def measured_capacity(store: Store, now: int, there: float) -> Capacity:
    """The capacity of the last :data:`DAYS` days; ``there``: hours of review in a day. Blocks."""
    recent = list(_opened(store, now - DAYS * _DAY))
    days = observed(recent[-1].at if recent else None, now, DAYS)
    return capacity(map(case_of, recent), map(case_of, unresolved(store)), now, days, there)


def capacity_out(found: Capacity) -> CapacityOut:
    """A capacity as the wire and the command line show it."""
    loads = [
        LoadOut(
            load.kind.value,
            round(load.per_day, 2),
            round(load.minutes, 1),
            load.measured,
            load.waiting,
            load.overdue,
            round(load.hours_per_day, 2),
            round(load.hours_waiting, 2),
        )
        for load in found.loads
    ]
    share = None if found.share is None else round(found.share, 3)
    clears_in = None if found.clears_in is None else round(found.clears_in, 1)
    return CapacityOut(
        round(found.days, 2), loads, round(found.needed, 2), round(found.waiting, 2), found.there, share, clears_in
    )


def _opened(store: Store, since: int) -> Iterator[Entry]:
    after = None
    while page := cases_of(store).find(since=since, order=Order.NEWEST, after=after, limit=_PAGE):
        yield from page
        after = (page[-1].at, page[-1].id)
