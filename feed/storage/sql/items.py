"""Items, authors and labels in SQL; what changes is queued for the journal in the same transaction (law 2)."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from operator import attrgetter
from typing import Any

import orjson
from sqlalchemy import bindparam, func, select, update

from feed.storage.answers import refused
from feed.storage.entries import encode
from feed.storage.ports import Once
from feed.storage.records import AuthorRecord, ItemRecord, LabelRecord
from feed.storage.rules import entry_of_item, newest_labels
from feed.storage.schema import authors, items, labels
from feed.storage.sql.changes import Changes
from feed.storage.sql.once import Keyed
from feed.storage.sql.queue import Cursor, Lane, Work
from feed.storage.sql.reading import Reading
from feed.storage.sql.statements import Statements, names
from feed.storage.sql.writer import Writes
from ranking.journal import AuthorChanged, ItemWithdrawn, LabelGiven

_IDS = 500
_Row = tuple[Any, ...]
_author_row = attrgetter(*names(AuthorRecord))
_label_row = attrgetter(*names(LabelRecord))


@dataclass(frozen=True, slots=True)
class _Write:
    """Rows of one table and the journal lines that tell of them."""

    rows: Sequence[_Row]
    lines: Sequence[bytes]
    once: Once | None


class SqlItems:
    """Items, authors and labels."""

    def __init__(self, reading: Reading, writes: Writes, statements: Statements, changes: Changes) -> None:
        self._reading = reading
        self._writes = writes
        self._changes = changes
        self._items_once = Keyed(statements, "items")
        self._labels_once = Keyed(statements, "labels")
        self._put_item = statements.put(items, *names(ItemRecord), key=["id"])
        self._put_author = statements.put(authors, *names(AuthorRecord), key=["id"])
        self._put_label = statements.put(labels, *names(LabelRecord), key=["item", "name"], newer="given_at")
        mine = items.c.id == bindparam("item")
        self._state = statements.text(select(items.c.withdrawn).where(mine), "item")
        self._withdraw = statements.text(update(items).values(withdrawn=bindparam("flag")).where(mine), "flag", "item")
        self._items = select(items).where(items.c.id.in_(bindparam("ids", expanding=True)))
        self._author = select(authors).where(authors.c.id == bindparam("author"))
        self._labels = select(labels).where(labels.c.item == bindparam("of")).order_by(labels.c.name)
        self._count = select(func.count()).select_from(items)

    def put_items(self, items: Sequence[ItemRecord], once: Once | None = None) -> Future[int]:
        """Create or replace items; returns how many."""
        try:
            lines = [encode(entry_of_item(item)) for item in items]
            rows = [_item_row(item) for item in {item.id: item for item in items}.values()]
        except (TypeError, ValueError) as cause:
            return refused(cause)
        return self._submit(self._put_items, _Write(rows, lines, once))

    def _put_items(self, cursor: Cursor, writes: Sequence[_Write]) -> list[Any]:
        return [self._items_once.run(cursor, write.once, self._write_items, write) for write in writes]

    def _write_items(self, cursor: Cursor, write: _Write) -> int:
        self._put_item.run(cursor, write.rows)
        self._changes.put(cursor, write.lines)
        return len(write.lines)

    def withdraw(self, item: str) -> Future[bool]:
        """Mark an item as deleted; False if it is unknown."""
        return self._writes.submit(self._withdraw_items, item, lane=Lane.EVENTS)

    def _withdraw_items(self, cursor: Cursor, ids: Sequence[str]) -> list[bool]:
        return [self._withdraw_item(cursor, item) for item in ids]

    def _withdraw_item(self, cursor: Cursor, item: str) -> bool:
        cursor.execute(self._state, (item,))
        row = cursor.fetchone()
        if row is None:
            return False
        if not row[0]:
            cursor.execute(self._withdraw, (1, item))
            self._changes.put(cursor, [encode(ItemWithdrawn(item))])
        return True

    def put_author(self, author: AuthorRecord) -> Future[None]:
        """Create or replace an author."""
        try:
            line = encode(AuthorChanged(author.id, author.standing, author.kind, author.identity))
        except (TypeError, ValueError) as cause:
            return refused(cause)
        return self._submit(self._put_authors, _Write([_author_row(author)], [line], None))

    def _put_authors(self, cursor: Cursor, writes: Sequence[_Write]) -> list[None]:
        for write in writes:
            self._put_author.run(cursor, write.rows)
            self._changes.put(cursor, write.lines)
        return [None] * len(writes)

    def give_labels(self, labels: Sequence[LabelRecord], once: Once | None = None) -> Future[int]:
        """Add labels, except those older than the stored one of the same item and name; returns how many were added."""
        try:
            rows = [_label_row(label) for label in newest_labels(labels)]
            lines = [encode(LabelGiven(*row)) for row in rows]
        except (TypeError, ValueError) as cause:
            return refused(cause)
        return self._submit(self._put_labels, _Write(rows, lines, once))

    def _put_labels(self, cursor: Cursor, writes: Sequence[_Write]) -> list[Any]:
        return [self._labels_once.run(cursor, write.once, self._write_labels, write) for write in writes]

    def _write_labels(self, cursor: Cursor, write: _Write) -> int:
        lines = write.lines
        if self._put_label.run(cursor, write.rows) < len(lines):
            # Done again, a newer label is put in its own place, and an older one still is not: that tells them apart.
            each = zip(write.rows, write.lines, strict=True)
            lines = [line for row, line in each if self._put_label.run(cursor, [row])]
        self._changes.put(cursor, lines)
        return len(lines)

    def _submit(self, work: Work, write: _Write) -> Future[Any]:
        size = 2 * sum(map(len, write.lines)) + 256
        return self._writes.submit(work, write, lane=Lane.EVENTS, rows=len(write.rows), size=size)

    def item(self, item: str) -> ItemRecord | None:
        """One item, or None."""
        return self.items([item]).get(item)

    def items(self, ids: Sequence[str]) -> dict[str, ItemRecord]:
        """The known ones of these items, by id."""
        found: dict[str, ItemRecord] = {}
        for start in range(0, len(ids), _IDS):
            for row in self._reading.table(self._items, ids=list(ids[start : start + _IDS])):
                found[row[0]] = _item_record(row)
        return found

    def author(self, author: str) -> AuthorRecord | None:
        """One author, or None."""
        row = self._reading.first(self._author, author=author)
        return AuthorRecord(*row) if row else None

    def labels(self, item: str) -> list[LabelRecord]:
        """The current labels of an item, by name."""
        return [LabelRecord(*row) for row in self._reading.all(self._labels, of=item)]

    def count(self) -> int:
        """Number of items, withdrawn ones included."""
        return self._reading.number(self._count)


def _item_row(item: ItemRecord) -> _Row:
    return (
        item.id,
        item.author,
        item.title,
        orjson.dumps(item.topics).decode(),
        item.published_at,
        item.language,
        item.region,
        item.community,
        int(item.withdrawn),
    )


def _item_record(row: Any) -> ItemRecord:
    fields = [*row[:3], tuple(orjson.loads(row[3])), *row[4:-1], bool(row[-1])]
    return ItemRecord(*fields)
