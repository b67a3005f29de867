"""Moving: every row of an embedded store into an empty PostgreSQL database, in one transaction: all of it, or nothing.

The tables are those of the schema's metadata, so that one that is added moves too. After the copy each table is read
back, and its rows are counted and digested on both sides: the sum of their digests, so that no order matters.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path
from typing import Any

import psycopg
from sqlalchemy import Table, create_engine
from sqlalchemy.dialects.postgresql.psycopg import PGDialect_psycopg
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import StaticPool

from feed.storage.errors import StorageError, StoreCorrupt, StoreMissing, StoreOccupied
from feed.storage.migrations import migrate_within
from feed.storage.ownership import Ownership
from feed.storage.postgresql import right
from feed.storage.postgresql.server import connected, fault_of, inspect, mark, row, without_password
from feed.storage.schema import metadata, servings
from feed.storage.sql.days import DAY, make_days
from feed.storage.sqlite.file import State, connect, too_old
from feed.storage.sqlite.file import fault_of as sqlite_fault_of
from feed.storage.sqlite.file import inspect as sqlite_inspect

_ROWS = 1000
_DIGEST_BYTES = 16
_PATIENT = {"idle_in_transaction_session_timeout": "0", "statement_timeout": "0"}

Row = tuple[Any, ...]
Progress = Callable[[str, int, int], None]
"""Which table, rows done, of how many; counted twice, as each row is written and read back."""


@dataclass(frozen=True, slots=True)
class Moved:
    """A table that was moved: how many rows, and the sum of their digests in hexadecimal, on both sides alike."""

    table: str
    rows: int
    digest: str


def move(source: Path, url: str, now: int, told: Progress = lambda table, done, total: None) -> list[Moved]:
    """Copy the embedded store at ``source`` into the empty database at ``url``; the store is only read, and nobody may
    own it meanwhile. Blocks.

    Raises ``StoreMissing``, ``StoreInUse`` and the other errors of opening either; ``StoreOccupied`` for a database
    that holds a store; ``StoreCorrupt`` when what was read back is not what was written. The database is then empty.
    """
    state = sqlite_inspect(source, write=False, verify=True)
    if state is State.FRESH:
        raise StoreMissing(f"there is no store at {source}; there is nothing to migrate")
    if state is State.OLD:
        raise too_old(source)
    shown = without_password(url)
    ownership = Ownership(source, now)
    try:
        with closing(connect(source, write=False)) as store, closing(connected(url, shown, **_PATIENT)) as database:
            if inspect(database, shown) is not None:
                raise StoreOccupied(f"{shown} holds a store already; name an empty database")
            if not right.take_alone(database):
                raise right.in_use(database, shown)
            store.execute("BEGIN")
            moved = _moved(store, database, told)
            database.autocommit = True
            database.execute("ANALYZE")
            return moved
    except sqlite3.Error as cause:
        raise sqlite_fault_of(cause) from cause
    except psycopg.Error as cause:
        raise fault_of(cause) from cause
    finally:
        ownership.release()


def _moved(store: sqlite3.Connection, database: psycopg.Connection[Any], told: Progress) -> list[Moved]:
    """Tables, rows, sequences and the mark of a store, committed together."""
    database.autocommit = False
    engine = create_engine("postgresql+psycopg://", creator=lambda: database, poolclass=StaticPool)
    try:
        with engine.connect() as connection, connection.begin():
            migrate_within(connection)
            moved = [_table(store, database, table, told) for table in _tables(store)]
            database.execute(f"COMMENT ON TABLE alembic_version IS '{mark()}'".encode())
    except DBAPIError as cause:
        raise fault_of(cause.orig if isinstance(cause.orig, Exception) else cause) from cause
    return moved


def _tables(store: sqlite3.Connection) -> list[Table]:
    """The schema's tables that an embedded store has; others are of no use to it, and begin empty."""
    there = {name for (name,) in store.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
    return [table for table in metadata.sorted_tables if table.name in there]


def _table(store: sqlite3.Connection, database: psycopg.Connection[Any], table: Table, told: Progress) -> Moved:
    names = ", ".join(f'"{column.name}"' for column in table.columns)
    (total,) = store.execute(f'SELECT count(*) FROM "{table.name}"').fetchone()
    written, read = _Digest(), _Digest()
    try:
        database.execute(f'DELETE FROM "{table.name}"'.encode())  # what migrations put into a new store
        if table is servings:
            days = store.execute(f"SELECT DISTINCT served_at / {DAY} FROM servings").fetchall()
            make_days(database.cursor(), sorted(day for (day,) in days))
        rows = _pages(store.execute(f'SELECT {names} FROM "{table.name}"').fetchmany)
        into = f'COPY "{table.name}" ({names}) FROM STDIN (FORMAT BINARY)'.encode()
        with database.cursor() as cursor, cursor.copy(into) as copy:
            copy.set_types(_types(table))
            for page in rows:
                for values in page:
                    copy.write_row(values)
                written.take(page)
                told(table.name, written.rows, 2 * total)
        with database.cursor(name="moved", binary=True) as back:
            back.execute(f'SELECT {names} FROM "{table.name}"'.encode())
            for page in _pages(back.fetchmany):
                read.take(page)
                told(table.name, total + read.rows, 2 * total)
    except (psycopg.Error, OverflowError, TypeError, ValueError) as cause:
        error: StorageError = fault_of(cause)
        raise type(error)(f"table {table.name}: {error}; the database is as it was") from cause
    if written != read or written.rows != total:
        raise StoreCorrupt(
            f"table {table.name}: {written.rows} rows were written and {read.rows} others read back; "
            "the database is as it was; look at both disks, then try again"
        )
    _number_on(database, table)
    return Moved(table.name, read.rows, read.hexdigest())


def _types(table: Table) -> list[str]:
    dialect = PGDialect_psycopg()  # type: ignore[no-untyped-call]
    return [column.type.compile(dialect=dialect).lower() for column in table.columns]


def _pages(fetch: Callable[[int], Sequence[Row]]) -> Iterator[Sequence[Row]]:
    while page := fetch(_ROWS):
        yield page


def _number_on(database: psycopg.Connection[Any], table: Table) -> None:
    """Let the database give numbers from the last one on, where it gives them."""
    for column in table.primary_key.columns:
        if column.autoincrement is not True:
            continue
        (sequence,) = row(database, "SELECT pg_get_serial_sequence(%s, %s)", f'"{table.name}"', column.name)
        (last,) = database.execute(f'SELECT max("{column.name}") FROM "{table.name}"'.encode()).fetchone() or (None,)
        if sequence is not None and last is not None:
            database.execute("SELECT setval(%s, %s)", (sequence, last))


class _Digest:
    """Rows counted, and their digests summed: the same for the same rows in whatever order."""

    def __init__(self) -> None:
        self.rows = 0
        self._sum = 0

    def take(self, rows: Iterable[Row]) -> None:
        """Add rows of texts, integers, floats, bytes and None, which have one representation each."""
        for values in rows:
            digest = blake2b(repr(tuple(values)).encode(), digest_size=_DIGEST_BYTES).digest()
            self._sum = (self._sum + int.from_bytes(digest)) % (1 << 8 * _DIGEST_BYTES)
            self.rows += 1

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Digest) and (self.rows, self._sum) == (other.rows, other._sum)

    __hash__ = None  # type: ignore[assignment]

    def hexdigest(self) -> str:
        """The sum in hexadecimal."""
        return f"{self._sum:0{2 * _DIGEST_BYTES}x}"
