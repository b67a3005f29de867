"""Which store a process opens: the SQLite file of its home folder, or the PostgreSQL database that settings name."""

from __future__ import annotations

from feed.settings import Settings
from feed.storage.errors import StoreFailed
from feed.storage.postgresql.opening import open_postgresql, without_password
from feed.storage.sql.store import SqlStore
from feed.storage.sqlite.opening import open_sqlite

RESTORING = ".restoring"
"""Folder within a home folder while a backup is put into it; left there by a restore that was cut short."""


def open_store(
    settings: Settings,
    *,
    exclusive: bool = True,
    shared: bool = False,
    upgrade: bool = False,
    verify: bool | None = None,
) -> SqlStore:
    """Open the store of the settings: to own and write it, or for reading beside its owner; a database also ``shared``,
    to write it beside others who share it, which an embedded store never is. ``upgrade`` migrates an older schema;
    ``verify`` reads every page of an embedded store first. Raises the storage errors of opening."""
    if exclusive and (settings.home / RESTORING).is_dir():
        raise StoreFailed(f"a restore into {settings.home} was cut short; give the same `weir restore` again")
    if settings.database is None:
        return open_sqlite(
            settings.store_file,
            exclusive=exclusive,
            upgrade=upgrade,
            verify=verify,
            write_queue=settings.write_queue,
            cache=settings.store_cache,
        )
    url = settings.database.get_secret_value()
    return open_postgresql(url, exclusive=exclusive, shared=shared, upgrade=upgrade, write_queue=settings.write_queue)


def store_name(settings: Settings) -> str:
    """Where the store is, as it may be shown."""
    if settings.database is None:
        return str(settings.store_file)
    return without_password(settings.database.get_secret_value())
