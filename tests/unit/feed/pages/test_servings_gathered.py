"""Servings are written together, soon, and at once for those who wait for them; what was written earlier is read."""

from __future__ import annotations

import zlib
from concurrent.futures import Future
from types import SimpleNamespace
from typing import Any

import pytest

from feed.pages.packing import _EXPECTED, packed, unpacked
from feed.pages.recording import decode
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
    monkeypatch.setattr("feed.pages.servings._records", list)
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


def test_what_was_written_by_deflate_with_a_dictionary_or_without_is_read(tmp_path: Any) -> None:
    with running(tmp_path) as http:
        http.put_items()
        page = http.call("GET", "/v1/feed?reader=ann&limit=9", "feed").json()
        http.service.servings.flush()
        serving = http.service.store.servings.get(page["request_id"])
    assert serving is not None
    plain = unpacked(serving.inputs)
    packer = zlib.compressobj(1, zdict=_EXPECTED)
    with_dictionary = packer.compress(plain) + packer.flush()
    for block in (with_dictionary, zlib.compress(plain, 1)):
        assert decode(block).page.rows.tolist() == decode(serving.inputs).page.rows.tolist() != []
    assert max(len(serving.inputs), len(with_dictionary)) < 0.8 * len(zlib.compress(plain, 1))


def test_blocks_packed_together_are_unpacked_one_by_one() -> None:
    blocks = [b"", b"one", b"two" * 1000, b"one"]
    assert [unpacked(block) for block in packed(blocks)] == blocks
