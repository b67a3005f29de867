"""Erasure of a reader, everywhere (law 8): rows, memory, and Servings that were still on their way to the store."""

from __future__ import annotations

from feed.bootstrap import Service
from feed.storage.records import Erasure


def erase(service: Service, reader: str) -> Erasure:
    """Erase a reader; returns the rows removed per table. Blocks; when it returns, no later page is influenced.

    Servings made from the old state may be waiting in the queue, so they are flushed and emptied once the state has
    gone from memory.
    """
    at = service.clock.now()
    first = service.store.readers.erase(reader, at).result()
    service.readers.invalidate(reader)
    service.servings.flush()
    late = service.store.readers.erase(reader, at).result()
    service.readers.invalidate(reader)
    service.publisher.erased()
    return Erasure(
        events=first.events + late.events,
        settings=first.settings + late.settings,
        servings=first.servings + late.servings,
    )


def forget(service: Service, reader: str, item: str | None = None) -> int:
    """Delete a reader's history, or what it says of one item; returns how many events went. Blocks."""
    count = service.store.events.forget(reader, item).result()
    service.readers.invalidate(reader)
    service.publisher.erased()
    return count
