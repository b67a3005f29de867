"""The catalogue: items as rows and columns, an immutable view that fulfils ``controls.signals.Columns`` (laws 2, 4).

A row is given once, in the order of the journal, and never used again. :mod:`ranking.building` makes the views.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from controls.signals import LABEL_PREFIX, Mask, Rows
from ranking.columns import ABSENT, Codes, Names

_NO_ROWS: Rows = np.zeros(0, dtype=np.int32)
_NO_ROWS.setflags(write=False)


@dataclass(frozen=True, slots=True, eq=False)
class Catalogue:
    """N items by row. Every array is read-only; -1 is an absent name, author, topic or community.

    ``row_numbers``, ``ids`` and the names are shared by successive views and only grow: what lies past this view
    belongs to later ones, and no method here reaches it.
    """

    rows: int
    ids: Sequence[str]
    """Item id by row."""

    author: Codes
    """int32[N]: author index."""

    topics: Codes
    """int32[N, T]: topic indexes, each once, -1 behind the last; T is 8 or as many as an item came with, doubled."""

    community: Codes
    """int32[N]: community index."""

    published: NDArray[np.int64]
    """int64[N]: second of publication."""

    by_time: Codes
    """int32[N]: all rows by publication, oldest first, then by row."""

    language: Codes
    region: Codes
    gone: Mask
    """bool[N]: withdrawn by its owner."""

    standing: NDArray[np.float64]
    """float64[A] by author: points, NaN while nobody has told them."""

    kind: Codes
    identity: Codes
    """int32[A] by author: words."""

    labels: Mapping[str, tuple[NDArray[np.float64], NDArray[np.int64]]]
    """Score float64[N] (NaN: none) and time int64[N] (0: none) by label name."""

    topic_rows: Mapping[int, Codes]
    """int32[n] by topic index: its rows by publication, oldest first, then by row."""

    community_rows: Mapping[int, Codes]
    """The same by community index."""

    row_numbers: Mapping[str, int]
    authors: Names
    topic_words: Names
    communities: Names
    words: Names
    """Languages, regions, author kinds and identity states."""

    def row_of(self, item: str) -> int:
        """Row of an item id, or -1 while the item is unknown."""
        row = self.row_numbers.get(item, ABSENT)
        return row if row < self.rows else ABSENT

    def known(self, items: Iterable[str]) -> list[bool]:
        """Whether each item has a row."""
        rows, row_of = self.rows, self.row_numbers.get
        return [ABSENT < row_of(item, ABSENT) < rows for item in items]

    def author_index(self, author: str) -> int:
        """Index of an author id, -1 while nothing mentions it."""
        return self.authors.code(author)

    def topic_index(self, topic: str) -> int:
        """Index of a topic, -1 while nothing mentions it."""
        return self.topic_words.code(topic)

    def community_index(self, community: str) -> int:
        """Index of a community id, -1 while nothing mentions it."""
        return self.communities.code(community)

    def author_id(self, row: int) -> str:
        """Author id of a row, or an empty string."""
        return _word(self.authors, int(self.author[row]))

    def community_id(self, row: int) -> str:
        """Community id of a row, or an empty string."""
        return _word(self.communities, int(self.community[row]))

    def topic_names(self, row: int) -> tuple[str, ...]:
        """Topics of a row in the order they were given."""
        return tuple(self.topic_words.words[code] for code in self.topics[row].tolist() if code >= 0)

    def of_topic(self, topic: str) -> Codes:
        """int32[n], read-only: rows of a topic by publication, oldest first; empty when it is unknown."""
        return self.topic_rows.get(self.topic_index(topic), _NO_ROWS)

    def of_community(self, community: str) -> Codes:
        """int32[n], read-only: rows of a community by publication, oldest first; empty when it is unknown."""
        return self.community_rows.get(self.community_index(community), _NO_ROWS)

    def rows_of(self, kind: str, subject: str) -> Rows:
        """int32[n], ascending: rows of a subject of kind ``item | author | topic | community``; empty if unknown."""
        if kind == "item":
            row = self.row_of(subject)
            return np.array([row] if row >= 0 else [], dtype=np.int32)
        if kind == "author":
            author = self.author_index(subject)
            return _NO_ROWS if author < 0 else np.flatnonzero(self.author == author).astype(np.int32)
        if kind == "topic":
            return np.sort(self.of_topic(subject))
        if kind == "community":
            return np.sort(self.of_community(subject))
        raise ValueError(f"no rows by {kind!r}; a subject is an item, author, topic or community")

    def numeric(self, signal: str, rows: Rows, as_of: int) -> NDArray[np.float64]:
        """float64[n]: a label's score, the author's standing or the item's age in seconds; NaN where it is missing."""
        if signal.startswith(LABEL_PREFIX):
            scores = self.labels.get(signal.removeprefix(LABEL_PREFIX))
            return np.full(len(rows), np.nan) if scores is None else _of(scores[0], rows)
        if signal == "author.standing":
            authors = _of(self.author, rows)
            if not self.standing.size:
                return np.full(len(rows), np.nan)
            return np.where(authors >= 0, self.standing[authors], np.nan)
        if signal == "item.age":
            published = _of(self.published, rows)
            return np.where(published > 0, (as_of - published).astype(np.float64), np.nan)
        raise ValueError(f"{signal!r} is no numeric signal")

    def number_at(self, signal: str, row: int, as_of: int) -> float:
        """The same of one row."""
        if signal.startswith(LABEL_PREFIX):
            scores = self.labels.get(signal[len(LABEL_PREFIX) :])
            return math.nan if scores is None else float(scores[0].item(row))
        if signal == "author.standing":
            author = self.author.item(row)
            return math.nan if author < 0 else float(self.standing.item(author))
        if signal == "item.age":
            published = self.published.item(row)
            return float(as_of - published) if published > 0 else math.nan
        raise ValueError(f"{signal!r} is no numeric signal")

    def label_time(self, label: str, rows: Rows) -> NDArray[np.int64]:
        """int64[n]: second at which each row's label was given; 0 where the row has no such label."""
        given = self.labels.get(label)
        return np.zeros(len(rows), dtype=np.int64) if given is None else _of(given[1], rows)

    def label_time_at(self, label: str, row: int) -> int:
        """The same of one row."""
        given = self.labels.get(label)
        return 0 if given is None else int(given[1].item(row))

    def published_at(self, rows: Rows) -> NDArray[np.int64]:
        """int64[n]: publication second of the rows."""
        return self.published[rows]

    def member(self, signal: str, values: frozenset[str], rows: Rows) -> Mask:
        """bool[n]: whether the categorical signal of each row has (for topics: contains) one of the values."""
        if signal == "item.id":
            named = [row for row in map(self.row_of, values) if row >= 0]
            return np.isin(rows, np.array(named, dtype=np.int32))
        names = self._names(signal)
        codes = [code for code in map(names.code, values) if code >= 0]
        wanted = np.zeros(len(names) + 1, dtype=np.bool_)  # the last one answers for absent, index -1
        wanted[codes] = True
        found: Mask = wanted[self.codes(signal, rows)]
        return np.logical_or.reduce(found, axis=1) if found.ndim == 2 else found

    def codes(self, signal: str, rows: Rows) -> Codes:
        """int32[n] (topics: int32[n, T]): codes of a categorical signal, -1 where it is missing."""
        if signal == "item.id":
            return rows
        if signal in ("author.kind", "author.identity"):
            column = self.kind if signal == "author.kind" else self.identity
            authors = _of(self.author, rows)
            if not column.size:
                return np.full(len(rows), ABSENT, dtype=np.int32)
            return np.where(authors >= 0, column[authors], np.int32(ABSENT))
        return _of(self._column(signal), rows)

    def code_of(self, signal: str, value: str) -> int:
        """The code of a value of a categorical signal, or -1 while no item has it."""
        return self.row_of(value) if signal == "item.id" else self._names(signal).code(value)

    def words_at(self, signal: str, row: int) -> tuple[str, ...]:
        """The values of one row's categorical signal; none where it is missing."""
        if signal == "topic":
            return self.topic_names(row)
        if signal == "item.id":
            return (self.ids[row],)
        if signal in ("author.kind", "author.identity"):
            author = self.author.item(row)
            code = ABSENT if author < 0 else (self.kind if signal == "author.kind" else self.identity).item(author)
        else:
            code = self._column(signal).item(row)
        return () if code < 0 else (self._names(signal).words[code],)

    def withdrawn(self, rows: Rows) -> Mask:
        """bool[n]: rows whose item was deleted by its author or client; they are ineligible everywhere."""
        return self.gone[rows]

    def withdrawn_at(self, row: int) -> bool:
        """Whether the item of one row was deleted by its author or client."""
        return bool(self.gone.item(row))

    def _names(self, signal: str) -> Names:
        if signal == "topic":
            return self.topic_words
        if signal == "community":
            return self.communities
        return self.authors if signal == "author.id" else self.words

    def _column(self, signal: str) -> Codes:
        if signal == "topic":
            return self.topics
        if signal == "community":
            return self.community
        if signal == "author.id":
            return self.author
        if signal == "language":
            return self.language
        if signal == "region":
            return self.region
        raise ValueError(f"{signal!r} is no categorical signal")


def _of(column: NDArray[Any], rows: Rows) -> NDArray[Any]:
    """Values of rows, which ascend; a view where they follow one another."""
    count = len(rows)
    if count and int(rows[-1]) - int(rows[0]) == count - 1:
        return column[rows[0] : rows[-1] + 1]
    return column[rows]


def _word(names: Names, code: int) -> str:
    return names.words[code] if code >= 0 else ""
