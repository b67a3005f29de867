"""Sight: some rows of columns at one second, with each signal fetched and each predicate tested at most once.

Every test has two answers: where the predicate is true, and where it is *possible* (true, or its signal is missing).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from controls.conditions import AgePredicate, LabelPredicate, MemberPredicate, Predicate, StandingPredicate
from controls.rows import NEVER
from controls.signals import LABEL_PREFIX, Columns, Mask, Rows


class Sight:
    """Predicates tested on ``rows`` int32[n] at second ``as_of``. ``sets`` are the policy's named sets."""

    def __init__(self, columns: Columns, rows: Rows, as_of: int, sets: dict[str, frozenset[str]]) -> None:
        self._columns = columns
        self._rows = rows
        self._as_of = as_of
        self._sets = sets
        self._numbers: dict[str, NDArray[np.float64]] = {}
        self._ages: dict[str, NDArray[np.int64]] = {}
        self._true: dict[int, Mask] = {}
        self._possible: dict[int, Mask] = {}

    def test(self, key: int, predicate: Predicate, *, possible: bool) -> Mask:
        """bool[n]: where the predicate is true, or ``possible``. ``key`` names the predicate for reuse."""
        answers = self._possible if possible else self._true
        mask = answers.get(key)
        if mask is None:
            if possible:
                mask = self.test(key, predicate, possible=False) | self._missing(predicate)
            else:
                mask = self._true_mask(predicate)
            answers[key] = mask
        return mask

    def turn(self, predicate: Predicate) -> NDArray[np.int64] | None:
        """int64[n]: the next second at which time alone changes the predicate's answer, NEVER where it does not;
        None if it never does for any row."""
        if isinstance(predicate, LabelPredicate) and predicate.max_age is not None:
            left = predicate.max_age - self._label_age(predicate.signal)
            known = ~np.isnan(self._number(predicate.signal))
            return np.where(known & (left >= 0), self._as_of + left + 1, NEVER)
        if not isinstance(predicate, AgePredicate):
            return None
        age = self._number(predicate.signal)
        turns = np.full(age.size, NEVER, dtype=np.int64)
        # Young until age == below; old from age == above + 1.
        for bound in (predicate.below, None if predicate.above is None else predicate.above + 1):
            if bound is not None:
                ahead = age < bound
                turns[ahead] = np.minimum(turns[ahead], self._as_of + bound - age[ahead].astype(np.int64))
        return turns

    def _true_mask(self, predicate: Predicate) -> Mask:
        if isinstance(predicate, LabelPredicate):
            mask = self._within(predicate.signal, predicate.min, predicate.max)
            return mask if predicate.max_age is None else mask & self._fresh(predicate.signal, predicate.max_age)
        if isinstance(predicate, StandingPredicate | AgePredicate):
            return self._between(predicate.signal, predicate.above, predicate.below)
        return self._columns.member(predicate.signal, self._values(predicate), self._rows)

    def _missing(self, predicate: Predicate) -> Mask:
        if isinstance(predicate, MemberPredicate):
            return ~self._columns.known(predicate.signal, self._rows)
        missing = np.isnan(self._number(predicate.signal))
        if isinstance(predicate, LabelPredicate) and predicate.max_age is not None:
            missing |= ~self._fresh(predicate.signal, predicate.max_age)
        return missing

    def _within(self, signal: str, least: float | None, most: float | None) -> Mask:
        number = self._number(signal)
        return (number >= (-np.inf if least is None else least)) & (number <= (np.inf if most is None else most))

    def _between(self, signal: str, above: float | None, below: float | None) -> Mask:
        number = self._number(signal)
        return (number > (-np.inf if above is None else above)) & (number < (np.inf if below is None else below))

    def _fresh(self, signal: str, max_age: int) -> Mask:
        return self._label_age(signal) <= max_age

    def _values(self, predicate: MemberPredicate) -> frozenset[str]:
        if predicate.in_set is not None:
            return self._sets[predicate.in_set]
        return frozenset(predicate.values or ())

    def _number(self, signal: str) -> NDArray[np.float64]:
        if signal not in self._numbers:
            self._numbers[signal] = self._columns.numeric(signal, self._rows, self._as_of)
        return self._numbers[signal]

    def _label_age(self, signal: str) -> NDArray[np.int64]:
        if signal not in self._ages:
            given = self._columns.label_time(signal.removeprefix(LABEL_PREFIX), self._rows)
            self._ages[signal] = self._as_of - given
        return self._ages[signal]
