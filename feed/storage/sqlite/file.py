"""A SQLite file seen from outside: whose it is, which schema it has, whether it is whole; and what its errors mean."""

from __future__ import annotations

import sqlite3
from enum import StrEnum
from pathlib import Path
from urllib.parse import quote

from feed.storage.errors import (
    DiskFull,
    RecordRefused,
    SchemaTooNew,
    SchemaTooOld,
    StorageError,
    StoreCorrupt,
    StoreFailed,
    StoreForeign,
    StoreReadOnly,
)
from feed.storage.schema import APPLICATION_ID, LEDGER_ENDS, REVISIONS

CHECKED_BYTES = 64 << 20
"""Files up to this size are checked page by page on opening unless told otherwise; it takes seconds a GiB."""

_MAGIC = b"SQLite format 3\0"
_UNSTORABLE = (sqlite3.IntegrityError, sqlite3.DataError, sqlite3.InterfaceError, sqlite3.ProgrammingError)


class State(StrEnum):
    """What was found at a path that may be opened."""

    FRESH = "fresh"
    OLD = "old"
    CURRENT = "current"


def connect(path: Path, *, write: bool) -> sqlite3.Connection:
    """A connection to an existing file that runs each statement as given; may be used from any one thread at a time."""
    mode = "rw" if write else "ro"
    return sqlite3.connect(
        f"file:{quote(str(path.absolute()))}?mode={mode}",
        uri=True,
        isolation_level=None,
        check_same_thread=False,
        cached_statements=256,
    )


def inspect(path: Path, *, write: bool, verify: bool | None) -> State:
    """Look at a file before it is used; it is not changed.

    Raises ``StoreForeign``, ``StoreCorrupt``, ``SchemaTooNew``, or what ``fault_of`` makes of the driver's errors.
    ``verify`` reads every page; None does so for files up to ``CHECKED_BYTES``.
    """
    if not path.exists() or path.stat().st_size == 0:
        return State.FRESH
    with open(path, "rb") as file:
        if file.read(len(_MAGIC)) != _MAGIC:
            raise StoreForeign(
                f"{path} is not a Weir store, or its first bytes are damaged; name another file, or restore a backup"
            )
    connection = connect(path, write=write)
    try:
        return _inspect(connection, path, verify)
    except sqlite3.Error as cause:
        error = fault_of(cause)
        raise type(error)(f"{path}: {error}") from cause
    finally:
        connection.close()


def _inspect(connection: sqlite3.Connection, path: Path, verify: bool | None) -> State:
    (mark,) = connection.execute("PRAGMA application_id").fetchone()
    if mark != APPLICATION_ID:
        if connection.execute("SELECT 1 FROM sqlite_master LIMIT 1").fetchone() is None:
            return State.FRESH
        raise StoreForeign(f"{path} is the SQLite database of another program; name another file")
    size = path.stat().st_size
    if verify or (verify is None and size <= CHECKED_BYTES):
        (finding,) = connection.execute("PRAGMA quick_check(1)").fetchone()
        if finding != "ok":
            raise StoreCorrupt(f"{path} is damaged ({finding}); restore a backup")
    row = connection.execute("SELECT version_num FROM alembic_version").fetchone()
    revision = row[0] if row else "none"
    if revision not in REVISIONS:
        raise SchemaTooNew(
            f"{path} has schema {revision}, this release knows up to {REVISIONS[-1]}; install the release that wrote it"
        )
    if revision != REVISIONS[-1]:
        return State.OLD
    _check_ledger(connection, path)
    return State.CURRENT


def _check_ledger(connection: sqlite3.Connection, path: Path) -> None:
    last, head = connection.execute(LEDGER_ENDS).fetchone()
    if head != last:
        raise StoreCorrupt(
            f"{path} is damaged: its ledger ends at revision {last}, its head says {head}; restore a backup"
        )


def too_old(path: Path) -> SchemaTooOld:
    """What an older store gets that is opened without ``upgrade``."""
    return SchemaTooOld(
        f"{path} was written by an earlier release (this one has schema {REVISIONS[-1]}); "
        "copy the file to be safe, then open it once with upgrade=True (`weir doctor --upgrade`)"
    )


def fault_of(cause: Exception) -> StorageError:
    """What an error met while reading or writing means for the caller."""
    if isinstance(cause, StorageError):
        return cause
    match getattr(cause, "sqlite_errorcode", 0) & 0xFF:
        case sqlite3.SQLITE_FULL:
            return DiskFull(f"no room to write ({cause}); free some space, writes then go on by themselves")
        case sqlite3.SQLITE_CORRUPT | sqlite3.SQLITE_NOTADB:
            return StoreCorrupt(f"the store is damaged ({cause}); stop the service and restore a backup")
        case sqlite3.SQLITE_READONLY:
            return StoreReadOnly(
                f"the store cannot be written ({cause}); let this user write to the file and its folder"
            )
        case sqlite3.SQLITE_BUSY | sqlite3.SQLITE_LOCKED:
            return StoreFailed(f"another program holds the database ({cause}); end it, then try again")
    if isinstance(cause, (*_UNSTORABLE, OverflowError, TypeError, ValueError)):
        return RecordRefused(f"a value cannot be stored ({cause}); nothing of this write was kept")
    if isinstance(cause, sqlite3.Error):
        return StoreFailed(f"the database failed ({cause}); look at the device and its free space, then try again")
    return StoreFailed(f"a write failed ({type(cause).__name__}: {cause}); nothing of it was kept")
