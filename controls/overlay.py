"""Overlay: the columns as rules see them while decisions speak of items and authors (laws 2 and 6).

A label that a person decided stands above what classifiers give, strikes lower the author's standing, and an attested
identity replaces the stored one, each as long as the decision is in force. Without such decisions the columns
themselves are used, and nothing costs more.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from controls.authors import FULL_STANDING, NOBODY_SPOKE, Authors, AuthorView
from controls.decisions import Decision
from controls.signals import LABEL_PREFIX, Columns, Mask, Rows

_STANDING, _IDENTITY = "author.standing", "author.identity"


@dataclass(frozen=True, slots=True)
class _Given:
    """Decided labels of one name: rows int32[n], ascending, scores float64[n], times int64[n]."""

    rows: Rows
    scores: NDArray[np.float64]
    times: NDArray[np.int64]


class Labels:
    """Labels that decisions give to items, known ones and those that are to come."""

    def __init__(self) -> None:
        self._acting: dict[tuple[str, str], dict[str, Decision]] = {}
        self._waiting: set[tuple[str, str]] = set()
        self._at: dict[str, dict[int, tuple[float, int]]] = {}
        self._given: dict[str, _Given] = {}

    def __bool__(self) -> bool:
        return bool(self._at)

    def turn(self, decision: Decision, columns: Columns | None, *, begins: bool) -> int:
        """Let a label begin or end; the row whose label it is, or -1 while the item is unknown."""
        key = (decision.subject.id, str(decision.parameters["name"]))
        acting = self._acting.setdefault(key, {})
        if begins:
            acting[decision.id] = decision
        else:
            del acting[decision.id]
        if not acting:
            del self._acting[key]
        return self._settle(key, columns)

    def rows_added(self, columns: Columns) -> None:
        """Find the items that were waited for."""
        for key in [key for key in self._waiting if columns.row_of(key[0]) >= 0]:
            self._settle(key, columns)

    def _settle(self, key: tuple[str, str], columns: Columns | None) -> int:
        (item, name), acting = key, self._acting.get(key)
        row = -1 if columns is None else columns.row_of(item)
        (self._waiting.add if acting and row < 0 else self._waiting.discard)(key)
        if row < 0:
            return row
        self._given.pop(name, None)
        at = self._at.setdefault(name, {})
        if acting:
            first, *others = acting.values()
            newest = max((first, *others), key=_rank) if others else first
            at[row] = (_score(newest), max(newest.starts_at, 1))  # 0 says that there is none
        else:
            at.pop(row, None)
            if not at:
                del self._at[name]
        return row

    def at(self, name: str, row: int) -> tuple[float, int] | None:
        """Score and second of one row's decided label, or None."""
        known = self._at.get(name)
        return None if known is None else known.get(row)

    def among(self, name: str, rows: Rows) -> tuple[NDArray[np.intp], _Given] | None:
        """The places of ``rows`` (ascending) that have a decided label, with the labels; None where there are none."""
        if name not in self._at or not rows.size:
            return None
        given = self._given.get(name)
        if given is None:
            known = sorted(self._at[name].items())
            given = self._given[name] = _Given(
                np.array([row for row, _ in known], dtype=np.int32),
                np.array([score for _, (score, _) in known], dtype=np.float64),
                np.array([at for _, (_, at) in known], dtype=np.int64),
            )
        part = slice(*np.searchsorted(given.rows, (rows[0], rows[-1] + 1)))
        places = np.searchsorted(rows, given.rows[part])
        here = np.flatnonzero(rows[places] == given.rows[part])
        return places[here], _Given(given.rows[part][here], given.scores[part][here], given.times[part][here])


def _rank(decision: Decision) -> tuple[int, int, float]:
    return decision.starts_at, decision.decided_at, _score(decision)


def _score(decision: Decision) -> float:
    return float(str(decision.parameters["score"]))


class Overlay:
    """Fulfils ``controls.signals.Columns`` over other columns, for as long as neither they nor the decisions change."""

    def __init__(self, columns: Columns, labels: Labels, authors: Authors) -> None:
        self._columns = columns
        self._labels = labels
        self._authors: Mapping[str, AuthorView] = authors.view()
        self._lost: NDArray[np.float64] | None = None
        self._attested: NDArray[np.int32] | None = None
        words = sorted({view.identity for _, view in self._identified()})
        self._words = {word: place for place, word in enumerate(words)}
        self.rows = columns.rows
        self.row_of = columns.row_of
        self.rows_of = columns.rows_of
        self.published_at = columns.published_at
        self.withdrawn = columns.withdrawn
        self.withdrawn_at = columns.withdrawn_at

    def numeric(self, signal: str, rows: Rows, as_of: int) -> NDArray[np.float64]:
        """See :class:`controls.signals.Columns`; so for all."""
        values = self._columns.numeric(signal, rows, as_of)
        if signal.startswith(LABEL_PREFIX):
            found = self._labels.among(signal.removeprefix(LABEL_PREFIX), rows)
            if found is not None:
                values = values.copy()
                values[found[0]] = found[1].scores
        elif signal == _STANDING:
            if self._lost is None:
                self._lost = self._by_code([(name, view.points_lost) for name, view in self._authors.items()], 0)
            lost = np.take(self._lost, self._columns.codes("author.id", rows) + 1, mode="clip")
            lowered = np.maximum(np.where(np.isnan(values), FULL_STANDING, values) - lost, 0.0)
            values = np.where(lost > 0, lowered, values)
        return values

    def number_at(self, signal: str, row: int, as_of: int) -> float:
        """The same of one row."""
        if signal.startswith(LABEL_PREFIX):
            given = self._labels.at(signal[len(LABEL_PREFIX) :], row)
            if given is not None:
                return given[0]
        value = self._columns.number_at(signal, row, as_of)
        if signal == _STANDING:
            lowered = self._author_at(row).standing(None if value != value else value)
            return value if lowered is None else lowered
        return value

    def label_time(self, label: str, rows: Rows) -> NDArray[np.int64]:
        times = self._columns.label_time(label, rows)
        found = self._labels.among(label, rows)
        if found is not None:
            times = times.copy()
            times[found[0]] = found[1].times
        return times

    def label_time_at(self, label: str, row: int) -> int:
        given = self._labels.at(label, row)
        return self._columns.label_time_at(label, row) if given is None else given[1]

    def member(self, signal: str, values: frozenset[str], rows: Rows) -> Mask:
        if signal != _IDENTITY:
            return self._columns.member(signal, values, rows)
        return np.isin(
            self.codes(signal, rows), [code for code in (self.code_of(signal, v) for v in values) if code >= 0]
        )

    def codes(self, signal: str, rows: Rows) -> NDArray[np.int32]:
        codes = self._columns.codes(signal, rows)
        if signal != _IDENTITY:
            return codes
        if self._attested is None:
            by_author = [(author, self.code_of(signal, view.identity)) for author, view in self._identified()]
            self._attested = self._by_code(by_author, -1).astype(np.int32)
        said = np.take(self._attested, self._columns.codes("author.id", rows) + 1, mode="clip")
        return np.where(said >= 0, said, np.where(codes >= 0, codes + np.int32(len(self._words)), codes))

    def code_of(self, signal: str, value: str) -> int:
        """Attested identities come first, then those of the columns, each with one code."""
        code = self._columns.code_of(signal, value)
        if signal != _IDENTITY:
            return code
        return self._words.get(value, -1) if code < 0 else code + len(self._words)

    def words_at(self, signal: str, row: int) -> tuple[str, ...]:
        identity = self._author_at(row).identity if signal == _IDENTITY else ""
        return (identity,) if identity else self._columns.words_at(signal, row)

    def _author_at(self, row: int) -> AuthorView:
        for author in self._columns.words_at("author.id", row):
            return self._authors.get(author, NOBODY_SPOKE)
        return NOBODY_SPOKE

    def _identified(self) -> list[tuple[str, AuthorView]]:
        return [(author, view) for author, view in self._authors.items() if view.identity]

    def _by_code(self, values: list[tuple[str, int]], otherwise: int) -> NDArray[np.float64]:
        """float64[n]: values by author code + 1; the first and the last place answer for all others."""
        known = {self._columns.code_of("author.id", author): value for author, value in values}
        known.pop(-1, None)
        table = np.full(max(known, default=0) + 3, otherwise, dtype=np.float64)
        table[np.fromiter(known, dtype=np.int64, count=len(known)) + 1] = list(known.values())
        return table


def overlaid(columns: Columns, labels: Labels, authors: Authors) -> Columns:
    """The columns with what decisions say of items and authors; the columns themselves where they say nothing."""
    return Overlay(columns, labels, authors) if labels or authors.signal else columns
