"""Erasure of a reader, everywhere (law 8): rows, memory, and Servings that were still on their way to the store.

A page may be made from memory while the store erases. So once memory has let go, the store erases once more, up to
that second: what was made meanwhile is then stored empty. Powers that the reader holds are ended by decisions before
their name goes, so that replicas that run and those that start later find the same (law 2).
"""

from __future__ import annotations

import contextlib

from controls.decisions import Basis, DecisionType
from controls.errors import AlreadyReversed
from controls.proposals import Proposal
from feed.bootstrap import Service
from feed.decisions import pending_papers
from feed.items.publishing import WEIR
from feed.storage.ports.sharing import Topic
from feed.storage.records import Erasure

_BASIS = Basis("operations", "erasure")


def erase(service: Service, reader: str) -> Erasure:
    """Erase a reader; returns the rows removed per table. Blocks; when it returns, no later page is influenced."""
    _end_powers(service, reader)
    named = [entry.id for entry in pending_papers.naming(service.store, reader)]
    proposed = pending_papers.pending_of(service.store).remove(named).result() if named else 0
    with service.reader_sharing.changing(reader, Topic.ERASED):
        first = service.store.readers.erase(reader, service.clock.now()).result()
    service.corrections.forget(reader)
    with service.reader_sharing.changing(reader, Topic.ERASED):
        late = service.store.readers.erase(reader, service.clock.now()).result()
    service.duties.erased()
    return Erasure(
        events=first.events + late.events,
        settings=first.settings + late.settings,
        servings=first.servings + late.servings,
        decisions=first.decisions + late.decisions,
        entries=first.entries + late.entries + proposed,
    )


def _end_powers(service: Service, reader: str) -> None:
    held = service.replica.latest().governance.held_by(reader)
    for grant in held:
        reversal = Proposal(
            type=DecisionType.REVERSE,
            subject=None,
            reason="whoever held this power had themselves erased",
            basis=_BASIS,
            reverses=grant.decision,
        )
        # Somebody else may have ended it meanwhile.
        with contextlib.suppress(AlreadyReversed):
            service.decisions.decide(reversal, WEIR, service.clock.now()).result()
    if held:
        service.replica.wake()


def forget(service: Service, reader: str, item: str | None = None) -> int:
    """Delete a reader's history, or what it says of one item; returns how many events went. Blocks."""
    with service.reader_sharing.changing(reader, Topic.ERASED):
        first = service.store.events.forget(reader, item, at=service.clock.now()).result()
    service.corrections.forget(reader)
    with service.reader_sharing.changing(reader, Topic.ERASED):
        late = service.store.events.forget(reader, item, at=service.clock.now()).result()
    service.duties.erased()
    return first + late
