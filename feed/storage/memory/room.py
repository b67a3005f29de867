"""What the nouns of a store in memory share: the tables, one lock, and the rule that a write happens whole or not."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from typing import TypeVar

from controls.decisions import Decision
from feed.storage.answers import done, failed, refused
from feed.storage.errors import StorageError, StoreClosed
from feed.storage.ports.store import Once
from feed.storage.records import (
    AuthorRecord,
    CheckpointRecord,
    Edition,
    EventRecord,
    ItemRecord,
    KeyRecord,
    LabelRecord,
    LedgerEntry,
    ModelRecord,
    ReaderRecord,
    ServingRecord,
)
from feed.storage.register import Entry
from feed.storage.rules import idempotency_conflict

T = TypeVar("T")


class Room:
    """The tables, in order of insertion."""

    def __init__(self) -> None:
        self.lock = threading.RLock()
        self.closed = False
        self.events: dict[tuple[str, str], EventRecord] = {}
        self.items: dict[str, ItemRecord] = {}
        self.authors: dict[str, AuthorRecord] = {}
        self.labels: dict[str, dict[str, LabelRecord]] = {}
        self.changes: list[bytes] = []
        self.editions: list[Edition] = []
        self.readers: dict[str, ReaderRecord] = {}
        self.erasures: dict[str, int] = {}
        self.forgettings = 0
        self.decisions: list[Decision] = []
        self.entries: list[LedgerEntry] = []
        self.checkpoints: dict[int, CheckpointRecord] = {}
        self.policies: dict[str, str] = {}
        self.servings: dict[str, ServingRecord] = {}
        self.models: dict[str, ModelRecord] = {}
        self.keys: dict[str, KeyRecord] = {}
        self.registers: dict[str, dict[str, Entry]] = {}
        self._once: dict[str, tuple[str, str, int]] = {}

    @contextmanager
    def open(self) -> Iterator[None]:
        """Hold the lock; raises ``StoreClosed`` after closing."""
        with self.lock:
            if self.closed:
                raise StoreClosed("the store was closed; open it again")
            yield

    def write(self, effect: Callable[[], T]) -> Future[T]:
        """Do ``effect``, which checks before it changes anything, and answer."""
        try:
            with self.open():
                return done(effect())
        except StorageError as error:
            return failed(error)
        except (TypeError, ValueError) as cause:
            return refused(cause)

    def kept(self, once: Once) -> tuple[str, str, int] | None:
        """Act, digest and first result under a key, or None."""
        return self._once.get(once.key)

    def write_once(self, act: str, once: Once | None, effect: Callable[[], int]) -> int:
        """The result of ``effect``, or the first result under this key; raises ``IdempotencyConflict``."""
        if once is None:
            return effect()
        known = self._once.get(once.key)
        if known is None:
            self._once[once.key] = known = (act, once.digest, effect())
        if known[:2] != (act, once.digest):
            raise idempotency_conflict(once)
        return known[2]
