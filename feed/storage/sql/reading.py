"""Reading: a small pool of read-only connections, usable from any thread, that never holds up the writer."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, TypeVar

import orjson
from sqlalchemy import Connection, Engine, Result, Select, func, select
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from feed.storage.errors import StorageError, StoreBusy, StoreClosed

T = TypeVar("T")


class Reading:
    """Runs queries; errors of the driver come out as ``StorageError``."""

    def __init__(self, engine: Engine, fault: Callable[[Exception], StorageError], *, pack: bool) -> None:
        """``fault`` says what an error of the driver means. ``pack`` has tables come as one JSON text each: SQLite's
        driver takes and leaves the interpreter lock at every row, which beside a busy thread takes long."""
        self._engine = engine
        self._fault = fault
        self.packs = pack
        self._packed: dict[Select[Any], Select[Any]] = {}
        self._closed = False

    @contextmanager
    def connection(self) -> Iterator[Connection]:
        """A connection of the pool. Raises ``StoreClosed`` after :meth:`close`."""
        if self._closed:
            raise StoreClosed("the store was closed; open it again")
        try:
            with self._engine.connect() as connection:
                yield connection
        except DBAPIError as cause:
            raise self._fault(cause.orig if isinstance(cause.orig, Exception) else cause) from cause
        except PoolTimeout as cause:
            raise StoreBusy("all connections for reading are in use; try again in a moment") from cause

    def all(self, query: Select[Any], **parameters: Any) -> Sequence[Any]:
        """All rows."""
        return self._asked(query, parameters, lambda result: result.all())

    def _asked(self, query: Select[Any], parameters: dict[str, Any], take: Callable[[Result[Any]], T]) -> T:
        """What ``take`` takes of a query's result. Asked once more when the connection turns out to have ended while
        nobody used it, as all do when a server was restarted."""
        try:
            with self.connection() as connection:
                return take(connection.execute(query, parameters))
        except StorageError as error:
            if not (isinstance(error.__cause__, DBAPIError) and error.__cause__.connection_invalidated):
                raise
        with self.connection() as connection:
            return take(connection.execute(query, parameters))

    def table(self, query: Select[Any], **parameters: Any) -> Sequence[Sequence[Any]]:
        """All rows of a query for texts and integers, in its order, which a limit has to go with.

        The query is kept, made ready, for the next time: it should be one that is made once.
        """
        if not self.packs:
            return self.all(query, **parameters)
        packed = self._packed.get(query)
        if packed is None:
            rows = query.subquery()
            packed = self._packed[query] = select(func.json_group_array(func.json_array(*rows.c)))
        table: list[list[Any]] = orjson.loads(self.first(packed, **parameters)[0])
        return table

    def first(self, query: Select[Any], **parameters: Any) -> Any:
        """The first row, or None."""
        return self._asked(query, parameters, lambda result: result.first())

    def number(self, query: Select[Any], **parameters: Any) -> int:
        """The first column of the first row; 0 without one."""
        row = self.first(query, **parameters)
        return row[0] or 0 if row else 0

    def close(self) -> None:
        """Close the pool; queries under way finish first on their own connections."""
        self._closed = True
        self._engine.dispose()
