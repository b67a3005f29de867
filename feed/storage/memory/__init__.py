"""A store in memory: the ports without a file, for tests and for trying things out. What it holds ends with it.

It answers every write at once, and otherwise as the other adapters do: one contract suite runs on all.
"""

from __future__ import annotations

from feed.storage.alone import AloneDeployment
from feed.storage.errors import StorageError, StoreClosed
from feed.storage.memory.events import MemoryEvents
from feed.storage.memory.items import MemoryItems
from feed.storage.memory.journal import MemoryJournal
from feed.storage.memory.ledger import MemoryLedger, MemoryPolicies
from feed.storage.memory.log import MemoryLog
from feed.storage.memory.readers import MemoryReaders
from feed.storage.memory.register import MemoryRegister, entries_of
from feed.storage.memory.registers import MemoryKeys, MemoryModels
from feed.storage.memory.room import Room
from feed.storage.memory.servings import MemoryServings
from feed.storage.ports.deployment import Replicas, Role
from feed.storage.register import Entry

__all__ = ["MemoryStore"]


class MemoryStore:
    """Fulfils :class:`feed.storage.ports.store.Store`."""

    def __init__(self) -> None:
        self._room = Room()
        self.servings = MemoryServings(self._room)
        self.readers = MemoryReaders(self._room)
        self.events = MemoryEvents(self._room)
        self.items = MemoryItems(self._room)
        self.journal = MemoryJournal(self._room)
        self.ledger = MemoryLedger(self._room)
        self.log = MemoryLog(self._room)
        self.policies = MemoryPolicies(self._room)
        self.models = MemoryModels(self._room)
        self.keys = MemoryKeys(self._room)
        self._deployment = AloneDeployment(self.ledger.head, self._refusal)

    def register(self, name: str) -> MemoryRegister:
        """The register of this name."""
        return MemoryRegister(self._room, name)

    def entries_of(self, person: str) -> list[tuple[str, Entry]]:
        """Every entry that belongs to a reader, with its register's name; by that, then by id."""
        return entries_of(self._room, person)

    @property
    def replicas(self) -> Replicas:
        """The registry of the processes that serve."""
        return self._deployment.replicas

    def role(self, name: str) -> Role:
        """A duty that one process has at a time, by its name."""
        return self._deployment.role(name)

    def _refusal(self) -> StorageError | None:
        return StoreClosed("the store was closed; open it again") if self._room.closed else None

    def queue_depth(self) -> int:
        """None ever wait."""
        return 0

    def close(self) -> None:
        """Refuse everything from now on."""
        self._room.closed = True
