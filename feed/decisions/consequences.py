"""Consequences: what a decision calls for beside the fold: evidence is preserved, corrections are sent.

One thread follows the ledger by revision, as replicas do: whoever decided, and through whatever door, nothing is left
out, and what a crash kept it from it does when the service runs again. Everything it does is done once, however often
it is tried (law 11). It hears of each new Snapshot, so that it still has the one that did not know of a decision.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass

import structlog

from controls.corrections import Correction
from controls.decisions import Decision, DecisionType
from feed.clock import Clock
from feed.corrections.sending import Corrections
from feed.storage.errors import RecordRefused, StorageError
from feed.storage.ports.store import Store
from feed.storage.register import Entry
from feed.transparency.evidence import PRESERVED_AT, Evidence
from ranking.snapshot import Snapshot

_log = structlog.get_logger("weir")

TICK_SECONDS = 1.0
"""Longest wait between two looks at what is due by the clock."""

_PAGE = 200
_CURSOR = "consequences"
_SELDOM = 1000
"""Revisions after which the place is kept, if nothing was done at them."""


@dataclass(frozen=True, slots=True)
class _Step:
    before: Snapshot | None
    now: Snapshot


class Consequences:
    """The thread that follows. :meth:`wait` may be called from any thread."""

    def __init__(
        self,
        store: Store,
        clock: Clock,
        evidence: Evidence,
        family: Callable[[str], tuple[str, ...]],
        *,
        correction_days: int,
    ) -> None:
        self.corrections = Corrections(store, self.wake)
        self._store = store
        self._clock = clock
        self._evidence = evidence
        self._family = family
        self._longest = correction_days * 86_400
        self._places = store.register("places")
        self._kept = 0
        self._revision = 0
        self._steps: deque[_Step] = deque()
        self._last: Snapshot | None = None
        self._reached = threading.Condition()
        self._wake = threading.Event()
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._run, name="weir-consequences", daemon=True)

    def start(self) -> None:
        """Follow the ledger from where it was left."""
        entry = self._places.get(_CURSOR)
        self._kept = self._revision = int(entry.content) if entry is not None else 0
        self.corrections.load()
        self._thread.start()

    def close(self) -> None:
        """Write what is known, then stop."""
        self._closing.set()
        self._wake.set()
        if self._thread.is_alive():
            self._thread.join()

    def wake(self) -> None:
        """Look at what is to be done now."""
        self._wake.set()

    def swapped(self, snapshot: Snapshot) -> None:
        """Take a new Snapshot; called with each by the replica's thread."""
        last, self._last = self._last, snapshot
        if last is None or snapshot.revision > last.revision:
            self._steps.append(_Step(last, snapshot))
            self._wake.set()

    def wait(self, revision: int, timeout: float) -> bool:
        """Wait until what the decisions up to a revision call for is done; False when that takes longer."""
        with self._reached:
            return self._reached.wait_for(lambda: self._revision >= revision, timeout)

    def _run(self) -> None:
        closing = False
        while not closing:
            self._wake.wait(TICK_SECONDS)
            self._wake.clear()
            closing = self._closing.is_set()
            try:
                self._follow()
                self.corrections.work(self._clock.now())
                if closing:
                    self._keep_place()
            except StorageError as error:
                _log.warning("what decisions call for could not be done yet", error=str(error))
            except Exception:
                _log.exception("what decisions call for failed; it is tried again")

    def _follow(self) -> None:
        while self._steps:
            step = self._steps[0]
            done = 0
            while self._revision < step.now.revision:
                left = step.now.revision - self._revision
                decisions = self._store.ledger.since(self._revision, min(left, _PAGE))
                writes = [(decision, self._done(decision, step)) for decision in decisions]
                done += sum(_written(decision, write) for decision, write in writes if write is not None)
                with self._reached:
                    self._revision = decisions[-1].revision
                    self._reached.notify_all()
            self._steps.popleft()
            if done or self._revision - self._kept >= _SELDOM:
                self._keep_place()

    def _done(self, decision: Decision, step: _Step) -> Future[list[Entry]] | None:
        try:
            return self._do(decision, step)
        except StorageError:
            raise
        except Exception:
            # A fault that would come again: what other decisions call for does not wait for it.
            _log.exception("what a decision calls for failed", decision=decision.id)
            return None

    def _do(self, decision: Decision, step: _Step) -> Future[list[Entry]] | None:
        """Do what a decision calls for; what is being written for it."""
        if decision.type is DecisionType.CORRECT:
            self.corrections.begin(Correction.of(decision, self._family(decision.subject.id), self._longest))
        elif decision.type is DecisionType.REVERSE and decision.reverses is not None:
            self.corrections.end(decision.reverses)
        if decision.type in PRESERVED_AT:
            return self._evidence.preserve(decision, step.before, step.now)
        return None

    def _keep_place(self) -> None:
        revision = self._revision
        if revision > self._kept:
            self._places.edit([_CURSOR], lambda stored: [Entry(_CURSOR, str(revision))]).result()
            self._kept = revision


def _written(decision: Decision, write: Future[list[Entry]]) -> bool:
    """Wait for what is written for a decision; raises the store's errors but that of a value it cannot keep."""
    try:
        write.result()
    except RecordRefused:
        _log.exception("what a decision calls for cannot be stored", decision=decision.id)
    return True
