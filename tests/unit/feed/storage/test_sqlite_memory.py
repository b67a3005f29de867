"""The pages of an embedded store that are kept in memory have a bound."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path

import pytest

from feed.settings import Settings
from feed.storage.sqlite import opening as embedded
from feed.storage.sqlite.opening import open_sqlite
from feed.stores import open_store

MIB = 1 << 20
BOUND = "PRAGMA cache_size"
"""Negative numbers are KiB."""


def test_half_of_the_bound_is_the_writers_and_half_the_eight_readers(tmp_path: Path) -> None:
    path = tmp_path / "weir.db"
    open_sqlite(path).close()
    writing, reading = embedded._writing(path, 32 * MIB), embedded._reading(path, 32 * MIB)
    with ExitStack() as stack:
        assert writing.execute(BOUND).fetchone() == (-16 * 1024,)
        readers = [stack.enter_context(reading.connection()) for _ in range(8)]
        assert {reader.exec_driver_sql(BOUND).scalar() for reader in readers} == {-2 * 1024}
    reading.close()
    writing.close()


def test_the_bound_is_a_setting(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    open_sqlite(tmp_path / "weir.db").close()
    given = []
    opened = embedded._writing

    def noting(path: Path, cache: int) -> object:
        given.append(cache)
        return opened(path, cache)

    monkeypatch.setattr(embedded, "_writing", noting)
    open_store(Settings(home=tmp_path, store_cache=MIB)).close()
    assert given == [MIB]
