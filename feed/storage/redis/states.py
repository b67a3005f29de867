"""Readers' states on Redis, with tickets as in memcache's leases (Nishtala and others, NSDI 2013).

A state counts only on the server process on which it was put: one that came back from a file, or a copy that took over,
may lack the change that dropped it. Names and values of keys tell nothing of who a reader is to those who do not know.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from hashlib import blake2b
from uuid import uuid4

from feed.storage.ports.sharing import HOLD_SECONDS, STATE_LIMIT, Shared
from feed.storage.redis.scripts import APPEND, DROP, GET, HOLD, PUT, RELEASE
from feed.storage.redis.server import Server

_LIFETIME = 600_000
"""Milliseconds for which a state is kept."""

_TICKET = 60_000
"""Milliseconds for which a ticket is good."""


class RedisStates:
    """Fulfils :class:`feed.storage.ports.sharing.SharedStates`."""

    def __init__(self, server: Server, prefix: str, deployment: str) -> None:
        self._server = server
        self._prefix = prefix
        self._deployment = deployment.encode()
        self._generation = ""

    def since(self, generation: str) -> None:
        """Begin anew."""
        self._generation = generation

    def get(self, reader: str) -> Shared:
        """The state, or a ticket to put it: one round trip."""
        generation = self._generation
        answer = self._server.run(GET, self._keys(reader), [generation, uuid4().hex, _TICKET])
        if answer[0] is not None:
            return Shared(answer[0])
        ticket = answer[1].decode()
        return Shared(None, f"{ticket} {generation}" if ticket else "")

    def put(self, reader: str, state: bytes, ticket: str) -> bool:
        """Keep a state, if the ticket still holds."""
        run, _, rest = ticket.partition(" ")
        token, _, generation = rest.partition(" ")
        if not token or len(state) > STATE_LIMIT:
            return False
        arguments: list[str | bytes | int] = [generation, f"{run} {token}", state, _LIFETIME]
        return bool(self._server.run(PUT, self._keys(reader), arguments))

    def append(self, reader: str, more: bytes) -> None:
        """Add to a state that is there."""
        self._server.run(APPEND, self._keys(reader), [self._generation, more, STATE_LIMIT])

    def hold(self, reader: str) -> None:
        """Let nobody put."""
        self._server.run(HOLD, self._keys(reader), [math.ceil(HOLD_SECONDS * 1000)])

    def drop(self, readers: Iterable[str]) -> None:
        """Forget states and tickets."""
        self._server.run_each(DROP, [self._keys(reader) for reader in readers])

    def release(self, readers: Iterable[str]) -> None:
        """Let states be put again."""
        self._server.run_each(RELEASE, [self._keys(reader) for reader in readers])

    def _keys(self, reader: str) -> list[str]:
        """State, ticket and holds, all in one slot of a Cluster."""
        name = blake2b(reader.encode(), digest_size=16, key=self._deployment[:64]).hexdigest()
        return [f"{self._prefix}:{{{name}}}:{what}" for what in ("state", "ticket", "held")]
