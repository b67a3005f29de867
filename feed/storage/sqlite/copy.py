"""Copying an embedded store while its owner writes: one moment of it, whole, as a file that needs no other."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

from feed.storage.errors import SchemaTooOld, StoreMissing
from feed.storage.sqlite.file import State, connect, fault_of, inspect, too_old

_STEP_PAGES = 2048

Progress = Callable[[int, int], None]
"""Pages done, of how many."""


def copy_sqlite(store: Path, to: Path, told: Progress = lambda done, total: None) -> None:
    """Copy the store at ``store`` to a new file ``to``, its owner's alone, durable when this returns.

    The copy is of the moment at which this is called: whatever was acknowledged before is in it. The owner goes on
    writing meanwhile; its write-ahead log cannot be cut before the copy is done.

    Raises ``StoreMissing``, ``StoreForeign``, ``StoreCorrupt``, ``SchemaTooOld``, ``SchemaTooNew`` or ``StoreFailed``.
    """
    state = inspect(store, write=False, verify=False)
    if state is State.FRESH:
        raise StoreMissing(f"there is no store at {store}; start the service or import data first")
    if state is State.OLD:
        raise SchemaTooOld(str(too_old(store)))
    os.close(os.open(to, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600))
    try:
        with closing(connect(store, write=False)) as source, closing(connect(to, write=True)) as target:
            # Inside a transaction that has read, every step sees the same moment, and no write starts it anew.
            source.execute("BEGIN")
            source.execute("SELECT count(*) FROM heads").fetchone()
            source.backup(target, pages=_STEP_PAGES, progress=lambda _, left, total: told(total - left, total))
            source.execute("ROLLBACK")
            target.execute("PRAGMA journal_mode = DELETE")
    except sqlite3.Error as cause:
        error = fault_of(cause)
        raise type(error)(f"{to}: {error}") from cause
