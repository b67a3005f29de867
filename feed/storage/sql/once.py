"""Idempotency in SQL: a key, what it was used for and the first result, written in the transaction of the effect."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from sqlalchemy import bindparam, select

from feed.storage.errors import IdempotencyConflict
from feed.storage.ports.store import Once
from feed.storage.rules import idempotency_conflict
from feed.storage.schema import once as table
from feed.storage.sql.queue import Cursor
from feed.storage.sql.reading import Reading
from feed.storage.sql.statements import Statements

A = TypeVar("A")


class Keyed:
    """Keys of one act; a key that was used for another act or another request is refused."""

    def __init__(self, statements: Statements, act: str) -> None:
        self._act = act
        self._query = select(table.c.act, table.c.digest, table.c.result).where(table.c.key == bindparam("key"))
        self._select = statements.text(self._query, "key")
        self._insert = statements.new(table, "key", "act", "digest", "result")

    def run(
        self, cursor: Cursor, once: Once | None, effect: Callable[[Cursor, A], int], argument: A
    ) -> int | IdempotencyConflict:
        """The result of ``effect``, or the first result under this key, or the conflict; written together."""
        if once is None:
            return effect(cursor, argument)
        result = self.first(cursor, once)
        if result is None:
            result = effect(cursor, argument)
            self.keep(cursor, once, result)
        return result

    def first(self, cursor: Cursor, once: Once) -> int | IdempotencyConflict | None:
        """The first result under this key, the conflict if it was used for something else, None if it is new."""
        cursor.execute(self._select, (once.key,))
        row = cursor.fetchone()
        if row is None:
            return None
        act, digest, result = row
        return int(result) if (act, digest) == (self._act, once.digest) else idempotency_conflict(once)

    def result(self, reading: Reading, once: Once) -> int | None:
        """The first result of this very request, None if there is none; outside of any transaction."""
        row = reading.first(self._query, key=once.key)
        return int(row[2]) if row and tuple(row[:2]) == (self._act, once.digest) else None

    def keep(self, cursor: Cursor, once: Once, result: int) -> None:
        """Remember the first result under this key."""
        self._insert.run(cursor, [(once.key, self._act, once.digest, result)])
