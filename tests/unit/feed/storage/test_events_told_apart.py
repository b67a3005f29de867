"""Storing events that may be there already: what cannot be stored is refused, and never told as known."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
from sqlalchemy.dialects.postgresql.psycopg import PGDialect_psycopg

from feed.storage.errors import RecordRefused
from feed.storage.ports.store import Outcome
from feed.storage.records import EventRecord
from feed.storage.sql.newcomers import _WARY, Newcomers
from feed.storage.sql.statements import Statements
from feed.storage.sqlite.opening import open_sqlite

EVENT = EventRecord("r", "c", "i", 1, 1, 1, 0, "", 1)


@pytest.fixture
def store(tmp_path):
    store = open_sqlite(tmp_path / "store.db")
    yield store
    store.close()


@pytest.mark.parametrize("field", EventRecord._fields)
def test_an_event_that_lacks_a_field_is_refused_and_others_are_stored(store, field):
    whole, lacking = EVENT._replace(client_id="whole"), EventRecord(**(EVENT._asdict() | {field: None}))
    answers = [store.events.append([EVENT._replace(client_id=str(number)), whole]) for number in range(3)]
    refused = store.events.append([EVENT._replace(client_id="beside"), lacking])
    assert answers[0].result() == [Outcome.ACCEPTED] * 2
    assert answers[2].result() == [Outcome.ACCEPTED, Outcome.DUPLICATE]
    with pytest.raises(RecordRefused):
        refused.result()
    assert store.events.count() == 4


@pytest.mark.parametrize("count", [1, 511, 512, 999, 1000, 1001, 2500])
def test_of_many_events_those_known_are_told_apart(store, count):
    batch = [EVENT._replace(client_id=str(number), reader=f"r{number % 7}") for number in range(count)]
    known = batch[::3]
    store.events.append(known).result()
    told = store.events.append(batch).result()
    assert [out is Outcome.DUPLICATE for out in told] == [number % 3 == 0 for number in range(count)]
    assert store.events.append(batch).result() == [Outcome.DUPLICATE] * count
    assert store.events.count() == count


class Taken(Exception):
    """What a driver raises when a unique value is taken."""

    sqlstate = "23505"


class PostgresqlSaying:
    """A cursor that stores nothing: which kind of insert was asked for, and whether the one that must be new fails."""

    rowcount = 1

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.taken = False
        self._rows: list[Any] = []

    def execute(self, sql: str, parameters: Sequence[Any] = (), /) -> None:
        word = sql.split(maxsplit=1)[0]
        self._rows = [(0,)] if "last_value" in sql else []
        if word == "WITH":
            self.asked.append("new")
            self._rows = [(7,)]
            if self.taken:
                raise Taken
        elif word == "INSERT":
            self.asked.append("looked for")
            self._rows = [] if self.taken else [("r", "c", 7)]

    def fetchone(self) -> Any:
        return self._rows[0]

    def fetchall(self) -> list[Any]:
        return self._rows

    def close(self) -> None:
        """Nothing to close."""


def test_in_postgresql_events_are_taken_to_be_new_until_some_are_known_and_again_after_a_while():
    newcomers = Newcomers(Statements(PGDialect_psycopg(paramstyle="format")))
    cursor = PostgresqlSaying()
    assert newcomers.store(cursor, [EVENT]) is None
    assert cursor.asked == ["new"]
    cursor.taken = True
    assert newcomers.store(cursor, [EVENT]) == set()
    assert cursor.asked == ["new", "new", "looked for"]
    cursor.taken = False
    assert [newcomers.store(cursor, [EVENT]) for _ in range(_WARY + 1)] == [None] * (_WARY + 1)
    assert cursor.asked[3:] == ["looked for"] * _WARY + ["new"]


def test_another_failure_of_postgresql_is_not_taken_for_a_known_event(monkeypatch):
    monkeypatch.setattr(Taken, "sqlstate", "40P01")
    cursor = PostgresqlSaying()
    cursor.taken = True
    with pytest.raises(Taken):
        Newcomers(Statements(PGDialect_psycopg(paramstyle="format"))).store(cursor, [EVENT])
    assert cursor.asked == ["new"]
