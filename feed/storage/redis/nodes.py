"""One node of Redis: connections to it, and whether it answers. Nothing here ever shows a password."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from hashlib import sha1
from typing import Any

from redis import exceptions
from redis.backoff import NoBackoff
from redis.connection import AbstractConnection, ConnectionPool
from redis.retry import Retry

from feed.storage.errors import SharingRefused

REQUEST_SECONDS = 0.25
"""Longest wait for a connection, and for an answer."""

Answer = Any
"""What Redis answers: bytes, whole numbers, None, and lists of these."""

Run = tuple[list[str], Sequence[str | bytes | int]]
"""Keys and arguments of a script."""

AGAIN: Answer = object()
"""No answer: the script has to be run again."""

Connection = Any
"""A connection of the client library, whose methods carry no types."""

UNREACHABLE = (exceptions.ConnectionError, exceptions.TimeoutError, OSError)
"""What is raised when a node gives no answer."""


class Script:
    """A Lua script, run in one go on the node that has its keys."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.sha = sha1(text.encode(), usedforsecurity=False).hexdigest()
        """The name under which Redis keeps it."""


@dataclass(frozen=True, slots=True)
class Facts:
    """What a server says of itself."""

    version: tuple[int, ...]
    cluster: bool
    evicts: bool
    """Whether it may drop keys without an end when its memory is full."""


class Node:
    """One server, by its host and port. ``broken`` says why it is left alone, and is None while it answers."""

    def __init__(self, kind: type[AbstractConnection], options: Mapping[str, Any]) -> None:
        self._kind = kind
        self._options = dict(options)
        self._free: deque[Connection] = deque()
        self.broken: str | None = None

    @property
    def host(self) -> str:
        """Its host's name or address."""
        return str(self._options.get("host", "localhost"))

    @property
    def name(self) -> str:
        """Host and port."""
        return f"{self.host}:{self._options.get('port', 6379)}"

    def beside(self, host: str, port: int) -> Node:
        """Another node of the same Cluster."""
        return Node(self._kind, {**self._options, "host": host, "port": port})

    def connected(self, seconds: float) -> Connection:
        """A connection of its own, on which an answer may take so many seconds."""
        connection: Connection = self._kind(**{**self._options, "socket_timeout": seconds})
        connection.connect()
        return connection

    def call(self, *command: str | bytes | int) -> Answer:
        """The answer to a command. Raises what the client library raises."""
        connection = self._taken() or self.connected(REQUEST_SECONDS)
        try:
            connection.send_command(*command)
            answer = connection.read_response(disconnect_on_error=False)
        except exceptions.ResponseError:
            self._free.append(connection)
            raise
        except BaseException:
            connection.disconnect()
            raise
        self._free.append(connection)
        return answer

    def _taken(self) -> Connection | None:
        """A free connection, which the server has not closed meanwhile."""
        while True:
            try:
                connection = self._free.pop()
            except IndexError:
                return None
            with suppress(exceptions.ConnectionError):
                if not connection.can_read(0):
                    return connection
            connection.disconnect()

    def run(self, script: Script, keys: list[str], arguments: list[str | bytes | int]) -> Answer:
        """What a script returns; Redis is sent its text when it does not know it."""
        try:
            return self.call("EVALSHA", script.sha, len(keys), *keys, *arguments)
        except exceptions.NoScriptError:
            return self.call("EVAL", script.text, len(keys), *keys, *arguments)

    def run_each(self, script: Script, each: Sequence[Run]) -> list[Answer]:
        """What a script returns for each, in one round trip; the error where it was refused; :data:`AGAIN` where the
        node does not know the script, or no longer has the keys."""
        connection = self._taken() or self.connected(REQUEST_SECONDS)
        answers: list[Answer] = []
        try:
            commands = [("EVALSHA", script.sha, len(keys), *keys, *arguments) for keys, arguments in each]
            connection.send_packed_command(connection.pack_commands(commands))
            for _ in each:
                try:
                    answers.append(connection.read_response(disconnect_on_error=False))
                except (exceptions.NoScriptError, exceptions.MovedError):
                    answers.append(AGAIN)
                except exceptions.ResponseError as refused:
                    answers.append(refused)
        except BaseException:
            connection.disconnect()
            raise
        self._free.append(connection)
        return answers

    def facts(self) -> Facts:
        """What it says of itself."""
        lines = (line.partition(":") for line in self.call("INFO").decode().splitlines())
        said = {name: value for name, _, value in lines}
        numbers = said.get("redis_version", "0").split(".")
        return Facts(
            tuple(int(number) for number in numbers if number.isdecimal()),
            said.get("redis_mode") == "cluster",
            said.get("maxmemory_policy", "").startswith("allkeys"),
        )

    def close(self) -> None:
        """Give up the connections that are free."""
        while self._free:
            self._free.pop().disconnect()


def node_at(url: str) -> Node:
    """The node that an address names. Raises ``SharingRefused``, which never repeats the address: it may be half of a
    password."""
    try:
        pool = ConnectionPool.from_url(url)
        pool.connection_class(**pool.connection_kwargs)
    except (ValueError, TypeError):
        pool = None
    if pool is None or not url.startswith(("redis://", "rediss://")):
        raise SharingRefused(
            "the address of Redis is not one; write redis://user:password@host:6379, or rediss:// for TLS, with "
            "signs such as # in a password written as %23"
        )
    options = {
        **pool.connection_kwargs,
        "protocol": 2,
        "socket_connect_timeout": REQUEST_SECONDS,
        "socket_keepalive": True,
        "retry": Retry(NoBackoff(), 0),
    }
    return Node(pool.connection_class, options)
