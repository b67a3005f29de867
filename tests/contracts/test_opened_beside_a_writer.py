"""A store that is looked at while another process decides: it is whole at every moment."""

from __future__ import annotations

from itertools import count
from typing import Any, cast

from feed.storage.postgresql import server
from feed.storage.postgresql.opening import open_postgresql
from feed.storage.schema import REVISIONS
from feed.storage.sqlite import file
from feed.storage.sqlite.opening import open_sqlite
from tests.contracts.making import decision


class Interrupted:
    """A connection beside which a decision is made after each of its statements."""

    def __init__(self, connection, store):
        self._connection = connection
        self._store = store
        self._numbers = count()

    def execute(self, *statement):
        answer = self._connection.execute(*statement)
        found = answer.fetchall() if answer.description else []
        self._store.ledger.append(decision(f"d{next(self._numbers)}")).result(30)
        return Rows(found)

    def __getattr__(self, name):
        return getattr(self._connection, name)


class Rows:
    def __init__(self, found):
        self._found = found

    def fetchone(self):
        return self._found[0] if self._found else None


def test_an_embedded_store_is_whole_while_somebody_decides(tmp_path, empty_sqlite, monkeypatch):
    path = tmp_path / "weir.db"
    path.write_bytes(empty_sqlite.read_bytes())
    store = open_sqlite(path)
    connect = file.connect
    with monkeypatch.context() as patch:
        patch.setattr(file, "connect", lambda *given, **more: Interrupted(connect(*given, **more), store))
        assert file.inspect(path, write=False, verify=True) is file.State.CURRENT
    assert store.ledger.head() > 2
    store.close()


def test_a_database_is_whole_while_somebody_decides(database):
    store = open_postgresql(database, shared=True)
    with server.connected(database, "the database") as connection:
        assert server.inspect(cast(Any, Interrupted(connection, store)), "the database") == REVISIONS[-1]
    assert store.ledger.head() > 2
    store.close()
