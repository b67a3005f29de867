"""Standings: authors' services follow their points, by decisions of the service's own account (laws 9 and 12).

What to decide is told by ``controls.standing``; here it is looked after by the clock. A crossing is acted upon when it
has lasted, so that what flaps decides nothing; a look that finds nothing changed costs next to nothing. What is decided
is told by the fold, so that nothing is decided twice, not after a restart either.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import structlog

from controls.authority import ADMIN, SERVICE_ROLE, Principal
from controls.decisions import Decision, Subject, SubjectKind
from controls.errors import ControlsError
from controls.policy import Policy
from controls.standing import SERVICE_ACTOR, Change, Steady, changes, overruled, proposal_of
from feed.bootstrap import Service
from feed.storage.errors import StorageError
from feed.storage.ports.store import Store
from ranking.catalogue import Catalogue
from ranking.snapshot import Snapshot

WEIR = Principal(SERVICE_ACTOR, frozenset({ADMIN}), SERVICE_ROLE)
"""The service itself."""

LOOK_SECONDS = 1.0
QUIET_SECONDS = 5
"""A crossing is acted upon when it has lasted so long."""

_PAGE = 1000
_log = structlog.get_logger("weir")


class Standings:
    """The keeper of one server's standings; for one thread at a time."""

    def __init__(self, service: Service, quiet: int = QUIET_SECONDS) -> None:
        self._service = service
        self._steady = Steady(quiet)
        self._looked: tuple[object, ...] = ()
        self._decided = 0
        self._left: set[tuple[object, ...]] = set()

    def turn(self) -> int:
        """Decide what standings ask for; returns how many decisions were made. Blocks. What the store refuses is
        logged, and tried again at the next turn."""
        try:
            return self._turn()
        except StorageError as error:
            _log.warning("standings could not be looked at; tried again", error=str(error))
            self._looked = ()
            return 0

    def _turn(self) -> int:
        snapshot = self._service.replica.latest()
        if snapshot.revision < self._decided:
            return 0  # what was decided last is not folded yet
        governance = snapshot.governance
        seen = (governance.authors, snapshot.catalogue.standing, governance.policy)
        changed = len(self._looked) != len(seen) or any(a is not b for a, b in zip(seen, self._looked, strict=True))
        if not changed and not self._steady.waiting:
            return 0
        self._looked = seen
        policy = self._service.policies(governance.policy) if governance.policy else None
        asked = {self._named(snapshot, change): change for change in self._asked(snapshot, policy)}
        self._left.intersection_update(asked)
        wanted = [change for name, change in asked.items() if name not in self._left]
        due = self._steady.through(wanted, self._service.clock.now())
        return sum(self._decide(snapshot, policy, change) for change in due)

    def _asked(self, snapshot: Snapshot, policy: Policy | None) -> Iterator[Change]:
        views, catalogue = snapshot.governance.authors, snapshot.catalogue
        for author in {*views, *_low(catalogue, policy)}:
            yield from changes(author, snapshot.governance.author(author), stored_in(catalogue, author), policy)

    def _named(self, snapshot: Snapshot, change: Change) -> tuple[object, ...]:
        strikes = snapshot.governance.author(change.author).strikes
        return *change.key, tuple(made.id for made in strikes)

    def _decide(self, snapshot: Snapshot, policy: Policy | None, change: Change) -> bool:
        service, view = self._service, snapshot.governance.author(change.author)
        try:
            about = decisions_about(service.store, change.author) if change.threshold is not None else []
            if overruled(change, about):
                self._left.add(self._named(snapshot, change))
                return False
            proposal = proposal_of(change, view, policy.standing if policy is not None else None, service.clock.now())
            made = service.decisions.decide(proposal, WEIR, service.clock.now()).result()
        except ControlsError as error:
            _log.warning("a service to an author was left as it is; tried again", error=str(error))
            self._looked = ()
            return False
        self._decided = max(self._decided, made.revision)
        service.metrics.decisions.labels(made.type.value).inc()
        service.replica.wake()
        _log.info("a service to an author follows their standing", type=made.type.value, decision=made.id)
        return True


def decisions_about(store: Store, author: str) -> list[Decision]:
    """Every decision about an author, newest first. Blocks."""
    found: list[Decision] = []
    before: int | None = None
    while page := store.ledger.listing(before=before, limit=_PAGE, subject=author):
        found += page
        before = page[-1].revision
    return [decision for decision in found if decision.subject == Subject(SubjectKind.AUTHOR, author)]


def stored_in(catalogue: Catalogue, author: str) -> float | None:
    """The stored points of an author as rules see them; None while nothing was told."""
    index = catalogue.author_index(author)
    if not 0 <= index < catalogue.standing.size:
        return None
    points = float(catalogue.standing[index])
    return None if np.isnan(points) else points


def _low(catalogue: Catalogue, policy: Policy | None) -> list[str]:
    """Authors whose stored points lie below some threshold."""
    if policy is None or policy.standing is None:
        return []
    top = max(threshold.below for threshold in policy.standing.thresholds)
    return [catalogue.authors.words[code] for code in np.flatnonzero(catalogue.standing < top).tolist()]
