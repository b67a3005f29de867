"""The embedded store: one SQLite file (WAL, synchronous=FULL), owned by one process, readable by others (law 11)."""

from __future__ import annotations

import os
import sqlite3
import time
from pathlib import Path

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.dialects.sqlite.pysqlite import SQLiteDialect_pysqlite
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import QueuePool, StaticPool

from feed.storage.errors import StoreFailed, StoreMissing
from feed.storage.migrations import migrate
from feed.storage.ownership import Ownership
from feed.storage.sql.reading import Reading
from feed.storage.sql.statements import Statements
from feed.storage.sql.store import ReadOnly, SqlStore
from feed.storage.sql.writer import Writer
from feed.storage.sqlite.file import State, connect, fault_of, inspect, too_old

CACHE = 128 << 20
"""Bytes of pages kept in memory unless told otherwise: half by the writer, half by the connections that read."""

WRITER_PRAGMAS = (
    "PRAGMA busy_timeout = 5000",
    "PRAGMA journal_mode = WAL",
    "PRAGMA synchronous = FULL",
    "PRAGMA secure_delete = ON",  # what is erased is overwritten, not just unlinked
    "PRAGMA wal_autocheckpoint = 4000",
    f"PRAGMA journal_size_limit = {64 << 20}",
    f"PRAGMA cache_size = -{CACHE >> 11}",
    "PRAGMA temp_store = MEMORY",
)
_READER_PRAGMAS = ("PRAGMA busy_timeout = 5000", "PRAGMA query_only = ON")
_READERS_KEPT = 8


def open_sqlite(
    path: str | os.PathLike[str],
    *,
    exclusive: bool = True,
    upgrade: bool = False,
    verify: bool | None = None,
    write_queue: int = 100_000,
    cache: int = CACHE,
    now: int | None = None,
) -> SqlStore:
    """Open the store at ``path``.

    ``exclusive`` owns the file, makes it when there is none, and may write; otherwise the store is opened for reading,
    also while another process owns it. ``upgrade`` migrates an older schema. ``verify`` reads every page of the file
    first (None: when it is small). ``write_queue`` rows may wait in each lane; ``cache`` bytes of pages stay in memory.
    ``now`` is told to a second opener.

    Raises ``StoreInUse``, ``StoreMissing``, ``StoreForeign``, ``StoreCorrupt``, ``SchemaTooOld``, ``SchemaTooNew`` or
    ``StoreFailed``; the file is then as it was.
    """
    path = Path(path)
    if not exclusive:
        state = inspect(path, write=False, verify=verify)
        if state is State.FRESH:
            raise StoreMissing(f"there is no store at {path}; start the service or import data first")
        if state is State.OLD:
            raise too_old(path)
        return SqlStore(_reading(path, cache), ReadOnly(), _statements(), closed=lambda: None)
    path.parent.mkdir(parents=True, exist_ok=True)
    ownership = Ownership(path, int(time.time()) if now is None else now)
    try:
        state = inspect(path, write=True, verify=verify)
        if state is State.OLD and not upgrade:
            raise too_old(path)
        if state is not State.CURRENT:
            _make_current(path)
        writer = Writer(lambda: _writing(path, cache), fault_of, begin="BEGIN IMMEDIATE", rows=write_queue)
    except BaseException:
        ownership.release()
        raise
    return SqlStore(_reading(path, cache), writer, _statements(), closed=ownership.release)


def _statements() -> Statements:
    return Statements(SQLiteDialect_pysqlite(paramstyle="qmark"))


def _writing(path: Path, cache: int = CACHE) -> sqlite3.Connection:
    connection = connect(path, write=True)
    try:
        for pragma in (*WRITER_PRAGMAS, _cache_of(cache // 2)):
            connection.execute(pragma)
        (mode,) = connection.execute("PRAGMA journal_mode").fetchone()
        if mode != "wal":
            raise StoreFailed(f"{path}: this file system cannot keep a write-ahead log; put the store on a local disk")
    except BaseException:
        connection.close()
        raise
    return connection


def _reading(path: Path, cache: int) -> Reading:
    def creator() -> sqlite3.Connection:
        connection = connect(path, write=False)
        for pragma in (*_READER_PRAGMAS, _cache_of(cache // 2 // _READERS_KEPT)):
            connection.execute(pragma)
        return connection

    engine = create_engine(
        "sqlite+pysqlite://",
        creator=creator,
        poolclass=QueuePool,
        pool_size=_READERS_KEPT,
        max_overflow=-1,
        pool_reset_on_return=None,
        hide_parameters=True,  # what is looked for, such as a reader, does not get into the words of an error
    )
    return Reading(engine, fault_of, pack=True)


def _cache_of(size: int) -> str:
    """The pragma that bounds one connection's page cache to so many bytes."""
    return f"PRAGMA cache_size = -{size >> 10}"


def _make_current(path: Path) -> None:
    """Migrate in one transaction; what was there before stays if that fails. A new file is its owner's alone."""
    os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
    raw = _writing(path)
    engine = migration_engine(raw)
    try:
        migrate(engine)
    except DBAPIError as cause:
        raise fault_of(cause.orig if isinstance(cause.orig, Exception) else cause) from cause
    finally:
        engine.dispose()
        raw.close()


def migration_engine(connection: sqlite3.Connection) -> Engine:
    """An engine over one connection whose transactions include changes of the schema."""
    engine = create_engine("sqlite+pysqlite://", creator=lambda: connection, poolclass=StaticPool)

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        connection.exec_driver_sql("BEGIN IMMEDIATE")

    return engine
