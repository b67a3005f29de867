"""Offline: a command owns the store for a while, without serving. Same composition, same doors as the service.

What was stored is published in editions first, so that the command sees what a server would.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from controls.authority import ADMIN, Principal
from controls.decisions import Basis, Decision, DecisionType
from controls.proposals import Proposal
from feed.bootstrap import Service, open_service
from feed.control.errors import ReplicaFailed
from feed.settings import Settings
from ranking.snapshot import Snapshot

OPERATOR = Principal("operator", frozenset((ADMIN,)), "admin")
"""Who decides on the command line: whoever may write the home folder."""

_FOLLOW_SECONDS = 60.0

_ALONE = {"popular_every": 0.0, "approvals": False, "redis": None, "workers": 1}
"""Lists are made as often as something was stored: nobody else waits for the store. Nor is a second person there to
approve: whoever owns the folder could sign tokens for two."""


@contextmanager
def owned(settings: Settings) -> Iterator[Service]:
    """The service on its store, following but not serving; everything queued is published. Raises ``StoreInUse``."""
    service = open_service(settings.model_copy(update=_ALONE))
    try:
        service.replica.start()
        publish_queued(service)
        yield service
    finally:
        service.close()


def publish_queued(service: Service) -> Snapshot:
    """Publish every queued change, then the popular lists over them; the Snapshot that has it all."""
    edition = 0
    while service.store.journal.pending():
        edition = service.store.journal.publish(extra=b"", at=service.clock.now()).result()
    followed(service, edition=edition)
    service.duties.events_came()
    return followed(service, edition=service.duties.publish())


def decided(service: Service, proposal: Proposal) -> Decision:
    """Make a decision as the operator; it is in force when this returns. Raises ``ControlsError``."""
    decision = service.decisions.decide(proposal, OPERATOR, service.clock.now()).result()
    followed(service, revision=decision.revision)
    return decision


def activation(version: str, reason: str, evidence: tuple[str, ...] = ()) -> Proposal:
    """The decision that lets a model serve."""
    return Proposal(
        type=DecisionType.ACTIVATE_MODEL,
        subject=None,
        reason=reason,
        basis=Basis("operations", "model activation"),
        parameters={"model": version},
        evidence=evidence,
    )


def followed(service: Service, *, revision: int = 0, edition: int = 0) -> Snapshot:
    """Wait until the replica's Snapshot has come to a revision and an edition; raises ``ReplicaFailed``."""
    swapped = threading.Event()
    service.replica.on_swap(lambda _: swapped.set())
    deadline = service.clock.monotonic() + _FOLLOW_SECONDS
    while True:
        swapped.clear()
        snapshot = service.replica.latest()
        if snapshot.revision >= revision and snapshot.edition >= edition:
            return snapshot
        if service.clock.monotonic() > deadline:
            raise ReplicaFailed(service.replica.failure or "the fold did not keep up; run `weir doctor`")
        service.replica.wake()
        swapped.wait(0.05)
