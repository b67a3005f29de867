"""Diagnosis of the database of a grown deployment: whether it can be reached, what it is, and whether it keeps what
it acknowledges (law 11). Looks, and changes nothing."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import psycopg

from feed.clock import Clock
from feed.operations.findings import Finding, Level
from feed.settings import Settings
from feed.storage.errors import SchemaTooNew, SchemaTooOld, StorageError, StoreCorrupt, StoreForeign
from feed.storage.postgresql.server import connected, fault_of, inspect, row, without_password
from feed.storage.schema import REVISIONS
from feed.storage.sql.parts import DAY, OPEN, PARTS

_LIVING = 10.0
"""Seconds within which a process must have confirmed to be told of."""

_APART = 2
"""Seconds by which clocks may differ: rules act by whole seconds, of the host that serves."""

_FAR_APART = 60
_CONNECTIONS = 25
"""Connections that a process may have in the worst case."""

_MANY_PARTS = 60
"""Parts from which on a reader's past takes long to read."""

_KEPT = ("fsync", "full_page_writes")

_CHECK = "database"


def database(settings: Settings, clock: Clock) -> Iterator[Finding]:
    """What is to be said of the settings' database; nothing where the store is embedded."""
    if settings.database is None:
        return
    url = settings.database.get_secret_value()
    shown = without_password(url)
    try:
        with closing(connected(url, shown)) as connection:
            yield from _looked(connection, shown, settings, clock)
    except StorageError as error:
        yield _refused(error)
    except psycopg.Error as error:
        yield _refused(fault_of(error))


def _refused(error: StorageError) -> Finding:
    seen, _, remedy = str(error).partition("; ")
    match error:
        case SchemaTooOld():
            remedy = "back it up, stop all processes, then run: weir doctor --upgrade"
        case StoreCorrupt():
            remedy = "restore a backup of the database"
        case SchemaTooNew() | StoreForeign():
            remedy = remedy or "name another database"
    return Finding(_CHECK, Level.WRONG, seen, remedy or "look at the server, then try again")


def _looked(connection: psycopg.Connection[Any], shown: str, settings: Settings, clock: Clock) -> Iterator[Finding]:
    revision = inspect(connection, shown)
    (version, collation, standby) = row(
        connection,
        "SELECT current_setting('server_version'), datcollate, pg_is_in_recovery() "
        "FROM pg_database WHERE datname = current_database()",
    )
    store = "no store yet" if revision is None else f"schema {revision}"
    seen = f"{shown} is PostgreSQL {version}, sorts by {collation}, {store}"
    if standby:
        yield Finding(_CHECK, Level.WRONG, f"{seen}; it is a standby", "name the primary server in WEIR_DATABASE")
    elif revision not in (None, REVISIONS[-1]):
        remedy = "back it up, stop all processes, then run: weir doctor --upgrade"
        yield Finding(_CHECK, Level.WRONG, f"{seen}, this release has {REVISIONS[-1]}", remedy)
    else:
        yield Finding(_CHECK, Level.FINE, seen)
    yield from _keeping(connection)
    yield from _room(connection)
    yield from _clocks(connection, clock)
    if revision == REVISIONS[-1]:
        yield from _parts(connection, settings, clock)
        yield from _processes(connection)


def _keeping(connection: psycopg.Connection[Any]) -> Iterator[Finding]:
    off = [name for name in _KEPT if row(connection, "SELECT current_setting(%s)", name) == ("off",)]
    if off:
        seen = f"{' and '.join(off)} off: what was acknowledged may be lost when its host fails"
        yield Finding(_CHECK, Level.WRONG, seen, f"set {' and '.join(f'{name} = on' for name in off)}, and reload")


def _room(connection: psycopg.Connection[Any]) -> Iterator[Finding]:
    most, taken = row(
        connection, "SELECT current_setting('max_connections')::int, (SELECT count(*) FROM pg_stat_activity)"
    )
    if most - taken < _CONNECTIONS:
        seen = f"{taken} of {most} connections are taken; a process of the service may need {_CONNECTIONS}"
        yield Finding(_CHECK, Level.NOTE, seen, "raise max_connections, or run fewer processes")


def _clocks(connection: psycopg.Connection[Any], clock: Clock) -> Iterator[Finding]:
    (there,) = row(connection, "SELECT extract(epoch FROM clock_timestamp())::float8")
    apart = clock.now() - int(there)
    if abs(apart) <= _APART:
        yield Finding("clock", Level.FINE, f"within {_APART} s of the database's")
        return
    level = Level.WRONG if abs(apart) > _FAR_APART else Level.NOTE
    direction = "ahead of" if apart > 0 else "behind"
    yield Finding(
        "clock", level, f"{abs(apart)} s {direction} the database's", "run NTP on both hosts; rules act by it"
    )


def _parts(connection: psycopg.Connection[Any], settings: Settings, clock: Clock) -> Iterator[Finding]:
    (newest,), count = row(connection, OPEN), len(connection.execute(str(PARTS).encode()).fetchall())
    if not newest:
        yield Finding("events", Level.FINE, "events lie in one part; a server that runs begins the next")
        return
    begun, age = time.strftime("%Y-%m-%d", time.gmtime(newest * DAY)), clock.now() // DAY - newest
    seen = f"events lie in {count} part(s), the newest begun on {begun}"
    if age > settings.events_part_days + 1:
        remedy = "does a server run? its log says why it begins no part"
        yield Finding("events", Level.NOTE, f"{seen}, {age} days ago", remedy)
    elif count > _MANY_PARTS:
        yield Finding("events", Level.NOTE, seen, "raise WEIR_EVENTS_PART_DAYS, or set WEIR_EVENTS_DAYS")
    else:
        yield Finding("events", Level.FINE, seen)


def _processes(connection: psycopg.Connection[Any]) -> Iterator[Finding]:
    living = connection.execute(
        "SELECT release, count(*), max(revision) - min(revision) FROM replicas "
        "WHERE confirmed_at > extract(epoch FROM clock_timestamp()) - %s GROUP BY release ORDER BY release",
        (_LIVING,),
    ).fetchall()
    if not living:
        yield Finding("replicas", Level.FINE, "no process serves now")
        return
    seen = ", ".join(f"{count} of release {release}" for release, count, _ in living)
    if len(living) > 1:
        yield Finding("replicas", Level.NOTE, f"{seen} serve together", "go on with the upgrade, one after the other")
    else:
        yield Finding("replicas", Level.FINE, f"{seen} serve now")
