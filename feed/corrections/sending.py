"""Corrections on their way: read from who was exposed, sent with pages, written once seen (laws 7, 8 and 11).

Who was exposed is read from the events, who has seen a correction from the register "corrections"; what is left waits
in memory (``feed.corrections.cards``). What was seen is written in the background, each reader once, together with the
count: a page never waits for the store, and what was not written when a process ends is sent again. Erasing a
reader removes both.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from hashlib import sha256

from controls.corrections import Correction, Reach
from controls.scopes import Audience, SurfaceKind
from feed.corrections.cards import Cards
from feed.corrections.papers import SEEN, CorrectionPapers, Paper
from feed.schemas.pages import CorrectionOut
from feed.schemas.readers import ToldOut
from feed.storage.ports.store import Store
from feed.storage.records import EventRecord
from ranking.reader import EventKind

_READERS = 100_000
"""Exposed readers read in one go."""
_WRITTEN = 200
"""Readers written in one transaction: decisions must not wait for them."""
_EVERYTHING = 1 << 40


class Corrections:
    """The corrections of one process. :meth:`cards` and :meth:`heard` never block; the rest does."""

    def __init__(self, store: Store, woken: Callable[[], None]) -> None:
        """``woken`` is called when there is something to :meth:`work` on."""
        self._store = store
        self._papers = CorrectionPapers(store)
        self._woken = woken
        self._cards = Cards(woken)
        self._working = threading.Lock()
        self._unread: deque[Correction] = deque()
        self._late: deque[tuple[EventRecord, bool]] = deque()
        self._announce: Callable[[str, str], None] | None = None

    def announce(self, told: Callable[[str, str], None]) -> None:
        """Call ``told`` with a reader and a decision once it is written that they were told: other processes are to
        know."""
        self._announce = told

    def told_elsewhere(self, reader: str, decision: str) -> None:
        """Send a correction no longer to a reader whom another process told."""
        self._cards.told_elsewhere(reader, decision)

    def cards(
        self, reader: str, request_id: str, surface: SurfaceKind, audience: Audience, *, after: int, now: int
    ) -> Sequence[CorrectionOut]:
        """What a page is to tell its reader, see :meth:`feed.corrections.cards.Cards.cards`."""
        return self._cards.cards(reader, request_id, surface, audience, after=after, now=now)

    def heard(self, events: Iterable[EventRecord], *, elsewhere: bool = False) -> None:
        """Take events that were stored: they show which pages arrived, and exposures that were reported late. What
        another process took in it counts ``elsewhere``, too."""
        if not self._cards.all():
            return
        for event in events:
            self._cards.arrived(event)
            if event.kind == EventKind.IMPRESSION and self._cards.of_item(event.item):
                self._late.append((event, not elsewhere))
                self._woken()

    def waits(self, decision: str) -> int:
        """How many readers are still to be told of a correction."""
        return self._cards.waiting(decision)

    def reach(self, decision: str) -> tuple[Correction, Reach, bool] | None:
        """A correction, how far it came, and whether it is still sent; None for a decision that is none."""
        return self._papers.reach(decision)

    def told(self, reader: str) -> list[ToldOut]:
        """What was written of a reader, newest first."""
        return [ToldOut(decision, at, state == SEEN) for decision, at, state in self._papers.of_reader(reader)]

    def load(self) -> None:
        """Take up every correction that is still to be sent, as the register has them."""
        for correction in self._papers.unfinished():
            self._take_up(correction)

    def begin(self, correction: Correction) -> None:
        """Keep a correction that was decided, and begin to send it, unless it is one of several decided together of
        which the first is sent to its readers already. Repeating it changes nothing."""
        together, _, place = correction.decision.rpartition(".")
        first = self._cards.get(f"{together}.0")
        if place != "0" and first is not None and correction.item in first.members and correction.text == first.text:
            return
        if self._papers.begin(correction) and self._cards.get(correction.decision) is None:
            self._take_up(correction)

    def _take_up(self, correction: Correction) -> None:
        self._cards.open(correction)
        self._unread.append(correction)

    def end(self, decision: str) -> None:
        """Send a correction no longer: it was reversed, or its time is over. One that is not sent stays as it is."""
        correction = self._cards.get(decision)
        if correction is not None:
            self._papers.end(decision)
            with self._working:
                self._cards.close(correction)

    def work(self, now: int) -> None:
        """Do what there is to do: end what is over, read who was exposed, write who has seen what.

        Raises the store's errors; what was not done is done the next time.
        """
        for correction in self._cards.all():
            if now >= correction.ends_at:
                self.end(correction.decision)
        for _ in range(len(self._unread)):
            if self._unread[0].starts_at > now:
                self._unread.rotate(-1)
            else:
                self._read_exposed(self._unread[0])
                self._unread.popleft()
        while self._cards.oldest_told(1):
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
                if self._cards.get(correction.decision) is None:
                    return
                readers = self._store.events.exposed(
                    correction.members, after=after, before=correction.before, limit=_READERS
                )
                self._cards.wait_for([reader for reader in readers if digest(reader) not in told], correction)
            count += len(readers)
            if len(readers) < _READERS:
                break
            after = readers[-1]
        self._papers.counted(correction.decision, count)

    def _take_late(self) -> None:
        """Let corrections wait for a reader whose exposure was reported after the exposed had been read."""
        if not self._late:
            return
        event, counted = self._late[0]
        for correction in self._cards.of_item(event.item):
            read = correction not in self._unread and event.occurred_at < correction.before
            if not read or self._cards.waits_for(event.reader, correction):
                continue
            if not self._papers.is_told(correction.decision, digest(event.reader)):
                self._cards.wait_for([event.reader], correction)
                if counted:
                    self._papers.one_more(correction.decision)
        self._late.popleft()

    def _write_told(self) -> None:
        """Write the readers told of one correction, those that wait longest."""
        some = self._cards.oldest_told(_WRITTEN)
        if some:
            papers = {one.reader: Paper(digest(one.reader), one.reader, one.at, one.state) for one in some}
            self._papers.write(some[0].correction, tuple(papers.values()))
            self._cards.written(some)
            if self._announce is not None:
                for one in some:
                    self._announce(one.reader, one.correction.decision)

    def forget(self, reader: str) -> None:
        """After events of a reader were deleted: what no event of theirs calls for waits for them no longer, and what
        was not written about them yet is not written."""
        with self._working:
            for late in [late for late in list(self._late) if late[0].reader == reader]:
                self._late.remove(late)
            mine = self._cards.forget(reader)
            if mine:
                exposures = self._exposures(reader)
                for correction in mine:
                    if any(exposures.get(item, _EVERYTHING) < correction.before for item in correction.members):
                        self._cards.wait_for([reader], correction)

    def _exposures(self, reader: str) -> Mapping[str, int]:
        """The earliest second at which a reader was exposed to each item."""
        first: dict[str, int] = {}
        for event in self._store.events.of_reader(reader, _EVERYTHING):
            if event.kind == EventKind.IMPRESSION:
                first[event.item] = min(event.occurred_at, first.get(event.item, _EVERYTHING))
        return first


def digest(reader: str) -> str:
    """What stands for a reader in the id of a paper; the paper itself belongs to them, and goes with them."""
    return sha256(reader.encode()).hexdigest()[:32]
