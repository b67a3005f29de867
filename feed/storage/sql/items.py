"""Items, authors and labels in SQL; what changes is queued for the journal in the same transaction (law 2)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from operator import attrgetter
from typing import Any

import orjson
from sqlalchemy import bindparam, func, select

from feed.storage.answers import refused
from feed.storage.entries import encode
from feed.storage.errors import IdempotencyConflict
from feed.storage.ports.store import AuthorEdit, ItemEdit, Once
from feed.storage.records import AuthorRecord, ItemRecord, LabelRecord
from feed.storage.rules import entry_of_item
from feed.storage.schema import authors, items, labels
from feed.storage.sql.changes import Changes
from feed.storage.sql.once import Keyed
from feed.storage.sql.queue import Cursor, Lane, Work
from feed.storage.sql.reading import Reading
from feed.storage.sql.statements import Statements, names
from feed.storage.sql.writer import Writes
from ranking.journal import AuthorChanged, LabelGiven

_IDS = 512
_ITEM_BYTES = 1024
_Row = tuple[Any, ...]
_author_row = attrgetter(*names(AuthorRecord))
_label_row = attrgetter(*names(LabelRecord))


@dataclass(frozen=True, slots=True)
class _Write:
    """Rows of one table and the journal lines that tell of them."""

    rows: Sequence[_Row]
    lines: Sequence[bytes]
    once: Once | None


@dataclass(frozen=True, slots=True)
class _Edit:
    """What becomes of some items, judged in the transaction that reads them."""

    ids: Sequence[str]
    edit: ItemEdit
    once: Once | None


class SqlItems:
    """Items, authors and labels."""

    def __init__(self, reading: Reading, writes: Writes, statements: Statements, changes: Changes) -> None:
        self._reading = reading
        self._writes = writes
        self._statements = statements
        self._changes = changes
        self._items_once = Keyed(statements, "items")
        self._labels_once = Keyed(statements, "labels")
        self._put_item = statements.put(items, *names(ItemRecord), key=["id"])
        self._put_author = statements.put(authors, *names(AuthorRecord), key=["id"])
        self._put_label = statements.put(labels, *names(LabelRecord), key=["item", "name"], newer="given_at")
        self._stored: dict[int, str] = {}
        self._stored_author = statements.text(select(authors).where(authors.c.id == bindparam("author")), "author")
        self._items = select(items).where(items.c.id.in_(bindparam("ids", expanding=True)))
        self._author = select(authors).where(authors.c.id == bindparam("author"))
        named = (labels.c.item == bindparam("item"), labels.c.name == bindparam("name"))
        self._label_given = statements.text(select(labels.c.given_at).where(*named), "item", "name")
        self._labels = select(labels).where(labels.c.item == bindparam("of")).order_by(labels.c.name)
        self._count = select(func.count()).select_from(items)

    def put_items(self, items: Sequence[ItemRecord], once: Once | None = None) -> Future[int]:
        """Create or replace items; returns how many."""
        try:
            write = _item_write(items, once)
        except (TypeError, ValueError) as cause:
            return refused(cause)
        return self._submit(self._put_items, write)

    def _put_items(self, cursor: Cursor, writes: Sequence[_Write]) -> list[Any]:
        return [self._items_once.run(cursor, write.once, self._write_items, write) for write in writes]

    def _write_items(self, cursor: Cursor, write: _Write) -> int:
        self._put_item.run(cursor, write.rows)
        self._changes.put(cursor, write.lines)
        return len(write.lines)

    def edit_items(self, ids: Sequence[str], edit: ItemEdit, once: Once | None = None) -> Future[int]:
        """Write what ``edit`` makes of the stored ones of these items, in one transaction; returns how many."""
        size = _ITEM_BYTES * (len(ids) + 1)
        return self._writes.submit(self._edit_items, _Edit(ids, edit, once), lane=Lane.EVENTS, rows=len(ids), size=size)

    def _edit_items(self, cursor: Cursor, edits: Sequence[_Edit]) -> list[Any]:
        return [self._edit(cursor, edit) for edit in edits]

    def _edit(self, cursor: Cursor, edit: _Edit) -> Any:
        found = {row[0]: _item_record(row) for row in self._read(cursor, edit.ids)}
        made = edit.edit(found)
        try:
            write = _item_write(made, edit.once)
        except (TypeError, ValueError) as cause:
            return refused(cause).exception()
        return self._items_once.run(cursor, edit.once, self._write_items, write)

    def _read(self, cursor: Cursor, ids: Sequence[str]) -> Iterator[Any]:
        """Rows of items in the open transaction, in statements of 512, 256, 128, … ids."""
        done = 0
        while left := len(ids) - done:
            count = min(_IDS, 1 << (left.bit_length() - 1))
            if count not in self._stored:
                names_ = [f"id{number}" for number in range(count)]
                query = select(items).where(items.c.id.in_([bindparam(name) for name in names_]))
                self._stored[count] = self._statements.text(query, *names_)
            cursor.execute(self._stored[count], list(ids[done : done + count]))
            yield from cursor.fetchall()
            done += count

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

    def edit_author(self, author: str, edit: AuthorEdit) -> Future[AuthorRecord]:
        """Write what ``edit`` makes of the stored author, or of None, read in the same transaction; returns it."""
        return self._writes.submit(self._edit_authors, (author, edit), lane=Lane.EVENTS)

    def _edit_authors(self, cursor: Cursor, edits: Sequence[tuple[str, AuthorEdit]]) -> list[AuthorRecord]:
        return [self._edit_author(cursor, author, edit) for author, edit in edits]

    def _edit_author(self, cursor: Cursor, author: str, edit: AuthorEdit) -> AuthorRecord:
        cursor.execute(self._stored_author, (author,))
        row = cursor.fetchone()
        made = edit(AuthorRecord(*row) if row else None)
        self._put_author.run(cursor, [_author_row(made)])
        self._changes.put(cursor, [encode(AuthorChanged(made.id, made.standing, made.kind, made.identity))])
        return made

    def give_labels(self, labels: Sequence[LabelRecord], once: Once | None = None) -> Future[list[bool]]:
        """Add labels in order, except those older than that of the same item and name; whether each was added."""
        try:
            rows = [_label_row(label) for label in labels]
            lines = [encode(LabelGiven(*row)) for row in rows]
        except (TypeError, ValueError) as cause:
            return refused(cause)
        return self._submit(self._put_labels, _Write(rows, lines, once))

    def _put_labels(self, cursor: Cursor, writes: Sequence[_Write]) -> list[Any]:
        return [self._give_labels(cursor, write) for write in writes]

    def _give_labels(self, cursor: Cursor, write: _Write) -> list[bool] | IdempotencyConflict:
        added: list[bool] = []

        def effect(cursor: Cursor, write: _Write) -> int:
            added.extend(self._write_labels(cursor, write.rows))
            self._changes.put(cursor, [line for line, new in zip(write.lines, added, strict=True) if new])
            return sum(added)

        first = self._labels_once.run(cursor, write.once, effect, write)
        if isinstance(first, IdempotencyConflict):
            return first
        return added or [first == len(write.rows) or self._current(cursor, row) for row in write.rows]

    def _write_labels(self, cursor: Cursor, rows: Sequence[_Row]) -> list[bool]:
        if len({row[:2] for row in rows}) == len(rows) == self._put_label.run(cursor, rows):
            return [True] * len(rows)
        # Done again one by one, a label is put in its own place, and an older one still is not: that tells them apart.
        return [bool(self._put_label.run(cursor, [row])) for row in rows]

    def _current(self, cursor: Cursor, row: _Row) -> bool:
        cursor.execute(self._label_given, row[:2])
        stored = cursor.fetchone()
        return stored is None or stored[0] <= row[-1]

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


def _item_write(items: Sequence[ItemRecord], once: Once | None) -> _Write:
    lines = [encode(entry_of_item(item)) for item in items]
    return _Write([_item_row(item) for item in {item.id: item for item in items}.values()], lines, once)


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
        item.text,
    )


def _item_record(row: Any) -> ItemRecord:
    fields = [*row[:3], tuple(orjson.loads(row[3])), *row[4:-2], bool(row[-2]), row[-1]]
    return ItemRecord(*fields)
