"""Servings: each answered page with its inputs, recorded off the request path, enough for exact replay (laws 3 and 8).

A bounded queue never blocks a request: what does not fit is dropped and counted, and its ``why`` answers 410.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass

import structlog

from feed.pages.counts import EVERY_SECONDS, FeedCounts
from feed.pages.packing import packed
from feed.pages.recording import Inputs, arms_text, digest, encode
from feed.storage.errors import StorageError
from feed.storage.ports.store import Store
from feed.storage.records import ServingRecord
from ranking.page import Page
from ranking.reader import Mode
from ranking.snapshot import Snapshot

_log = structlog.get_logger(__name__)

_BATCH = 500

GATHER_SECONDS = 0.05
"""What comes within this time is written together: a write costs the processor as much as laying down ten Servings."""


@dataclass(frozen=True, slots=True)
class Serving:
    """One answered request, before it is laid down as bytes."""

    request_id: str
    reader_id: str
    served_at: int
    snapshot: Snapshot
    inputs: Inputs
    page: Page
    items: bytes


def _records(servings: Sequence[Serving]) -> list[ServingRecord]:
    blocks = packed([encode(serving.inputs, serving.page, serving.snapshot) for serving in servings])
    return [_record(serving, block) for serving, block in zip(servings, blocks, strict=True)]


def _record(serving: Serving, block: bytes) -> ServingRecord:
    snapshot = serving.snapshot
    return ServingRecord(
        request_id=serving.request_id,
        reader=serving.reader_id,
        served_at=serving.served_at,
        revision=snapshot.revision,
        edition=snapshot.edition,
        as_of=snapshot.as_of,
        model=snapshot.model,
        inputs=block,
        items=digest(serving.items),
        arms=arms_text(serving.inputs.arms),
    )


class ServingQueue:
    """Bounded queue with one thread that writes Servings in batches."""

    def __init__(self, store: Store, capacity: int = 10_000) -> None:
        self._store = store
        self._capacity = capacity
        self._counts = FeedCounts(store)
        self._waiting: deque[Serving] = deque()
        self._wake = threading.Event()
        self._hurry = threading.Event()
        self._done = threading.Condition()
        self._offered = 0
        self._ended = 0
        self._closing = False
        self._thread = threading.Thread(target=self._run, name="weir-servings", daemon=True)
        self.dropped = 0
        self.recorded = 0

    def start(self) -> None:
        """Start writing."""
        self._thread.start()

    def offer(self, serving: Serving) -> bool:
        """Queue a Serving; False when the queue is full and it was dropped. Never blocks."""
        if len(self._waiting) >= self._capacity:
            self.dropped += 1
            return False
        self._waiting.append(serving)
        self._offered += 1
        if not self._wake.is_set():
            self._wake.set()
        return True

    def depth(self) -> int:
        """Servings waiting to be written."""
        return len(self._waiting)

    def flush(self, timeout: float = 30.0) -> bool:
        """Wait until all that was offered by now is durable (or failed and counted); False on time-out."""
        offered = self._offered
        self._hurry.set()
        self._wake.set()
        with self._done:
            return self._done.wait_for(lambda: self._ended >= offered, timeout)

    def close(self) -> None:
        """Write what is queued, then stop."""
        self._closing = True
        self._hurry.set()
        self._wake.set()
        if self._thread.is_alive():
            self._thread.join()

    def _run(self) -> None:
        while True:
            woken = self._wake.wait(EVERY_SECONDS)
            if woken:
                self._hurry.wait(GATHER_SECONDS)
            self._hurry.clear()
            self._wake.clear()
            left = len(self._waiting)
            while left:
                batch = [self._waiting.popleft() for _ in range(min(_BATCH, left))]
                left -= len(batch)
                self._write(batch)
            if self._closing or not woken:
                self._keep_counts()
            if self._closing and not self._waiting:
                return

    def _write(self, batch: list[Serving]) -> None:
        for serving in batch:
            self._counts.count(serving.served_at, serving.inputs.request.mode is Mode.PERSONALIZED)
        try:
            self._store.servings.record(_records(batch)).result()
            self.recorded += len(batch)
        except StorageError as error:
            self.dropped += len(batch)
            _log.warning("servings could not be written", dropped=len(batch), error=str(error))
        except Exception:
            self.dropped += len(batch)
            _log.exception("servings could not be laid down", dropped=len(batch))
        with self._done:
            self._ended += len(batch)
            self._done.notify_all()
        if self._counts.due(batch[-1].served_at):
            self._keep_counts()

    def _keep_counts(self) -> None:
        try:
            self._counts.write()
        except StorageError as error:
            _log.warning("pages were counted and not kept; tried again in a minute", error=str(error))
