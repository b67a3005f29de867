"""Cards: which readers still have to see which corrections, in memory, so that a page costs one look-up (law 7).

A correction stands on a reader's pages until they have seen it: until they ask for the page after one that had it, or
report an event of such a page. After ``MOST_OFFERS`` pages without a sign it is not sent again.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from itertools import islice

from controls.corrections import Correction
from controls.scopes import Audience, SurfaceKind
from feed.corrections.papers import SEEN, UNCONFIRMED
from feed.schemas.pages import CorrectionOut
from feed.storage.records import EventRecord

MOST_CARDS = 3
"""Corrections on one page; the others come with the next."""

MOST_OFFERS = 5
"""Pages that a correction stands on without a sign that its reader has seen one of them."""

_REMEMBERED = 8
"""Pages of a reader that are remembered to have had corrections."""

Waiting = tuple[Correction, ...]
NOTHING: Sequence[CorrectionOut] = ()


@dataclass(slots=True)
class _Offer:
    """What a reader was sent: the second and the decisions of each page, and on how many pages each stood."""

    pages: dict[str, tuple[int, tuple[str, ...]]] = field(default_factory=dict)
    times: dict[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Told:
    """A reader who was told at a second, and whether they are known to have seen it; to be written."""

    reader: str
    correction: Correction
    at: int
    state: str


class Cards:
    """Who waits for which correction. No method blocks for longer than another one takes."""

    def __init__(self, told: Callable[[], None]) -> None:
        """``told`` is called when there is somebody to be written."""
        self._lock = threading.Lock()
        self._on_told = told
        self._open: dict[str, Correction] = {}
        self._by_item: dict[str, Waiting] = {}
        self._waiting: dict[str, Waiting] = {}
        self._together: dict[Waiting, Waiting] = {}
        self._offers: dict[str, _Offer] = {}
        self._told: deque[Told] = deque()

    def cards(
        self, reader: str, request_id: str, surface: SurfaceKind, audience: Audience, *, after: int, now: int
    ) -> Sequence[CorrectionOut]:
        """What this page is to tell its reader. ``after``: the second of the page that it continues, which they have
        then; 0 for the first of a session."""
        if reader not in self._waiting:
            return NOTHING
        with self._lock:
            offer = self._offers.get(reader)
            if after and offer is not None:
                arrived = [one for at, decisions in offer.pages.values() if at == after for one in decisions]
                self._leave(reader, arrived, now, SEEN)
            shown = [
                one
                for one in self._waiting.get(reader, ())
                if one.decision in self._open
                and one.starts_at <= now < one.ends_at
                and one.scope.covers(surface, audience, restricting=True)
            ][:MOST_CARDS]
            if not shown:
                return NOTHING
            offer = self._offers.setdefault(reader, _Offer())
            offer.pages[request_id] = now, tuple(one.decision for one in shown)
            while len(offer.pages) > _REMEMBERED:
                del offer.pages[next(iter(offer.pages))]
            for one in shown:
                offer.times[one.decision] = offer.times.get(one.decision, 0) + 1
            spent = tuple(one.decision for one in shown if offer.times[one.decision] >= MOST_OFFERS)
            if spent:
                self._leave(reader, spent, now, UNCONFIRMED)
        return [CorrectionOut(one.decision, one.item, one.notice, one.text, one.starts_at) for one in shown]

    def arrived(self, event: EventRecord) -> None:
        """Take an event that was stored: it shows that its page arrived."""
        offer = self._offers.get(event.reader)
        if offer is not None and event.request_id in offer.pages:
            with self._lock:
                self._leave(event.reader, offer.pages[event.request_id][1], event.received_at, SEEN)

    def told_elsewhere(self, reader: str, decision: str) -> None:
        """Let a correction wait for a reader no longer; another process writes it."""
        with self._lock:
            mine = tuple(one for one in self._waiting.get(reader, ()) if one.decision != decision)
            self._keep(reader, mine)

    def _leave(self, reader: str, decisions: Sequence[str], now: int, state: str) -> None:
        """Let corrections wait for a reader no longer, and have that written. The lock is held."""
        mine = self._waiting.get(reader, ())
        gone = [one for one in mine if one.decision in decisions]
        self._keep(reader, tuple(one for one in mine if one.decision not in decisions))
        offer = self._offers.get(reader)
        if offer is not None:
            for decision in decisions:
                offer.times.pop(decision, None)
            if not offer.times:
                del self._offers[reader]
        if gone:
            self._told.extend(Told(reader, one, now, state) for one in gone)
            self._on_told()

    def _keep(self, reader: str, mine: Waiting) -> None:
        if mine:
            self._waiting[reader] = self._together.setdefault(mine, mine)
        else:
            self._waiting.pop(reader, None)

    def open(self, correction: Correction) -> None:
        """Send a correction to those whom it waits for."""
        with self._lock:
            self._open[correction.decision] = correction
            for item in correction.members:
                self._by_item[item] = (*self._by_item.get(item, ()), correction)

    def close(self, correction: Correction) -> None:
        """Send it no longer. Readers are gone through one by one: no page is to wait for all of them."""
        with self._lock:
            del self._open[correction.decision]
            for item in correction.members:
                left = tuple(one for one in self._by_item[item] if one is not correction)
                if left:
                    self._by_item[item] = left
                else:
                    del self._by_item[item]
        for reader in [reader for reader, mine in list(self._waiting.items()) if correction in mine]:
            with self._lock:
                mine = self._waiting.get(reader, ())
                self._keep(reader, tuple(one for one in mine if one is not correction))
        with self._lock:
            self._together.clear()

    def get(self, decision: str) -> Correction | None:
        """A correction that is sent, or None."""
        return self._open.get(decision)

    def all(self) -> list[Correction]:
        """Every correction that is sent."""
        return list(self._open.values())

    def of_item(self, item: str) -> Waiting:
        """Those that are sent to whom was exposed to an item."""
        return self._by_item.get(item, ())

    def wait_for(self, readers: Iterable[str], correction: Correction) -> None:
        """Let a correction wait for readers, until they have seen it."""
        for reader in readers:
            with self._lock:
                mine = self._waiting.get(reader, ())
                if correction not in mine:
                    self._keep(reader, (*mine, correction))

    def waits_for(self, reader: str, correction: Correction) -> bool:
        """Whether a correction waits for a reader, or is to be written as seen by them."""
        with self._lock:
            if correction in self._waiting.get(reader, ()):
                return True
            return any(one.reader == reader and one.correction is correction for one in self._told)

    def waiting(self, decision: str) -> int:
        """How many readers a correction waits for."""
        return sum(any(one.decision == decision for one in mine) for mine in list(self._waiting.values()))

    def oldest_told(self, limit: int) -> list[Told]:
        """Readers of one correction that are to be written, those who were told first."""
        with self._lock:
            oldest = list(islice(self._told, limit))
        return [one for one in oldest if one.correction is oldest[0].correction]

    def written(self, some: Iterable[Told]) -> None:
        """Take note that readers were written."""
        with self._lock:
            for one in some:
                self._told.remove(one)

    def forget(self, reader: str) -> Waiting:
        """Forget all that is known of a reader; returns what waited for them."""
        with self._lock:
            self._offers.pop(reader, None)
            self._told = deque(one for one in self._told if one.reader != reader)
            return self._waiting.pop(reader, ())
