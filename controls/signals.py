"""What a rule may test of an item, and the ``Columns`` protocol through which it sees a catalogue.

The set of signals is closed: a policy that names another one is refused by the lint.
"""

from __future__ import annotations

from typing import Protocol

import numpy as np
from numpy.typing import NDArray

Rows = NDArray[np.int32]
Mask = NDArray[np.bool_]

NUMERIC = ("author.standing", "item.age")
"""Numeric signals beside ``label.<name>``: author standing in points, item age in seconds."""

CATEGORICAL = (
    "topic",
    "community",
    "author.id",
    "author.kind",
    "author.identity",
    "language",
    "region",
    "item.id",
)
"""Signals that are tested for membership in a list or a named set."""

LABEL_PREFIX = "label."


class Cells(Protocol):
    """What rules see of one row."""

    def number_at(self, signal: str, row: int, as_of: int) -> float:
        """Value of a numeric signal of one row at ``as_of``; NaN where it is missing."""
        ...

    def label_time_at(self, label: str, row: int) -> int:
        """Second at which one row's label was given; 0 where the row has no such label."""
        ...

    def words_at(self, signal: str, row: int) -> tuple[str, ...]:
        """The values of one row's categorical signal; none where it is missing."""
        ...


class Columns(Cells, Protocol):
    """Row-aligned view of the items, as rules see it. ``ranking.catalogue.Catalogue`` fulfils it.

    Arrays of ``rows`` are ascending and name each row once. The methods that take one ``row`` answer as those that take
    many do, without the cost of arrays.
    """

    @property
    def rows(self) -> int:
        """Number of rows N; rows are numbered 0..N-1, append-only and never reused."""
        ...

    def row_of(self, item: str) -> int:
        """Row of an item id, or -1 while the item is unknown."""
        ...

    def rows_of(self, kind: str, subject: str) -> Rows:
        """int32[n], ascending: rows of a subject of kind ``item | author | topic | community``; empty if unknown."""
        ...

    def numeric(self, signal: str, rows: Rows, as_of: int) -> NDArray[np.float64]:
        """float64[n]: value of a numeric signal for the given rows at ``as_of``; NaN where it is missing."""
        ...

    def label_time(self, label: str, rows: Rows) -> NDArray[np.int64]:
        """int64[n]: second at which each row's label was given; 0 where the row has no such label."""
        ...

    def published_at(self, rows: Rows) -> NDArray[np.int64]:
        """int64[n]: publication second of the rows."""
        ...

    def member(self, signal: str, values: frozenset[str], rows: Rows) -> Mask:
        """bool[n]: whether the categorical signal of each row has (for topics: contains) one of the values."""
        ...

    def codes(self, signal: str, rows: Rows) -> NDArray[np.int32]:
        """int32[n], for topics int32[n, T]: codes of the values of a categorical signal, -1 where it is missing or
        behind the last one."""
        ...

    def code_of(self, signal: str, value: str) -> int:
        """The code of a value of a categorical signal, or -1 while no item has it."""
        ...

    def withdrawn(self, rows: Rows) -> Mask:
        """bool[n]: rows whose item was deleted by its author or client; they are ineligible everywhere."""
        ...

    def withdrawn_at(self, row: int) -> bool:
        """Whether the item of one row was deleted by its author or client."""
        ...
