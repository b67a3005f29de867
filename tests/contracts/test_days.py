"""Servings by days on PostgreSQL: made as they come, dropped whole, and the same to everybody who asks."""

from __future__ import annotations

import psycopg
import pytest
from sqlalchemy import create_engine, text
from sqlalchemy.pool import NullPool

from feed.storage.errors import StoreBusy
from feed.storage.migrations import migrate
from feed.storage.postgresql.opening import open_postgresql
from feed.storage.sql.days import DAY
from tests.contracts.making import serving
from tests.contracts.postgres_server import fresh_database


def tables(url):
    with psycopg.connect(url) as connection:
        rows = connection.execute(
            "SELECT relname FROM pg_class JOIN pg_inherits ON inhrelid = oid WHERE inhparent = 'servings'::regclass"
        ).fetchall()
    return sorted(name for (name,) in rows)


def test_a_day_is_made_when_it_comes_and_dropped_whole_when_its_time_is_over(two, database):
    for day in (3, 4, 5):
        for n in range(3):
            two[day % 2].servings.record([serving(f"q{day}-{n}", served_at=day * DAY + n)]).result()
    assert tables(database) == ["servings_3", "servings_4", "servings_5"]
    assert [one.request_id for one in two[0].servings.newest(4)] == ["q5-2", "q5-1", "q5-0", "q4-2"]
    assert two[0].servings.expire(5 * DAY).result() == 6
    assert tables(database) == ["servings_5"]
    assert two[1].servings.expire(5 * DAY + 1).result() == 1
    assert [one.request_id for one in two[1].servings.newest(9)] == ["q5-2", "q5-1"]


def test_what_comes_late_for_a_day_that_another_dropped_has_its_day_again_at_the_next_try(two, database):
    two[0].servings.record([serving("a", served_at=DAY)]).result()
    two[1].servings.expire(2 * DAY).result()
    assert tables(database) == []
    two[0].servings.record([serving("b", served_at=DAY)]).exception()
    two[0].servings.record([serving("b", served_at=DAY)]).result()
    assert two[1].servings.get("b") == serving("b", served_at=DAY)


def test_a_request_is_recorded_once_on_its_day_and_batches_may_span_days(two):
    batch = [serving(f"q{n}", served_at=n * DAY // 2) for n in range(8)]
    two[0].servings.record(batch).result()
    two[1].servings.record(batch).result()
    assert [one.request_id for one in two[1].servings.newest(20)] == [f"q{n}" for n in range(7, -1, -1)]
    assert two[0].readers.erase("ada", 8 * DAY).result().servings == 8


def test_a_day_is_made_while_somebody_reads_the_others_for_long(two, database):
    two[0].servings.record([serving("a", served_at=DAY)]).result()
    with psycopg.connect(database) as backup:
        backup.execute("SELECT count(*) FROM servings")  # and goes on, as a dump does
        two[0].servings.record([serving("b", served_at=2 * DAY)]).result()
        with pytest.raises(StoreBusy):
            two[0].servings.expire(2 * DAY).result()
    assert two[0].servings.expire(2 * DAY).result() == 1


def test_servings_from_before_there_were_days_are_kept_and_let_go(postgres):
    url = fresh_database(postgres, "older")
    engine = create_engine(url.replace("postgresql://", "postgresql+psycopg://"), poolclass=NullPool)
    migrate(engine, "0006")
    with engine.begin() as connection:
        for n in range(3):
            connection.execute(
                text(
                    "INSERT INTO servings (request_id, reader, served_at, revision, edition, as_of, model, inputs,"
                    f" items, erased) VALUES ('q{n}', 'ada', {n * DAY + 5}, 3, 2, 99, 'm1', 'in', 'out', 0)"
                )
            )
        connection.execute(text("COMMENT ON TABLE alembic_version IS 'weir 57656972'"))
    store = open_postgresql(url, upgrade=True)
    assert store.servings.get("q1") == serving("q1", served_at=DAY + 5)
    store.servings.record([serving("q3", served_at=2 * DAY + 9), serving("q4", served_at=3 * DAY)]).result()
    assert tables(url) == ["servings_3", "servings_before"]
    assert [one.request_id for one in store.servings.newest(9)] == ["q4", "q3", "q2", "q1", "q0"]
    assert store.servings.expire(2 * DAY).result() == 2
    assert store.servings.expire(3 * DAY).result() == 2
    assert tables(url) == ["servings_3"]
    store.close()
