"""Importing: lines of a data set into the store, in durable batches, with a standing to continue from (law 11).

Repeating an import changes nothing: items, authors and labels that are already stored as given are left alone, and
events are unique by reader and client id. Events of readers who opted out are stored without consent (law 7).
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field, replace
from itertools import islice
from typing import Any

from feed.importers.errors import ImportStopped
from feed.importers.reading import PUBLISHED_NOW, DataSet, Progress, Record, Taken
from feed.importers.resume import Bookmark, Standing
from feed.items.families import Families
from feed.readers.choices import read_choices
from feed.storage.errors import StorageError
from feed.storage.ports.store import Outcome, Store
from feed.storage.records import AuthorRecord, EventRecord, ItemRecord, LabelRecord

BATCH = 5_000
"""Lines of a batch."""

_AHEAD = 2
"""Batches that may be on their way to the disk."""


@dataclass(slots=True)
class Summary:
    """What an import took and refused. ``counts`` by record kind and outcome, ``refused`` by reason."""

    format: str
    lines: int = 0
    counts: Counter[str] = field(default_factory=Counter)
    refused: Counter[str] = field(default_factory=Counter)
    shown: list[str] = field(default_factory=list)
    continued_at: str = ""

    def as_json(self) -> dict[str, Any]:
        """Plain values, for ``--json``."""
        return {
            "format": self.format,
            "lines": self.lines,
            "taken": dict(sorted(self.counts.items())),
            "refused": dict(sorted(self.refused.items())),
            "errors": self.shown,
            "continued_at": self.continued_at,
        }


@dataclass(slots=True)
class _Batch:
    part: int
    end: int
    line: int
    counts: Counter[str]
    writes: list[tuple[str, int, Future[Any]]]


class Importer:
    """One run of an import into one store."""

    def __init__(
        self,
        data: DataSet,
        store: Store,
        *,
        now: int,
        bookmark: Bookmark | None = None,
        errors_shown: int = 20,
        batch: int = BATCH,
    ) -> None:
        """``now`` is the second of receipt; without a ``bookmark`` nothing is remembered."""
        self._data = data
        self._store = store
        self._now = now
        self._bookmark = bookmark
        self._errors_shown = errors_shown
        self._size = batch
        self._summary = Summary(data.format)
        self._consents: dict[str, bool] = {}
        self._known: set[str] = set()
        self._families = Families(store)

    def run(self, progress: Progress) -> Summary:
        """Import from where it stands to the end.

        Raises ImportRefused before anything is written, and ImportStopped when the store or the reader of this
        process interrupts it; what was durable by then is remembered.
        """
        standing = (self._bookmark.load() if self._bookmark else None) or Standing()
        if standing.line:
            self._summary.continued_at = f"{self._data.parts[standing.part]}:{standing.line + 1}"
        try:
            self._data.prepare(progress)
            for part in range(standing.part, len(self._data.parts)):
                self._part(part, standing, progress)
                standing.part, standing.offset, standing.line = part + 1, 0, 0
        except (StorageError, KeyboardInterrupt) as cause:
            at = f"{self._data.parts[standing.part]}:{standing.line + 1}"
            why = str(cause) if isinstance(cause, StorageError) else "interrupted"
            raise ImportStopped(f"{at}: {why}; the same command continues here") from cause
        if self._bookmark:
            self._bookmark.clear()
        return self._told(standing)

    def _part(self, part: int, standing: Standing, progress: Progress) -> None:
        path = self._data.parts[part]
        size, waiting = path.stat().st_size, deque[_Batch]()
        lines = self._data.read(part, standing.position, self._now)
        while taken := list(islice(lines, self._size)):
            waiting.append(self._send(part, taken))
            if len(waiting) > _AHEAD:
                self._settle(waiting.popleft(), standing)
            progress(path.name, taken[-1].end, size)
        while waiting:
            self._settle(waiting.popleft(), standing)

    def _send(self, part: int, taken: Sequence[Taken]) -> _Batch:
        counts: Counter[str] = Counter(lines=len(taken))
        records: list[Record] = []
        for one in taken:
            records += one.records
            if one.refusal is not None:
                counts[f"refused {one.refusal.reason}"] += 1
                if len(self._summary.shown) < self._errors_shown:
                    where = f"{self._data.parts[part]}:{one.line}"
                    self._summary.shown.append(f"{where}: {one.refusal.message}")
        return _Batch(part, taken[-1].end, taken[-1].line, counts, self._writes(records, counts))

    def _writes(self, records: Sequence[Record], counts: Counter[str]) -> list[tuple[str, int, Future[Any]]]:
        store = self._store.items
        writes: list[tuple[str, int, Future[Any]]] = []
        authors = {record.id: record for record in records if isinstance(record, AuthorRecord)}
        for author in authors.values():
            if store.author(author.id) == author:
                counts["authors unchanged"] += 1
            else:
                writes.append(("authors", 1, store.put_author(author)))
        items = self._changed_items(records, counts)
        if items:
            # First, so that an import that is interrupted between the two makes up for it when it continues.
            self._families.take(items, self._now)
            writes.append(("items", len(items), store.put_items(items)))
        labels = self._new_labels(records, counts)
        if labels:
            writes.append(("labels", len(labels), store.give_labels(labels)))
        events = [self._settled(record, counts) for record in records if isinstance(record, EventRecord)]
        if events:
            self._count_unknown(events, counts)
            writes.append(("events", len(events), self._store.events.append(events)))
        return writes

    def _changed_items(self, records: Sequence[Record], counts: Counter[str]) -> list[ItemRecord]:
        given = {record.id: record for record in records if isinstance(record, ItemRecord)}
        stored = self._store.items.items(list(given)) if given else {}
        self._known.update(given)
        changed = []
        for item in given.values():
            old = stored.get(item.id)
            if item.published_at == PUBLISHED_NOW:
                item = replace(item, published_at=self._now if old is None else old.published_at)
            if old is not None and old.withdrawn:
                counts["items left withdrawn"] += 1
            elif old == item:
                counts["items unchanged"] += 1
            else:
                changed.append(item)
        return changed

    def _new_labels(self, records: Sequence[Record], counts: Counter[str]) -> list[LabelRecord]:
        labels = []
        for record in records:
            if isinstance(record, LabelRecord):
                stored = {label.name: label for label in self._store.items.labels(record.item)}
                old = stored.get(record.name)
                if old is not None and (old == record or old.given_at > record.given_at):
                    counts["labels unchanged"] += 1
                else:
                    labels.append(record)
        return labels

    def _settled(self, event: EventRecord, counts: Counter[str]) -> EventRecord:
        """The event with its reader's consent."""
        consent = self._consents.get(event.reader)
        if consent is None:
            settings = read_choices(self._store.readers.get(event.reader).settings).settings
            consent = self._consents[event.reader] = settings.personalization
        if consent:
            return event
        counts["events without consent"] += 1
        return event._replace(consented=0)

    def _count_unknown(self, events: Sequence[EventRecord], counts: Counter[str]) -> None:
        asked = {event.item for event in events} - self._known
        if asked:
            self._known.update(self._store.items.items(list(asked)))
            unknown = sum(event.item not in self._known for event in events)
            if unknown:
                counts["events of unknown items"] += unknown

    def _settle(self, batch: _Batch, standing: Standing) -> None:
        """Wait until a batch is durable, count it and remember how far the import came."""
        for kind, number, write in batch.writes:
            result = write.result()
            if kind == "events":
                duplicates = sum(outcome is Outcome.DUPLICATE for outcome in result)
                batch.counts["events duplicate"] += duplicates
                number -= duplicates
            elif kind == "labels":
                number = sum(result)
                batch.counts["labels unchanged"] += len(result) - number
            batch.counts[f"{kind} taken"] += number
        for name, number in batch.counts.items():
            if number:
                standing.counts[name] = standing.counts.get(name, 0) + number
        standing.part, standing.offset, standing.line = batch.part, batch.end, batch.line
        if self._bookmark:
            self._bookmark.save(standing)

    def _told(self, standing: Standing) -> Summary:
        for name, number in standing.counts.items():
            kind, _, reason = name.partition(" ")
            if name == "lines":
                self._summary.lines = number
            elif kind == "refused":
                self._summary.refused[reason] = number
            else:
                self._summary.counts[name] = number
        return self._summary
