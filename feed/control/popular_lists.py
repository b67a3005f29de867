"""Popular lists, computed from the newest events that count, and what is remembered between two times (laws 2 and 8).

Only one thing is remembered: when the first event of each reader came in that was heard lately. It never changes while
the reader has events, and is forgotten with any erasure.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from feed.storage.ports.store import Store
from feed.storage.records import EventColumns
from ranking.catalogue import Catalogue
from ranking.journal import ListPublished
from ranking.newcomers import VOICES
from ranking.popularity import popular

NEWEST = 200_000
"""Events that lists are made of."""

HALF_LIFE = 30 * 86_400
"""Seconds after which a voice counts half."""

_HOME_LIMIT = 1000
_TOPIC_LIMIT = 200


class PopularLists:
    """The lists of one store; one for a publisher."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._since: dict[str, int] = {}

    def erased(self) -> None:
        """Tell that events were erased: their readers begin anew."""
        self._since = {}

    def lists(self, catalogue: Catalogue) -> list[ListPublished]:
        """The popular lists of the home pool and of every topic, from the newest consented events. Blocks."""
        columns = self._store.events.columns(newest=NEWEST)
        voiced = np.isin(columns.kinds, VOICES)
        rows = np.fromiter((catalogue.row_of(item) for item in columns.item_ids), np.int32, len(columns.item_ids))
        known = voiced & (rows[columns.items] >= 0) if len(rows) else voiced
        ranked = popular(
            columns.readers[known],
            columns.items[known],
            columns.times[known],
            came=columns.received[known],
            since=self.since(columns),
            n_items=len(columns.item_ids),
            half_life=HALF_LIFE,
            limit=len(columns.item_ids),
        )
        lists = [ListPublished("popular", "home", tuple(columns.item_ids[code] for code in ranked[:_HOME_LIMIT]))]
        by_topic: dict[str, list[str]] = {}
        for code in ranked:
            for topic in catalogue.topic_names(int(rows[code])):
                members = by_topic.setdefault(topic, [])
                if len(members) < _TOPIC_LIMIT:
                    members.append(columns.item_ids[code])
        by_pool = sorted(by_topic.items())
        return lists + [ListPublished("popular", f"topic:{topic}", tuple(ids)) for topic, ids in by_pool]

    def since(self, columns: EventColumns) -> NDArray[np.int64]:
        """int64[readers]: when the first event of each reader of these columns came in, by code. Blocks."""
        remembered = self._since
        missing = [reader for reader in columns.reader_ids if reader not in remembered]
        found = self._store.events.first_received(missing) if missing else {}
        # Who was erased since the events were read is as new as can be.
        latest = int(columns.received.max(initial=0))
        since = [remembered.get(reader) or found.get(reader, latest) for reader in columns.reader_ids]
        if self._since is remembered:
            self._since = dict(zip(columns.reader_ids, since, strict=True))
        return np.array(since, dtype=np.int64)
