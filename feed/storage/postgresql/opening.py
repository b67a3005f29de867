"""The grown store: a PostgreSQL database, written by one process, or by any number side by side; read by any number.

The same tables, statements and writer as in SQLite; what differs is how a database is opened and who may write it
(``feed.storage.postgresql.right``). Where many write, each transaction takes the pen (see ``feed.storage.sql.writer``).
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import Any

import psycopg
from sqlalchemy import Dialect, Engine, create_engine
from sqlalchemy.dialects.postgresql.psycopg import PGDialect_psycopg
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import QueuePool, StaticPool

from feed.storage.errors import StoreMissing
from feed.storage.migrations import migrate
from feed.storage.postgresql import right
from feed.storage.postgresql.commits import Commits
from feed.storage.postgresql.deployment import PostgresDeployment
from feed.storage.postgresql.server import connected, fault_of, inspect, mark, too_old, without_password
from feed.storage.schema import REVISIONS
from feed.storage.sql.reading import Reading
from feed.storage.sql.statements import Statements
from feed.storage.sql.store import ReadOnly, SqlStore
from feed.storage.sql.writer import Writer

__all__ = ["PEN", "open_postgresql", "without_password"]

_READERS_KEPT = 8
_READERS_MORE = 8
_READER_SECONDS = 5.0
_STATEMENT = "30s"
_TRIES = 3
PEN = int.from_bytes(hashlib.sha256(b"weir: the pen").digest()[:8], "big", signed=True)
"""The advisory lock of transactions that write a shared store."""


def open_postgresql(
    url: str, *, exclusive: bool = True, shared: bool = False, upgrade: bool = False, write_queue: int = 100_000
) -> SqlStore:
    """Open the store in the database at ``url`` (``postgresql://user:password@host/database``).

    ``exclusive`` makes the tables when there are none and may write; anybody else who may is then refused with
    ``StoreInUse``. So does ``shared``, beside any number of others who share. Without both it is opened for reading.
    ``upgrade`` migrates an older schema, for which nobody else may write.

    Raises ``StoreInUse``, ``StoreMissing``, ``StoreForeign``, ``StoreCorrupt``, ``SchemaTooOld``, ``SchemaTooNew`` or
    ``StoreFailed``; the database is then as it was.
    """
    shown = without_password(url)
    reading = _reading(url, shown)
    if not (exclusive or shared):
        with connected(url, shown) as connection:
            revision = inspect(connection, shown)
        if revision is None:
            raise StoreMissing(f"there is no store in {shown}; start the service or import data first")
        if revision != REVISIONS[-1]:
            raise too_old(shown)
        deployment = PostgresDeployment(reading, None)
        return SqlStore(reading, ReadOnly(), _statements(), closed=deployment.close, deployment=deployment)
    opened = [_opened(url, shown, shared=shared, upgrade=upgrade)]
    commits = Commits(url, shown)
    commits.clean(opened[0])
    writer = Writer(
        lambda: right.Owning(opened.pop() if opened else _again(url, shown, shared=shared)),
        fault_of,
        begin=f"BEGIN; SELECT pg_advisory_xact_lock({PEN})" if shared else "BEGIN",
        begin_beside=f"BEGIN; SELECT pg_advisory_xact_lock_shared({PEN})" if shared else "",
        rows=write_queue,
        witness=commits.next,
    )
    deployment = PostgresDeployment(reading, lambda **session: connected(url, shown, **session))
    return SqlStore(reading, writer, _statements(), closed=deployment.close, deployment=deployment)


def _statements() -> Statements:
    dialect: Dialect = PGDialect_psycopg(paramstyle="format")  # type: ignore[no-untyped-call]
    return Statements(dialect)


def _opened(url: str, shown: str, *, shared: bool, upgrade: bool) -> psycopg.Connection[Any]:
    """A connection with the right to write a store that is there and of this release."""
    connection = connected(url, shown, statement_timeout=_STATEMENT)
    try:
        for _ in range(_TRIES):
            revision = inspect(connection, shown)
            if revision not in (None, REVISIONS[-1]) and not upgrade:
                raise too_old(shown)
            # Who finds nothing there makes it, alone; of many who start at once the others wait for that.
            alone = (not shared or revision != REVISIONS[-1]) and right.take_alone(connection)
            if not alone and not (shared and right.take_shared(connection)):
                raise right.in_use(connection, shown)
            current = inspect(connection, shown) == REVISIONS[-1]
            if alone and not current:
                _make_current(url, shown)
            if alone and shared:
                right.share(connection)
            if alone or current:
                return connection
            right.give_up(connection)
        raise right.in_use(connection, shown)
    except BaseException:
        connection.close()
        raise


def _again(url: str, shown: str, *, shared: bool) -> psycopg.Connection[Any]:
    """The same after the connection broke: others may have had the store meanwhile."""
    connection = connected(url, shown, statement_timeout=_STATEMENT)
    try:
        if not (right.take_shared(connection) if shared else right.take_alone(connection)):
            raise right.in_use(connection, shown)
        if inspect(connection, shown) != REVISIONS[-1]:
            raise too_old(shown)
    except BaseException:
        connection.close()
        raise
    return connection


def _make_current(url: str, shown: str) -> None:
    """Migrate in one transaction; what was there before stays if that fails."""
    raw = connected(url, shown)
    raw.autocommit = False
    engine = _engine(lambda: raw, StaticPool)
    try:
        migrate(engine)
        with engine.begin() as connection:
            connection.exec_driver_sql(f"COMMENT ON TABLE alembic_version IS '{mark()}'")
    except DBAPIError as cause:
        raise fault_of(cause.orig if isinstance(cause.orig, Exception) else cause) from cause
    finally:
        engine.dispose()
        raw.close()


def _reading(url: str, shown: str) -> Reading:
    def creator() -> psycopg.Connection[Any]:
        connection = connected(url, shown)
        connection.read_only = True
        return connection

    engine = _engine(
        creator,
        QueuePool,
        pool_size=_READERS_KEPT,
        max_overflow=_READERS_MORE,
        pool_timeout=_READER_SECONDS,
        pool_reset_on_return=None,
    )
    return Reading(engine, fault_of, pack=False)


def _engine(creator: Callable[[], psycopg.Connection[Any]], pool: type[Any], **more: Any) -> Engine:
    # What is looked for, such as a reader, does not get into the words of an error.
    return create_engine("postgresql+psycopg://", creator=creator, poolclass=pool, hide_parameters=True, **more)
