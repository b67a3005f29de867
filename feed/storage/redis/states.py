"""Readers' states on Redis, with tickets as in memcache's leases (Nishtala and others, NSDI 2013).

A state counts only on the server process on which it was put: one that came back from a file, or a copy that took over,
may lack the change that dropped it. Names and values of keys tell nothing of who a reader is to those who do not know.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from hashlib import blake2b
from uuid import uuid4

from feed.storage.errors import SharingFailed
from feed.storage.ports.sharing import HOLD_SECONDS, STATE_LIMIT, Put, Shared
from feed.storage.redis.nodes import Answer, Run
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

    def get(self, readers: Sequence[str]) -> list[Shared]:
        """The states, or tickets to put them: one round trip. Nothing of those that only some nodes cannot tell."""
        generation = self._generation
        asked: list[Run] = [(self._keys(reader), (generation, uuid4().hex, _TICKET)) for reader in readers]
        return [_shared(answer, generation) for answer in _some(self._server.run_each(GET, asked))]

    def put(self, read: Sequence[Put]) -> list[bool]:
        """Keep states whose tickets still hold: one round trip."""
        runs: dict[int, Run] = {}
        for number, (reader, state, ticket) in enumerate(read):
            run, _, rest = ticket.partition(" ")
            token, _, generation = rest.partition(" ")
            if token and len(state) <= STATE_LIMIT:
                runs[number] = (self._keys(reader), (generation, f"{run} {token}", state, _LIFETIME))
        kept = dict(zip(runs, _some(self._server.run_each(PUT, list(runs.values()))), strict=True))
        return [kept.get(number) == 1 for number in range(len(read))]

    def append(self, reader: str, more: bytes) -> None:
        """Add to a state that is there."""
        self._server.run(APPEND, self._keys(reader), [self._generation, more, STATE_LIMIT])

    def hold(self, reader: str) -> None:
        """Let nobody put."""
        self._server.run(HOLD, self._keys(reader), [math.ceil(HOLD_SECONDS * 1000)])

    def drop(self, readers: Iterable[str]) -> None:
        """Forget states and tickets."""
        _all(self._server.run_each(DROP, [(self._keys(reader), ()) for reader in readers]))

    def release(self, readers: Iterable[str]) -> None:
        """Let states be put again."""
        _all(self._server.run_each(RELEASE, [(self._keys(reader), ()) for reader in readers]))

    def _keys(self, reader: str) -> list[str]:
        """State, ticket and holds, all in one slot of a Cluster."""
        name = blake2b(reader.encode(), digest_size=16, key=self._deployment[:64]).hexdigest()
        return [f"{self._prefix}:{{{name}}}:{what}" for what in ("state", "ticket", "held")]


def _all(answers: Sequence[Answer | SharingFailed]) -> None:
    """Raises the failure if there is one."""
    for answer in answers:
        if isinstance(answer, SharingFailed):
            raise answer


def _some(answers: Sequence[Answer | SharingFailed]) -> Sequence[Answer | SharingFailed]:
    """The same; raises a failure if there is nothing else."""
    if all(isinstance(answer, SharingFailed) for answer in answers):
        _all(answers)
    return answers


def _shared(answer: Answer | SharingFailed, generation: str) -> Shared:
    if isinstance(answer, SharingFailed):
        return Shared(None)
    if answer[0] is not None:
        return Shared(answer[0])
    ticket = answer[1].decode()
    return Shared(None, f"{ticket} {generation}" if ticket else "")
