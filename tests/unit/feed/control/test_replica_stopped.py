"""A process that was stopped for a while, by whoever runs it or by its machine: what it serves when it goes on."""

from __future__ import annotations

from typing import Any

import pytest
import structlog
from structlog.testing import capture_logs

from feed.clock import ManualClock
from feed.control.errors import ControlsStale, ReplicaFailed
from feed.control.replica import Replica
from feed.errors import SetupInvalid
from feed.models.library import Graphs, PolicyDocuments
from feed.pages.making import Pages
from feed.storage.memory import MemoryStore
from ranking.fold import Fold
from tests.journeys.http_service import decision, running, until


def test_a_page_that_was_made_before_a_pause_longer_than_the_lease_is_not_sent(tmp_path, monkeypatch):
    make = Pages.page

    def paused(*given: Any) -> Any:
        answer = make(*given)
        # Nobody waits any longer for this process to obey.
        http.service.replica.close()
        until(lambda: not http.service.replica.fresh())
        return answer

    with running(tmp_path, lease=0.4) as http:
        http.put_items()
        monkeypatch.setattr(Pages, "page", paused)
        answer = http.call("GET", "/v1/feed?reader=r1", "feed")
        http.problem(answer, 503, "controls-stale")
        assert "item-" not in answer.text


def test_a_process_whose_lease_had_lapsed_begins_anew_before_it_serves_again(tmp_path):
    clock, store = ManualClock(), MemoryStore()
    fresh: list[bool] = []

    def returned() -> None:
        (known,) = store.replicas.living(60)
        fresh.append(known.name == "mine" and replica.fresh())

    fold = Fold(PolicyDocuments(store.policies), Graphs(store.models, tmp_path))
    replica = Replica(store, fold, clock, lease_seconds=2, name="mine", returned=returned)
    replica.start()
    try:
        clock.advance(1)
        replica.wake()
        until(lambda: replica.latest().as_of == clock.now())
        assert fresh == [False]
        clock.advance(3)
        replica.wake()
        until(replica.fresh)
        assert fresh == [False, False]
    finally:
        replica.close()


def test_a_clock_that_steps_forward_ends_no_lease_and_decisions_hold_from_then_on(tmp_path):
    clock = ManualClock()
    store = MemoryStore()
    replica = Replica(
        store, Fold(PolicyDocuments(store.policies), Graphs(store.models, tmp_path)), clock, lease_seconds=2
    )
    replica.start()
    try:
        clock.set_back(-3600)
        replica.wake()
        until(lambda: replica.latest().as_of == clock.now())
        assert replica.fresh()
        clock.set_back(3600)
        replica.wake()
        until(replica.fresh)
        assert replica.latest().as_of == clock.now() + 3600
    finally:
        replica.close()


def test_decisions_made_before_a_clock_steps_back_and_after_it_both_hold(tmp_path):
    clock = ManualClock()
    with running(tmp_path, clock=clock) as http:
        http.put_items()
        for item, step in (("item-1", 7200), ("item-2", 0)):
            made = http.call("POST", "/v1/decisions", "editor", json=decision("suppress", item, clock.now() + 86_400))
            assert made.status_code == 201 and not made.json()["enforced"]["lagging"], made.text
            clock.set_back(step)
        served = {item["id"] for item in http.call("GET", "/v1/feed?reader=r1", "feed").json()["items"]}
        assert served and served.isdisjoint({"item-1", "item-2"})


def test_a_fold_that_fails_is_told_once_and_nothing_is_served_when_the_lease_has_lapsed(tmp_path):
    clock, store, told = ManualClock(), MemoryStore(), list[ReplicaFailed]()
    replica = Replica(
        store, Fold(PolicyDocuments(store.policies), Graphs(store.models, tmp_path)), clock, lease_seconds=2
    )
    replica.on_failure(told.append)
    replica.start()
    try:
        store.journal.publish(extra=b'["author","somebody","no number","",0]\n', at=1).result()
        replica.wake()
        until(lambda: bool(told))
        (failure,) = told
        assert "edition 0" in str(failure) and "ValueError" in str(failure)
        assert replica.snapshot().edition == 0
        clock.advance(3)
        replica.wake()
        with pytest.raises(ControlsStale, match="ValueError"):
            replica.snapshot()
    finally:
        replica.close()
    assert len(told) == 1


def test_a_process_of_another_release_beside_this_one_is_warned_of(tmp_path, monkeypatch):
    # A logger that was used before goes on with the processors it found then.
    monkeypatch.setattr("feed.control.replica._log", structlog.get_logger("weir"))
    store = MemoryStore()
    store.replicas.confirm("other", "0.0.1", 0)
    fold = Fold(PolicyDocuments(store.policies), Graphs(store.models, tmp_path))
    replica = Replica(store, fold, ManualClock(), lease_seconds=2, name="mine", release="0.0.2")
    with capture_logs() as said:
        replica.start()
    replica.close()
    (warning,) = [line for line in said if line["log_level"] == "warning"]
    assert (warning["releases"], warning["this"]) == (["0.0.1"], "0.0.2")


def test_a_process_of_another_series_of_releases_does_not_start_beside_others(tmp_path):
    store = MemoryStore()
    store.replicas.confirm("other", "0.1.4", 0)
    fold = Fold(PolicyDocuments(store.policies), Graphs(store.models, tmp_path))
    replica = Replica(store, fold, ManualClock(), lease_seconds=2, name="mine", release="0.2.0")
    with pytest.raises(SetupInvalid, match=r"release 0\.1\.4 serve this store, and this one is of 0\.2\.0"):
        replica.start()
    replica.close()
    assert [record.name for record in store.replicas.living(60)] == ["other"]
    store.replicas.leave("other")
    again = Replica(store, fold, ManualClock(), lease_seconds=2, name="again", release="0.2.0")
    again.start()
    again.close()
