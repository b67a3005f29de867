"""The writer: one transaction for many, durable before it is acknowledged, and one job's failure is its own."""

from __future__ import annotations

import sqlite3
import threading
from concurrent.futures import CancelledError, Future

import pytest

from feed.storage.errors import DiskFull, RecordRefused, StorageError, StoreBusy, StoreFailed
from feed.storage.sql.queue import Lane
from feed.storage.sql.writer import Writer
from feed.storage.sqlite.file import fault_of


class Recorded:
    """A connection that keeps what it was told, and fails when asked to."""

    def __init__(self, path):
        self.inner = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        self.said: list[str] = []
        self.failing: dict[str, Exception] = {}

    def cursor(self):
        return _Cursor(self)

    def close(self):
        self.inner.close()


class _Cursor:
    def __init__(self, owner):
        self.owner = owner
        self.inner = owner.inner.cursor()

    def execute(self, sql, parameters=()):
        word = sql.split()[0]
        self.owner.said.append(word)
        if word in self.owner.failing:
            raise self.owner.failing.pop(word)
        return self.inner.execute(sql, parameters)

    def __getattr__(self, name):
        return getattr(self.inner, name)


def insert(cursor, values):
    for value in values:
        cursor.execute("INSERT INTO t VALUES (?)", (value,))
    return [f"wrote {value}" for value in values]


def insert_even(cursor, values):
    """Refuses odd values as results, and fails on negative ones after having written."""
    results = []
    for value in values:
        if value % 2:
            results.append(RecordRefused(f"{value} is odd"))
            continue
        cursor.execute("INSERT INTO t VALUES (?)", (value,))
        if value < 0:
            raise sqlite3.IntegrityError("negative")
        results.append(value)
    return results


class Held:
    """A job that holds the writer until it is released, so that others gather behind it."""

    def __init__(self, writer):
        self.running, self.release = threading.Event(), threading.Event()
        self.future = writer.submit(self._work, None, lane=Lane.DECISIONS)
        assert self.running.wait(30)

    def _work(self, cursor, arguments):
        self.running.set()
        assert self.release.wait(30)
        return arguments


@pytest.fixture
def database(tmp_path):
    path = tmp_path / "t.db"
    with sqlite3.connect(path, isolation_level=None) as connection:
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("CREATE TABLE t (value UNIQUE)")
    connection.close()
    return path


@pytest.fixture
def connections():
    return []


@pytest.fixture
def writer(database, connections):
    def connect():
        connections.append(Recorded(database))
        return connections[-1]

    writer = Writer(connect, fault_of, begin="BEGIN IMMEDIATE", rows=1000)
    yield writer
    writer.close()


@pytest.fixture
def stored(database):
    connection = sqlite3.connect(database, isolation_level=None, check_same_thread=False)
    yield lambda: [value for (value,) in connection.execute("SELECT value FROM t ORDER BY rowid")]
    connection.close()


def test_what_is_acknowledged_can_be_seen_by_others(writer, stored):
    looked: list[Future[bool]] = [Future() for _ in range(5)]
    futures = [writer.submit(insert, n, lane=Lane.EVENTS) for n in range(5)]
    for n, future in enumerate(futures):
        future.add_done_callback(lambda _, n=n: looked[n].set_result(n in stored()))
    assert [future.result(30) for future in futures] == [f"wrote {n}" for n in range(5)]
    # Who waits for a future may go on before its callbacks are through.
    assert all(look.result(30) for look in looked)


def test_what_gathers_is_written_in_one_transaction_without_savepoints(writer, connections, stored):
    held = Held(writer)
    futures = [writer.submit(insert, n, lane=Lane.EVENTS) for n in range(50)]
    assert writer.depth() == 50
    connections[0].said.clear()
    held.release.set()
    for future in [held.future, *futures]:
        future.result(30)
    assert connections[0].said.count("COMMIT") == 1 and "SAVEPOINT" not in connections[0].said
    assert stored() == list(range(50))


def test_decisions_are_written_before_events_and_events_before_servings(writer, stored):
    held = Held(writer)
    futures = [
        writer.submit(insert, f"{lane.name}{n}", lane=lane)
        for n in range(2)
        for lane in (Lane.SERVINGS, Lane.EVENTS, Lane.DECISIONS)
    ]
    held.release.set()
    for future in futures:
        future.result(30)
    assert stored() == ["DECISIONS0", "DECISIONS1", "EVENTS0", "EVENTS1", "SERVINGS0", "SERVINGS1"]


def test_a_decision_does_not_wait_for_a_backlog_of_events(writer, stored):
    held = Held(writer)
    events = [writer.submit(insert, n, lane=Lane.EVENTS, size=100_000) for n in range(100)]
    done = []
    decision = writer.submit(insert, "decision", lane=Lane.DECISIONS)
    decision.add_done_callback(lambda _: done.append([event.done() for event in events].count(True)))
    held.release.set()
    for future in [decision, *events]:
        future.result(30)
    assert done[0] <= 3, "one step of events goes with it, not the backlog"
    assert len(stored()) == 101


def test_a_refusal_is_the_answer_of_its_job_alone(writer, stored):
    held = Held(writer)
    futures = [writer.submit(insert_even, n, lane=Lane.EVENTS) for n in range(4)]
    held.release.set()
    assert [type(future.exception(30)) for future in futures] == [type(None), RecordRefused] * 2
    assert stored() == [0, 2]


def test_a_job_that_fails_halfway_leaves_nothing_and_the_others_stay(writer, stored):
    held = Held(writer)
    futures = [writer.submit(insert_even, n, lane=Lane.EVENTS) for n in (2, -4, 6)]
    futures.append(writer.submit(insert, "another kind", lane=Lane.EVENTS))
    held.release.set()
    assert [future.exception(30) is None for future in futures] == [True, False, True, True]
    with pytest.raises(RecordRefused, match="negative"):
        futures[1].result()
    assert stored() == [2, 6, "another kind"]


def test_an_error_of_the_program_is_told_and_the_writer_goes_on(writer, stored):
    def broken(cursor, values):
        insert(cursor, values)
        raise KeyError("a mistake")

    with pytest.raises(StoreFailed, match="a mistake"):
        writer.submit(broken, 1, lane=Lane.EVENTS).result(30)
    assert writer.submit(insert, 2, lane=Lane.EVENTS).result(30) == "wrote 2"
    assert stored() == [2]


def test_when_the_commit_fails_the_whole_group_is_told_and_nothing_is_written(writer, connections, stored):
    held = Held(writer)
    futures = [writer.submit(insert, n, lane=Lane.EVENTS) for n in range(3)]
    full = sqlite3.OperationalError("database or disk is full")
    full.sqlite_errorcode = sqlite3.SQLITE_FULL
    connections[0].failing["COMMIT"] = full
    held.release.set()
    for future in [held.future, *futures]:
        with pytest.raises(DiskFull, match="free some space"):
            future.result(30)
    assert stored() == []
    assert writer.submit(insert, "afterwards", lane=Lane.EVENTS).result(30) == "wrote afterwards"
    assert stored() == ["afterwards"]


def test_a_broken_connection_is_replaced(writer, connections, stored):
    connections[0].inner.close()
    assert isinstance(writer.submit(insert, 1, lane=Lane.EVENTS).exception(30), StorageError)
    assert writer.submit(insert, 2, lane=Lane.EVENTS).result(30) == "wrote 2"
    assert (len(connections), stored()) == (2, [2])


def test_while_no_connection_can_be_made_every_write_is_told(writer, connections, database, stored):
    moved = database.rename(database.with_name("away"))
    connections[0].inner.close()
    database.mkdir()
    for n in range(3):
        assert isinstance(writer.submit(insert, n, lane=Lane.EVENTS).exception(30), StorageError)
    database.rmdir()
    moved.rename(database)
    assert writer.submit(insert, "again", lane=Lane.EVENTS).result(30) == "wrote again"


def test_a_write_cancelled_while_it_waits_is_not_written(writer, stored):
    held = Held(writer)
    futures = [writer.submit(insert, n, lane=Lane.EVENTS) for n in range(3)]
    assert futures[1].cancel()
    assert not held.future.cancel(), "it is being written"
    held.release.set()
    assert futures[2].result(30) == "wrote 2"
    with pytest.raises(CancelledError):
        futures[1].result(30)
    assert stored() == [0, 2]


def test_beyond_its_bounds_the_queue_refuses_at_once(writer, stored):
    held = Held(writer)
    writer.submit(insert, "most", lane=Lane.EVENTS, rows=990)
    refused = writer.submit(insert, "too many", lane=Lane.EVENTS, rows=20)
    assert isinstance(refused.exception(0), StoreBusy)
    fits = writer.submit(insert, "fits", lane=Lane.EVENTS, rows=10)
    held.release.set()
    assert fits.result(30) == "wrote fits"
    assert stored() == ["most", "fits"]


def test_a_group_takes_the_pen_alone_or_beside_others_and_never_both(database, connections):
    def connect():
        connections.append(Recorded(database))
        return connections[-1]

    writer = Writer(connect, fault_of, begin="BEGIN IMMEDIATE", begin_beside="/*beside*/ BEGIN IMMEDIATE", rows=1000)
    held = Held(writer)
    joined = [writer.submit(insert, n, lane=Lane.EVENTS, alone=n == 5) for n in range(10)]
    connections[0].said.clear()
    held.release.set()
    for future in joined:  # what may be written beside others is written alone as well
        future.result(30)
    assert "BEGIN" not in connections[0].said and "/*beside*/" not in connections[0].said
    for n in (10, 11):
        writer.submit(insert, n, lane=Lane.EVENTS, alone=n == 11).result(30)
    begun = [word for word in connections[0].said if word in ("BEGIN", "/*beside*/")]
    assert [word for word, before in zip(begun, [None, *begun], strict=False) if word != before] == [
        "/*beside*/",
        "BEGIN",
    ]
    writer.close()
