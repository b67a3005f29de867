"""A writer's connection that breaks at a commit, before or after it, and what happens to the server meanwhile."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import psycopg

from feed.storage.postgresql import right


def nothing() -> None:
    """The server goes on."""


class Breaking:
    """A cursor whose connection breaks at the first commit of the given moment."""

    moment = ""
    meanwhile: Callable[[], None] = staticmethod(nothing)

    def __init__(self, connection: psycopg.Connection[Any]) -> None:
        self._connection = connection
        self._cursor = connection.cursor()

    def execute(self, query: Any, *parameters: Any) -> Any:
        moment = Breaking.moment if query == "COMMIT" else ""
        if moment == "after":
            self._cursor.execute(query)
        if moment:
            Breaking.moment = ""
            Breaking.meanwhile()
            self._connection.close()
            raise psycopg.OperationalError("server closed the connection unexpectedly")
        return self._cursor.execute(query, *parameters)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._cursor, name)


class BreakingOwner(right.Owning):
    """Takes the place of :class:`right.Owning`."""

    def __init__(self, connection: psycopg.Connection[Any]) -> None:
        super().__init__(connection)
        self.cursor = lambda: Breaking(connection)  # type: ignore[assignment]
