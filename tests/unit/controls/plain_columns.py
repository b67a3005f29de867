"""A plain-Python fulfilment of the ``Columns`` protocol, slow and obvious, for the tests of controls."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from controls.signals import Mask, Rows


@dataclass(frozen=True)
class PlainItem:
    """An item as rules see it; ``labels`` maps a name to (score, second). Empty strings and None are missing."""

    id: str
    author: str = ""
    topics: tuple[str, ...] = ()
    published_at: int = 0
    language: str = ""
    region: str = ""
    community: str = ""
    labels: dict[str, tuple[float, int]] = field(default_factory=dict)
    standing: float | None = None
    kind: str = ""
    identity: str = ""
    withdrawn: bool = False


class PlainColumns:
    """Rows are the places in the list of items."""

    def __init__(self, items: Sequence[PlainItem]) -> None:
        self.items = list(items)
        self._rows = {item.id: row for row, item in enumerate(items)}
        self._codes: dict[str, dict[str, int]] = {}

    @property
    def rows(self) -> int:
        return len(self.items)

    def row_of(self, item: str) -> int:
        return self._rows.get(item, -1)

    def rows_of(self, kind: str, subject: str) -> Rows:
        signal = {"item": "item.id", "author": "author.id", "topic": "topic", "community": "community"}[kind]
        found = [row for row, item in enumerate(self.items) if subject in self._values(item, signal)]
        return np.array(found, dtype=np.int32)

    def numeric(self, signal: str, rows: Rows, as_of: int) -> NDArray[np.float64]:
        return np.array([self._number(self.items[row], signal, as_of) for row in rows], dtype=np.float64)

    def label_time(self, label: str, rows: Rows) -> NDArray[np.int64]:
        return np.array([self.items[row].labels.get(label, (0, 0))[1] for row in rows], dtype=np.int64)

    def published_at(self, rows: Rows) -> NDArray[np.int64]:
        return np.array([self.items[row].published_at for row in rows], dtype=np.int64)

    def member(self, signal: str, values: frozenset[str], rows: Rows) -> Mask:
        return np.array([bool(values & set(self._values(self.items[row], signal))) for row in rows], dtype=np.bool_)

    def codes(self, signal: str, rows: Rows) -> NDArray[np.int32]:
        values = [[self.code_of(signal, value) for value in self._values(self.items[row], signal)] for row in rows]
        if signal != "topic":
            return np.array([found[0] if found else -1 for found in values], dtype=np.int32)
        width = max([1, *map(len, values)])
        return np.array([[*found, *[-1] * (width - len(found))] for found in values], dtype=np.int32).reshape(-1, width)

    def code_of(self, signal: str, value: str) -> int:
        if signal not in self._codes:
            values = {value for item in self.items for value in self._values(item, signal)}
            self._codes[signal] = {value: code for code, value in enumerate(sorted(values))}
        return self._codes[signal].get(value, -1)

    def number_at(self, signal: str, row: int, as_of: int) -> float:
        return self._number(self.items[row], signal, as_of)

    def label_time_at(self, label: str, row: int) -> int:
        return self.items[row].labels.get(label, (0, 0))[1]

    def words_at(self, signal: str, row: int) -> tuple[str, ...]:
        return self._values(self.items[row], signal)

    def withdrawn(self, rows: Rows) -> Mask:
        return np.array([self.items[row].withdrawn for row in rows], dtype=np.bool_)

    def withdrawn_at(self, row: int) -> bool:
        return self.items[row].withdrawn

    @staticmethod
    def _values(item: PlainItem, signal: str) -> tuple[str, ...]:
        if signal == "topic":
            return item.topics
        value = {
            "item.id": item.id,
            "author.id": item.author,
            "author.kind": item.kind,
            "author.identity": item.identity,
            "community": item.community,
            "language": item.language,
            "region": item.region,
        }[signal]
        return (value,) if value else ()

    @staticmethod
    def _number(item: PlainItem, signal: str, as_of: int) -> float:
        if signal == "author.standing":
            return float("nan") if item.standing is None else item.standing
        if signal == "item.age":
            return float(as_of - item.published_at) if item.published_at else float("nan")
        return item.labels.get(signal.removeprefix("label."), (float("nan"), 0))[0]
