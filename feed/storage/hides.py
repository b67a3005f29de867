"""Hides: what an accepted hide makes of its reader's settings, in the transaction that stores it (docs/adr/0008).

So a hide that is acknowledged is never without effect, one that is sent again changes nothing, and nobody's change of
other settings in between is lost.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

import orjson

from feed.storage.records import EventRecord, ReaderRecord
from ranking.reader import EventKind

LONGEST_HIDDEN = 5000
"""Items that settings may hide; beyond them the oldest leave."""

_HIDE = int(EventKind.HIDE)


def read_settings(text: str) -> dict[str, object]:
    """Settings from their JSON text. Those that cannot be read mean personalization off (law 7), and a change must not
    switch it on by the way."""
    try:
        stored = orjson.loads(text)
    except orjson.JSONDecodeError:
        stored = None
    return stored if isinstance(stored, dict) else {"personalization": False}


def hides(events: Iterable[EventRecord]) -> dict[str, list[EventRecord]]:
    """The hides among events, by reader, in order."""
    found: dict[str, list[EventRecord]] = {}
    for event in events:
        if event.kind == _HIDE:
            found.setdefault(event.reader, []).append(event)
    return found


def joined(record: ReaderRecord, events: Sequence[EventRecord]) -> ReaderRecord:
    """The settings with what the hides of one reader hide, newest last; the same record when that changes nothing."""
    stored = read_settings(record.settings)
    hidden = stored.get("hidden", [])
    known = list(hidden) if isinstance(hidden, list) else []
    there = set(map(str, known))
    added = [item for item in dict.fromkeys(event.item for event in events) if item not in there]
    if not added:
        return record
    settings = orjson.dumps({**stored, "hidden": (known + added)[-LONGEST_HIDDEN:]}).decode()
    at = max(event.received_at for event in events)
    return replace(record, settings=settings, version=record.version + 1, updated_at=at)
