"""Consequences: the ledger is followed from where it was left, and no decision is in the way of others."""

from __future__ import annotations

import threading
from concurrent.futures import Future
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import pytest

from controls.decisions import Decision, DecisionType
from feed.clock import SystemClock
from feed.decisions.consequences import Consequences
from feed.storage.answers import failed
from feed.storage.errors import RecordRefused, StorageError, StoreFailed
from feed.storage.memory import MemoryStore
from feed.storage.register import Entry
from tests.contracts.making import decision


@dataclass
class Preserving:
    """Evidence that remembers what it was asked to preserve, with the revision of the Snapshot before; the first time
    it raises what is to go wrong with a decision."""

    wrong: dict[str, Exception] = field(default_factory=dict)
    asked: list[tuple[str, int | None]] = field(default_factory=list)

    def preserve(self, decision: Decision, before: Any, now: Any) -> Future[list[Entry]] | None:
        self.asked.append((decision.id, before.revision if before is not None else None))
        if decision.id in self.wrong:
            error = self.wrong.pop(decision.id)
            if not isinstance(error, StorageError):
                raise error
            return failed(error)
        return None


def snapshot(revision: int) -> Any:
    return SimpleNamespace(revision=revision)


def taken_down(store: MemoryStore, *ids: str) -> None:
    for id in ids:
        store.ledger.append(decision(id, DecisionType.TAKEDOWN)).result()


def following(store: MemoryStore, evidence: Preserving) -> Consequences:
    return Consequences(store, SystemClock(), evidence, lambda item: (item,), correction_days=1)  # type: ignore[arg-type]


def test_each_decision_is_met_with_the_snapshot_that_did_not_know_of_it() -> None:
    store, evidence = MemoryStore(), Preserving()
    one = following(store, evidence)
    taken_down(store, "a")
    one.swapped(snapshot(1))
    one.start()
    assert one.wait(1, 10)
    store.ledger.append(decision("pinned")).result()
    taken_down(store, "b")
    one.swapped(snapshot(1))
    one.swapped(snapshot(3))
    assert one.wait(3, 10)
    one.close()
    assert evidence.asked == [("a", None), ("b", 1)]


def test_it_goes_on_from_where_it_was_left() -> None:
    store, evidence = MemoryStore(), Preserving()
    taken_down(store, "a")
    for id in ("", "b"):
        if id:
            taken_down(store, id)
        one = following(store, evidence)
        one.swapped(snapshot(store.ledger.head()))
        one.start()
        assert one.wait(store.ledger.head(), 10)
        one.close()
    assert [id for id, _ in evidence.asked] == ["a", "b"]


def test_what_the_store_refused_is_tried_again_before_anything_later() -> None:
    store, evidence = MemoryStore(), Preserving({"a": StoreFailed("the disk is full; make room")})
    one = following(store, evidence)
    taken_down(store, "a", "b")
    one.swapped(snapshot(2))
    one.start()
    assert one.wait(2, 10)
    one.close()
    assert [id for id, _ in evidence.asked] == ["a", "b", "a", "b"]


@pytest.mark.parametrize("error", [ValueError("odd"), RecordRefused("a value cannot be stored")])
def test_a_fault_in_one_decision_is_not_in_the_way_of_the_others(error: Exception) -> None:
    store, evidence = MemoryStore(), Preserving({"a": error})
    one = following(store, evidence)
    taken_down(store, "a", "b")
    one.swapped(snapshot(2))
    one.start()
    assert one.wait(2, 10)
    one.close()
    assert [id for id, _ in evidence.asked] == ["a", "b"]


def test_who_waits_for_too_long_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    store = MemoryStore()
    held = threading.Event()
    evidence = Preserving()
    monkeypatch.setattr(evidence, "preserve", lambda *given: held.wait(10) and None)
    one = following(store, evidence)
    taken_down(store, "a")
    one.swapped(snapshot(1))
    one.start()
    assert not one.wait(1, 0.01)
    held.set()
    assert one.wait(1, 10)
    one.close()
