"""Replicas and roles in a PostgreSQL database: a table of who lives, and locks of sessions (laws 10 and 11).

Neither takes the pen, so that who is stuck with it makes nobody's lease lapse. Ages are by the server's clock.
"""

from __future__ import annotations

import hashlib
import threading
from contextlib import suppress
from typing import Any, Protocol

import psycopg
from sqlalchemy import bindparam, func, select

from feed.storage.errors import StorageError, StoreClosed, StoreReadOnly
from feed.storage.ports.deployment import ReplicaRecord
from feed.storage.postgresql.server import connected, fault_of, without_password
from feed.storage.schema import LEDGER, replicas
from feed.storage.sql.reading import Reading

_NOW = "extract(epoch FROM clock_timestamp())"
_HEAD = f"(SELECT number FROM heads WHERE name = '{LEDGER}')"
_CONFIRM = f"UPDATE replicas SET release = %s, revision = %s, confirmed_at = {_NOW} WHERE name = %s RETURNING {_HEAD}"
_JOIN = f"""
INSERT INTO replicas (name, release, revision, confirmed_at) VALUES (%s, %s, %s, {_NOW})
ON CONFLICT (name) DO UPDATE
SET release = excluded.release, revision = excluded.revision, confirmed_at = excluded.confirmed_at
RETURNING {_HEAD}
"""
_LEAVE = "DELETE FROM replicas WHERE name = %s"
_FORGET = f"DELETE FROM replicas WHERE confirmed_at < {_NOW} - 3600"

_REGISTRY_SESSION = {
    "application_name": "weir registry",
    "synchronous_commit": "off",
    "statement_timeout": "2s",
    "lock_timeout": "1s",
}
_ROLE_SESSION = {"application_name": "weir role", "statement_timeout": "2s", "idle_session_timeout": "10s"}
"""Who does not ask for so long, because it is stopped or stuck, loses its roles."""


class Connects(Protocol):
    """Makes a connection with these settings of its session."""

    def __call__(self, **session: str) -> psycopg.Connection[Any]: ...


class _Line:
    """One connection of its own, made when it is needed, dropped when anything fails on it."""

    def __init__(self, connects: Connects | None, session: dict[str, str]) -> None:
        self._connects = connects
        self._session = session
        self._connection: psycopg.Connection[Any] | None = None
        self._closed = False
        self.lock = threading.RLock()

    def ask(self, query: str, *parameters: object) -> tuple[Any, ...] | None:
        """The first row, if the statement has any."""
        with self.lock:
            connection = self.connection()
            try:
                cursor = connection.execute(query, parameters)
                return cursor.fetchone() if cursor.description else None
            except psycopg.Error as cause:
                self.drop()
                raise fault_of(cause) from cause

    def connection(self) -> psycopg.Connection[Any]:
        with self.lock:
            if self._closed:
                raise StoreClosed("the store was closed; open it again")
            if self._connects is None:
                raise StoreReadOnly("this store was opened for reading; it serves nobody and has no duties")
            if self._connection is None:
                self._connection = self._connects(**self._session)
            return self._connection

    def drop(self) -> None:
        with self.lock:
            connection, self._connection = self._connection, None
            if connection is not None:
                connection.close()

    def close(self) -> None:
        with self.lock:
            self.drop()
            self._closed = True


class PostgresReplicas:
    """The registry of the processes that serve."""

    def __init__(self, reading: Reading, line: _Line) -> None:
        self._reading = reading
        self._line = line
        rows = replicas.c
        age = func.extract("epoch", func.clock_timestamp()) - rows.confirmed_at
        self._living = (
            select(rows.name, rows.release, rows.revision, age).where(age <= bindparam("within")).order_by(rows.name)
        )

    def confirm(self, name: str, release: str, revision: int) -> int:
        """Register, or say that one still lives and what it obeys; returns the ledger's head as of then.

        One round trip that waits for no disk: a crash of the server may take back the last 0.6 seconds of it, so
        who must not miss a process asks for those within a second more. The first time it does wait.
        """
        row = self._line.ask(_CONFIRM, release, revision, name)
        return int((row or self._join(name, release, revision))[0])

    def _join(self, name: str, release: str, revision: int) -> tuple[Any, ...]:
        with self._line.lock:
            connection = self._line.connection()
            try:
                with connection.transaction():
                    connection.execute("SET LOCAL synchronous_commit = on")
                    connection.execute(_FORGET)
                    row = connection.execute(_JOIN, (name, release, revision)).fetchone()
            except psycopg.Error as cause:
                self._line.drop()
                raise fault_of(cause) from cause
        return row or (0,)

    def living(self, within: float) -> list[ReplicaRecord]:
        """Those that confirmed within so many seconds, by name."""
        rows = self._reading.all(self._living, within=within)
        return [ReplicaRecord(name, release, revision, float(age)) for name, release, revision, age in rows]

    def leave(self, name: str) -> None:
        """Take a process out that serves no longer."""
        self._line.ask(_LEAVE, name)


def remove_replica(url: str, name: str) -> None:
    """Take a process out of the registry of the database at ``url`` that has ended without leaving."""
    with connected(url, without_password(url), **_REGISTRY_SESSION) as connection:
        try:
            connection.execute(_LEAVE, (name,))
        except psycopg.Error as cause:
            raise fault_of(cause) from cause


class PostgresRole:
    """A lock of a session that does nothing else: it falls to another when the session ends, however that comes."""

    def __init__(self, line: _Line, name: str) -> None:
        self._line = line
        self._key = int.from_bytes(hashlib.sha256(f"weir: role {name}".encode()).digest()[:8], "big", signed=True)
        self._held = False

    def held(self) -> bool:
        """Whether this process has it, taking it if nobody has; asks the store each time, which is to happen at least
        every 10 seconds. Raises the store's errors, and then the duty counts as lost."""
        with self._line.lock:
            if self._held:
                self._held = False
                self._line.ask("SELECT 1")
                self._held = True
            else:
                self._held = self._taken()
            return self._held

    def _taken(self) -> bool:
        ask = "SELECT pg_try_advisory_lock(%s)"
        try:
            row = self._line.ask(ask, self._key)
        except (StoreClosed, StoreReadOnly):
            raise
        except StorageError:
            # The session may have ended while it held nothing; that says nothing of the server now.
            row = self._line.ask(ask, self._key)
        return bool(row and row[0])

    def release(self) -> None:
        """Give it up, and the session with it."""
        with self._line.lock:
            if self._held:
                self._held = False
                # A session that is closed ends a little later; one that is gone already has given up everything.
                with suppress(StorageError):
                    self._line.ask("SELECT pg_advisory_unlock(%s)", self._key)
            self._line.drop()

    def close(self) -> None:
        """Give it up for good."""
        with self._line.lock:
            self.release()
            self._line.close()


class PostgresDeployment:
    """Both, as a store hands them out; ``connects`` is None where the store was opened for reading."""

    def __init__(self, reading: Reading, connects: Connects | None) -> None:
        self._connects = connects
        self._registry = _Line(connects, _REGISTRY_SESSION)
        self._roles: dict[str, PostgresRole] = {}
        self._lock = threading.Lock()
        self.replicas = PostgresReplicas(reading, self._registry)

    def role(self, name: str) -> PostgresRole:
        """The role of this name; the same one each time."""
        with self._lock:
            if name not in self._roles:
                self._roles[name] = PostgresRole(_Line(self._connects, _ROLE_SESSION), name)
            return self._roles[name]

    def close(self) -> None:
        """End every session, and with them what this process holds."""
        with self._lock:
            for role in self._roles.values():
                role.close()
        self._registry.close()
