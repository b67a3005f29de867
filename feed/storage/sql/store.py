"""One open store over SQL: the nouns, the writer and the readers put together."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future
from typing import Any

from feed.storage.answers import failed
from feed.storage.errors import StoreReadOnly
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
from feed.storage.sql.tree import SqlTree
from feed.storage.sql.writer import Writes


class ReadOnly:
    """Writes of a store that was opened for reading: every one is refused."""

    def submit(
        self, work: Work, argument: Any, *, lane: Lane, rows: int = 1, size: int = 256, after_all: bool = False
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


class SqlStore:
    """Fulfils :class:`feed.storage.ports.Store`."""

    def __init__(self, reading: Reading, writes: Writes, statements: Statements, closed: Callable[[], None]) -> None:
        """``closed`` is called once, after the last connection is closed."""
        self._reading = reading
        self._writes = writes
        self._closed: Callable[[], None] | None = closed
        changes = Changes(reading, statements)
        erasures = Erasures(statements)
        self.events = SqlEvents(reading, writes, statements, erasures)
        self.items = SqlItems(reading, writes, statements, changes)
        persons = Persons(reading, statements)
        self._entries = EntryPersons(reading, statements)
        self.readers = SqlReaders(reading, writes, statements, self.events, persons, self._entries)
        tree = SqlTree(reading, statements)
        self.ledger = SqlLedger(reading, writes, statements, tree)
        self.log = SqlLog(reading, writes, statements, tree)
        self.policies = SqlPolicies(reading, writes, statements)
        self.journal = SqlJournal(reading, writes, statements, changes)
        self.servings = SqlServings(reading, writes, statements, erasures)
        self.models = SqlModels(reading, writes, statements)
        self.keys = SqlKeys(reading, writes, statements)
        self._statements = statements
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

    def queue_depth(self) -> int:
        """Writes waiting for the writer."""
        return self._writes.depth()

    def close(self) -> None:
        """Finish queued writes, then close. Closing again does nothing."""
        closed, self._closed = self._closed, None
        if closed is None:
            return
        self.journal.close()
        self._writes.close()
        self._reading.close()
        closed()
