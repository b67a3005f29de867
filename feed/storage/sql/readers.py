"""Readers' settings in SQL, and erasure: settings, events, contents of Servings, names in decisions (law 8)."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import Future
from dataclasses import replace
from typing import Any

import orjson
from sqlalchemy import bindparam, delete, select

from feed.storage.answers import failed
from feed.storage.errors import StorageError, VersionConflict
from feed.storage.records import Erasure, Past, ReaderRecord
from feed.storage.rules import is_personalized, version_conflict
from feed.storage.schema import FORGETTINGS, heads, readers
from feed.storage.sql.erasures import Erasures
from feed.storage.sql.events import SqlEvents
from feed.storage.sql.listed import listed_texts
from feed.storage.sql.pasts import Pasts
from feed.storage.sql.persons import Named, Persons
from feed.storage.sql.queue import Cursor, Lane
from feed.storage.sql.reading import Reading
from feed.storage.sql.register import EntryPersons
from feed.storage.sql.statements import Statements, names
from feed.storage.sql.writer import Writes

_Save = tuple[ReaderRecord, int | None]


class SqlReaders:
    """Readers' explicit settings."""

    def __init__(
        self,
        reading: Reading,
        writes: Writes,
        statements: Statements,
        events: SqlEvents,
        erasures: Erasures,
        persons: Persons,
        entries: EntryPersons,
    ) -> None:
        self._reading = reading
        self._writes = writes
        self._events = events
        self._erasures = erasures
        self._persons = persons
        self._entries = entries
        fields = names(ReaderRecord)
        mine = readers.c.reader == bindparam("of")
        self._put = statements.put(readers, *fields, "personalized", key=["reader"])
        self._version = statements.text(select(readers.c.version, readers.c.personalized).where(mine), "of")
        self._delete = statements.text(delete(readers).where(mine), "of")
        self._get = select(*(readers.c[name] for name in fields)).where(mine)
        self._forgettings = select(heads.c.number).where(heads.c.name == FORGETTINGS)
        those = readers.c.reader.in_(listed_texts("readers", statements))
        self._known = select(*(readers.c[name] for name in fields)).where(those)
        self._pasts = Pasts(reading, statements)

    def get(self, reader: str) -> ReaderRecord:
        """A reader's settings; version 0 if never saved."""
        row = self._reading.first(self._get, of=reader)
        return ReaderRecord(*row) if row else ReaderRecord(reader)

    def known(self, readers: Sequence[str]) -> dict[str, ReaderRecord]:
        """The saved settings of those of these readers who saved any, by reader."""
        rows = self._reading.table(self._known, readers=orjson.dumps(readers).decode())
        return {row[0]: ReaderRecord(*row) for row in rows}

    def pasts(self, readers: Sequence[str], limit: int) -> list[Past]:
        """For each of these readers their settings and newest ``limit`` events, oldest first."""
        return self._pasts.of(readers, limit)

    def save(self, record: ReaderRecord, expected_version: int | None) -> Future[ReaderRecord]:
        """Save settings with version + 1; ``VersionConflict`` if ``expected_version`` is not the stored one."""
        size = len(record.settings) + 256
        return self._writes.submit(self._save, (record, expected_version), lane=Lane.DECISIONS, size=size)

    def _save(self, cursor: Cursor, jobs: Sequence[_Save]) -> list[Any]:
        return [self._save_one(cursor, record, expected) for record, expected in jobs]

    def _save_one(self, cursor: Cursor, record: ReaderRecord, expected: int | None) -> ReaderRecord | VersionConflict:
        cursor.execute(self._version, (record.reader,))
        row = cursor.fetchone()
        version, before = row if row else (0, 1)
        if expected is not None and expected != version:
            return version_conflict(record.reader, expected, version)
        saved = replace(record, version=version + 1)
        personalized = int(is_personalized(record.settings))
        self._put.run(cursor, [(saved.reader, saved.settings, saved.version, saved.updated_at, personalized)])
        if before and not personalized:
            self._erasures.count(cursor)
        return saved

    def forgettings(self) -> int:
        """How often a reader was erased, their history or an item of it forgotten, or personalization switched off."""
        return self._reading.number(self._forgettings)

    def erase(self, reader: str, at: int) -> Future[Erasure]:
        """Delete settings and events, empty Servings (the stored ones, and later ones served up to ``at``), and erase
        the reader from decisions. Looks through the ledger before it returns."""
        try:
            named = self._persons.named(reader)
        except StorageError as error:
            return failed(error)
        return self._writes.submit(self._erase, (named, at), lane=Lane.SERVINGS, after_all=True)

    def _erase(self, cursor: Cursor, jobs: Sequence[tuple[Named, int]]) -> list[Erasure]:
        return [self._erase_one(cursor, named, at) for named, at in jobs]

    def _erase_one(self, cursor: Cursor, named: Named, at: int) -> Erasure:
        reader = named.person
        cursor.execute(self._delete, (reader,))
        settings = cursor.rowcount
        events, servings = self._events.erase(cursor, reader, None, at)
        decisions = self._persons.erase(cursor, named)
        return Erasure(events, settings, servings, decisions, self._entries.forget(cursor, reader))
