"""The server of a grown store: how it is spoken to, what a database on it holds, and what its errors mean."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit, urlunsplit

import psycopg
from psycopg import errors

from feed.storage.errors import (
    DiskFull,
    RecordRefused,
    SchemaTooNew,
    SchemaTooOld,
    StorageError,
    StoreBusy,
    StoreCorrupt,
    StoreFailed,
    StoreForeign,
    StoreReadOnly,
)
from feed.storage.schema import APPLICATION_ID, LEDGER_ENDS, REVISIONS

OLDEST = 14
"""The oldest major version of the server that is taken."""

_CONNECT_SECONDS = 5
_NOBODY_THERE: dict[str, Any] = {
    "keepalives_idle": 5,
    "keepalives_interval": 2,
    "keepalives_count": 3,
    "tcp_user_timeout": 10_000,
}
"""How soon each side of a connection notices that the other is gone."""

_SESSION = {
    "application_name": "weir",
    "synchronous_commit": "on",
    "default_transaction_isolation": "read committed",
    # A process that stops in the middle of a transaction loses it, and the pen, before others give up waiting.
    "idle_in_transaction_session_timeout": "5s",
    "lock_timeout": "10s",
    # To compile a statement takes longer than any of these runs.
    "jit": "off",
    **{f"tcp_{name.removeprefix('tcp_')}": str(value) for name, value in _NOBODY_THERE.items()},
}


def without_password(url: str) -> str:
    """The address of a database as it may be shown."""
    parts = urlsplit(url)
    if parts.password is None:
        return url
    return urlunsplit(parts._replace(netloc=parts.netloc.replace(f":{parts.password}@", ":***@", 1)))


def connected(url: str, shown: str, **session: str) -> psycopg.Connection[Any]:
    """A connection that runs each statement as given, under these settings of its session besides the usual ones.

    Raises ``StoreFailed``.
    """
    settings = {name: value.replace(" ", "\\ ") for name, value in (_SESSION | session).items()}
    try:
        return psycopg.connect(
            url,
            autocommit=True,
            connect_timeout=_CONNECT_SECONDS,
            client_encoding="utf8",
            options=" ".join(f"-c {name}={value}" for name, value in settings.items()),
            **_NOBODY_THERE,
        )
    except psycopg.ProgrammingError as cause:
        raise StoreFailed(f"{shown} is no address of a database ({cause}); write postgresql://user@host/name") from None
    except psycopg.OperationalError as cause:
        said = str(cause).strip().splitlines()[0]
        raise StoreFailed(
            f"{shown} cannot be reached ({said}); is the server running, and the address right?"
        ) from None


def inspect(connection: psycopg.Connection[Any], shown: str) -> str | None:
    """The schema revision of the store in a database, None where there is none yet; nothing is changed."""
    version = connection.info.server_version // 10_000
    if version < OLDEST:
        raise StoreFailed(f"{shown} is PostgreSQL {version}; Weir needs {OLDEST} or newer")
    (encoding, collation) = row(
        connection,
        "SELECT pg_encoding_to_char(encoding), datcollate FROM pg_database WHERE datname = current_database()",
    )
    if encoding != "UTF8" or collation not in ("C", "C.UTF-8", "C.utf8", "POSIX"):
        raise StoreForeign(
            f"{shown} sorts texts by {collation} in {encoding}; make the database with "
            "CREATE DATABASE … TEMPLATE template0 ENCODING 'UTF8' LOCALE 'C', so that every store sorts alike"
        )
    (has_version,) = row(connection, "SELECT to_regclass('alembic_version') IS NOT NULL")
    if not has_version:
        (others,) = row(connection, "SELECT count(*) FROM pg_tables WHERE schemaname = current_schema()")
        if others:
            raise StoreForeign(f"{shown} holds the tables of another program; name an empty database")
        return None
    (said,) = row(connection, "SELECT obj_description(to_regclass('alembic_version'), 'pg_class')")
    if said != mark():
        raise StoreForeign(f"{shown} is the database of another program; name another one")
    revision = str(row(connection, "SELECT version_num FROM alembic_version")[0])
    if revision not in REVISIONS:
        known = f"this release knows up to {REVISIONS[-1]}"
        raise SchemaTooNew(f"{shown} has schema {revision}, {known}; install the release that wrote it")
    if revision == REVISIONS[-1]:
        last, head = row(connection, LEDGER_ENDS)
        if head != last:
            raise StoreCorrupt(
                f"{shown} is damaged: its ledger ends at revision {last}, its head says {head}; restore a backup"
            )
    return revision


def row(connection: psycopg.Connection[Any], query: str, *parameters: object) -> tuple[Any, ...]:
    """The first row of a query, ``(None,)`` without one."""
    found: tuple[Any, ...] | None = connection.execute(query, parameters).fetchone()
    return found or (None,)


def mark() -> str:
    """The comment by which a database is known as ours."""
    return f"weir {APPLICATION_ID:08x}"


def too_old(shown: str) -> SchemaTooOld:
    """What opening an older store is refused with."""
    return SchemaTooOld(
        f"{shown} was written by an earlier release (this one has schema {REVISIONS[-1]}); "
        "back it up, then open it once with upgrade=True (`weir doctor --upgrade`)"
    )


def fault_of(cause: Exception) -> StorageError:
    """What an error met while reading or writing means for the caller."""
    if isinstance(cause, StorageError):
        return cause
    match cause:
        case errors.DiskFull():
            return DiskFull(f"no room to write ({_said(cause)}); free some space, writes then go on by themselves")
        case errors.DataCorrupted() | errors.IndexCorrupted():
            return StoreCorrupt(f"the store is damaged ({_said(cause)}); stop the service and restore a backup")
        case errors.LockNotAvailable() | errors.DeadlockDetected() | errors.SerializationFailure():
            return StoreBusy(f"others held what this write needs ({_said(cause)}); try again in a moment")
        case errors.QueryCanceled():
            return StoreBusy(f"the database took too long ({_said(cause)}); try again in a moment")
        case errors.ReadOnlySqlTransaction():
            return StoreReadOnly(f"the store cannot be written ({_said(cause)}); name the primary server")
        case errors.CheckViolation() if cause.diag.constraint_name is None:
            return StoreFailed(f"a part of a table is missing ({_said(cause)}); the server with the duties makes it")
        case psycopg.IntegrityError() | psycopg.DataError() | psycopg.ProgrammingError() | psycopg.InterfaceError():
            return RecordRefused(f"a value cannot be stored ({_said(cause)}); nothing of this write was kept")
        case OverflowError() | TypeError() | ValueError():
            return RecordRefused(f"a value cannot be stored ({cause}); nothing of this write was kept")
        case psycopg.Error():
            return StoreFailed(f"the database failed ({_said(cause)}); look at the server, then try again")
    return StoreFailed(f"a write failed ({type(cause).__name__}: {cause}); nothing of it was kept")


def _said(cause: Exception) -> str:
    return (str(cause).strip().splitlines() or [type(cause).__name__])[0]
