"""The right to write a database: one process has it alone, or any number share it (law 11).

It is an advisory lock of the session that writes, so it ends with its connection, however that ends; and whoever
connects anew asks for it anew. Servers share it; what must be alone, such as an upgrade, is refused while they run, and
they are while it does.
"""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import psycopg
from psycopg import errors

from feed.storage.errors import StoreInUse
from feed.storage.postgresql.server import row
from feed.storage.schema import APPLICATION_ID

_WAITED_FOR = "5s"
"""Who shares waits so long for one who is alone: a store is made, or a command ends."""

_HELD = """
SELECT count(*) FILTER (WHERE mode = 'ShareLock') FROM pg_locks
WHERE locktype = 'advisory' AND granted AND classid = 0 AND objid = %s AND objsubid = 1
AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
"""


def take_alone(connection: psycopg.Connection[Any]) -> bool:
    """Take the right for this connection alone; False if anybody has it."""
    return bool(row(connection, "SELECT pg_try_advisory_lock(%s)", APPLICATION_ID)[0])


def take_shared(connection: psycopg.Connection[Any]) -> bool:
    """Share the right; False if somebody has it alone, and keeps it for some seconds."""
    if row(connection, "SELECT pg_try_advisory_lock_shared(%s)", APPLICATION_ID)[0]:
        return True
    connection.execute("SELECT set_config('lock_timeout', %s, false)", (_WAITED_FOR,))
    try:
        connection.execute("SELECT pg_advisory_lock_shared(%s)", (APPLICATION_ID,))
    except errors.LockNotAvailable:
        return False
    finally:
        connection.execute("RESET lock_timeout")
    return True


def share(connection: psycopg.Connection[Any]) -> None:
    """Go on sharing what this connection has alone."""
    connection.execute("SELECT pg_advisory_lock_shared(%s)", (APPLICATION_ID,))
    connection.execute("SELECT pg_advisory_unlock(%s)", (APPLICATION_ID,))


def give_up(connection: psycopg.Connection[Any]) -> None:
    """Give up whatever this connection has."""
    connection.execute("SELECT pg_advisory_unlock_all()")


class Owning:
    """A connection with the right, as the writer uses it."""

    def __init__(self, connection: psycopg.Connection[Any]) -> None:
        self._connection = connection
        self.cursor = connection.cursor

    def close(self) -> None:
        """Give the right up, and close; a session ends a little later than its connection."""
        with suppress(psycopg.Error):
            give_up(self._connection)
        self._connection.close()


def in_use(connection: psycopg.Connection[Any], shown: str) -> StoreInUse:
    """Why the right cannot be had."""
    (sharing,) = row(connection, _HELD, APPLICATION_ID)
    if sharing:
        return StoreInUse(f"{sharing} running server(s) share the store in {shown}; stop them all first")
    return StoreInUse(f"another service owns the store in {shown}; stop it first, or speak to its API")
