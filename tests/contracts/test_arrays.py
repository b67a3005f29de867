"""Arrays written as text come back from PostgreSQL as what they were."""

from __future__ import annotations

import psycopg
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from feed.storage.errors import RecordRefused
from feed.storage.sql.arrays import blobs, numbers, texts
from tests.contracts.making import event, serving

odd = st.sampled_from(["", "NULL", "null", "{}", ",", '"', "\\", "\n\t\x7f", "\\x61", " a ", "\u2028", "\U0001f600"])
anything = odd | st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"))


@pytest.fixture(scope="module")
def session(postgres):
    with psycopg.connect(postgres, autocommit=True) as connection:
        yield connection


def back(session, kind, written):
    return session.execute(f"SELECT %s::{kind}[]", (written,)).fetchone()[0]


def test_arrays_come_back_value_by_value(session):
    @settings(max_examples=150, deadline=None, database=None)
    @given(st.lists(anything, max_size=5), st.lists(st.integers(-(2**63), 2**63 - 1)), st.lists(st.binary(max_size=9)))
    def come_back(words, counts, contents):
        assert back(session, "text", texts(words)) == words
        assert back(session, "int8", numbers(counts)) == counts
        assert back(session, "bytea", blobs(contents)) == contents

    come_back()


def test_what_is_not_of_its_column_is_refused_alone(two):
    store = two[0]
    bad = [event(client_id="float", dwell_ms=0.5), event(client_id="lone \ud800"), event(client_id="huge", at=2**70)]
    for one in bad:
        with pytest.raises(RecordRefused):
            store.events.append([one]).result()
    futures = [store.events.append([one]) for one in (event(client_id="a"), bad[1], event(client_id="b"))]
    assert [future.exception() is None for future in futures] == [True, False, True]
    assert store.events.count() == 2


def test_servings_with_odd_contents_come_back(store):
    sent = [serving(f"q{n}", f'r\\{n}"', inputs=bytes([n, 92, 34]), items=b"") for n in range(5)]
    store.servings.record(sent).result()
    assert [store.servings.get(one.request_id) for one in sent] == sent
