"""A database that is killed while a transaction is committed: the answer says what is there (law 11)."""

from __future__ import annotations

from itertools import count

import psycopg
import pytest

from feed.storage.errors import StoreFailed
from feed.storage.postgresql import right
from feed.storage.postgresql.opening import open_postgresql
from tests.contracts.breaking import Breaking, BreakingOwner
from tests.contracts.making import decision, event
from tests.contracts.postgres_server import fresh_database
from tests.journeys.grown_servers import grounded

pytestmark = [pytest.mark.journey, pytest.mark.law]
_numbers = count()


@pytest.fixture(scope="module")
def ground():
    with grounded() as found:
        yield found


@pytest.fixture(params=[True, False], ids=["shared", "alone"])
def store(request, ground, monkeypatch):
    url = fresh_database(ground.database.maintenance, f"killed{next(_numbers)}")
    monkeypatch.setattr(right, "Owning", BreakingOwner)

    def killed() -> None:
        """Killed and started; others then write, with whatever numbers of transactions the server has for them."""
        ground.database.kill()
        ground.database.start()
        with psycopg.connect(url, autocommit=True) as other:
            for _ in range(5):
                other.execute("UPDATE heads SET number = number WHERE name = 'journal'")

    monkeypatch.setattr(Breaking, "meanwhile", staticmethod(killed))
    opened = open_postgresql(url, shared=request.param)
    yield opened
    opened.close()


def test_law_11_what_a_killed_database_lost_is_refused_whatever_number_its_transaction_had(store):
    Breaking.moment = "before"
    with pytest.raises(StoreFailed):
        store.events.append([event()]).result(60)
    assert store.events.count() == 0
    Breaking.moment = "before"
    with pytest.raises(StoreFailed):
        store.ledger.append(decision("d1")).result(60)
    assert store.ledger.head() == 0
    assert store.ledger.append(decision("d1")).result(60).revision == 1


def test_law_11_what_a_killed_database_kept_is_acknowledged(store):
    Breaking.moment = "after"
    assert store.ledger.append(decision("d1")).result(60).revision == 1
    Breaking.moment = "after"
    assert len(store.events.append([event()]).result(60)) == 1
    assert [one.id for one in store.ledger.since(0)] == ["d1"] and store.events.count() == 1
