"""Filling a store with a large community in a minute or two: editions through the port, events by the database itself.

Items stand in the journal, of which the catalogue is made, and not in the table of items, which no page reads. Each
reader came in visits, and the events of a visit lie together; one reader's visits lie far apart, as in a real store.
The first readers of :func:`benchmarks.server.frequent` have HISTORY votes, all others a few.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import psycopg

from benchmarks.server import HISTORY, activate_random_graph, frequent, settings_for
from feed.bootstrap import Service, open_service
from feed.storage.entries import encode_entries
from feed.storage.records import EventRecord
from feed.storage.sqlite.file import connect
from ranking.journal import ItemPublished
from ranking.reader import EventKind

REGULARS = 1000
"""Readers with HISTORY votes."""

VOTES = 8
"""Votes of a visit of each other reader."""

_EDITION = 20_000
_YEAR = 365 * 86_400
_COLUMNS = "reader, client_id, item, kind, occurred_at, received_at, dwell_ms, request_id, consented"
_SPREAD = 2_654_435_761
"""Knuth's multiplier: votes go anywhere in the catalogue."""


def fill(folder: Path, *, items: int, readers: int, visits: int = 2, width: int = 100, seed: int = 7) -> int:
    """Fill the store of a folder's settings, each reader with some visits; returns how many events it has."""
    service = open_service(settings_for(folder))
    try:
        now = service.clock.now()
        for start in range(0, items, _EDITION):
            mine = range(start, min(start + _EDITION, items))
            lines = encode_entries(_item(number, now) for number in mine)
            service.store.journal.publish(extra=lines, at=now, limit=0).result()
        service.start()
        activate_random_graph(service, items, width, np.random.default_rng(seed))
        regulars = min(REGULARS, readers)
        _regulars(service, items, readers, regulars, now)
        database = service.settings.database
    finally:
        service.close()
    if database is None:
        _visits_sqlite(service.settings.store_file, items, readers, visits, now)
    else:
        _visits_postgresql(database.get_secret_value(), items, readers, visits, now)
    return regulars * HISTORY + readers * visits * VOTES


def _item(number: int, now: int) -> ItemPublished:
    at = now - _YEAR + number % _YEAR
    return ItemPublished(f"item-{number}", f"author-{number % 5000}", (f"topic-{number % 97}",), at)


def _regulars(service: Service, items: int, readers: int, count: int, now: int) -> None:
    rng = np.random.default_rng(11)
    for start in range(0, count, 200):
        service.store.events.append(
            [
                EventRecord(
                    f"reader-{frequent(place, readers)}",
                    f"r{n}",
                    f"item-{item}",
                    EventKind.LIKE,
                    now - n,
                    now,
                    0,
                    "",
                    1,
                )
                for place in range(start, min(start + 200, count))
                for n, item in enumerate(rng.integers(0, items, HISTORY))
            ]
        ).result()


def _visits_sqlite(store: Path, items: int, readers: int, visits: int, now: int) -> None:
    """Visit by visit, in the order of readers, so that the index is written in order."""
    connection = connect(store, write=True)
    try:
        for pragma in ("synchronous = OFF", "journal_mode = WAL", "cache_size = -1048576"):
            connection.execute(f"PRAGMA {pragma}")
        for visit in range(visits):
            connection.execute("BEGIN IMMEDIATE")
            connection.execute(
                f"WITH RECURSIVE who(r) AS (SELECT 0 UNION ALL SELECT r + 1 FROM who WHERE r + 1 < :readers), "
                f"which(n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM which WHERE n + 1 < :votes) "
                f"INSERT INTO events ({_COLUMNS}) SELECT 'reader-' || r, 'c' || (:visit * :votes + n), "
                f"'item-' || ((r * 16 + :visit * :votes + n) * {_SPREAD} % :items), :kind, :at, :at, 0, '', 1 "
                "FROM who CROSS JOIN which",
                _given(visit, items, readers, now),
            )
            connection.execute("COMMIT")
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    finally:
        connection.close()


def _visits_postgresql(url: str, items: int, readers: int, visits: int, now: int) -> None:
    with psycopg.connect(url, autocommit=True) as connection, _without_indexes(connection):
        for visit in range(visits):
            connection.execute(
                f"INSERT INTO events ({_COLUMNS}) SELECT 'reader-' || r, 'c' || (%(visit)s * %(votes)s + n), "
                f"'item-' || ((r::bigint * 16 + %(visit)s * %(votes)s + n) * {_SPREAD} %% %(items)s), %(kind)s, "
                "%(at)s, %(at)s, 0, '', 1 FROM generate_series(0, %(readers)s - 1) r, "
                "generate_series(0, %(votes)s - 1) n".encode(),
                _given(visit, items, readers, now),
            )
        connection.execute("ANALYZE events")


@contextmanager
def _without_indexes(connection: psycopg.Connection) -> Iterator[None]:
    """Drop the table's constraint and index, and make them again afterwards: sorted, which is several times as fast."""
    constraints = connection.execute(
        "SELECT conrelid::regclass::text, conname, pg_get_constraintdef(oid) FROM pg_constraint "
        "WHERE conrelid::regclass::text ~ '^events(_[0-9]+)?$' AND contype = 'u' AND conparentid = 0"
    ).fetchall()
    for table, name, _ in constraints:
        connection.execute(f"ALTER TABLE {table} DROP CONSTRAINT {name}".encode())
    connection.execute("SET maintenance_work_mem = '1GB'")
    yield
    for table, name, definition in constraints:
        connection.execute(f"ALTER TABLE {table} ADD CONSTRAINT {name} {definition}".encode())


def _given(visit: int, items: int, readers: int, now: int) -> dict[str, int]:
    at = now - 86_400 + visit
    return {"visit": visit, "votes": VOTES, "items": items, "readers": readers, "kind": int(EventKind.LIKE), "at": at}
