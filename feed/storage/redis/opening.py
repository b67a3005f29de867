"""Opening: what may be shared over which Redis, and what is refused before a process starts to serve."""

from __future__ import annotations

import re
from dataclasses import dataclass

import structlog

from feed.storage.errors import SharingFailed, SharingRefused
from feed.storage.ports.sharing import Sharing
from feed.storage.redis.bus import RedisBus
from feed.storage.redis.place import Place, foreign
from feed.storage.redis.rates import RedisRates
from feed.storage.redis.scripts import CLAIM, OWNER
from feed.storage.redis.server import Server
from feed.storage.redis.states import RedisStates

PREFIX = re.compile(r"[A-Za-z0-9_.:-]{1,64}")
"""What a prefix may be."""

_log = structlog.get_logger("weir")


@dataclass(frozen=True, slots=True)
class Inspection:
    """What is found at an address of Redis: its name, version, and the deployment that a prefix belongs to, if any."""

    name: str
    version: str
    cluster: bool
    evicts: bool
    owner: str | None


def open_sharing(url: str, prefix: str, deployment: str) -> Sharing:
    """Share over the Redis at ``url`` (``redis://``, or ``rediss://`` for TLS), under keys that begin with ``prefix``,
    with the processes of the same ``deployment``.

    A Redis that does not answer is only logged, and used as soon as it does. Raises ``SharingRefused`` for what is no
    address, a user or password that is refused, a version too old, and a prefix of another deployment.
    """
    if not PREFIX.fullmatch(prefix):
        raise SharingRefused(
            f"{prefix!r} cannot begin keys in Redis; WEIR_REDIS_PREFIX has 1 to 64 letters, digits and _ . : -"
        )
    server = Server(url)
    try:
        facts = server.reach()
        if facts.evicts:
            _log.warning("redis_evicts", address=server.name, remedy="set maxmemory-policy to volatile-lru")
        owner = server.run(CLAIM, Place(prefix, deployment).keys[:1], [deployment]).decode()
        if owner != deployment:
            raise SharingRefused(foreign(prefix, owner))
    except SharingFailed as failure:
        _log.warning("redis_unreachable", why=str(failure), until="it answers, the store is asked instead")
    except SharingRefused:
        server.close()
        raise
    server.keep()
    rates = RedisRates(server, prefix, deployment)

    def close() -> None:
        rates.close()
        server.close()

    return Sharing(RedisBus(server, prefix, deployment), RedisStates(server, prefix, deployment), rates, closed=close)


def inspect_sharing(url: str, prefix: str) -> Inspection:
    """What is found at an address; nothing is changed. Raises ``SharingFailed`` and ``SharingRefused``."""
    server = Server(url)
    try:
        facts = server.reach()
        owner = server.run(OWNER, Place(prefix, "").keys[:1], [])
    finally:
        server.close()
    version = ".".join(map(str, facts.version))
    return Inspection(server.name, version, facts.cluster, facts.evicts, None if owner is None else owner.decode())
