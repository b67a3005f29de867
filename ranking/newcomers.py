"""Newcomers: which neighbours an item gets before a model knows it, and which are worth exploring (laws 7 and 8).

At first from topics and author, then from what its readers also chose, the two blended by how many readers were heard.
One voice a reader and item; a reader who voices much counts for little each time. Pure: events and catalogue in,
journal entries out; whoever calls this leaves out the events that may not count.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from ranking.catalogue import Catalogue
from ranking.graph import ItemGraph
from ranking.growth import GROWN_ONE, GROWN_WIDTH, known_to
from ranking.journal import ItemPublished, RowGrown
from ranking.reader import EventKind

VOICES = (EventKind.CLICK, EventKind.DWELL, EventKind.LIKE, EventKind.SHARE, EventKind.MORE)
"""Kinds of event by which a reader is heard on an item."""

LIKENESS_MOST = GROWN_ONE
"""Weight of a neighbour with the same topics and author."""

PATIENCE = 4
"""Readers to be heard on an item before what they chose weighs as much as its topics and author."""

REMEMBERED = 50
"""Newest items on which a reader was heard that count."""

EXPLORED_AT_ONCE = 64
"""Items worth exploring at a time: every place for exploring looks at all of them."""

ENOUGH_READERS = 5
"""Readers heard on an item, after whom it needs no exploration."""

_LOUDNESS_ONE = 1024
_RARE = 4 * _LOUDNESS_ONE
_OF_TOPIC, _OF_AUTHOR = 32, 4
_RECENT_WORKS = 65_536
_LOOKED_THROUGH = 4096

Int32s = NDArray[np.int32]
Int64s = NDArray[np.int64]
Popular = Mapping[str, Int32s]


@dataclass(frozen=True, slots=True, eq=False)
class Voices:
    """Who was heard on which row: each pair once. ``readers`` int32[n] codes, ``rows`` int32[n] rows of a catalogue."""

    readers: Int32s
    rows: Int32s

    @classmethod
    def of(cls, readers: Int32s, rows: Int32s, kinds: NDArray[np.uint8]) -> Voices:
        """The voices among events, oldest first: of each reader those on the newest ``REMEMBERED`` items. Rows below 0
        are items that nobody knows."""
        voiced = np.flatnonzero(np.isin(kinds, VOICES) & (rows >= 0))[::-1]
        pair = (readers[voiced].astype(np.int64) << 32) | rows[voiced]
        newest = voiced[np.sort(np.unique(pair, return_index=True)[1])]  # newest first, each pair once
        newest = newest[np.argsort(readers[newest], kind="stable")]
        _, starts, counts = np.unique(readers[newest], return_index=True, return_counts=True)
        kept = newest[np.arange(newest.size) - np.repeat(starts, counts) < REMEMBERED]
        return cls(readers[kept], rows[kept])

    def heard(self, rows: int) -> Int64s:
        """int64[rows]: how many readers were heard on each row."""
        return np.bincount(self.rows, minlength=rows).astype(np.int64)


def rows_by_likeness(items: Sequence[ItemPublished], catalogue: Catalogue, popular: Popular) -> list[RowGrown]:
    """A row for each item from its topics and author: of each topic's popular list and newest items, and of the
    author's newest, the most alike; of equally alike ones the more popular. An item without any has no row."""
    works = _works(items, catalogue)
    rows = [(item, _alike(item, catalogue, popular, works)) for item in items]
    return [_row(item.id, near, catalogue) for item, near in rows if near]


def rows_by_readers(voices: Voices, newcomers: Int32s, catalogue: Catalogue, popular: Popular) -> list[RowGrown]:
    """A row for each newcomer (int32[n] rows, each once): what its readers also chose, each reader at 1/sqrt of their
    voices, relative to how much each item is chosen at all; blended with likeness. One without neighbours gets an
    empty row."""
    items = [_published(catalogue, row) for row in newcomers.tolist()]
    works = _works(items, catalogue)
    readers, who = np.unique(voices.readers, return_inverse=True)
    rows, what = np.unique(voices.rows, return_inverse=True)
    loudness = (_LOUDNESS_ONE / np.sqrt(np.bincount(who))).astype(np.int64)
    shape = (readers.size, rows.size)
    heard = sparse.csc_array((np.ones(who.size, np.int64), (who, what)), shape)
    weighed = sparse.csr_array((loudness[who], (who, what)), shape)
    chosen = np.bincount(what, loudness[who]) + _RARE
    made = []
    for item, row in zip(items, newcomers.tolist(), strict=True):
        place = int(np.searchsorted(rows, row))
        count, near = 0, dict[int, int]()
        if place < rows.size and rows[place] == row:
            mine = heard[:, [place]]
            count = int(mine.sum())
            together = (mine.T @ weighed).toarray()[0] / np.sqrt(chosen)
            together[place] = 0
            near = _closest(rows, together, GROWN_ONE)
        made.append(_row(item.id, _blended(_alike(item, catalogue, popular, works), near, count), catalogue))
    return made


def worth_exploring(catalogue: Catalogue, graph: ItemGraph, heard: Int64s) -> list[str]:
    """Ids of the newest items that the graph does not know and fewer than ``ENOUGH_READERS`` were heard on, newest
    first. ``heard`` int64[n] by row; on rows behind it nobody was."""
    newest = catalogue.by_time[-_LOOKED_THROUGH:][::-1]
    counts = np.zeros(catalogue.rows, dtype=np.int64)
    counts[: heard.size] = heard
    wanted = ~known_to(graph, newest) & ~catalogue.gone[newest] & (counts[newest] < ENOUGH_READERS)
    return [catalogue.ids[row] for row in newest[wanted][:EXPLORED_AT_ONCE].tolist()]


def _published(catalogue: Catalogue, row: int) -> ItemPublished:
    return ItemPublished(catalogue.ids[row], catalogue.author_id(row), catalogue.topic_names(row))


def _works(items: Iterable[ItemPublished], catalogue: Catalogue) -> dict[int, list[int]]:
    """Rows of the newest works of the items' authors, newest first, by author index."""
    authors = {code for code in (catalogue.author_index(item.author) for item in items) if code >= 0}
    recent = catalogue.by_time[-_RECENT_WORKS:][::-1]
    author = catalogue.author[recent]
    found: dict[int, list[int]] = {}
    for place in np.flatnonzero(np.isin(author, list(authors))).tolist():
        found.setdefault(int(author[place]), []).append(int(recent[place]))
    return found


def _alike(
    item: ItemPublished, catalogue: Catalogue, popular: Popular, works: Mapping[int, Sequence[int]]
) -> dict[int, int]:
    """Weights by row of what is most like an item, most alike first: three quarters for topics in common (of all that
    either has), a quarter for the author."""
    topics = list(dict.fromkeys(filter(None, item.topics)))
    author = catalogue.author_index(item.author)
    near: list[int] = []
    for topic in topics:
        listed = popular.get(f"topic:{topic}")
        known = [] if listed is None else listed[:_OF_TOPIC].tolist()
        near += known + catalogue.of_topic(topic)[::-1][: _OF_TOPIC - len(known)].tolist()
    near += works.get(author, [])[:_OF_AUTHOR] if author >= 0 else []
    rows = np.array(list(dict.fromkeys(near)), dtype=np.int32)
    rows = rows[(rows != catalogue.row_of(item.id)) & ~catalogue.gone[rows]]
    codes = catalogue.topics[rows]
    shared = np.isin(codes, [code for code in map(catalogue.topic_index, topics) if code >= 0]).sum(axis=1)
    either = (codes >= 0).sum(axis=1) + len(topics) - shared
    same_author = (catalogue.author[rows] == author) & (author >= 0)
    likeness = LIKENESS_MOST * 3 // 4 * shared // np.maximum(either, 1) + LIKENESS_MOST // 4 * same_author
    best = np.argsort(-likeness, kind="stable")[:GROWN_WIDTH]
    return {row: int(weight) for row, weight in zip(rows[best].tolist(), likeness[best], strict=True) if weight > 0}


def _closest(rows: Int32s, together: NDArray[np.float64], most: int) -> dict[int, int]:
    """Weights by row of the closest, the closest having ``most``."""
    best = np.argsort(-together, kind="stable")[:GROWN_WIDTH]
    best = best[together[best] > 0]
    share = together[best] / together[best[0]] if best.size else together[best]
    return dict(zip(rows[best].tolist(), (share * most).astype(np.int64).tolist(), strict=True))


def _blended(alike: Mapping[int, int], near: Mapping[int, int], count: int) -> dict[int, int]:
    rows = dict.fromkeys([*near, *alike])
    return {row: (PATIENCE * alike.get(row, 0) + count * near.get(row, 0)) // (PATIENCE + count) for row in rows}


def _row(item: str, near: Mapping[int, int], catalogue: Catalogue) -> RowGrown:
    strongest = sorted((pair for pair in near.items() if pair[1] > 0), key=lambda pair: -pair[1])[:GROWN_WIDTH]
    return RowGrown(item, tuple(catalogue.ids[row] for row, _ in strongest), tuple(weight for _, weight in strongest))
