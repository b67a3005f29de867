"""What every adapter decides in the same way, whatever it keeps its records in."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import orjson

from feed.storage.errors import IdempotencyConflict, VersionConflict
from feed.storage.ports.store import Once
from feed.storage.records import ItemRecord, ServingRecord
from feed.storage.register import Entry
from ranking.journal import ItemPublished, ItemWithdrawn

NO_PERSONS = frozenset(("operator", "weir"))
"""Actors that are nobody in person: the command line and the service itself. No reader's erasure touches their acts."""


def is_personalized(settings: str) -> bool:
    """Whether personalization is on; unreadable settings read as off (law 7)."""
    try:
        stored = orjson.loads(settings)
    except ValueError:
        return False
    return isinstance(stored, dict) and bool(stored.get("personalization", True))


def version_conflict(reader: str, expected: int, stored: int) -> VersionConflict:
    """What a save gets whose settings were read before they changed."""
    return VersionConflict(
        f"settings of reader {reader!r} are at version {stored}, not {expected}; read them again, then save", stored
    )


def idempotency_conflict(once: Once) -> IdempotencyConflict:
    """What a key gets that was used for another request."""
    # Of a client's key (see feed.http.wire) the part that the client chose.
    key = once.key.split("\t")[1] if "\t" in once.key else once.key
    return IdempotencyConflict(
        f"idempotency key {key!r} was used for another request; repeat that one, or take a new key"
    )


def numbered(ids: Sequence[str], stored: Mapping[str, Entry], made: Sequence[Entry]) -> list[Entry]:
    """Entries with their next versions; raises ``ValueError`` for one whose id was not named, or that comes twice."""
    if len({entry.id for entry in made}) < len(made) or not {entry.id for entry in made} <= set(ids):
        raise ValueError("an entry was made of an id that was not asked for, or twice of one")
    return [replace(entry, version=(stored[entry.id].version if entry.id in stored else 0) + 1) for entry in made]


def entry_of_item(item: ItemRecord) -> ItemPublished | ItemWithdrawn:
    """What the journal says of an item that was put."""
    if item.withdrawn:
        return ItemWithdrawn(item.id)
    return ItemPublished(
        item.id, item.author, item.topics, item.published_at, item.language, item.region, item.community
    )


def emptied(serving: ServingRecord) -> ServingRecord:
    """What is kept of a Serving whose reader was erased (law 8)."""
    return replace(serving, reader="", inputs=b"", items=b"", arms="", erased=True)
