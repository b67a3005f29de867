"""Opening a SQLite store: one owner, many readers, and no file that is not whole and ours."""

from __future__ import annotations

import os
import signal
import sqlite3
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from feed.storage.errors import (
    OpeningRefused,
    SchemaTooNew,
    SchemaTooOld,
    StoreCorrupt,
    StoreFailed,
    StoreForeign,
    StoreInUse,
    StoreMissing,
    StoreReadOnly,
)
from feed.storage.records import ItemRecord
from feed.storage.schema import REVISIONS
from feed.storage.sqlite import opening as embedded
from feed.storage.sqlite.opening import open_sqlite
from tests.contracts.making import decision, event

ROOT = Path(__file__).resolve().parents[4]

HOLDER = """
import sys
from feed.storage.sqlite.opening import open_sqlite
store = open_sqlite(sys.argv[1], now=1_700_000_000)
print("open", flush=True)
sys.stdin.read()
"""


@pytest.fixture
def path(tmp_path):
    return tmp_path / "folder" / "weir.db"


@pytest.fixture
def closed(path):
    """A closed store with something in it."""
    store = open_sqlite(path)
    store.events.append([event(client_id=str(n)) for n in range(2000)]).result()
    store.items.put_items([ItemRecord("i1")]).result()
    for n in range(3):
        store.ledger.append(decision(f"d{n}")).result()
    store.close()
    return path


def sql(path, statement, *parameters):
    connection = sqlite3.connect(path, isolation_level=None)
    try:
        return connection.execute(statement, parameters).fetchall()
    finally:
        connection.close()


@pytest.fixture
def holder(closed):
    """Another process that owns the store."""
    process = subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(closed)], cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "open\n"
    yield process
    process.kill()
    process.communicate()


def test_a_new_store_is_made_with_its_folder_for_its_owner_alone(path):
    open_sqlite(path).close()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert sql(path, "SELECT version_num FROM alembic_version") == [(REVISIONS[-1],)]


def test_a_second_server_is_refused_and_told_who_owns_the_store(closed, holder):
    with pytest.raises(StoreInUse, match=rf"process {holder.pid} since 2023-11-14 22:13:20\+00:00; stop it") as told:
        open_sqlite(closed)
    assert told.value.pid == holder.pid


def test_a_second_opening_in_the_same_process_is_refused_too(closed):
    store = open_sqlite(closed)
    with pytest.raises(StoreInUse, match=f"process {os.getpid()}"):
        open_sqlite(closed)
    store.close()
    open_sqlite(closed).close()


def test_other_processes_may_read_while_one_owns_the_store(closed, holder):
    reader = open_sqlite(closed, exclusive=False)
    assert reader.events.count() == 2000
    with pytest.raises(StoreReadOnly, match="API"):
        reader.events.append([event()]).result()
    with pytest.raises(StoreReadOnly):
        reader.journal.publish(extra=b"", at=1).result()
    assert reader.queue_depth() == 0
    reader.close()


def test_a_reader_sees_what_the_owner_writes_meanwhile(closed):
    owner, reader = open_sqlite(closed), open_sqlite(closed, exclusive=False)
    owner.ledger.append(decision("d9")).result()
    assert reader.ledger.head() == 4
    reader.close()
    owner.close()


def test_the_lock_of_a_dead_process_is_no_obstacle(closed, holder):
    holder.send_signal(signal.SIGKILL)
    holder.wait(30)
    assert f'"pid": {holder.pid}' in closed.with_name("weir.db.lock").read_text()
    open_sqlite(closed).close()


def test_an_unreadable_lock_still_refuses(closed, holder):
    closed.with_name("weir.db.lock").write_text("?")
    with pytest.raises(StoreInUse, match="another process"):
        open_sqlite(closed)


def test_a_reader_needs_a_store(path):
    with pytest.raises(StoreMissing, match="start the service or import"):
        open_sqlite(path, exclusive=False)
    assert not path.exists()


def test_a_folder_that_cannot_be_used_is_told(tmp_path):
    (tmp_path / "file").write_text("not a folder")
    with pytest.raises((StoreFailed, OSError), match="file"):
        open_sqlite(tmp_path / "file" / "weir.db")


@pytest.mark.parametrize("exclusive", [True, False])
def test_a_file_of_another_kind_is_refused_and_left_as_it_was(path, exclusive):
    path.parent.mkdir()
    path.write_text("my thesis")
    with pytest.raises(StoreForeign, match="not a Weir store"):
        open_sqlite(path, exclusive=exclusive)
    assert path.read_text() == "my thesis"


@pytest.mark.parametrize("exclusive", [True, False])
def test_the_database_of_another_program_is_refused(path, exclusive):
    path.parent.mkdir()
    sql(path, "CREATE TABLE bookmarks (url)")
    before = path.read_bytes()
    with pytest.raises(StoreForeign, match="another program"):
        open_sqlite(path, exclusive=exclusive)
    assert path.read_bytes() == before


def test_a_file_whose_making_was_interrupted_is_made_anew(path):
    path.parent.mkdir()
    path.touch()
    open_sqlite(path).close()
    other = path.with_name("other.db")
    sql(other, "PRAGMA journal_mode = WAL")
    sql(other, "PRAGMA user_version = 0")
    store = open_sqlite(other)
    assert store.ledger.head() == 0
    store.close()


@pytest.mark.parametrize("exclusive", [True, False])
def test_a_tampered_file_is_refused(closed, exclusive):
    size = closed.stat().st_size
    with open(closed, "r+b") as file:
        for page in range(2, size // 4096):
            file.seek(page * 4096 + 3)
            file.write(b"\xff\xff\xff\xff\xff")
    with pytest.raises(StoreCorrupt, match=r"damaged .*backup"):
        open_sqlite(closed, exclusive=exclusive)


def test_a_truncated_file_is_refused(closed):
    os.truncate(closed, closed.stat().st_size // 2)
    with pytest.raises(StoreCorrupt, match="backup"):
        open_sqlite(closed)


def test_a_refused_opening_gives_the_lock_back(closed):
    whole = closed.read_bytes()
    os.truncate(closed, len(whole) // 2)
    for _ in range(2):
        with pytest.raises(StoreCorrupt):
            open_sqlite(closed)
    closed.write_bytes(whole)
    open_sqlite(closed).close()


def test_large_files_are_read_through_only_when_asked(closed, monkeypatch):
    monkeypatch.setattr("feed.storage.sqlite.file.CHECKED_BYTES", 0)
    pages = closed.stat().st_size // 4096
    with open(closed, "r+b") as file:
        file.seek((pages - 1) * 4096)
        file.write(b"\xff" * 4096)
    open_sqlite(closed).close()
    with pytest.raises(StoreCorrupt):
        open_sqlite(closed, verify=True)


def test_a_ledger_whose_end_was_cut_off_is_refused(closed):
    sql(closed, "DELETE FROM ledger WHERE revision = 3")
    with pytest.raises(StoreCorrupt, match="ends at revision 2, its head says 3"):
        open_sqlite(closed)


def test_a_ledger_with_a_gap_is_refused_when_it_is_read(closed):
    sql(closed, "DELETE FROM ledger WHERE revision = 2")
    store = open_sqlite(closed)
    with pytest.raises(StoreCorrupt, match="no revision 2"):
        store.ledger.since(0)
    store.close()


def test_a_decision_that_was_altered_is_refused_when_it_is_read(closed):
    sql(closed, "UPDATE ledger SET leaf = CAST(replace(CAST(leaf AS TEXT), 'd1', 'xx') AS BLOB) WHERE revision = 2")
    store = open_sqlite(closed)
    with pytest.raises(StoreCorrupt, match="revision 2 does not have its hash"):
        store.ledger.since(0)
    store.close()


def test_a_schema_of_a_later_release_is_refused(closed):
    sql(closed, "UPDATE alembic_version SET version_num = '9999'")
    for exclusive in (True, False):
        with pytest.raises(SchemaTooNew, match=r"9999.*install"):
            open_sqlite(closed, exclusive=exclusive, upgrade=exclusive)


def test_a_schema_of_an_earlier_release_is_refused_until_it_is_upgraded(closed, monkeypatch):
    sql(closed, "UPDATE alembic_version SET version_num = '0000'")
    monkeypatch.setattr("feed.storage.sqlite.file.REVISIONS", ("0000", *REVISIONS))
    before = closed.read_bytes()
    for exclusive in (True, False):
        with pytest.raises(SchemaTooOld, match="upgrade"):
            open_sqlite(closed, exclusive=exclusive)
    assert closed.read_bytes() == before

    def migrated(engine):
        with engine.begin() as connection:
            connection.exec_driver_sql(f"UPDATE alembic_version SET version_num = '{REVISIONS[-1]}'")

    monkeypatch.setattr(embedded, "migrate", migrated)
    store = open_sqlite(closed, upgrade=True)
    assert store.ledger.head() == 3
    store.close()


def test_every_refusal_to_open_is_known_as_one():
    for error in (StoreInUse, StoreMissing, StoreForeign, StoreCorrupt, SchemaTooOld, SchemaTooNew):
        assert issubclass(error, OpeningRefused)


def test_commits_are_flushed_to_the_device(closed):
    connection = embedded._writing(closed)
    answers = {name: connection.execute(f"PRAGMA {name}").fetchone()[0] for name in ("synchronous", "journal_mode")}
    assert answers == {"synchronous": 2, "journal_mode": "wal"}
    connection.close()


def test_what_is_erased_is_overwritten_in_the_file(path):
    secret = "a-very-personal-request-id"
    store = open_sqlite(path)
    store.events.append([event(request_id=secret)]).result()
    store.events.append([event("bob")]).result()
    store.readers.erase("ada", 1).result()
    store.close()
    assert secret.encode() not in path.read_bytes()
