"""Servings are written together, soon, and at once for those who wait for them; what was written earlier is read."""

from __future__ import annotations

import zlib
from concurrent.futures import Future
from types import SimpleNamespace
from typing import Any

import pytest

from feed.pages.recording import _EXPECTED, decode
from feed.pages.servings import ServingQueue
from feed.storage.memory import MemoryStore
from tests.journeys.http_service import running


class Counting:
    """A store of Servings that counts how often it is written to."""

    def __init__(self) -> None:
        self.batches: list[int] = []

    def record(self, records: list[object]) -> Future[None]:
        self.batches.append(len(records))
        done: Future[None] = Future()
        done.set_result(None)
        return done


def test_what_comes_within_a_moment_is_written_together(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("feed.pages.servings._record", lambda serving: serving)
    monkeypatch.setattr("feed.pages.servings.GATHER_SECONDS", 30.0)
    servings, store = Counting(), MemoryStore()
    stand_in: Any = SimpleNamespace(servings=servings, register=store.register)
    queue = ServingQueue(stand_in)
    queue.start()
    some: Any = SimpleNamespace(served_at=1_800_000_000, inputs=SimpleNamespace(request=SimpleNamespace(mode="x")))
    for _ in range(40):
        assert queue.offer(some)
    assert queue.flush(10.0), "who waits for Servings does not wait for others to gather"
    assert (servings.batches, queue.recorded, queue.dropped, queue.depth()) == ([40], 40, 0, 0)
    assert queue.flush(0.0), "nothing is left to wait for"
    queue.close()


def test_a_block_is_read_whether_or_not_it_was_packed_with_a_dictionary(tmp_path: Any) -> None:
    with running(tmp_path) as http:
        http.put_items()
        page = http.call("GET", "/v1/feed?reader=ann&limit=9", "feed").json()
        http.service.servings.flush()
        serving = http.service.store.servings.get(page["request_id"])
    assert serving is not None
    block = serving.inputs
    plain = zlib.compress(zlib.decompressobj(zdict=_EXPECTED).decompress(block), 1)
    assert decode(plain).page.rows.tolist() == decode(block).page.rows.tolist() != []
    assert len(block) < 0.8 * len(plain)
