"""Registers in SQL: entries of all kinds in one table."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, bindparam, delete, func, or_, select, update

from feed.storage.answers import refused
from feed.storage.register import Entry, EntryEdit, Order
from feed.storage.rules import numbered
from feed.storage.schema import entries
from feed.storage.sql.queue import Cursor, Lane
from feed.storage.sql.reading import Reading
from feed.storage.sql.statements import Statements, names
from feed.storage.sql.writer import Writes

_FIELDS = names(Entry)
_ENTRY_BYTES = 1024


@dataclass(frozen=True, slots=True)
class _Edit:
    ids: Sequence[str]
    edit: EntryEdit


class SqlRegister:
    """The entries of one kind."""

    def __init__(self, reading: Reading, writes: Writes, statements: Statements, name: str) -> None:
        self._reading = reading
        self._writes = writes
        self._name = name
        one = (entries.c.register == bindparam("register"), entries.c.id == bindparam("id"))
        self._columns = [entries.c[field] for field in _FIELDS]
        self._one = select(*self._columns).where(*one)
        self._stored = statements.text(self._one, "register", "id")
        self._put = statements.put(entries, "register", *_FIELDS, key=["register", "id"])
        self._delete = statements.text(delete(entries).where(*one), "register", "id")

    def edit(self, ids: Sequence[str], edit: EntryEdit) -> Future[list[Entry]]:
        """Write what ``edit`` makes of the stored ones of these ids; returns it with the versions that were given."""
        size = _ENTRY_BYTES * (len(ids) + 1)
        return self._writes.submit(self._edits, _Edit(ids, edit), lane=Lane.DECISIONS, rows=len(ids), size=size)

    def _edits(self, cursor: Cursor, edits: Sequence[_Edit]) -> list[Any]:
        return [self._edit(cursor, edit) for edit in edits]

    def _edit(self, cursor: Cursor, edit: _Edit) -> Any:
        stored: dict[str, Entry] = {}
        for id in dict.fromkeys(edit.ids):
            cursor.execute(self._stored, (self._name, id))
            row = cursor.fetchone()
            if row is not None:
                stored[id] = _entry(row)
        try:
            made = numbered(edit.ids, stored, edit.edit(stored))
            rows = [(self._name, *_row(entry)) for entry in made]
        except (TypeError, ValueError) as cause:
            return refused(cause).exception()
        self._put.run(cursor, rows)
        return made

    def get(self, id: str) -> Entry | None:
        """One entry, or None."""
        row = self._reading.first(self._one, register=self._name, id=id)
        return _entry(row) if row else None

    def find(
        self,
        *,
        state: str = "",
        subject: str = "",
        person: str = "",
        since: int = 0,
        due_before: int = 0,
        order: Order = Order.NEWEST,
        after: tuple[int, str] | None = None,
        limit: int = 100,
    ) -> list[Entry]:
        """Entries in order; empty and 0 ask for any."""
        column = entries.c[order.value]
        query: Select[Any] = select(*self._columns).where(*self._matching(state, subject, person, since, due_before))
        if after is not None:
            value, id = after
            beyond = column > value if order.rising else column < value
            query = query.where(or_(beyond, and_(column == value, entries.c.id > id)))
        query = query.order_by(column if order.rising else column.desc(), entries.c.id).limit(limit)
        return [_entry(row) for row in self._reading.all(query)]

    def count(
        self, *, state: str = "", subject: str = "", person: str = "", since: int = 0, due_before: int = 0
    ) -> int:
        """How many such entries there are."""
        matching = self._matching(state, subject, person, since, due_before)
        return self._reading.number(select(func.count()).select_from(entries).where(*matching))

    def remove(self, ids: Sequence[str]) -> Future[int]:
        """Delete entries; returns how many there were."""
        return self._writes.submit(self._removes, list(dict.fromkeys(ids)), lane=Lane.DECISIONS, rows=len(ids))

    def _removes(self, cursor: Cursor, jobs: Sequence[Sequence[str]]) -> list[int]:
        return [sum(self._removed(cursor, id) for id in ids) for ids in jobs]

    def _removed(self, cursor: Cursor, id: str) -> int:
        cursor.execute(self._delete, (self._name, id))
        return cursor.rowcount

    def _matching(
        self, state: str, subject: str, person: str, since: int, due_before: int
    ) -> list[ColumnElement[bool]]:
        wanted = [entries.c.register == self._name]
        for column, value in (("state", state), ("subject", subject), ("person", person)):
            if value:
                wanted.append(entries.c[column] == value)
        if since:
            wanted.append(entries.c.at >= since)
        if due_before:
            wanted.append(entries.c.due_at.between(1, due_before - 1))
        return wanted


class EntryPersons:
    """What belongs to a reader in every register, and its erasure: a step of the transaction that erases them."""

    def __init__(self, reading: Reading, statements: Statements) -> None:
        self._reading = reading
        mine = entries.c.person == bindparam("of")
        found = select(entries.c.register, *(entries.c[field] for field in _FIELDS)).where(mine)
        self._mine = found.order_by(entries.c.register, entries.c.id)
        self._gone = statements.text(delete(entries).where(mine, entries.c.kept == bindparam("kept")), "of", "kept")
        kept = update(entries).values(person=bindparam("nobody"), version=entries.c.version + bindparam("one"))
        self._emptied = statements.text(kept.where(mine), "nobody", "one", "of")

    def of(self, person: str) -> list[tuple[str, Entry]]:
        """Every entry that belongs to a reader, with its register's name; by that, then by id."""
        return [(row[0], _entry(row[1:])) for row in self._reading.all(self._mine, of=person)]

    def forget(self, cursor: Cursor, person: str) -> int:
        """Delete what is the person's own, empty their name from what is kept; returns from how many entries."""
        cursor.execute(self._gone, (person, 0))
        gone = cursor.rowcount
        cursor.execute(self._emptied, ("", 1, person))
        return int(gone + cursor.rowcount)


def _row(entry: Entry) -> tuple[Any, ...]:
    values = [getattr(entry, field) for field in _FIELDS]
    values[_FIELDS.index("kept")] = int(entry.kept)
    return tuple(values)


def _entry(row: Any) -> Entry:
    found = dict(zip(_FIELDS, row, strict=True))
    return Entry(**found | {"kept": bool(found["kept"])})
