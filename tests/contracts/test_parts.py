"""Events by parts on PostgreSQL: begun by the clock, unique over all of them, dropped whole, the same to who asks."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from unittest.mock import patch

import psycopg
import pytest
from sqlalchemy import create_engine, select, text
from sqlalchemy.pool import NullPool

from feed.storage.errors import StoreBusy, StoreFailed
from feed.storage.migrations import migrate
from feed.storage.ports.store import Outcome
from feed.storage.postgresql.opening import open_postgresql
from feed.storage.sql import parts
from feed.storage.sql.exposures import BLOCK
from feed.storage.sql.parts import DAY
from ranking.reader import EventKind
from tests.contracts.making import event
from tests.contracts.postgres_server import fresh_database

NEW, OLD = Outcome.ACCEPTED, Outcome.DUPLICATE
TODAY = int(time.time()) // DAY
"""Parts are begun near the database's own clock."""


def tables(url):
    with psycopg.connect(url) as connection:
        rows = connection.execute(
            "SELECT relname FROM pg_class JOIN pg_inherits ON inhrelid = oid WHERE inhparent = 'events'::regclass"
        ).fetchall()
    return sorted((name for (name,) in rows), key=lambda name: int(name.removeprefix("events_")))


def begun(store, day):
    """Begin a part while the database's clock, and this host's, tell of a day."""
    with clock_at(day * DAY + 5):
        return store.events.begin_part(day * DAY + 5, 1).result()


def clock_at(second):
    clocks = select(text(f"last_value >> 40, CAST({second} AS bigint)")).select_from(text("events_seq_seq"))
    return patch.object(parts, "_CLOCKS", clocks)


def came(name, day, reader="ada", **more):
    """An event that came in the middle of a day."""
    return event(reader, name, at=day * DAY + DAY // 2, **more)


def test_a_part_is_begun_when_the_open_one_is_old_enough(two, database):
    two[0].events.append([came("a", TODAY - 1)]).result()
    assert begun(two[0], TODAY - 1)
    assert not begun(two[1], TODAY - 1)
    assert not two[0].events.begin_part(TODAY * DAY, 2).result()
    two[1].events.append([came("b", TODAY)]).result()
    assert begun(two[1], TODAY)
    assert tables(database) == ["events_0", f"events_{TODAY - 1}", f"events_{TODAY}"]
    two[0].events.append([came("c", TODAY)]).result()
    for store in two:
        assert [one.client_id for one in store.events.of_reader("ada", 9)] == ["a", "b", "c"]
        assert [one.client_id for one in store.events.of_reader("ada", 2)] == ["b", "c"]
        assert store.events.count() == 3


def test_the_part_that_nothing_came_into_goes_when_the_next_is_begun(two, database):
    assert begun(two[0], TODAY)
    assert tables(database) == [f"events_{TODAY}"]


def test_a_part_is_not_begun_by_a_clock_that_is_days_off(two, database):
    for at in (TODAY + 5) * DAY, (TODAY - 5) * DAY:
        with clock_at(TODAY * DAY), pytest.raises(StoreFailed, match="set them right"):
            two[0].events.begin_part(at, 1).result()
    assert tables(database) == ["events_0"]


def test_a_part_is_named_by_the_databases_clock_and_an_event_from_before_is_a_duplicate(two, database):
    """Also when the host that begins it is behind, or the day ends while it waits for the pen."""
    before = event(client_id="a", at=TODAY * DAY + 3600)
    assert two[0].events.append([before]).result() == [NEW]
    with clock_at(TODAY * DAY + 3700):
        with pytest.raises(StoreFailed, match="set them right"):
            two[1].events.begin_part((TODAY - 1) * DAY + 5, 1).result()
        stale = (0, TODAY * DAY - 9)
        with patch.object(two[1].events._aging._parts._reading, "first", return_value=stale):
            assert two[1].events.begin_part(TODAY * DAY - 9, 1).result()
    assert tables(database)[-1] == f"events_{TODAY}"
    assert two[1].events.append([before]).result() == [OLD]


def test_an_event_that_is_sent_again_in_another_part_is_a_duplicate_to_every_writer(two):
    """Both writers have stored before, so that they know the part that was open then."""
    first = [came(f"{n}", TODAY - 1, f"r{n % 3}") for n in range(30)]
    assert two[0].events.append(first[:20]).result() == [NEW] * 20
    assert two[1].events.append(first[20:]).result() == [NEW] * 10
    for day in (TODAY - 1, TODAY, TODAY + 1):
        assert begun(two[0], day)
        for store in two:
            more = [came(f"{day} {id(store)}", TODAY - 1), came(f"now {day} {id(store)}", day)]
            batch = [more[0], *first, more[1], more[0]]
            assert store.events.append(batch).result() == [NEW, *[OLD] * 30, NEW, OLD]
            assert store.events.append([more[0], more[1]]).result() == [OLD, OLD]
    assert two[0].events.count() == 30 + 3 * 2 * 2


def test_an_event_without_a_time_is_known_again_for_a_week_at_least(two):
    two[0].events.append([event(client_id="a", at=7, received_at=7)]).result()
    begun(two[0], TODAY - 1)
    week = (TODAY + 7) * DAY
    for at in (TODAY * DAY, week - 1):
        assert two[1].events.append([event(client_id="a", at=at, received_at=at)]).result() == [OLD]
    assert two[1].events.append([event(client_id="a", at=week, received_at=week)]).result() == [NEW]


def test_an_id_that_is_used_again_for_what_occurred_after_a_later_part_was_begun_is_another_event(two):
    two[0].events.append([came("a", TODAY - 2)]).result()
    begun(two[0], TODAY - 1)
    later = (TODAY * DAY) + 600
    assert two[0].events.append([event(client_id="a", at=later - 1)]).result() == [OLD]
    assert two[0].events.append([event(client_id="a", at=later)]).result() == [NEW]
    assert two[1].events.append([event(client_id="a", at=later + 1)]).result() == [OLD]


def test_hides_that_are_sent_again_in_another_part_do_not_join_again(two):
    hide = came("h", TODAY - 1, kind=EventKind.HIDE)
    two[0].events.append([hide]).result()
    begun(two[0], TODAY)
    assert two[1].events.append([hide]).result() == [OLD]
    assert two[1].readers.get("ada").version == 1


def test_two_writers_store_each_event_once_while_parts_are_begun(two):
    batches = [[came(f"{k} {n}", TODAY - 1, f"r{n % 9}") for n in range(40)] for k in range(30)]

    def append(store, order):
        return {k: store.events.append(batches[k]).result() for k in order}

    with ThreadPoolExecutor(3) as pool:
        there = pool.submit(append, two[0], range(30))
        back = pool.submit(append, two[1], range(29, -1, -1))
        new = [pool.submit(begun, two[1], day).result() for day in (TODAY - 1, TODAY, TODAY + 1)]
        assert all(new)
        for k, outcomes in there.result().items():
            assert [{one, other} for one, other in zip(outcomes, back.result()[k], strict=True)] == [{NEW, OLD}] * 40
    assert two[0].events.count() == 1200


def test_parts_are_dropped_whole_once_nothing_in_them_is_young(two, database):
    for day in (TODAY - 1, TODAY, TODAY + 1):
        two[0].events.append([came(f"{day} {n}", day, item=f"i{day}") for n in range(3)]).result()
        begun(two[1], day)
    last = came("last", TODAY + 1)
    two[0].events.append([last]).result()
    assert two[0].events.expire((TODAY - 1) * DAY).result() == 0
    assert two[0].events.expire((TODAY - 1) * DAY + DAY // 2).result() == 0
    assert two[1].events.expire(TODAY * DAY).result() == 3
    assert two[1].events.expire((TODAY + 9) * DAY).result() == 6
    assert tables(database) == [f"events_{TODAY + 1}"]
    assert two[0].events.of_reader("ada", 9) == [last]
    assert two[0].events.append([came(f"{TODAY} 0", TODAY)]).result() == [NEW]


def test_an_erasure_reaches_every_part(two):
    for day in (TODAY - 1, TODAY):
        two[0].events.append(
            [came(f"a{day}", day), came(f"b{day}", day, item="i2"), came(f"{day}", day, "bob")]
        ).result()
        begun(two[1], day)
    two[1].events.append([came("a", TODAY)]).result()
    assert two[0].events.forget("ada", "i1").result() == 3
    assert two[0].readers.erase("ada", 1).result().events == 2
    assert two[1].events.of_reader("ada", 9) == []
    assert two[1].events.of_reader("bob", 9) == [came(f"{day}", day, "bob") for day in (TODAY - 1, TODAY)]


def test_what_is_read_of_all_events_is_read_of_all_parts_in_order(two):
    for n, day in enumerate((TODAY - 1, TODAY, TODAY + 1)):
        two[n % 2].events.append([came(f"{day}", day - n, f"r{n}", item=f"i{n}"), came(f"x{day}", day, "r0")]).result()
        begun(two[0], day)
    columns = two[0].events.columns()
    assert columns.times.tolist() == sorted(columns.times.tolist()) and len(columns.times) == 6
    assert two[1].events.columns(newest=2).times.tolist() == columns.times.tolist()[-2:]
    assert two[1].events.first_received(["r0", "r1"]) == {
        "r0": came("", TODAY - 1).received_at,
        "r1": came("", TODAY - 1).received_at,
    }


def shown(count, name, item="i"):
    return [came(f"{name} {n}", TODAY, f"r{n % 5}", item=item, kind=EventKind.IMPRESSION) for n in range(count)]


def blocks(url):
    with psycopg.connect(url) as connection:
        return [row[0] for row in connection.execute("SELECT block FROM exposure_blocks WHERE bucket = 3 ORDER BY 1")]


@pytest.mark.parametrize("shared", [False, True])
def test_exposures_are_counted_over_parts_and_their_blocks_go_with_them(database, shared):
    store = open_postgresql(database, shared=shared)
    store.events.append(shown(BLOCK + 50, "a")).result()
    begun(store, TODAY - 1)
    for part in range(5):
        store.events.append(shown(BLOCK // 2, f"b{part}")).result()
    assert store.events.exposures("i") == BLOCK + 50 + 5 * (BLOCK // 2)
    assert store.events.exposed(["i"], limit=9) == [f"r{n}" for n in range(5)]
    store.close()
    first = blocks(database)
    assert first[:2] == [0, 1] and first[2:] == [((TODAY - 1) << 40) // BLOCK + n for n in range(len(first) - 2)]
    assert len(first) >= 3
    store = open_postgresql(database, shared=shared)
    begun(store, TODAY)
    assert store.events.expire((TODAY + 1) * DAY).result() == BLOCK + 50 + 5 * (BLOCK // 2)
    store.events.append(shown(10, "c")).result()
    store.events.expire(0).result()
    assert blocks(database) == []
    assert store.events.exposures("i") == 10
    store.close()


def test_a_part_is_dropped_later_when_somebody_reads_events_for_long(two, database):
    two[0].events.append([came("a", TODAY - 1)]).result()
    begun(two[0], TODAY - 1)
    with psycopg.connect(database) as backup:
        backup.execute("SELECT count(*) FROM events")  # and goes on, as a dump does
        two[0].events.append([came("b", TODAY)]).result()
        assert begun(two[1], TODAY)
        with pytest.raises(StoreBusy):
            two[0].events.expire(TODAY * DAY).result()
        assert two[0].events.append([came("a", TODAY - 1)]).result() == [OLD]
    assert two[0].events.expire(TODAY * DAY).result() == 1


def test_a_part_that_could_not_be_made_leaves_the_sequence_where_it_was(two, database, monkeypatch):
    monkeypatch.setattr(parts.Parts, "_make", lambda *_: 1 / 0)
    with pytest.raises(StoreFailed):
        begun(two[0], TODAY - 1)
    monkeypatch.undo()
    assert tables(database) == ["events_0"]
    assert two[0].events.append([came("a", TODAY - 1)]).result() == [NEW]
    assert begun(two[1], TODAY)
    assert tables(database) == ["events_0", f"events_{TODAY}"]


def test_two_who_begin_a_part_at_once_begin_one_and_leave_none_beside_it(two, database):
    """Whoever comes second does so with what it read before the first had begun one."""
    two[0].events.append([came("a", TODAY - 1)]).result()
    assert begun(two[0], TODAY - 1)
    stale = (0, (TODAY - 1) * DAY + 5)
    with clock_at(stale[1]), patch.object(two[1].events._aging._parts._reading, "first", return_value=stale):
        assert not two[1].events.begin_part(stale[1], 1).result()
    assert tables(database) == ["events_0", f"events_{TODAY - 1}"]
    assert two[1].events.append([came("b", TODAY - 1)]).result() == [NEW]


def test_an_open_part_without_a_table_is_the_stores_fault_and_is_made(two, database):
    """As a restored backup may be: sequences are read later than tables."""
    with psycopg.connect(database) as connection:
        connection.execute("SELECT setval('events_seq_seq', %s)", ((TODAY - 1) << 40,))
    with pytest.raises(StoreFailed, match="a part of a table is missing"):
        two[0].events.append([came("a", TODAY)]).result()
    with clock_at(TODAY * DAY):
        assert not two[0].events.begin_part(TODAY * DAY, 30).result()
    assert tables(database) == ["events_0", f"events_{TODAY - 1}"]
    assert two[1].events.append([came("a", TODAY)]).result() == [NEW]


def test_what_went_before_retention_failed_is_told(two, database):
    for day in (TODAY - 1, TODAY):
        two[0].events.append([came(f"{day} {n}", day) for n in range(3)]).result()
        begun(two[1], day + 1)
    went, drop = list[int](), parts.Parts._drop_one

    def only_the_first(self, day):
        if went:
            raise StoreBusy("others read")
        drop(self, day)

    with patch.object(parts.Parts, "_drop_one", only_the_first), pytest.raises(StoreBusy):
        two[0].events.expire((TODAY + 9) * DAY, went.append).result()
    assert went == [3]
    assert two[0].events.expire((TODAY + 9) * DAY, went.append).result() == 3
    assert went == [3, 3]


def test_the_database_vouches_for_its_own_clock(two):
    two[0].events.append([event(at=5, received_at=5)]).result()
    assert abs(two[1].events.vouched() - time.time()) < 60


def test_events_from_before_there_were_parts_are_kept_and_let_go(postgres):
    url = fresh_database(postgres, "unparted")
    engine = create_engine(url.replace("postgresql://", "postgresql+psycopg://"), poolclass=NullPool)
    migrate(engine, "0007")
    old = [came(f"{n}", TODAY - 3) for n in range(4)]
    with engine.begin() as connection:
        names = ", ".join(old[0]._fields)
        for one in old:
            values = ", ".join(f":{name}" for name in one._fields)
            connection.execute(text(f"INSERT INTO events ({names}) VALUES ({values})"), one._asdict())
        connection.execute(text("COMMENT ON TABLE alembic_version IS 'weir 57656972'"))
    store = open_postgresql(url, upgrade=True)
    assert store.events.of_reader("ada", 9) == old
    assert store.events.append([*old, came("4", TODAY)]).result() == [*[OLD] * 4, NEW]
    assert begun(store, TODAY)
    assert store.events.append([*old, came("4", TODAY), came("5", TODAY)]).result() == [*[OLD] * 5, NEW]
    assert tables(url) == ["events_0", f"events_{TODAY}"]
    assert store.events.expire((TODAY + 1) * DAY).result() == 5
    assert tables(url) == [f"events_{TODAY}"]
    store.close()
