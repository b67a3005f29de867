"""Hashed API keys in SQL; the keys themselves are never stored."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import Future
from typing import Any

import orjson
from sqlalchemy import bindparam, select, update

from feed.storage.records import KeyRecord
from feed.storage.schema import keys
from feed.storage.sql.queue import Cursor, Lane
from feed.storage.sql.reading import Reading
from feed.storage.sql.statements import Statements, names
from feed.storage.sql.writer import Writes


class SqlKeys:
    """Hashed API keys."""

    def __init__(self, reading: Reading, writes: Writes, statements: Statements) -> None:
        self._reading = reading
        self._writes = writes
        self._insert = statements.new(keys, *names(KeyRecord))
        self._revoke = statements.text(
            update(keys)
            .values(revoked_at=bindparam("at"))
            .where(keys.c.name == bindparam("of"), keys.c.revoked_at.is_(None)),
            "at",
            "of",
        )
        self._get = select(keys).where(keys.c.digest == bindparam("of"))
        self._listing = select(keys).order_by(keys.c.created_at.desc(), keys.c.digest)

    def put(self, key: KeyRecord) -> Future[None]:
        """Store a new key; ``RecordRefused`` if its digest is stored already."""
        return self._writes.submit(self._write, _row(key), lane=Lane.DECISIONS)

    def _write(self, cursor: Cursor, rows: Sequence[tuple[Any, ...]]) -> list[None]:
        self._insert.run(cursor, rows)
        return [None] * len(rows)

    def get(self, digest: str) -> KeyRecord | None:
        """A key by the digest of its secret, or None."""
        row = self._reading.first(self._get, of=digest)
        return _record(row) if row else None

    def revoke(self, name: str, at: int) -> Future[int]:
        """Revoke all keys of a name that are not revoked yet; returns how many."""
        return self._writes.submit(self._revoke_all, (at, name), lane=Lane.DECISIONS)

    def _revoke_all(self, cursor: Cursor, jobs: Sequence[tuple[int, str]]) -> list[int]:
        return [self._revoke_one(cursor, job) for job in jobs]

    def _revoke_one(self, cursor: Cursor, job: tuple[int, str]) -> int:
        cursor.execute(self._revoke, job)
        return cursor.rowcount

    def listing(self) -> list[KeyRecord]:
        """All keys, newest first."""
        return [_record(row) for row in self._reading.all(self._listing)]


def _row(key: KeyRecord) -> tuple[Any, ...]:
    scopes = orjson.dumps(key.scopes).decode()
    return (key.digest, key.name, scopes, key.subject, key.created_at, key.expires_at, key.revoked_at)


def _record(row: Any) -> KeyRecord:
    digest, name, scopes, *more = row
    return KeyRecord(digest, name, tuple(orjson.loads(scopes)), *more)
