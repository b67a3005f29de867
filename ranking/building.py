"""Building a catalogue from journal entries, in their order (law 2).

Costs what an edition changes. A view is a function of the entries alone: how they were cut into editions, and when
views were taken, leaves no trace in it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import chain, groupby
from types import MappingProxyType
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from controls.signals import Rows
from ranking.catalogue import Catalogue
from ranking.columns import ABSENT, Column, Names, Posting
from ranking.journal import AuthorChanged, Entry, ItemPublished, ItemWithdrawn, LabelGiven

TOPICS = 8
"""Topics a row has room for at first."""


class CatalogueBuilder:
    """Accumulates entries; :meth:`view` gives the catalogue as it stands."""

    def __init__(self) -> None:
        self._size = 0
        self._rows: dict[str, int] = {}
        self._ids: list[str] = []
        self._authors, self._topics, self._communities, self._words = Names(), Names(), Names(), Names()
        self._author = Column(np.int32, ABSENT)
        self._topic = Column(np.int32, ABSENT, TOPICS)
        self._community = Column(np.int32, ABSENT)
        self._published = Column(np.int64, 0)
        self._language = Column(np.int32, ABSENT)
        self._region = Column(np.int32, ABSENT)
        self._gone = Column(np.bool_, False)
        self._standing = Column(np.float64, np.nan)
        self._kind = Column(np.int32, ABSENT)
        self._identity = Column(np.int32, ABSENT)
        self._labels: dict[str, tuple[Column, Column]] = {}
        self._waiting: dict[str, list[LabelGiven]] = {}
        self._by_time = Posting()
        self._by_topic: dict[int, Posting] = {}
        self._by_community: dict[int, Posting] = {}
        self._view: Catalogue | None = None

    def apply(self, entries: Sequence[Entry]) -> Rows:
        """Take the next entries; returns int32[n], ascending: rows that are new or changed.

        A withdrawal of an unknown item says nothing; a label of one waits for it; of two labels of one name the
        later given counts. Lists are not the catalogue's and are passed over.
        """
        self._view = None
        changed: list[Rows] = []
        for kind, run in groupby(entries, key=type):
            if kind is ItemPublished:
                changed += self._publish(cast("Iterator[ItemPublished]", run))
            elif kind is LabelGiven:
                changed.append(self._give(cast("Iterator[LabelGiven]", run)))
            elif kind is AuthorChanged:
                changed.append(self._change_authors(cast("Iterator[AuthorChanged]", run)))
            elif kind is ItemWithdrawn:
                changed.append(self._withdraw(cast("Iterator[ItemWithdrawn]", run)))
        return np.unique(np.concatenate(changed)) if changed else np.zeros(0, dtype=np.int32)

    def row_of(self, item: str) -> int:
        """Row of an item id, or -1 while the item is unknown."""
        return self._rows.get(item, ABSENT)

    def view(self) -> Catalogue:
        """The catalogue as it stands; columns that did not change since the last view are the same arrays."""
        if self._view is None:
            n, authors = self._size, len(self._authors)
            labels = {name: (s.view(n), t.view(n)) for name, (s, t) in self._labels.items()}
            self._view = Catalogue(
                rows=n,
                ids=self._ids,
                author=self._author.view(n),
                topics=self._topic.view(n),
                community=self._community.view(n),
                published=self._published.view(n),
                by_time=self._by_time.view(),
                language=self._language.view(n),
                region=self._region.view(n),
                gone=self._gone.view(n),
                standing=self._standing.view(authors),
                kind=self._kind.view(authors),
                identity=self._identity.view(authors),
                labels=MappingProxyType(labels),
                topic_rows=MappingProxyType({code: p.view() for code, p in self._by_topic.items()}),
                community_rows=MappingProxyType({code: p.view() for code, p in self._by_community.items()}),
                row_numbers=MappingProxyType(self._rows),
                authors=self._authors,
                topic_words=self._topics,
                communities=self._communities,
                words=self._words,
            )
        return self._view

    def _publish(self, run: Iterator[ItemPublished]) -> list[Rows]:
        known, new, again = self._rows, list[ItemPublished](), dict[int, ItemPublished]()
        for entry in run:
            row = known.setdefault(entry.id, len(known))
            if row < self._size + len(new):
                again[row] = entry
            else:
                new.append(entry)
        changed = []
        if new:
            rows = np.arange(self._size, self._size + len(new), dtype=np.int32)
            self._size += len(new)
            self._ids.extend(entry.id for entry in new)
            self._put(rows, self._read(new))
            changed.append(rows)
            waited = [self._waiting.pop(e.id) for e in new if e.id in self._waiting] if self._waiting else []
            self._give(chain.from_iterable(waited))
        if again:
            rows = np.fromiter(again, dtype=np.int32, count=len(again))
            changed.append(self._replace(rows, list(again.values())))
        return changed

    def _read(self, entries: Sequence[ItemPublished]) -> dict[Column, NDArray[Any]]:
        """The entries as values by column."""
        topics = [dict.fromkeys(filter(None, entry.topics)) for entry in entries]
        lengths = np.fromiter(map(len, topics), dtype=np.int64, count=len(topics))
        self._topic.widen(int(lengths.max()))
        table = np.full((len(entries), self._topic.width), ABSENT, dtype=np.int32)
        table[np.arange(table.shape[1]) < lengths[:, None]] = self._topics.learn(chain.from_iterable(topics))
        return {
            self._author: np.array(self._authors.learn(e.author for e in entries), dtype=np.int32),
            self._topic: table,
            self._community: np.array(self._communities.learn(e.community for e in entries), dtype=np.int32),
            self._published: np.array([e.published_at for e in entries], dtype=np.int64),
            self._language: np.array(self._words.learn(e.language for e in entries), dtype=np.int32),
            self._region: np.array(self._words.learn(e.region for e in entries), dtype=np.int32),
        }

    def _put(self, rows: Rows, values: dict[Column, NDArray[Any]]) -> None:
        for column, given in values.items():
            column.write(rows, given)
        self._gone.write(rows, False)
        self._list(rows)

    def _replace(self, rows: Rows, entries: Sequence[ItemPublished]) -> Rows:
        """Replace what differs; returns the rows that do."""
        values = self._read(entries)
        differs = self._gone.of(rows).astype(np.bool_)
        for column, given in values.items():
            unequal = column.of(rows) != given
            differs |= unequal.any(axis=1) if unequal.ndim == 2 else unequal
        rows = rows[differs]
        if rows.size:
            self._unlist(rows)
            self._put(rows, {column: given[differs] for column, given in values.items()})
        return rows

    def _withdraw(self, run: Iterator[ItemWithdrawn]) -> Rows:
        known = {self._rows[entry.id] for entry in run if entry.id in self._rows}
        rows = np.fromiter(known, dtype=np.int32, count=len(known))
        rows = rows[~self._gone.of(rows).astype(np.bool_)]
        self._gone.write(rows, True)
        return rows

    def _change_authors(self, run: Iterator[AuthorChanged]) -> Rows:
        newest = {entry.id: entry for entry in run if entry.id}
        codes = np.array(self._authors.learn(newest), dtype=np.int32)
        entries = newest.values()
        values: dict[Column, NDArray[Any]] = {
            self._standing: np.array([entry.standing for entry in entries], dtype=np.float64),
            self._kind: np.array(self._words.learn(entry.kind for entry in entries), dtype=np.int32),
            self._identity: np.array(self._words.learn(entry.identity for entry in entries), dtype=np.int32),
        }
        differs = np.zeros(len(codes), dtype=np.bool_)
        for column, given in values.items():
            differs |= column.of(codes) != given  # a standing never told is NaN and differs from all
        codes = codes[differs]
        for column, given in values.items():
            column.write(codes, given[differs])
        touched = np.zeros(len(self._authors) + 1, dtype=np.bool_)
        touched[codes] = True
        return np.flatnonzero(touched[self._author.of(slice(self._size))]).astype(np.int32)

    def _give(self, run: Iterator[LabelGiven]) -> Rows:
        changed: set[int] = set()
        newest: dict[str, dict[int, tuple[float, int]]] = {}
        for label in run:
            row = self._rows.get(label.item, ABSENT)
            if row < 0:
                self._waiting.setdefault(label.item, []).append(label)
                continue
            if label.name not in self._labels:
                self._labels[label.name] = (Column(np.float64, np.nan), Column(np.int64, 0))
            given = newest.setdefault(label.name, {})
            at = max(label.given_at, 1)  # 0 says that there is none
            held = given[row][1] if row in given else int(self._labels[label.name][1].at(row))
            if at >= held:
                given[row] = (label.score, at)
                changed.add(row)
        for name, given in newest.items():
            rows = np.fromiter(given, dtype=np.int64, count=len(given))
            scores, times = self._labels[name]
            scores.write(rows, np.array([score for score, _ in given.values()]))
            times.write(rows, np.array([at for _, at in given.values()], dtype=np.int64))
        return np.fromiter(changed, dtype=np.int32, count=len(changed))

    def _list(self, rows: Rows) -> None:
        """Put rows into the lists by time, topic and community."""
        times = self._published.of(rows)
        order = np.lexsort((rows, times))
        self._by_time.add(rows[order], times[order])
        for code, n in self._groups(self._topic, self._by_topic, rows):
            self._by_topic[code].add(*_in_order(rows[n], times[n]))
        for code, n in self._groups(self._community, self._by_community, rows):
            self._by_community[code].add(*_in_order(rows[n], times[n]))

    def _unlist(self, rows: Rows) -> None:
        """Take rows out of the lists that they stand in."""
        times = self._published.of(rows)
        self._by_time.remove(rows, times)
        for code, n in self._groups(self._topic, self._by_topic, rows):
            self._by_topic[code].remove(rows[n], times[n])
        for code, n in self._groups(self._community, self._by_community, rows):
            self._by_community[code].remove(rows[n], times[n])

    @staticmethod
    def _groups(column: Column, postings: dict[int, Posting], rows: Rows) -> Iterator[tuple[int, NDArray[np.int64]]]:
        """Each code that the rows have, with the places of those rows; the code has a posting afterwards."""
        codes = column.of(rows)
        table = codes if codes.ndim == 2 else codes[:, None]
        places, _ = np.nonzero(table >= 0)
        flat = table[table >= 0]
        order = np.argsort(flat, kind="stable")
        found, starts = np.unique(flat[order], return_index=True)
        for code, part in zip(found.tolist(), np.split(places[order], starts[1:]), strict=False):
            postings.setdefault(code, Posting())
            yield code, part


def _in_order(rows: Rows, times: NDArray[np.int64]) -> tuple[Rows, NDArray[np.int64]]:
    order = np.lexsort((rows, times))
    return rows[order], times[order]
