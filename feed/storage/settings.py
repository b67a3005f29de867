"""What a store reads in a reader's settings, the same for every adapter."""

from __future__ import annotations

import orjson

from feed.storage.errors import VersionConflict


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
