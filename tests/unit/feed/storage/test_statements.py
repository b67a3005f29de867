"""Statements take their values in the order in which rows have them, however many rows there are."""

from __future__ import annotations

import sqlite3

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import bindparam, create_engine, select
from sqlalchemy.dialects.postgresql.psycopg import PGDialect_psycopg
from sqlalchemy.dialects.sqlite.pysqlite import SQLiteDialect_pysqlite

from feed.storage.records import EventRecord
from feed.storage.schema import labels, policies
from feed.storage.sql.reading import Reading
from feed.storage.sql.statements import Insertion, Statements, limited, names
from feed.storage.sql.store import ReadOnly, SqlStore
from feed.storage.sqlite.file import fault_of

STATEMENTS = Statements(SQLiteDialect_pysqlite(paramstyle="qmark"))


@pytest.fixture(scope="module")
def cursor():
    connection = sqlite3.connect(":memory:", isolation_level=None)
    connection.execute("CREATE TABLE policies (digest TEXT PRIMARY KEY, document TEXT, created_at INT)")
    connection.execute("CREATE TABLE labels (item, name, score, given_by, given_at, PRIMARY KEY (item, name))")
    yield connection.cursor()
    connection.close()


def test_parameters_in_another_order_are_refused():
    query = select(policies.c.document).where(policies.c.digest == bindparam("digest"))
    assert "?" in STATEMENTS.text(query, "digest")
    with pytest.raises(ValueError, match=r"takes \('digest',\)"):
        STATEMENTS.text(query, "document")
    with pytest.raises(ValueError, match="takes"):
        STATEMENTS.new(policies, "document", "digest", "created_at")


def test_a_limit_is_one_parameter():
    assert STATEMENTS.text(limited(select(policies.c.digest), "most"), "most").count("?") == 1


@given(count=st.integers(0, 2300))
def test_any_number_of_rows_is_inserted_in_order(cursor, count):
    cursor.execute("DELETE FROM policies")
    rows = [(f"sha-{n}", f"{n}", n) for n in range(count)]
    insert = STATEMENTS.new_only(policies, "digest", "document", "created_at")
    assert insert.run(cursor, rows) == count
    assert cursor.execute("SELECT * FROM policies ORDER BY created_at").fetchall() == rows
    assert insert.run(cursor, rows) == 0
    assert insert.run(cursor, [*rows, ("new", "x", -1)]) == 1


def test_a_row_without_a_value_that_it_needs_is_not_left_out_as_if_it_were_known(cursor):
    insert = STATEMENTS.new_only(policies, "digest", "document", "created_at")
    cursor.execute("CREATE TABLE needing (digest TEXT PRIMARY KEY, document TEXT NOT NULL)")
    needing = Insertion("INSERT OR IGNORE INTO needing VALUES (?, ?)", 2, needed=[0, 1])
    assert isinstance(insert, Insertion)
    assert insert._needed == [0, 1, 2]
    assert needing.run(cursor, [("a", "x"), ("a", "x")]) == 1
    for rows in ([("b", None)], [("c", "x"), ("b", None), ("d", "x")]):
        with pytest.raises(ValueError, match="no value"):
            needing.run(cursor, rows)


def test_new_rows_must_be_new(cursor):
    insert = STATEMENTS.new(policies, "digest", "document", "created_at")
    insert.run(cursor, [("only once", "x", 1)])
    with pytest.raises(sqlite3.IntegrityError):
        insert.run(cursor, [("only once", "x", 1)])


def test_a_row_is_replaced_where_its_column_is_not_smaller(cursor):
    put = STATEMENTS.put(
        labels, "item", "name", "score", "given_by", "given_at", key=["item", "name"], newer="given_at"
    )
    assert put.run(cursor, [("i", "spam", 0.1, "m", 5), ("i", "fun", 0.1, "m", 5)]) == 2
    assert put.run(cursor, [("i", "spam", 0.2, "m", 4), ("i", "fun", 0.3, "m", 5)]) == 1
    assert cursor.execute("SELECT name, score FROM labels ORDER BY name").fetchall() == [("fun", 0.3), ("spam", 0.1)]


def test_the_same_statements_are_made_for_postgresql():
    statements = Statements(PGDialect_psycopg(paramstyle="format"))
    put = statements.put(
        labels, "item", "name", "score", "given_by", "given_at", key=["item", "name"], newer="given_at"
    )
    text = put._text(2)
    assert text.count("%s") == 10 and "ON CONFLICT (item, name) DO UPDATE" in text


def test_the_names_of_a_record_are_its_fields_in_order():
    assert names(EventRecord)[:3] == ("reader", "client_id", "item")


def test_every_statement_of_every_noun_can_be_made_for_postgresql():
    engine = create_engine("sqlite://")
    reading = Reading(engine, fault_of, pack=False)
    store = SqlStore(reading, ReadOnly(), Statements(PGDialect_psycopg(paramstyle="format")), closed=engine.dispose)
    assert "FOR UPDATE" in store.ledger._lock
    store.close()
