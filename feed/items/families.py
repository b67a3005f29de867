"""Families: items whose title and text are near-duplicates of each other, so that what is done about one finds its
copies.

A family is founded by the first item that is like nothing before it, and keeps that item's sketch; others join while
they are like the founder, so that a family never drifts. An item that is taken down stays in the family it was taken
down in. Everything lies in the register "families": an entry for each item, each family, and each band of a family's
sketch; nothing is held in memory, and an item costs the same however many there are.
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from itertools import islice

import orjson
import structlog

from feed.items.sketches import ALIKE, Sketch, packed, sketch, unpacked
from feed.storage.errors import StorageError
from feed.storage.ports.store import Store
from feed.storage.records import ItemRecord
from feed.storage.register import Entry, Register

_log = structlog.get_logger(__name__)

_REGISTER = "families"
_MARK = "mark:1"
"""The entry that says that every item of the store has been looked at, by these sketches."""

_TOGETHER = 32
"""Items looked at by one edit: the writer is not to be kept from decisions."""
_OF_BAND = 8
"""Families remembered for a band; one that more share is of words that everybody uses."""
_COMPARED = 16
"""Families that an item is compared with at most, those with the most bands in common."""
_PAGE = 1000
_SKETCHES = 4096


@dataclass(slots=True)
class _Found:
    """What is known of a few items: their entries of bands and families by id, as they stand or are to be written."""

    entries: dict[str, Entry]
    made: dict[str, Entry]

    def of(self, id: str) -> Entry | None:
        return self.made.get(id) or self.entries.get(id)


class Families:
    """The families of one store's items. Everything blocks, and may be called from any thread."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._lock = threading.Lock()
        self._sketches: dict[bytes, Sketch | None] = {}
        self._closing = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self, ids: Callable[[], Sequence[str]], now: int) -> None:
        """Catch up with the store's items, told by ``ids``, on a thread of its own."""
        self._thread = threading.Thread(target=self._caught_up, args=(ids, now), name="weir-families", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Let catching up end where it is; it begins again at the next start."""
        self._closing.set()
        if self._thread is not None:
            self._thread.join()

    def members(self, item: str) -> tuple[str, ...]:
        """An item and its near-duplicates, those that joined last first; the item alone when it has none."""
        entry = self._register.get(_of_item(item))
        found = list(self._of_family(entry.subject)) if entry is not None else []
        return tuple(found) if item in found else (item, *found)

    def resembling(self, records: Sequence[ItemRecord]) -> list[tuple[str, ...]]:
        """For each record, the items that it would join as it now reads, without itself."""
        with self._lock:
            families = [family for family, _ in self._look(records)]
        kin = {family: tuple(self._of_family(family)) for family in set(families) if family}
        return [
            tuple(one for one in kin.get(family, ()) if one != record.id)
            for family, record in zip(families, records, strict=True)
        ]

    def take(self, records: Iterable[ItemRecord], now: int) -> None:
        """Let items, as they are stored, join their families or found new ones."""
        waiting = iter(records)
        while some := list({record.id: record for record in islice(waiting, _TOGETHER)}.values()):
            with self._lock:
                self._take(some, now)

    def catch_up(self, ids: Sequence[str], now: int) -> int:
        """Take the items of a store that was filled before it had families; returns how many were looked at. Done once:
        the register remembers that it came to its end."""
        if self._register.get(_MARK) is not None:
            return 0
        for start in range(0, len(ids), _PAGE):
            if self._closing.is_set():
                return start
            self.take(self._store.items.items(ids[start : start + _PAGE]).values(), now)
        self._register.edit([_MARK], lambda stored: [Entry(_MARK, "{}", at=now)]).result()
        return len(ids)

    def _caught_up(self, ids: Callable[[], Sequence[str]], now: int) -> None:
        try:
            self.catch_up(ids(), now)
        except StorageError as error:
            _log.warning("families did not catch up with the items; the next start tries again", error=str(error))

    @property
    def _register(self) -> Register:
        return self._store.register(_REGISTER)

    def _of_family(self, family: str) -> Iterator[str]:
        after: tuple[int, str] | None = None
        while page := self._register.find(subject=family, after=after, limit=_PAGE):
            for entry in page:
                yield entry.id.removeprefix(_ITEM)
            if len(page) < _PAGE:
                return
            after = page[-1].at, page[-1].id

    def _take(self, records: Sequence[ItemRecord], now: int) -> None:
        looked = self._look(records)
        made: dict[str, Entry] = {}
        alone = []
        for record, (family, entries) in zip(records, looked, strict=True):
            if not family:
                alone.append(_of_item(record.id))
                continue
            made |= {entry.id: entry for entry in entries}
            made[_of_item(record.id)] = Entry(_of_item(record.id), "{}", subject=family, at=now)
        left = self._read(alone)
        if left:
            self._register.remove(list(left)).result()
        if made:
            self._register.edit(list(made), lambda stored: _changed(made, stored)).result()

    def _look(self, records: Sequence[ItemRecord]) -> list[tuple[str, tuple[Entry, ...]]]:
        """The family of each record, empty for one that is too short, and the entries that a new one needs."""
        sketches = [self._sketch(record) for record in records]
        known = [one for one in sketches if one is not None]
        found = _Found(
            self._read(id for one in known for id in (_of_family(one.digest), *map(_of_band, one.bands))), {}
        )
        found.entries |= self._read(_of_family(family) for one in known for family in _sharing(one, found))
        return [_joined(one, found) if one is not None else ("", ()) for one in sketches]

    def _sketch(self, record: ItemRecord) -> Sketch | None:
        """The sketch of a record; an item that is put is looked at more than once."""
        said = blake2b(f"{record.title}\0{record.text}".encode(), digest_size=16).digest()
        if said not in self._sketches:
            if len(self._sketches) >= _SKETCHES:
                self._sketches.clear()
            self._sketches[said] = sketch(record.title, record.text)
        return self._sketches[said]

    def _read(self, ids: Iterable[str]) -> dict[str, Entry]:
        """Entries by id, read by the writer without a change: quicker than one by one."""
        found: dict[str, Entry] = {}

        def look(stored: Mapping[str, Entry]) -> Sequence[Entry]:
            found.update(stored)
            return []

        if wanted := list(dict.fromkeys(ids)):
            self._register.edit(wanted, look).result()
        return found


_ITEM = "item:"


def _of_item(item: str) -> str:
    return f"{_ITEM}{item}"


def _of_family(family: str) -> str:
    return f"family:{family}"


def _of_band(band: str) -> str:
    return f"band:{band}"


def _changed(made: Mapping[str, Entry], stored: Mapping[str, Entry]) -> list[Entry]:
    """Entries that are not there yet as they are to be; an item that stays in its family keeps its place in it."""
    return [
        entry
        for id, entry in made.items()
        if id not in stored or (stored[id].content, stored[id].subject) != (entry.content, entry.subject)
    ]


def _sharing(one: Sketch, found: _Found) -> list[str]:
    """The families that share most bands with a sketch."""
    shared = Counter[str]()
    for band in map(_of_band, one.bands):
        entry = found.of(band)
        if entry is not None:
            shared.update(orjson.loads(entry.content))
    return [family for family, _ in shared.most_common(_COMPARED)]


def _joined(one: Sketch, found: _Found) -> tuple[str, tuple[Entry, ...]]:
    """The family that a sketch belongs to; if it is a new one, its entries, which are then found, too."""
    if found.of(_of_family(one.digest)) is not None:
        return one.digest, ()
    best, likest = "", ALIKE
    for family in _sharing(one, found):
        entry = found.of(_of_family(family))
        if entry is None or not entry.content:
            continue
        like = one.like(unpacked(orjson.loads(entry.content)))
        if like > likest or (like == likest and not best):
            best, likest = family, like
    if best:
        return best, ()
    made = [Entry(_of_family(one.digest), "" if one.numbers is None else orjson.dumps(packed(one.numbers)).decode())]
    for band in map(_of_band, one.bands):
        entry = found.of(band)
        families = orjson.loads(entry.content) if entry is not None else []
        if len(families) < _OF_BAND:
            made.append(Entry(band, orjson.dumps([*families, one.digest]).decode()))
    found.made.update((entry.id, entry) for entry in made)
    return one.digest, tuple(made)
