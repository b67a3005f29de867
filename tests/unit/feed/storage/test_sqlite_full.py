"""A full disk: the write is refused whole, everybody is told, and writing goes on when there is room again."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from feed.storage.errors import DiskFull
from feed.storage.records import ItemRecord
from feed.storage.sqlite import opening as embedded
from feed.storage.sqlite.opening import open_sqlite
from tests.contracts.making import decision, event

ROOT = Path(__file__).resolve().parents[4]


@pytest.fixture
def limited(tmp_path, monkeypatch):
    """A store that may grow by some pages only; the database says that it is full, as it does on a full disk."""
    path = tmp_path / "weir.db"
    open_sqlite(path).close()
    monkeypatch.setattr(embedded, "WRITER_PRAGMAS", (*embedded.WRITER_PRAGMAS, "PRAGMA max_page_count = 90"))
    store = open_sqlite(path)
    yield store
    store.close()


def long_event(n):
    return event(client_id=f"e{n}", request_id="x" * 2000)


def test_a_write_without_room_is_refused_and_the_earlier_ones_stay(limited):
    kept = []
    with pytest.raises(DiskFull, match="free some space"):
        for n in range(1000):
            limited.events.append([long_event(n)]).result()
            kept.append(f"e{n}")
    assert 5 < len(kept) < 500
    assert [one.client_id for one in limited.events.of_reader("ada", 1000)] == kept


def test_a_batch_without_room_leaves_nothing_of_itself(limited):
    with pytest.raises(DiskFull):
        limited.events.append([long_event(n) for n in range(1000)]).result()
    with pytest.raises(DiskFull):
        limited.items.put_items([ItemRecord(f"i{n}", title="x" * 2000) for n in range(1000)]).result()
    assert (limited.events.count(), limited.items.count(), limited.journal.pending()) == (0, 0, 0)


def test_in_a_crowd_those_with_room_are_written_and_revisions_have_no_gap(limited):
    futures = [limited.ledger.append(decision(f"d{n}", reason="x" * 1500)) for n in range(400)]
    appended = [future.result().revision for future in futures if future.exception() is None]
    refused = [future for future in futures if future.exception() is not None]
    assert appended and refused and all(isinstance(future.exception(), DiskFull) for future in refused)
    assert sorted(appended) == list(range(1, len(appended) + 1))
    assert [one.revision for one in limited.ledger.since(0)] == sorted(appended)


def test_writing_goes_on_when_there_is_room_again(limited):
    with pytest.raises(DiskFull):
        limited.events.append([long_event(n) for n in range(1000)]).result()
    assert limited.ledger.append(decision()).result().revision == 1
    limited.events.append([event(client_id="small")]).result()
    assert limited.events.count() == 1


COMMIT_FAILS = """
import resource, signal, sys
from feed.storage.errors import StorageError
from feed.storage.sqlite.opening import open_sqlite
from tests.contracts.making import decision, event

signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
store = open_sqlite(sys.argv[1])
store.events.append([event(client_id="before")]).result()
soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
resource.setrlimit(resource.RLIMIT_FSIZE, (400_000, hard))
batches = [[event(client_id=f"{k}.{n}", request_id="x" * 500) for n in range(100)] for k in range(20)]
futures = [store.events.append(batch) for batch in batches]
refused = [k for k, future in enumerate(futures) if isinstance(future.exception(), StorageError)]
assert refused, "the file could not grow, and nobody was told"
resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
store.ledger.append(decision()).result()
store.events.append([event(client_id="after")]).result()
store.close()
print(*refused)
"""


def test_a_device_that_refuses_to_write_loses_nothing_that_was_acknowledged(tmp_path):
    path = tmp_path / "weir.db"
    done = subprocess.run(
        [sys.executable, "-c", COMMIT_FAILS, str(path)], cwd=ROOT, capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stderr
    refused = {int(word) for word in done.stdout.split()}
    store = open_sqlite(path, verify=True)
    stored = {one.client_id for one in store.events.of_reader("ada", 100_000)}
    expected = {f"{k}.{n}" for k in range(20) if k not in refused for n in range(100)}
    assert stored == expected | {"before", "after"}
    assert store.ledger.head() == 1
    store.close()
