"""Replica: follows ledger and journal by cursor; holds the Snapshot and its freshness lease (laws 2, 4, 10, 11).

A wake-up only wakes; what is true is read by revision and edition. A revision is acknowledged when no unanswered
request of this replica holds an older Snapshot.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass

import anyio.to_thread
import structlog

from feed.clock import Clock
from feed.control.barrier import Barrier
from feed.control.errors import ControlsStale, ReplicaFailed
from feed.control.follow import catch_up, decide_all, next_edition
from feed.control.releases import releases_beside
from feed.storage.errors import StorageError
from feed.storage.ports.store import Store
from ranking.fold import Fold
from ranking.snapshot import Snapshot

_log = structlog.get_logger(__name__)

TICK_SECONDS = 0.25
"""Longest wait between two looks at ledger, journal and clock."""


@dataclass(frozen=True, slots=True)
class Enforcement:
    """Who obeys a decision: replicas known, how many acknowledged, in how many milliseconds, and the laggards."""

    replicas: int
    acked: int
    ms: float
    lagging: tuple[str, ...]


@dataclass(slots=True)
class _Waiter:
    revision: int
    loop: asyncio.AbstractEventLoop
    done: asyncio.Future[None]


class Replica:
    """One process's copy of the fold. Every public method may be called from any thread."""

    def __init__(
        self,
        store: Store,
        fold: Fold,
        clock: Clock,
        *,
        lease_seconds: float,
        name: str = "local",
        release: str = "",
        barrier: Barrier | None = None,
        acknowledged: Callable[[int], None] | None = None,
        before_confirming: Callable[[], None] | None = None,
        returned: Callable[[], None] | None = None,
        written: Callable[[], None] | None = None,
    ) -> None:
        """Where there are others, ``barrier`` tells who of them obeys, ``acknowledged`` tells them what this one does,
        ``written`` that there is something to read, ``before_confirming`` reads what must not be older than the lease,
        and ``returned`` begins anew after it had lapsed."""
        self.name = name
        self.failure: str = ""
        self._release = release
        self._barrier = barrier
        self._acknowledged = acknowledged
        self._before_confirming = before_confirming
        self._returned = returned
        self._written = written
        self._store = store
        self._fold = fold
        self._clock = clock
        self._lease_seconds = lease_seconds
        self._snapshot: Snapshot | None = None
        self._confirmed_at = float("-inf")
        self._lock = threading.Lock()
        self._holding: dict[int, int] = {}
        self._acked = -1
        self._waiters: list[_Waiter] = []
        self._wake = threading.Event()
        self._closing = threading.Event()
        self._registered = False
        self._listeners: list[Callable[[Snapshot], None]] = []
        self._failed: Callable[[ReplicaFailed], None] | None = None
        self._thread = threading.Thread(target=self._run, name="weir-replica", daemon=True)

    def start(self) -> None:
        """Register, catch up with ledger and journal, then follow them. Raises what the store or the fold raises."""
        self._store.replicas.confirm(self.name, self._release, 0)
        self._registered = True
        others = releases_beside(self._store.replicas, self._lease_seconds, self._release)
        if others:
            _log.warning(
                "processes of other releases serve this store; let all be of one soon",
                releases=others,
                this=self._release,
            )
        # What is over by now need not be begun and ended again.
        self._fold.advance(self._clock.now())
        catch_up(self._fold, self._store)
        self._follow()
        self._thread.start()

    def close(self) -> None:
        """Stop following."""
        self._closing.set()
        self._wake.set()
        if self._thread.is_alive():
            self._thread.join()
        if self._registered:
            self._registered = False
            with suppress(StorageError):
                self._store.replicas.leave(self.name)

    def wake(self) -> None:
        """Look at ledger and journal now, and let the others do so: something was written."""
        self._wake.set()
        if self._written is not None:
            self._written()

    def look(self) -> None:
        """Look at ledger and journal now."""
        self._wake.set()

    def on_swap(self, listener: Callable[[Snapshot], None]) -> None:
        """Call ``listener`` with every new Snapshot, on the replica's thread, before requests see it."""
        self._listeners.append(listener)

    def on_failure(self, listener: Callable[[ReplicaFailed], None]) -> None:
        """Call ``listener`` on the replica's thread, which then ends, when the fold failed: a fold that an entry was
        applied to in part is of no more use, and this process serves nothing until it is started anew."""
        self._failed = listener

    def latest(self) -> Snapshot:
        """The current Snapshot whether or not the lease holds; for reading state, never for serving pages."""
        snapshot = self._snapshot
        if snapshot is None:
            raise ControlsStale("this replica has not caught up with the ledger yet; try again in a moment")
        return snapshot

    def fresh(self) -> bool:
        """Whether the freshness lease holds."""
        return self._clock.monotonic() - self._confirmed_at <= self._lease_seconds

    def snapshot(self) -> Snapshot:
        """The current Snapshot; raises ``ControlsStale`` when the ledger's head could not be confirmed in time."""
        if not self.fresh():
            raise ControlsStale(
                f"the ledger's head was not confirmed within {self._lease_seconds:g} s"
                + (f" ({self.failure})" if self.failure else "")
                + "; this replica serves again by itself once it can read the store"
            )
        return self.latest()

    @contextmanager
    def reading(self) -> Iterator[Snapshot]:
        """The current Snapshot, held until the request is answered: acknowledgements wait for it."""
        with self._lock:
            snapshot = self.snapshot()
            revision = snapshot.revision
            self._holding[revision] = self._holding.get(revision, 0) + 1
        try:
            yield snapshot
        finally:
            with self._lock:
                left = self._holding[revision] - 1
                if left:
                    self._holding[revision] = left
                else:
                    del self._holding[revision]
                    # Whoever waits may be here, or at another process.
                    if self._waiters or self._acked < self.latest().revision:
                        self._acknowledge()

    async def enforced(self, revision: int, timeout: float = 2.0) -> Enforcement:
        """Wait until every replica obeys ``revision`` and none still answers anybody from before it."""
        began = self._clock.monotonic()
        loop = asyncio.get_running_loop()
        waiter = _Waiter(revision, loop, loop.create_future())
        with self._lock:
            self._waiters.append(waiter)
            self._acknowledge()
        self.look()
        others, late = 0, tuple[str, ...]()
        try:
            if self._barrier is not None:
                others, late = await anyio.to_thread.run_sync(self._barrier.obeyed, revision, timeout)
            left = max(timeout - (self._clock.monotonic() - began), 0.001)
            await asyncio.wait_for(waiter.done, left)
        except TimeoutError:
            late = (*late, self.name)
            with self._lock:
                self._waiters = [other for other in self._waiters if other is not waiter]
        elapsed = (self._clock.monotonic() - began) * 1000
        return Enforcement(1 + others, 1 + others - len(late), round(elapsed, 2), late)

    def _acknowledge(self) -> None:
        if self._snapshot is None:
            return
        acked = min([self._snapshot.revision, *self._holding])
        if acked > self._acked and self._acknowledged is not None:
            self._acknowledged(acked)
        self._acked = acked
        waiting = []
        for waiter in self._waiters:
            if waiter.revision > self._acked:
                waiting.append(waiter)
            elif not waiter.loop.is_closed():
                waiter.loop.call_soon_threadsafe(_resolve, waiter.done)
        self._waiters = waiting

    def _run(self) -> None:
        while not self._closing.is_set():
            self._wake.wait(TICK_SECONDS)
            self._wake.clear()
            if self._closing.is_set():
                return
            try:
                self._follow()
            except (StorageError, OSError) as error:
                self.failure = str(error)
                _log.warning("controls cannot be confirmed", error=str(error))
            except Exception as error:
                self.failure = f"{type(error).__name__}: {error}"
                _log.exception("the fold failed; this replica stops serving when its lease lapses")
                self._closing.set()
                if self._failed is not None:
                    self._failed(self._after(self.failure))

    def _follow(self) -> None:
        """Obey all decisions, then take the editions one by one, and look at the ledger again before each: however
        much was published, no decision and no lease waits for more than one edition."""
        more = True
        while more and not self._closing.is_set():
            asked_at = self._clock.monotonic()
            if self._before_confirming is not None:
                self._before_confirming()
            self._store.replicas.confirm(self.name, self._release, max(self._acked, 0))
            if self._barrier is not None:
                self._barrier.look()
            if self._returned is not None and not self.fresh():
                self._returned()
            decide_all(self._fold, self._store)
            more = next_edition(self._fold, self._store)
            self._swap()
            self.failure = ""
            self._confirmed_at = asked_at
            with self._lock:
                self._acknowledge()

    def _after(self, failure: str) -> ReplicaFailed:
        known = self.latest()
        return ReplicaFailed(
            f"what follows revision {known.revision} and edition {known.edition} could not be obeyed ({failure}); this "
            "process ends, and reads all anew when it is started again; if that fails too, install the release that "
            "wrote the store, or restore a backup"
        )

    def _swap(self) -> None:
        fold, current, now = self._fold, self._snapshot, self._clock.now()
        if now > fold.as_of:
            fold.advance(now)
        position = (fold.revision, fold.edition, fold.as_of)
        if current is None or (current.revision, current.edition, current.as_of) != position:
            snapshot = fold.snapshot()
            for listener in self._listeners:
                listener(snapshot)
            self._snapshot = snapshot


def _resolve(done: asyncio.Future[None]) -> None:
    if not done.done():
        done.set_result(None)
