"""Law 10: candidates fail open, controls fail closed."""

from __future__ import annotations

from typing import Any, cast

import pytest

from feed.control.errors import ControlsStale
from feed.control.replica import Replica
from feed.models.library import Graphs, PolicyDocuments
from feed.storage.errors import StoreClosed
from feed.storage.memory import MemoryStore
from ranking.fold import Fold
from tests.journeys.http_service import running, until


class ManualClock:
    """Time that passes when the test says so."""

    def __init__(self) -> None:
        self.second = 1_800_000_000
        self.ticks = 0.0

    def now(self) -> int:
        return self.second

    def monotonic(self) -> float:
        return self.ticks


class Ledger:
    """A store's ledger behind a line that can be cut."""

    def __init__(self, ledger):
        self._ledger = ledger
        self.cut = False

    def since(self, revision, limit=1000):
        if self.cut:
            raise StoreClosed("the line is cut")
        return self._ledger.since(revision, limit)


class Lined:
    """A store whose ledger can be cut off."""

    def __init__(self, store):
        self.ledger = Ledger(store.ledger)
        self.journal = store.journal
        self.replicas = store.replicas


@pytest.fixture
def lined(tmp_path):
    store = MemoryStore()
    clock = ManualClock()
    lined = Lined(store)
    fold = Fold(PolicyDocuments(store.policies), Graphs(store.models, tmp_path))
    replica = Replica(cast(Any, lined), fold, clock, lease_seconds=2.0)
    replica.start()
    yield lined, clock, replica
    replica.close()


def test_a_replica_that_cannot_confirm_the_ledger_stops_serving_and_recovers_by_itself(lined):
    store, clock, replica = lined
    assert replica.snapshot().revision == 0
    store.ledger.cut = True
    replica.wake()
    until(lambda: bool(replica.failure))
    clock.ticks += 1.9
    assert replica.snapshot().revision == 0
    clock.ticks += 0.2
    with pytest.raises(ControlsStale, match="not confirmed within 2 s"):
        replica.snapshot()
    with pytest.raises(ControlsStale), replica.reading():
        pass
    store.ledger.cut = False
    replica.wake()
    until(replica.fresh)
    assert replica.snapshot().revision == 0


def test_a_clock_that_steps_backwards_neither_moves_the_fold_back_nor_extends_the_lease(lined):
    _, clock, replica = lined
    before = replica.latest().as_of
    clock.second -= 3600
    replica.wake()
    clock.ticks += 1.0
    until(replica.fresh)
    assert replica.latest().as_of == before


def test_a_feed_without_its_store_is_answered_503_not_with_old_rules(tmp_path):
    with running(tmp_path, lease=0.3) as http:
        http.put_items()
        assert http.call("GET", "/v1/feed?reader=r1", "feed").status_code == 200
        http.service.store.close()
        until(lambda: not http.service.replica.fresh())
        problem = http.call("GET", "/v1/feed?reader=r1", "feed")
        http.problem(problem, 503, "controls-stale")
        assert http.call("GET", "/readyz").status_code == 503
        assert http.call("GET", "/livez").status_code == 200


def test_a_missing_model_means_fewer_candidates_not_fewer_items(tmp_path):
    with running(tmp_path) as http:
        http.put_items()
        page = http.call("GET", "/v1/feed?reader=r1&limit=24", "feed").json()
        assert page["model"] == ""
        assert len(page["items"]) == 24
