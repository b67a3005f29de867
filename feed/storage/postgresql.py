"""The grown store: a PostgreSQL database, written through one connection of its owner, read by any number (law 11).

The same tables, statements and writer as in SQLite; what differs is how a database is opened, owned and what its errors
mean. One process owns the right to write, by an advisory lock that ends with its connection.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import psycopg
from psycopg import errors
from sqlalchemy import Dialect, Engine, create_engine
from sqlalchemy.dialects.postgresql.psycopg import PGDialect_psycopg
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import QueuePool, StaticPool

from feed.storage.errors import (
    DiskFull,
    RecordRefused,
    SchemaTooNew,
    SchemaTooOld,
    StorageError,
    StoreCorrupt,
    StoreFailed,
    StoreForeign,
    StoreInUse,
    StoreMissing,
    StoreReadOnly,
)
from feed.storage.migrations import migrate
from feed.storage.schema import APPLICATION_ID, LEDGER, REVISIONS
from feed.storage.sql.reading import Reading
from feed.storage.sql.statements import Statements
from feed.storage.sql.store import ReadOnly, SqlStore
from feed.storage.sql.writer import Writer

OLDEST = 14
"""The oldest major version of the server that is taken."""

_CONNECT_SECONDS = 5
_READERS_KEPT = 8
_WRITER_SETTINGS = "-c synchronous_commit=on -c default_transaction_isolation=read\\ committed"


def open_postgresql(url: str, *, exclusive: bool = True, upgrade: bool = False, write_queue: int = 100_000) -> SqlStore:
    """Open the store in the database at ``url`` (``postgresql://user:password@host/database``).

    ``exclusive`` makes the tables when there are none and may write; another owner is then refused with
    ``StoreInUse``. Otherwise the store is opened for reading. ``upgrade`` migrates an older schema.

    Raises ``StoreInUse``, ``StoreMissing``, ``StoreForeign``, ``StoreCorrupt``, ``SchemaTooOld``, ``SchemaTooNew`` or
    ``StoreFailed``; the database is then as it was.
    """
    shown = without_password(url)
    with _connected(url, shown) as connection:
        revision = _inspect(connection, shown)
    if not exclusive:
        if revision is None:
            raise StoreMissing(f"there is no store in {shown}; start the service or import data first")
        if revision != REVISIONS[-1]:
            raise _too_old(shown)
        return SqlStore(_reading(url), ReadOnly(), _statements(), closed=lambda: None)
    owner = _owning(url, shown)
    try:
        if revision is not None and revision != REVISIONS[-1] and not upgrade:
            raise _too_old(shown)
        if revision != REVISIONS[-1]:
            _make_current(url, shown)
        writer = Writer(lambda: _connected(url, shown), fault_of, begin="BEGIN", rows=write_queue)
    except BaseException:
        owner.close()
        raise
    return SqlStore(_reading(url), writer, _statements(), closed=owner.close)


def without_password(url: str) -> str:
    """The address of a database as it may be shown."""
    parts = urlsplit(url)
    if parts.password is None:
        return url
    return urlunsplit(parts._replace(netloc=parts.netloc.replace(f":{parts.password}@", ":***@", 1)))


def _statements() -> Statements:
    dialect: Dialect = PGDialect_psycopg(paramstyle="format")  # type: ignore[no-untyped-call]
    return Statements(dialect)


def _connected(url: str, shown: str) -> psycopg.Connection[Any]:
    """A connection that runs each statement as given."""
    try:
        return psycopg.connect(
            url,
            autocommit=True,
            connect_timeout=_CONNECT_SECONDS,
            application_name="weir",
            options=_WRITER_SETTINGS,
            keepalives_idle=10,
        )
    except psycopg.ProgrammingError as cause:
        raise StoreFailed(f"{shown} is no address of a database ({cause}); write postgresql://user@host/name") from None
    except psycopg.OperationalError as cause:
        said = str(cause).strip().splitlines()[0]
        raise StoreFailed(
            f"{shown} cannot be reached ({said}); is the server running, and the address right?"
        ) from None


def _inspect(connection: psycopg.Connection[Any], shown: str) -> str | None:
    """The schema revision of the store in a database, None where there is none yet; nothing is changed."""
    version = connection.info.server_version // 10_000
    if version < OLDEST:
        raise StoreFailed(f"{shown} is PostgreSQL {version}; Weir needs {OLDEST} or newer")
    (encoding, collation) = _row(
        connection,
        "SELECT pg_encoding_to_char(encoding), datcollate FROM pg_database WHERE datname = current_database()",
    )
    if encoding != "UTF8" or collation not in ("C", "C.UTF-8", "C.utf8", "POSIX"):
        raise StoreForeign(
            f"{shown} sorts texts by {collation} in {encoding}; make the database with "
            "CREATE DATABASE … TEMPLATE template0 ENCODING 'UTF8' LOCALE 'C', so that every store sorts alike"
        )
    (has_version,) = _row(connection, "SELECT to_regclass('alembic_version') IS NOT NULL")
    if not has_version:
        (others,) = _row(connection, "SELECT count(*) FROM pg_tables WHERE schemaname = current_schema()")
        if others:
            raise StoreForeign(f"{shown} holds the tables of another program; name an empty database")
        return None
    (mark,) = _row(connection, "SELECT obj_description(to_regclass('alembic_version'), 'pg_class')")
    if mark != _mark():
        raise StoreForeign(f"{shown} is the database of another program; name another one")
    revision = str(_row(connection, "SELECT version_num FROM alembic_version")[0])
    if revision not in REVISIONS:
        known = f"this release knows up to {REVISIONS[-1]}"
        raise SchemaTooNew(f"{shown} has schema {revision}, {known}; install the release that wrote it")
    if revision == REVISIONS[-1]:
        (last,) = _row(connection, "SELECT coalesce(max(revision), 0) FROM ledger")
        (head,) = _row(connection, "SELECT number FROM heads WHERE name = %s", LEDGER)
        if head != last:
            raise StoreCorrupt(
                f"{shown} is damaged: its ledger ends at revision {last}, its head says {head}; restore a backup"
            )
    return revision


def _row(connection: psycopg.Connection[Any], query: str, *parameters: object) -> tuple[Any, ...]:
    row: tuple[Any, ...] | None = connection.execute(query, parameters).fetchone()
    return row or (None,)


def _mark() -> str:
    return f"weir {APPLICATION_ID:08x}"


def _owning(url: str, shown: str) -> psycopg.Connection[Any]:
    """A connection that holds the right to write until it is closed."""
    connection = _connected(url, shown)
    (mine,) = _row(connection, "SELECT pg_try_advisory_lock(%s)", APPLICATION_ID)
    if not mine:
        connection.close()
        raise StoreInUse(f"another service owns the store in {shown}; stop it first, or speak to its API")
    return connection


def _too_old(shown: str) -> SchemaTooOld:
    return SchemaTooOld(
        f"{shown} was written by an earlier release (this one has schema {REVISIONS[-1]}); "
        "back it up, then open it once with upgrade=True (`weir doctor --upgrade`)"
    )


def _make_current(url: str, shown: str) -> None:
    """Migrate in one transaction; what was there before stays if that fails."""
    raw = _connected(url, shown)
    raw.autocommit = False
    engine = _engine(lambda: raw, StaticPool)
    try:
        migrate(engine)
        with engine.begin() as connection:
            connection.exec_driver_sql(f"COMMENT ON TABLE alembic_version IS '{_mark()}'")
    except DBAPIError as cause:
        raise fault_of(cause.orig if isinstance(cause.orig, Exception) else cause) from cause
    finally:
        engine.dispose()
        raw.close()


def _reading(url: str) -> Reading:
    shown = without_password(url)

    def creator() -> psycopg.Connection[Any]:
        connection = _connected(url, shown)
        connection.read_only = True
        return connection

    engine = _engine(creator, QueuePool, pool_size=_READERS_KEPT, max_overflow=-1, pool_reset_on_return=None)
    return Reading(engine, fault_of, pack=False)


def _engine(creator: Callable[[], psycopg.Connection[Any]], pool: type[Any], **more: Any) -> Engine:
    return create_engine("postgresql+psycopg://", creator=creator, poolclass=pool, **more)


def fault_of(cause: Exception) -> StorageError:
    """What an error met while reading or writing means for the caller."""
    if isinstance(cause, StorageError):
        return cause
    match cause:
        case errors.DiskFull():
            return DiskFull(f"no room to write ({_said(cause)}); free some space, writes then go on by themselves")
        case errors.DataCorrupted() | errors.IndexCorrupted():
            return StoreCorrupt(f"the store is damaged ({_said(cause)}); stop the service and restore a backup")
        case errors.ReadOnlySqlTransaction():
            return StoreReadOnly(f"the store cannot be written ({_said(cause)}); name the primary server")
        case psycopg.IntegrityError() | psycopg.DataError() | psycopg.ProgrammingError() | psycopg.InterfaceError():
            return RecordRefused(f"a value cannot be stored ({_said(cause)}); nothing of this write was kept")
        case OverflowError() | TypeError() | ValueError():
            return RecordRefused(f"a value cannot be stored ({cause}); nothing of this write was kept")
        case psycopg.Error():
            return StoreFailed(f"the database failed ({_said(cause)}); look at the server, then try again")
    return StoreFailed(f"a write failed ({type(cause).__name__}: {cause}); nothing of it was kept")


def _said(cause: Exception) -> str:
    return (str(cause).strip().splitlines() or [type(cause).__name__])[0]
