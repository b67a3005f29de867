"""A shared state that cannot be read is no fault of the reader's: the store is asked, and the state is made anew."""

from __future__ import annotations

from contextlib import closing

import pytest

from feed.clock import SystemClock
from feed.control.barrier import Barrier
from feed.readers.sharing import ReaderSharing
from feed.storage.memory import MemoryStore
from feed.storage.memory.sharing import Hub
from feed.storage.records import ReaderRecord
from tests.contracts.shared_states import got, put
from tests.journeys.http_service import until


@pytest.mark.parametrize("spoilt", [b"", b"{", b"1", b"\xff\xfe", b'["{}",1,1]\n[1]', b'["{}",1,1,1]'])
def test_the_store_is_read_instead_and_the_state_made_anew(spoilt: bytes) -> None:
    store, sharing, clock = MemoryStore(), Hub(patience=5).sharing(), SystemClock()
    saved = store.readers.save(ReaderRecord("ada", '{"personalization":false}'), 0).result()
    with closing(sharing.bus):
        sharing.bus.start("one", lambda messages: None, lambda: None)
        until(sharing.bus.current)
        barrier = Barrier(store.replicas, sharing.bus, clock, name="one", lease=5)
        readers = ReaderSharing(store, sharing, barrier, clock, lease=5)
        assert put(sharing.states, "ada", spoilt, got(sharing.states, "ada").ticket)
        assert readers.read(["ada"], 9) == [(saved, [])]
        assert got(sharing.states, "ada").state is None
        readers.read(["ada"], 9)
        kept = got(sharing.states, "ada").state
        assert kept is not None and kept != spoilt
        assert readers.read(["ada"], 9) == [(saved, [])]
