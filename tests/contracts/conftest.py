"""Every adapter of the storage ports, opened empty; what holds for one holds for all."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from itertools import count
from pathlib import Path

import pytest

from feed.storage.memory import MemoryStore
from feed.storage.ports.store import Store
from feed.storage.postgresql.opening import open_postgresql
from feed.storage.sqlite.opening import open_sqlite
from tests.contracts.postgres_server import binaries, fresh_database, running_server

_numbers = count()


@dataclass(frozen=True)
class Adapter:
    """How to open a store; opening a durable one again finds what was acknowledged."""

    open: Callable[[], Store]
    durable: bool


@pytest.fixture(scope="session")
def empty_sqlite(tmp_path_factory):
    """The file of an empty store, made once: migrating takes longer than most tests."""
    path = tmp_path_factory.mktemp("empty") / "weir.db"
    open_sqlite(path).close()
    return path


@pytest.fixture(scope="session")
def postgres(tmp_path_factory):
    """A server with an empty store to copy."""
    if binaries() is None:
        pytest.skip("PostgreSQL is not installed; `make equip` installs it")
    with tempfile.TemporaryDirectory(prefix="weir-pg-") as folder, running_server(Path(folder)) as url:
        open_postgresql(fresh_database(url, "empty")).close()
        yield url


@pytest.fixture
def database(postgres):
    """The URL of an empty store of one's own."""
    return fresh_database(postgres, f"t{next(_numbers)}", "empty")


@pytest.fixture
def two(database):
    """Two stores that write one database side by side, as two processes do."""
    opened = [open_postgresql(database, shared=True) for _ in range(2)]
    yield opened
    for store in opened:
        store.close()


@pytest.fixture(params=["memory", "sqlite", "postgresql", "postgresql shared"])
def adapter(request, tmp_path):
    if request.param == "memory":
        return Adapter(MemoryStore, durable=False)
    if request.param.startswith("postgresql"):
        url = request.getfixturevalue("database")
        return Adapter(lambda: open_postgresql(url, shared="shared" in request.param), durable=True)
    path = tmp_path / "weir.db"
    shutil.copy(request.getfixturevalue("empty_sqlite"), path)
    return Adapter(lambda: open_sqlite(path), durable=True)


@pytest.fixture
def store(adapter):
    opened = adapter.open()
    yield opened
    opened.close()
