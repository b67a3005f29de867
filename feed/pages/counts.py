"""Counts of pages by day: how many were personalized, and how many not; nothing of readers is in them.

Kept in the register ``feeds``, one entry a day (its ISO date). Written at most once a minute, off the path of requests;
a crash loses the last minute's.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

import orjson

from controls.stating import day_of
from feed.storage.ports.store import Store
from feed.storage.register import Entry

FEEDS = "feeds"
EVERY_SECONDS = 60
_DAY = 86_400


class FeedCounts:
    """What was counted since it was last written. For one thread."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._counts: Counter[tuple[int, bool]] = Counter()
        self._written_at = 0

    def count(self, served_at: int, personalized: bool) -> None:
        """Count a page that was served at a second."""
        self._counts[served_at - served_at % _DAY, personalized] += 1
        if not self._written_at:
            self._written_at = served_at

    def due(self, now: int) -> bool:
        """Whether something waits, and has waited for long enough."""
        return bool(self._counts) and now - self._written_at >= EVERY_SECONDS

    def write(self) -> None:
        """Add what was counted to what is kept; raises ``StorageError``, and then nothing was. Blocks."""
        if not self._counts:
            return
        counts = dict(self._counts)
        days = {day_of(start).isoformat(): start for start, _ in counts}

        def edit(stored: Mapping[str, Entry]) -> list[Entry]:
            return [_added(stored.get(id), id, start, counts) for id, start in days.items()]

        self._store.register(FEEDS).edit(list(days), edit).result()
        self._counts.clear()
        self._written_at = 0


def _added(stored: Entry | None, id: str, start: int, counts: Mapping[tuple[int, bool], int]) -> Entry:
    kept = orjson.loads(stored.content) if stored is not None else {"personalized": 0, "other": 0}
    told = {
        "personalized": kept["personalized"] + counts.get((start, True), 0),
        "other": kept["other"] + counts.get((start, False), 0),
    }
    return Entry(id, orjson.dumps(told).decode(), at=start)
