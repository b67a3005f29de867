from __future__ import annotations

from collections.abc import Sequence

from feed.readers.states import SHARED_SECONDS, ReaderStates
from feed.storage.memory import MemoryStore
from feed.storage.records import ReaderRecord
from ranking.building import CatalogueBuilder


def opted(store: MemoryStore, reader: str, personalization: str) -> None:
    settings = f'{{"personalization": {personalization}}}'
    store.readers.save(ReaderRecord(reader, settings), None).result()


def test_consent_is_the_stored_personalization_and_on_for_the_unknown():
    store = MemoryStore()
    opted(store, "out", "false")
    opted(store, "in", "true")
    assert ReaderStates(store).consents({"out", "in", "new"}) == {"out": False, "in": True, "new": True}


def test_unreadable_settings_are_no_consent():
    store = MemoryStore()
    store.readers.save(ReaderRecord("odd", "[]"), None).result()
    assert ReaderStates(store).consents(["odd"]) == {"odd": False}


def test_a_changed_consent_is_seen_after_invalidation():
    store = MemoryStore()
    states = ReaderStates(store)
    assert states.consents(["r1"]) == {"r1": True}
    opted(store, "r1", "false")
    states.invalidate("r1")
    assert states.consents(["r1"]) == {"r1": False}


def test_a_consent_read_while_settings_change_is_not_remembered():
    store = MemoryStore()
    states = ReaderStates(store)
    read = store.readers.known

    def overtaken(readers: Sequence[str]) -> dict[str, ReaderRecord]:
        """Reads, then is overtaken by an opt-out before it can remember."""
        records = read(readers)
        store.readers.known = read  # type: ignore[method-assign]
        for reader in readers:
            opted(store, reader, "false")
            states.invalidate(reader)
        return records

    store.readers.known = overtaken  # type: ignore[method-assign]
    states.consents(["r1"])
    assert states.consents(["r1"]) == {"r1": False}


def test_remembered_consents_are_bounded():
    states = ReaderStates(MemoryStore(), capacity=10)
    states.consents([f"r{number}" for number in range(100)])
    assert len(states._consents) == 10


def test_memory_tells_of_those_whom_it_knows():
    store = MemoryStore()
    opted(store, "out", "false")
    states = ReaderStates(store)
    assert states.consents_in_memory(["out", "new"]) == {"out": None, "new": None}
    states.consents(["out", "new"])
    assert states.consents_in_memory(["out", "new", "other"]) == {"out": False, "new": True, "other": None}


def test_memory_that_is_not_trusted_tells_of_nobody():
    states = ReaderStates(MemoryStore(), trusted=lambda: False)
    assert states.consents(["r1"]) == {"r1": True}
    assert states.consents_in_memory(["r1"]) == {"r1": None}


def test_an_opt_out_that_nobody_told_of_ends_a_remembered_consent_after_a_minute():
    store, seconds = MemoryStore(), [0.0]
    states = ReaderStates(store, trusted=lambda: True, monotonic=lambda: seconds[0])
    assert states.consents(["r1"]) == {"r1": True}
    opted(store, "r1", "false")
    assert states.consents(["r1"]) == {"r1": True}
    seconds[0] = SHARED_SECONDS + 1
    assert states.consents_in_memory(["r1"]) == {"r1": None}
    assert states.consents(["r1"]) == states.consents_in_memory(["r1"]) == {"r1": False}


def test_an_opt_out_that_nobody_told_of_ends_the_consent_of_a_state_after_a_minute():
    store, seconds = MemoryStore(), [0.0]
    states = ReaderStates(store, trusted=lambda: True, monotonic=lambda: seconds[0])
    states.load("r1", CatalogueBuilder().view())
    opted(store, "r1", "false")
    assert states.consents_in_memory(["r1"]) == {"r1": True}
    seconds[0] = SHARED_SECONDS + 1
    assert states.consents(["r1"]) == {"r1": False}


def test_a_minute_counts_from_before_the_store_was_asked():
    store, seconds = MemoryStore(), [0.0]
    states = ReaderStates(store, trusted=lambda: True, monotonic=lambda: seconds[0])
    read = store.readers.known

    def slow(readers: Sequence[str]) -> dict[str, ReaderRecord]:
        records = read(readers)
        seconds[0] += 10
        return records

    store.readers.known = slow  # type: ignore[method-assign]
    states.consents(["r1"])
    seconds[0] = SHARED_SECONDS + 1
    assert states.consents_in_memory(["r1"]) == {"r1": None}


def test_where_there_are_no_others_memory_has_no_age():
    seconds = [0.0]
    states = ReaderStates(MemoryStore(), monotonic=lambda: seconds[0])
    states.consents(["r1"])
    seconds[0] = 1e9
    assert states.consents_in_memory(["r1"]) == {"r1": True}
