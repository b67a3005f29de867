"""Registry and roles of a store that one process has to itself: it is the only replica, and has every role."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from feed.storage.errors import StorageError
from feed.storage.ports.deployment import ReplicaRecord


class AloneReplicas:
    """The processes that confirmed, which is this one, under whatever names."""

    def __init__(self, head: Callable[[], int], refusal: Callable[[], StorageError | None]) -> None:
        """``head`` reads the ledger's; ``refusal`` says why nothing may be written, if so."""
        self._head = head
        self._refusal = refusal
        self._lock = threading.Lock()
        self._known: dict[str, tuple[str, int, float]] = {}

    def confirm(self, name: str, release: str, revision: int) -> int:
        """Register, or say that one still lives and what it obeys; returns the ledger's head as of then."""
        self._check()
        with self._lock:
            self._known[name] = (release, revision, time.monotonic())
        return self._head()

    def living(self, within: float) -> list[ReplicaRecord]:
        """Those that confirmed within so many seconds, by name."""
        self._head()  # which tells when the store was closed
        now = time.monotonic()
        with self._lock:
            found = [
                ReplicaRecord(name, release, revision, now - at)
                for name, (release, revision, at) in sorted(self._known.items())
            ]
        return [record for record in found if record.age <= within]

    def leave(self, name: str) -> None:
        """Take a process out that serves no longer."""
        self._check()
        with self._lock:
            self._known.pop(name, None)

    def _check(self) -> None:
        refusal = self._refusal()
        if refusal is not None:
            raise refusal


class AloneRole:
    """A duty where there is nobody else."""

    def __init__(self, refusal: Callable[[], StorageError | None]) -> None:
        self._refusal = refusal

    def held(self) -> bool:
        """True while the store may be written; raises why it may not."""
        refusal = self._refusal()
        if refusal is not None:
            raise refusal
        return True

    def release(self) -> None:
        """Nobody waits for it."""


class AloneDeployment:
    """Both, as a store hands them out."""

    def __init__(self, head: Callable[[], int], refusal: Callable[[], StorageError | None]) -> None:
        self._refusal = refusal
        self.replicas = AloneReplicas(head, refusal)

    def role(self, name: str) -> AloneRole:
        """The role of this name."""
        return AloneRole(self._refusal)
