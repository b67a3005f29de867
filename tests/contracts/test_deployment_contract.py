"""Replicas and roles: who lives and what they obey, and one holder of a duty at a time, whatever becomes of it."""

from __future__ import annotations

import threading

import psycopg
import pytest

from feed.storage.errors import StorageError, StoreClosed, StoreReadOnly
from feed.storage.postgresql.opening import open_postgresql
from tests.contracts.making import decision

SOON = 60.0


def names(store, within=SOON):
    return [one.name for one in store.replicas.living(within)]


def test_who_confirms_is_told_the_head_and_lives(store):
    assert names(store) == []
    assert store.replicas.confirm("b", "1.0", 0) == 0
    store.ledger.append(decision()).result()
    assert store.replicas.confirm("b", "1.1", 1) == 1
    assert store.replicas.confirm("a", "1.0", 0) == 1
    first, second = store.replicas.living(SOON)
    assert (first.name, first.release, first.revision) == ("a", "1.0", 0)
    assert (second.name, second.release, second.revision) == ("b", "1.1", 1)
    assert 0 <= first.age <= second.age < SOON


def test_who_did_not_confirm_lately_is_left_out(store):
    store.replicas.confirm("a", "1.0", 0)
    assert names(store, within=-1.0) == []


def test_who_leaves_is_gone_and_may_come_again(store):
    for name in ("a", "b"):
        store.replicas.confirm(name, "1.0", 0)
    store.replicas.leave("a")
    store.replicas.leave("nobody")
    assert names(store) == ["b"]
    store.replicas.confirm("a", "1.0", 0)
    assert names(store) == ["a", "b"]


def test_confirming_waits_for_no_write(store):
    started, go_on = threading.Event(), threading.Event()

    def slow(stored):
        started.set()
        assert go_on.wait(30)
        return []

    def edit():
        return store.register("papers").edit(["p"], slow).result()

    # A store in memory writes on the thread that asks.
    writing = threading.Thread(target=edit)
    writing.start()
    try:
        assert started.wait(30)
        if type(store).__name__ != "MemoryStore":  # whose head waits for the write, as everything does
            assert store.replicas.confirm("a", "1.0", 0) == 0
    finally:
        go_on.set()
        writing.join()


def test_a_role_is_held_until_it_is_released_and_may_be_taken_again(store):
    role = store.role("upkeep")
    assert role.held() and role.held()
    assert store.role("another").held()
    role.release()
    assert role.held()


def test_after_closing_nobody_lives_and_nothing_is_held(adapter):
    store = adapter.open()
    role = store.role("upkeep")
    assert role.held()
    store.close()
    for ask in (role.held, lambda: store.replicas.confirm("a", "1.0", 0), lambda: store.replicas.living(SOON)):
        with pytest.raises(StoreClosed):
            ask()


def test_what_is_opened_for_reading_sees_who_lives_and_has_no_duties(database):
    writer, reader = open_postgresql(database), open_postgresql(database, exclusive=False)
    writer.replicas.confirm("a", "1.0", 0)
    assert names(reader) == ["a"]
    with pytest.raises(StoreReadOnly):
        reader.role("upkeep").held()
    with pytest.raises(StoreReadOnly):
        reader.replicas.confirm("b", "1.0", 0)
    reader.close()
    writer.close()


def test_processes_see_each_other(two):
    one, other = two
    one.replicas.confirm("one", "1.0", 3)
    other.replicas.confirm("other", "1.1", 4)
    assert one.replicas.living(SOON)[1].revision == 4
    assert names(other) == ["one", "other"]
    other.replicas.leave("one")
    assert names(one) == ["other"]


def test_a_role_has_one_holder_and_falls_to_another_when_it_is_given_up(two):
    one, other = (store.role("upkeep") for store in two)
    assert one.held() and not other.held()
    assert two[1].role("another").held()
    one.release()
    assert other.held() and not one.held()
    two[1].close()
    assert one.held()


def test_a_role_falls_to_another_when_its_holders_session_ends_and_the_holder_learns_it(two, database):
    one, other = (store.role("upkeep") for store in two)
    assert one.held() and not other.held()
    with psycopg.connect(database, autocommit=True) as operator:
        ended = operator.execute(
            "SELECT pg_terminate_backend(pid, 10000) FROM pg_locks JOIN pg_database d ON d.oid = database "
            "WHERE locktype = 'advisory' AND granted AND mode = 'ExclusiveLock' AND datname = current_database()"
        ).fetchall()
    assert ended == [(True,)]
    assert other.held()
    with pytest.raises(StorageError):
        one.held()
    assert not one.held()


def test_who_waits_for_a_role_outlives_the_end_of_its_own_session(two, database):
    one, other = (store.role("upkeep") for store in two)
    assert one.held() and not other.held()
    with psycopg.connect(database, autocommit=True) as operator:
        operator.execute(
            "SELECT pg_terminate_backend(a.pid, 10000) FROM pg_stat_activity a "
            "WHERE a.datname = current_database() AND a.pid <> pg_backend_pid() "
            "AND NOT EXISTS (SELECT FROM pg_locks l WHERE l.pid = a.pid AND locktype = 'advisory')"
        )
    assert not other.held()
    assert one.held()


def test_a_confirmation_reaches_a_server_that_ended_its_session(two, database):
    two[0].replicas.confirm("one", "1.0", 1)
    with psycopg.connect(database, autocommit=True) as operator:
        operator.execute(
            "SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity "
            "WHERE datname = current_database() AND application_name = 'weir registry'"
        )
    with pytest.raises(StorageError):
        two[0].replicas.confirm("one", "1.0", 2)
    assert two[0].replicas.confirm("one", "1.0", 3) == 0
    assert [one.revision for one in two[1].replicas.living(SOON)] == [3]
