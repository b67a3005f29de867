"""What became of a commit whose connection broke: each transaction of the writer leaves a token with what it wrote.

The token is there if and only if the transaction was committed, whatever happened to the server meanwhile. The number
that the server gives a transaction does not tell: one that was lost in a crash before it reached the disk is given
again, to another that is then committed.
"""

from __future__ import annotations

import secrets
import time
from contextlib import suppress
from typing import Any

import psycopg

from feed.storage.errors import StorageError
from feed.storage.postgresql.server import connected, row
from feed.storage.sql.writer import Settled

_SETTLED_SECONDS = 10.0
_ASK_AGAIN = 0.1
_BEFORE = 16
"""Tokens before this one, some of transactions that failed, that each transaction takes away."""

_KEPT_SECONDS = 3600
_NOW = "extract(epoch FROM now())::bigint"


class Commits:
    """The tokens of one writer."""

    def __init__(self, url: str, shown: str) -> None:
        """``url`` is where it is asked, over a connection of its own; ``shown`` is the same without a password."""
        self._url = url
        self._shown = shown
        self._token = secrets.randbits(62)

    def clean(self, connection: psycopg.Connection[Any]) -> None:
        """Take away what writers that were killed left."""
        with suppress(psycopg.Error):
            connection.execute(f"DELETE FROM commits WHERE at < {_NOW} - {_KEPT_SECONDS}".encode())

    def next(self) -> tuple[str, Settled]:
        """What the next transaction says after it has begun, and how to ask later whether it was committed."""
        self._token += 1
        token = self._token
        says = (
            f"; DELETE FROM commits WHERE token BETWEEN {token - _BEFORE} AND {token - 1}"
            f"; INSERT INTO commits (token, at) VALUES ({token}, {_NOW})"
        )
        return says, lambda: self._committed(token)

    def _committed(self, token: int) -> bool:
        """Leave the token oneself, at no time: that waits for a transaction that still runs, and one that comes later
        fails. Whoever left it first decides, also when this is asked again."""
        until = time.monotonic() + _SETTLED_SECONDS
        leave = f"INSERT INTO commits (token, at) VALUES ({token}, 0) ON CONFLICT DO NOTHING".encode()
        while time.monotonic() < until:
            # A server that was restarted takes a while; so does the end of a session that lost its client.
            with suppress(StorageError, psycopg.Error), connected(self._url, self._shown) as connection:
                connection.execute(leave)
                (at,) = row(connection, "SELECT at FROM commits WHERE token = %s", token)
                return bool(at)
            time.sleep(_ASK_AGAIN)
        return False
