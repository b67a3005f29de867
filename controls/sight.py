"""Sight: some rows of columns at one second, with each signal fetched and each predicate tested at most once.

Every test has two answers: where the predicate is true, and where it is *possible* (true, or its signal is missing).
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from controls.conditions import AgePredicate, LabelPredicate, MemberPredicate, Predicate, StandingPredicate
from controls.rows import NEVER
from controls.signals import LABEL_PREFIX, Columns, Mask, Rows

_FEW = 4
"""Membership is tested only where asked when that is less than one row in so many."""

_BY_SUBJECT = ("topic", "community")
"""Signals whose members the columns list by subject, so that testing all rows costs only the rows that match."""


class Members:
    """Membership over columns. ``sets`` are the policy's named sets."""

    def __init__(self, columns: Columns, sets: Mapping[str, frozenset[str]]) -> None:
        self._columns = columns
        self._sets = sets
        self._listed: dict[MemberPredicate, Rows] = {}

    def test(self, predicate: MemberPredicate, rows: Rows, span: bool) -> Mask:
        """bool[n]: which rows have one of the values. ``span``: the rows follow one another without gaps."""
        if not span or predicate.signal not in _BY_SUBJECT:
            return self._columns.member(predicate.signal, self._values(predicate), rows)
        listed = self._listed.get(predicate)
        if listed is None:
            parts = [self._columns.rows_of(predicate.signal, value) for value in self._values(predicate)]
            listed = self._listed[predicate] = np.sort(np.concatenate(parts))
        first = int(rows[0])
        low, high = np.searchsorted(listed, (first, first + rows.size))
        mask = np.zeros(rows.size, dtype=np.bool_)
        mask[listed[low:high] - first] = True
        return mask

    def _values(self, predicate: MemberPredicate) -> frozenset[str]:
        if predicate.in_set is not None:
            return self._sets[predicate.in_set]
        return frozenset(predicate.values or ())


class Sight:
    """Predicates tested on ``rows`` int32[n] at second ``as_of``. ``span``: the rows follow one another."""

    def __init__(self, columns: Columns, rows: Rows, as_of: int, members: Members, *, span: bool) -> None:
        self._columns = columns
        self._rows = rows
        self._as_of = as_of
        self._members = members
        self._span = span
        self._numbers: dict[str, NDArray[np.float64]] = {}
        self._ages: dict[str, NDArray[np.int64]] = {}
        self._known: dict[str, Mask] = {}
        self._answers: dict[tuple[int, bool], Mask] = {}

    def test(self, key: int, predicate: Predicate, possible: bool, among: Mask | None) -> Mask:
        """bool[n]: where the predicate is true, or ``possible``; right at least ``among`` those rows. ``key`` names
        the predicate for reuse."""
        mask = self._answers.get((key, possible))
        if mask is not None:
            return mask
        if isinstance(predicate, MemberPredicate):
            if possible:
                return self.test(key, predicate, False, among) | ~self._is_known(predicate.signal)
            if among is not None and not self._span and np.count_nonzero(among) * _FEW < among.size:
                few = np.zeros(among.size, dtype=np.bool_)
                few[among] = self._members.test(predicate, self._rows[among], False)
                return few
            mask = self._members.test(predicate, self._rows, self._span)
        else:
            mask = self._number_mask(predicate, possible)
        self._answers[key, possible] = mask
        return mask

    def turn(self, predicate: LabelPredicate | AgePredicate) -> NDArray[np.int64]:
        """int64[n]: the next second at which time alone changes the predicate's answer, NEVER where it does not."""
        turns = np.full(self._rows.size, NEVER, dtype=np.int64)
        number = self._number(predicate.signal)
        if isinstance(predicate, LabelPredicate):
            if predicate.max_age is not None:
                left = predicate.max_age - self._label_age(predicate.signal)
                np.copyto(turns, self._as_of + left + 1, where=~np.isnan(number) & (left >= 0))
            return turns
        # Young until age == below; old from age == above + 1.
        for bound in (predicate.below, None if predicate.above is None else predicate.above + 1):
            if bound is not None:
                ahead = number < bound
                turns[ahead] = np.minimum(turns[ahead], self._as_of + bound - number[ahead].astype(np.int64))
        return turns

    def _number_mask(self, predicate: LabelPredicate | StandingPredicate | AgePredicate, possible: bool) -> Mask:
        number = self._number(predicate.signal)
        if isinstance(predicate, LabelPredicate):
            mask = _between(number, predicate.min, predicate.max, np.greater_equal, np.less_equal)
            if predicate.max_age is not None:
                fresh = self._label_age(predicate.signal) <= predicate.max_age
                mask = mask | ~fresh if possible else mask & fresh
        else:
            mask = _between(number, predicate.above, predicate.below, np.greater, np.less)
        return mask | np.isnan(number) if possible else mask

    def _number(self, signal: str) -> NDArray[np.float64]:
        if signal not in self._numbers:
            self._numbers[signal] = self._columns.numeric(signal, self._rows, self._as_of)
        return self._numbers[signal]

    def _label_age(self, signal: str) -> NDArray[np.int64]:
        if signal not in self._ages:
            given = self._columns.label_time(signal.removeprefix(LABEL_PREFIX), self._rows)
            self._ages[signal] = self._as_of - given
        return self._ages[signal]

    def _is_known(self, signal: str) -> Mask:
        if signal not in self._known:
            self._known[signal] = self._columns.known(signal, self._rows)
        return self._known[signal]


def _between(
    number: NDArray[np.float64], low: float | None, high: float | None, over: np.ufunc, under: np.ufunc
) -> Mask:
    """bool[n]: numbers within one or two bounds. NaN lies within none."""
    if low is None:
        return np.asarray(under(number, high), dtype=np.bool_)
    mask = np.asarray(over(number, low), dtype=np.bool_)
    return mask if high is None else mask & np.asarray(under(number, high), dtype=np.bool_)
