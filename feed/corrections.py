"""Corrections on their way: who still has to see which, in memory, so that a page costs one look-up (law 7).

Who was exposed is read from the events, who has seen a correction from the register "corrections"; what is left waits
in memory. A correction stands on a reader's pages until they have seen it: until they ask for the page after one that
had it, or report an event of such a page. After ``MOST_OFFERS`` pages without a sign it is not sent again. What
was seen is written in the background, each reader once, together with the count; a page never waits for the store, and
what was not written when a process ends is sent again. Erasing a reader removes both (law 8).
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from itertools import islice

from controls.corrections import Correction, Reach
from controls.scopes import Audience, SurfaceKind
from feed.correction_papers import SEEN, UNCONFIRMED, CorrectionPapers, Paper
from feed.schemas.pages import CorrectionOut
from feed.storage.ports import Store
from feed.storage.records import EventRecord
from ranking.reader import EventKind

MOST_CARDS = 3
"""Corrections on one page; the others come with the next."""

MOST_OFFERS = 5
"""Pages that a correction stands on without a sign that its reader has seen one of them."""

_READERS = 5_000
"""Exposed readers read in one go."""
_WRITTEN = 200
"""Readers written in one transaction: decisions must not wait for them."""
_REMEMBERED = 8
"""Pages of a reader that are remembered to have had corrections."""
_EVERYTHING = 1 << 40

Waiting = tuple[Correction, ...]
NOTHING: Sequence[CorrectionOut] = ()


@dataclass(slots=True)
class _Offer:
    """What a reader was sent: the second and the decisions of each page, and on how many pages each stood."""

    pages: dict[str, tuple[int, tuple[str, ...]]] = field(default_factory=dict)
    times: dict[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class _Told:
    reader: str
    correction: Correction
    at: int
    state: str


class Corrections:
    """The corrections of one process. :meth:`cards`, :meth:`heard` and :meth:`waits` never block; the rest does."""

    def __init__(self, store: Store, woken: Callable[[], None]) -> None:
        """``woken`` is called when there is something to :meth:`work` on."""
        self._store = store
        self._papers = CorrectionPapers(store)
        self._woken = woken
        self._lock = threading.Lock()
        self._working = threading.Lock()
        self._open: dict[str, Correction] = {}
        self._by_item: dict[str, Waiting] = {}
        self._waiting: dict[str, Waiting] = {}
        self._together: dict[Waiting, Waiting] = {}
        self._offers: dict[str, _Offer] = {}
        self._unread: deque[Correction] = deque()
        self._late: deque[EventRecord] = deque()
        self._told: deque[_Told] = deque()

    # On the path of a request

    def cards(
        self,
        reader: str,
        request_id: str,
        surface: SurfaceKind,
        audience: Audience,
        *,
        after: int,
        now: int,
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

    def heard(self, events: Iterable[EventRecord]) -> None:
        """Take events that were stored: they show which pages arrived, and exposures that were reported late."""
        if not self._open:
            return
        for event in events:
            offer = self._offers.get(event.reader)
            if offer is not None and event.request_id in offer.pages:
                with self._lock:
                    self._leave(event.reader, offer.pages[event.request_id][1], event.received_at, SEEN)
            if event.kind == EventKind.IMPRESSION and event.item in self._by_item:
                self._late.append(event)
                self._woken()

    def waits(self, decision: str) -> int:
        """How many readers are still to be told of a correction."""
        return sum(any(one.decision == decision for one in mine) for mine in list(self._waiting.values()))

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
            self._told.extend(_Told(reader, one, now, state) for one in gone)
            self._woken()

    def _keep(self, reader: str, mine: Waiting) -> None:
        if mine:
            self._waiting[reader] = self._together.setdefault(mine, mine)
        else:
            self._waiting.pop(reader, None)

    # In the background

    def load(self) -> None:
        """Take up every correction that is still to be sent, as the register has them."""
        for correction in self._papers.unfinished():
            self._take_up(correction)

    def begin(self, correction: Correction) -> None:
        """Keep a correction that was decided, and begin to send it, unless it is one of several decided together of
        which the first is sent to its readers already. Repeating it changes nothing."""
        together, _, place = correction.decision.rpartition(".")
        first = self._open.get(f"{together}.0")
        if place != "0" and first is not None and correction.item in first.members and correction.text == first.text:
            return
        if self._papers.begin(correction) and correction.decision not in self._open:
            self._take_up(correction)

    def end(self, decision: str) -> None:
        """Send a correction no longer: it was reversed, or its time is over. One that is not sent stays as it is."""
        if decision not in self._open:
            return
        self._papers.end(decision)
        with self._lock:
            self._drop(decision)

    def _take_up(self, correction: Correction) -> None:
        with self._lock:
            self._open[correction.decision] = correction
            for item in correction.members:
                self._by_item[item] = (*self._by_item.get(item, ()), correction)
        self._unread.append(correction)

    def _drop(self, decision: str) -> None:
        correction = self._open.pop(decision, None)
        if correction is None:
            return
        for item in correction.members:
            left = tuple(one for one in self._by_item.get(item, ()) if one is not correction)
            if left:
                self._by_item[item] = left
            else:
                self._by_item.pop(item, None)
        for reader, mine in list(self._waiting.items()):
            if correction in mine:
                self._keep(reader, tuple(one for one in mine if one is not correction))
        self._together.clear()

    def work(self, now: int) -> None:
        """Do what there is to do: read who was exposed, write who has seen what, end what is over. Blocks.

        Raises the store's errors; what was not done is done the next time.
        """
        for correction in [one for one in self._open.values() if now >= one.ends_at]:
            self.end(correction.decision)
        for _ in range(len(self._unread)):
            if self._unread[0].starts_at > now:
                self._unread.rotate(-1)
                continue
            self._read_exposed(self._unread[0])
            self._unread.popleft()
        while self._told:
            with self._working:
                self._write_told()
        while self._late:
            with self._working:
                self._take_late()

    def _read_exposed(self, correction: Correction) -> None:
        """Let a correction wait for everybody who was exposed and was not told before."""
        told = self._papers.told(correction.decision)
        after, count = "", 0
        while True:
            with self._working:
                if correction.decision not in self._open:
                    return
                readers = self._store.events.exposed(
                    correction.members, after=after, before=correction.before, limit=_READERS
                )
                self._add([reader for reader in readers if digest(reader) not in told], correction)
            count += len(readers)
            if len(readers) < _READERS:
                break
            after = readers[-1]
        self._papers.counted(correction.decision, count)

    def _add(self, readers: Iterable[str], correction: Correction) -> None:
        for reader in readers:
            with self._lock:
                mine = self._waiting.get(reader, ())
                if correction not in mine:
                    self._keep(reader, (*mine, correction))

    def _take_late(self) -> None:
        """Let corrections wait for a reader whose exposure was reported after the exposed had been read."""
        if not self._late:
            return
        event = self._late[0]
        for correction in self._by_item.get(event.item, ()):
            waits = correction in self._waiting.get(event.reader, ())
            if waits or event.occurred_at >= correction.before or correction in self._unread:
                continue
            if self._is_told(event.reader, correction):
                continue
            self._add([event.reader], correction)
            self._papers.one_more(correction.decision)
        self._late.popleft()

    def _is_told(self, reader: str, correction: Correction) -> bool:
        with self._lock:
            if any(one.reader == reader and one.correction is correction for one in self._told):
                return True
        return self._papers.is_told(correction.decision, digest(reader))

    def _write_told(self) -> None:
        """Write the readers told of one correction, those that wait longest."""
        with self._lock:
            oldest = list(islice(self._told, _WRITTEN))
        if not oldest:
            return
        first = oldest[0].correction
        some = [one for one in oldest if one.correction is first]
        papers = {one.reader: Paper(digest(one.reader), one.reader, one.at, one.state) for one in some}
        self._papers.write(first, tuple(papers.values()))
        with self._lock:
            for one in some:
                self._told.remove(one)

    def forget(self, reader: str) -> None:
        """After events of a reader were deleted: what no event of theirs calls for waits for them no longer, and what
        was not written about them yet is not written."""
        with self._working:
            with self._lock:
                mine = self._waiting.pop(reader, ())
                self._offers.pop(reader, None)
                self._told = deque(one for one in self._told if one.reader != reader)
                self._late = deque(event for event in self._late if event.reader != reader)
            if mine:
                exposures = self._exposures(reader)
                for correction in mine:
                    if any(exposures.get(item, _EVERYTHING) < correction.before for item in correction.members):
                        self._add([reader], correction)

    def _exposures(self, reader: str) -> Mapping[str, int]:
        """The earliest second at which a reader was exposed to each item."""
        first: dict[str, int] = {}
        for event in self._store.events.of_reader(reader, _EVERYTHING):
            if event.kind == EventKind.IMPRESSION:
                first[event.item] = min(event.occurred_at, first.get(event.item, _EVERYTHING))
        return first

    def reach(self, decision: str) -> tuple[Correction, Reach, bool] | None:
        """A correction, how far it came, and whether it is still sent; None for a decision that is none. Blocks."""
        return self._papers.reach(decision)


def digest(reader: str) -> str:
    """What stands for a reader in the id of a paper; the paper itself belongs to them, and goes with them."""
    return sha256(reader.encode()).hexdigest()[:32]
