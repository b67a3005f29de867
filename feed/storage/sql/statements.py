"""Statements of SQLAlchemy Core, compiled once into a dialect's text and executed with tuple rows on the driver.

Why not let Core execute them: a dict per row and a pass over it cost more than the insert itself.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import ClauseElement, ColumnElement, Dialect, Select, Table, bindparam, literal_column
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.dialects.postgresql import Insert as PostgresInsert
from sqlalchemy.dialects.sqlite import Insert as SqliteInsert

Insert = SqliteInsert | PostgresInsert


class Statements:
    """Compiles statements for one dialect whose parameters are positional."""

    def __init__(self, dialect: Dialect) -> None:
        self._dialect = dialect

    def text(self, clause: ClauseElement, *names: str) -> str:
        """The clause as text whose parameters are ``names``, in that order; raises ``ValueError`` if they are not."""
        compiled = clause.compile(dialect=self._dialect)
        order = tuple(getattr(compiled, "positiontup", None) or ())
        if order != names:
            raise ValueError(f"this statement takes {order}, not {names}: {compiled}")
        return str(compiled)

    def insert(self, table: Table, columns: Sequence[str]) -> Insert:
        """An insert of rows of these columns, in the table's order, to which ``on_conflict_*`` may be added."""
        values: dict[str, ColumnElement[Any]] = {name: bindparam(name) for name in columns}
        if self._dialect.name == "postgresql":
            return postgresql.insert(table).values(values)
        return sqlite.insert(table).values(values)

    def new(self, table: Table, *columns: str) -> str:
        """Insert of rows that must be new."""
        return self.text(self.insert(table, columns), *columns)

    def new_only(self, table: Table, *columns: str) -> str:
        """Insert that leaves out rows whose unique values are taken."""
        return self.text(self.insert(table, columns).on_conflict_do_nothing(), *columns)

    def put(self, table: Table, *columns: str, key: Iterable[str], newer: str = "") -> str:
        """Insert, or replace the row with the same ``key``; with ``newer``, only where that column is not smaller."""
        key = list(key)
        insert = self.insert(table, columns)
        return self.text(
            insert.on_conflict_do_update(
                index_elements=key,
                set_={name: insert.excluded[name] for name in columns if name not in key},
                where=insert.excluded[newer] >= table.c[newer] if newer else None,
            ),
            *columns,
        )


def limited(query: Select[Any], name: str) -> Select[Any]:
    """At most ``name`` rows. The offset is written out: SQLite's compiler would add it as one more parameter."""
    return query.limit(bindparam(name)).offset(literal_column("0"))


def names(record: type[Any]) -> tuple[str, ...]:
    """The field names of a record type, in order."""
    fields = getattr(record, "_fields", None) or record.__dataclass_fields__
    return tuple(fields)
