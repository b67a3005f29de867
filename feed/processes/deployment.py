"""Deployment: what this process is among those that serve one store together.

An embedded store is served by one process, which shares nothing. Over PostgreSQL there may be many, if there is a Redis
that they share; one alone needs none.
"""

from __future__ import annotations

import os
import socket
from dataclasses import dataclass
from importlib.metadata import version
from secrets import token_hex

from feed.control.releases import releases_beside
from feed.errors import SetupInvalid
from feed.limits import Buckets
from feed.settings import Settings
from feed.storage.errors import SharingRefused
from feed.storage.ports.sharing import Rates, Sharing
from feed.storage.ports.store import Store
from feed.storage.postgresql.deployment import remove_replica
from feed.storage.redis.opening import open_sharing
from feed.storage.register import Entry

_REGISTER, _ENTRY = "places", "deployment"


@dataclass(frozen=True, slots=True)
class Deployment:
    """This process: its ``name`` among the others, its ``release``, and what it shares with them, if anything."""

    name: str
    release: str
    sharing: Sharing | None = None

    @property
    def rates(self) -> Rates:
        """Who counts how much each account asks."""
        return Buckets() if self.sharing is None else self.sharing.rates

    def close(self) -> None:
        """Leave the others."""
        if self.sharing is not None:
            self.sharing.close()


def alone() -> Deployment:
    """A process that has the store to itself."""
    return Deployment("local", version("weir"))


def check_shared(settings: Settings) -> None:
    """Raise ``SetupInvalid`` for a store that cannot be shared, before it is opened."""
    if settings.redis is not None and settings.database is None:
        raise SetupInvalid(
            "WEIR_REDIS is set without WEIR_DATABASE: an embedded store is not shared; set both, or none"
        )


def open_deployment(settings: Settings, store: Store, mark: str = "") -> Deployment:
    """This process among those of the settings' store, known by its ``mark``, or one of its own. Raises
    ``SetupInvalid`` for what cannot be shared over."""
    if settings.redis is None:
        return alone()
    release = version("weir")
    releases_beside(store.replicas, settings.lease, release)
    try:
        url = settings.redis.get_secret_value()
        sharing = open_sharing(url, settings.redis_prefix, deployment_id(store))
    except SharingRefused as refusal:
        raise SetupInvalid(str(refusal)) from refusal
    return Deployment(name_of(os.getpid(), mark or token_hex(3)), release, sharing)


def name_of(process: int, mark: str) -> str:
    """What a process of this host is called among the others; the ``mark`` tells it from one that had its number."""
    return f"{socket.gethostname()}:{process}:{mark}"


def strike_off(settings: Settings, name: str) -> None:
    """Take a process out of the registry, so that nobody waits for its lease to lapse: only for whoever saw it end
    (law 11). Raises ``StorageError``."""
    if settings.database is not None:
        remove_replica(settings.database.get_secret_value(), name)


def deployment_id(store: Store) -> str:
    """The random name that a store has for good, given when it is first served by several."""
    register = store.register(_REGISTER)
    entry = register.get(_ENTRY)
    if entry is None:
        mine = token_hex(16)
        (entry,) = register.edit([_ENTRY], lambda stored: list(stored.values()) or [Entry(_ENTRY, mine)]).result()
    return entry.content
