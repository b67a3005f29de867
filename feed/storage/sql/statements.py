"""Statements of SQLAlchemy Core, compiled once into a dialect's text and executed on the driver.

Why not let Core execute them: a dict per row and a pass over it cost more than the insert itself. Why many rows in one
statement: SQLite's driver lets go of the interpreter lock at every statement, and beside a busy thread each of them
costs the wait to get it back; ``executemany`` is one statement a row.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import chain
from typing import Any

from sqlalchemy import ClauseElement, ColumnElement, Dialect, Select, Table, bindparam, literal_column
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.dialects.postgresql import Insert as PostgresInsert
from sqlalchemy.dialects.sqlite import Insert as SqliteInsert

from feed.storage.sql.arrays import ArrayInsertion
from feed.storage.sql.queue import Cursor

_MOST_ROWS = 1000
"""Rows in one statement, as many as a batch of events may have: ten columns stay well below the parameters that SQLite
and PostgreSQL allow."""


class Insertion:
    """An insert of any number of rows, in statements of 1000, 512, 256, 128, … rows."""

    def __init__(self, text: str, width: int, needed: Sequence[int] = ()) -> None:
        """``text`` inserts one row of ``width`` values. Where it leaves out what has no value for a column that needs
        one, ``needed`` are the places of those."""
        start = text.index("(", text.index("VALUES"))
        end = text.index(")", start) + 1
        self._head, self._row, self._tail = text[:start], text[start:end], text[end:]
        self._texts: dict[int, str] = {}
        self._needed = needed
        self.width = width

    def run(self, cursor: Cursor, rows: Sequence[Sequence[Any]]) -> int:
        """Insert; returns how many rows were inserted or replaced. Every row has ``width`` values. Raises
        ``ValueError`` when one was left out that has no value where it needs one."""
        changed = done = 0
        left = len(rows)
        while left:
            count = _MOST_ROWS if left >= _MOST_ROWS else 1 << (left.bit_length() - 1)
            values = rows if count == len(rows) else rows[done : done + count]
            cursor.execute(self._text(count), list(chain.from_iterable(values)))
            changed += cursor.rowcount
            done += count
            left -= count
        if changed < len(rows) and any(row[place] is None for place in self._needed for row in rows):
            raise ValueError("a row has no value where it needs one")
        return changed

    def _text(self, count: int) -> str:
        text = self._texts.get(count)
        if text is None:
            text = self._texts[count] = self._head + ", ".join([self._row] * count) + self._tail
        return text


class Statements:
    """Compiles statements for one dialect whose parameters are positional."""

    def __init__(self, dialect: Dialect) -> None:
        self._dialect = dialect
        self.many_write = dialect.name == "postgresql"
        """Whether a database of this kind may have several writers."""

    def text(self, clause: ClauseElement, *names: str) -> str:
        """The clause as text whose parameters are ``names``, in that order; raises ``ValueError`` if they are not."""
        compiled = clause.compile(dialect=self._dialect)
        order = tuple(getattr(compiled, "positiontup", None) or ())
        if order != names:
            raise ValueError(f"this statement takes {order}, not {names}: {compiled}")
        return str(compiled)

    def new(self, table: Table, *columns: str) -> Insertion:
        """Insert of rows that must be new."""
        return Insertion(self.text(self._insert(table, columns), *columns), len(columns))

    def new_only(self, table: Table, *columns: str) -> Insertion | ArrayInsertion:
        """Insert that leaves out rows whose unique values are taken.

        On SQLite not by ``ON CONFLICT DO NOTHING``: for the case that a statement of many rows fails, each page that it
        changes is copied first, and it can fail for want of a value. ``OR IGNORE`` cannot, and takes two thirds.
        """
        if self.many_write:
            return ArrayInsertion(table, columns)
        insert = self._insert(table, columns).prefix_with("OR IGNORE")
        needed = [place for place, name in enumerate(columns) if not table.c[name].nullable]
        return Insertion(self.text(insert, *columns), len(columns), needed)

    def put(self, table: Table, *columns: str, key: Iterable[str], newer: str = "") -> Insertion:
        """Insert, or replace the row with the same ``key``; with ``newer``, only where that column is not smaller.

        No key may occur twice among the rows of a run.
        """
        key = list(key)
        insert = self._insert(table, columns)
        insert = insert.on_conflict_do_update(
            index_elements=key,
            set_={name: insert.excluded[name] for name in columns if name not in key},
            where=insert.excluded[newer] >= table.c[newer] if newer else None,
        )
        return Insertion(self.text(insert, *columns), len(columns))

    def _insert(self, table: Table, columns: Sequence[str]) -> SqliteInsert | PostgresInsert:
        values: dict[str, ColumnElement[Any]] = {name: bindparam(name) for name in columns}
        if self._dialect.name == "postgresql":
            return postgresql.insert(table).values(values)
        return sqlite.insert(table).values(values)


def limited(query: Select[Any], name: str) -> Select[Any]:
    """At most ``name`` rows. The offset is written out: SQLite's compiler would add it as one more parameter."""
    return query.limit(bindparam(name)).offset(literal_column("0"))


def names(record: type[Any]) -> tuple[str, ...]:
    """The field names of a record type, in order."""
    fields = getattr(record, "_fields", None) or record.__dataclass_fields__
    return tuple(fields)
