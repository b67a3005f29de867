"""A connection that breaks while a transaction is committed: the answer says what became of it (law 11)."""

from __future__ import annotations

import pytest

from feed.storage.errors import StoreFailed
from feed.storage.postgresql import right
from feed.storage.postgresql.opening import open_postgresql
from tests.contracts.breaking import Breaking, BreakingOwner
from tests.contracts.making import decision, event


@pytest.fixture(params=[True, False], ids=["shared", "alone"])
def store(request, database, monkeypatch):
    monkeypatch.setattr(right, "Owning", BreakingOwner)
    opened = open_postgresql(database, shared=request.param)
    yield opened
    opened.close()


@pytest.mark.law
def test_law_11_what_was_committed_is_acknowledged_though_the_connection_broke(store):
    Breaking.moment = "after"
    assert store.ledger.append(decision("d1")).result(60).revision == 1
    Breaking.moment = "after"
    assert len(store.events.append([event()]).result(60)) == 1
    assert store.ledger.append(decision("d2")).result(60).revision == 2
    assert [one.id for one in store.ledger.since(0)] == ["d1", "d2"] and store.events.count() == 1


@pytest.mark.law
def test_law_11_what_was_not_committed_is_refused_and_left_nothing(store):
    Breaking.moment = "before"
    with pytest.raises(StoreFailed):
        store.ledger.append(decision("d1")).result(60)
    assert store.ledger.head() == 0
    assert store.ledger.append(decision("d1")).result(60).revision == 1
