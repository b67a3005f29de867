"""Erasure of a reader, everywhere (law 8): rows, memory, and Servings that were still on their way to the store.

A page may be made from memory while the store erases. So once memory has let go, the store erases once more, up to
that second: what was made meanwhile is then stored empty.
"""

from __future__ import annotations

from feed.bootstrap import Service
from feed.storage.records import Erasure


def erase(service: Service, reader: str) -> Erasure:
    """Erase a reader; returns the rows removed per table. Blocks; when it returns, no later page is influenced."""
    first = service.store.readers.erase(reader, service.clock.now()).result()
    service.readers.invalidate(reader)
    service.corrections.forget(reader)
    late = service.store.readers.erase(reader, service.clock.now()).result()
    service.readers.invalidate(reader)
    service.publisher.erased()
    return Erasure(
        events=first.events + late.events,
        settings=first.settings + late.settings,
        servings=first.servings + late.servings,
        decisions=first.decisions + late.decisions,
        entries=first.entries + late.entries,
    )


def forget(service: Service, reader: str, item: str | None = None) -> int:
    """Delete a reader's history, or what it says of one item; returns how many events went. Blocks."""
    first = service.store.events.forget(reader, item, at=service.clock.now()).result()
    service.readers.invalidate(reader)
    service.corrections.forget(reader)
    late = service.store.events.forget(reader, item, at=service.clock.now()).result()
    service.readers.invalidate(reader)
    service.publisher.erased()
    return first + late
