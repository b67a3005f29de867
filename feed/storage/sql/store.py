"""One open store over SQL: the nouns, the writer and the readers put together."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future
from typing import Any, Protocol

from feed.storage.alone import AloneDeployment
from feed.storage.answers import failed
from feed.storage.errors import StorageError, StoreClosed, StoreReadOnly
from feed.storage.ports.deployment import Replicas, Role
from feed.storage.register import Entry
from feed.storage.sql.changes import Changes
from feed.storage.sql.erasures import Erasures
from feed.storage.sql.events import SqlEvents
from feed.storage.sql.items import SqlItems
from feed.storage.sql.journal import SqlJournal
from feed.storage.sql.keys import SqlKeys
from feed.storage.sql.ledger import SqlLedger
from feed.storage.sql.log import SqlLog
from feed.storage.sql.models import SqlModels
from feed.storage.sql.persons import Persons
from feed.storage.sql.policies import SqlPolicies
from feed.storage.sql.queue import Lane, Work
from feed.storage.sql.readers import SqlReaders
from feed.storage.sql.reading import Reading
from feed.storage.sql.register import EntryPersons, SqlRegister
from feed.storage.sql.servings import SqlServings
from feed.storage.sql.statements import Statements
from feed.storage.sql.traced import traced
from feed.storage.sql.tree import SqlTree
from feed.storage.sql.writer import Writes

_CLOCKS_APART = 2
"""Seconds by which the clocks of hosts that write one store may differ; more must not be (docs/postgresql.md)."""


class ReadOnly:
    """Writes of a store that was opened for reading: every one is refused."""

    shared = False

    def submit(
        self,
        work: Work,
        argument: Any,
        *,
        lane: Lane,
        rows: int = 1,
        size: int = 256,
        after_all: bool = False,
        alone: bool = True,
    ) -> Future[Any]:
        """Refuse."""
        return failed(
            StoreReadOnly("this store was opened for reading; write through the API of the server that owns it")
        )

    def depth(self) -> int:
        """None ever wait."""
        return 0

    def close(self) -> None:
        """Nothing to finish."""


class Deployment(Protocol):
    """Where a store gets its registry and its roles."""

    @property
    def replicas(self) -> Replicas: ...
    def role(self, name: str) -> Role: ...


class SqlStore:
    """Fulfils :class:`feed.storage.ports.store.Store`."""

    def __init__(
        self,
        reading: Reading,
        writes: Writes,
        statements: Statements,
        closed: Callable[[], None],
        deployment: Deployment | None = None,
    ) -> None:
        """``closed`` is called once, after the last connection is closed. No ``deployment``: there is one process."""
        if not isinstance(writes, ReadOnly):
            writes = traced(writes)
        self._reading = reading
        self._writes = writes
        self._closed: Callable[[], None] | None = closed
        changes = Changes(reading, statements)
        erasures = Erasures(statements, slack=_CLOCKS_APART if writes.shared else 0)
        self.events = SqlEvents(reading, writes, statements, erasures)
        self.items = SqlItems(reading, writes, statements, changes)
        persons = Persons(reading, statements)
        self._entries = EntryPersons(reading, statements)
        self.readers = SqlReaders(reading, writes, statements, self.events, erasures, persons, self._entries)
        tree = SqlTree(reading, statements)
        self.ledger = SqlLedger(reading, writes, statements, tree)
        self.log = SqlLog(reading, writes, statements, tree)
        self.policies = SqlPolicies(reading, writes, statements)
        self.journal = SqlJournal(reading, writes, statements, changes)
        self.servings = SqlServings(reading, writes, statements, erasures)
        self.models = SqlModels(reading, writes, statements)
        self.keys = SqlKeys(reading, writes, statements)
        self._statements = statements
        self._deployment = deployment or AloneDeployment(self.ledger.head, self._refusal)
        self._registers: dict[str, SqlRegister] = {}

    def register(self, name: str) -> SqlRegister:
        """The register of this name."""
        found = self._registers.get(name)
        if found is None:
            found = self._registers[name] = SqlRegister(self._reading, self._writes, self._statements, name)
        return found

    def entries_of(self, person: str) -> list[tuple[str, Entry]]:
        """Every entry that belongs to a reader, with its register's name; by that, then by id."""
        return self._entries.of(person)

    @property
    def replicas(self) -> Replicas:
        """The registry of the processes that serve."""
        return self._deployment.replicas

    def role(self, name: str) -> Role:
        """A duty that one process has at a time, by its name."""
        return self._deployment.role(name)

    def _refusal(self) -> StorageError | None:
        if self._closed is None:
            return StoreClosed("the store was closed; open it again")
        if isinstance(self._writes, ReadOnly):
            return StoreReadOnly("this store was opened for reading; it serves nobody and has no duties")
        return None

    def queue_depth(self) -> int:
        """Writes waiting for the writer."""
        return self._writes.depth()

    def close(self) -> None:
        """Finish queued writes, then close. Closing again does nothing."""
        closed, self._closed = self._closed, None
        if closed is None:
            return
        self.journal.close()
        self.events.close()
        self.servings.close()
        self._writes.close()
        self._reading.close()
        closed()
