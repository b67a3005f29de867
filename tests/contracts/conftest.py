"""Every adapter of the storage ports, opened empty; what holds for one holds for all."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import dataclass

import pytest

from feed.storage.memory import MemoryStore
from feed.storage.ports import Store
from feed.storage.sqlite import open_sqlite


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


@pytest.fixture(params=["memory", "sqlite"])
def adapter(request, tmp_path):
    if request.param == "memory":
        return Adapter(MemoryStore, durable=False)
    path = tmp_path / "weir.db"
    shutil.copy(request.getfixturevalue("empty_sqlite"), path)
    return Adapter(lambda: open_sqlite(path), durable=True)


@pytest.fixture
def store(adapter):
    opened = adapter.open()
    yield opened
    opened.close()
