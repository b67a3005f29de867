"""Facets: what of an item a policy can tell apart, one facet per signal (law 6).

All bounds that the rules set on a signal cut its values into few classes, and so do all lists of values. A row's
classes, its *profile*, decide every rule; rules are worked out once per profile. A profile is timeless: time moves
rows from profile to profile, and each facet foretells when.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import partial
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from controls.causes import Handles, mapped
from controls.conditions import AgePredicate, LabelPredicate, MemberPredicate, Predicate, StandingPredicate
from controls.rows import NEVER
from controls.signals import LABEL_PREFIX, Cells, Columns, Rows

Seconds = NDArray[np.int64]

CHUNK = 32_768
"""Rows worked on at once."""


class Facet(Protocol):
    """One signal. ``truths`` holds for each class two sets of predicates as bits: those that are true of it, and those
    that are *possible* (true, or their signal is missing)."""

    truths: list[tuple[int, int]]
    predicates: frozenset[int]
    """The bits of all its predicates."""

    def classes(self, columns: Columns, rows: Rows, as_of: int) -> tuple[Handles, Seconds | None]:
        """int32[n] classes of rows (ascending, each once), and int64[n] seconds at which time alone changes them
        (NEVER where it does not), or None for no row."""
        ...

    def at(self, columns: Cells, row: int, as_of: int) -> tuple[int, int]:
        """The class of one row, and the second at which time alone changes it, or NEVER."""
        ...


class NumberFacet:
    """The author's standing or the item's age: class ``i`` lies below cut ``i``, the last class is missing."""

    def __init__(self, signal: str, predicates: Mapping[int, StandingPredicate | AgePredicate]) -> None:
        self._signal = signal
        self._timed = signal == "item.age"
        self.predicates = frozenset(predicates)
        bounds = {bit: _number_bounds(predicate) for bit, predicate in predicates.items()}
        self._cuts = _cuts(bounds.values())
        inside = {bit: _inside(self._cuts, *bound) for bit, bound in bounds.items()}
        self.truths = [(bits := _bits(inside, place), bits) for place in range(len(self._cuts) + 1)]
        self.truths.append((0, _bits(inside)))

    def classes(self, columns: Columns, rows: Rows, as_of: int) -> tuple[Handles, Seconds | None]:
        found = np.full(rows.size, len(self.truths) - 1, dtype=np.int32)
        due = np.full(rows.size, NEVER, dtype=np.int64) if self._timed else None
        for part in chunks(rows.size):
            values = columns.numeric(self._signal, rows[part], as_of)
            known = np.flatnonzero(values == values)
            found[part][known] = places = _searched(self._cuts, values[known])
            if due is not None:
                _foretell(due[part], known, self._cuts, places, values[known], as_of)
        return found, due

    def at(self, columns: Cells, row: int, as_of: int) -> tuple[int, int]:
        value = columns.number_at(self._signal, row, as_of)
        if value != value:
            return len(self._cuts) + 1, NEVER
        place = bisect_right(self._cuts, value)
        if not self._timed or place == len(self._cuts):
            return place, NEVER
        return place, as_of + int(self._cuts[place] - value)


class LabelFacet:
    """A label's score and how old it is: class ``score class * ages + age class``, the last class is missing."""

    def __init__(self, signal: str, predicates: Mapping[int, LabelPredicate]) -> None:
        self._signal = signal
        self._label = signal.removeprefix(LABEL_PREFIX)
        self.predicates = frozenset(predicates)
        scores = {bit: _score_bounds(predicate) for bit, predicate in predicates.items()}
        self._cuts = _cuts(scores.values())
        self._ages = sorted({float(p.max_age + 1) for p in predicates.values() if p.max_age is not None})
        self._width = len(self._ages) + 1
        inside = {bit: _inside(self._cuts, *bound) for bit, bound in scores.items()}
        fresh = {
            bit: range(self._width if p.max_age is None else bisect_right(self._ages, p.max_age + 0.5) + 1)
            for bit, p in predicates.items()
        }
        self.truths = []
        for place in range(len(self._cuts) + 1):
            for age in range(self._width):
                told, old = _bits(inside, place), sum(1 << bit for bit in fresh if age not in fresh[bit])
                self.truths.append((told & ~old, told | old))
        self.truths.append((0, _bits(inside)))

    def classes(self, columns: Columns, rows: Rows, as_of: int) -> tuple[Handles, Seconds | None]:
        found = np.full(rows.size, len(self.truths) - 1, dtype=np.int32)
        due = np.full(rows.size, NEVER, dtype=np.int64) if self._ages else None
        for part in chunks(rows.size):
            scores = columns.numeric(self._signal, rows[part], as_of)
            known = np.flatnonzero(scores == scores)
            places = _searched(self._cuts, scores[known])
            if due is not None:
                ages = as_of - columns.label_time(self._label, rows[part][known])
                aged = _searched(self._ages, ages)
                places = places * np.int32(self._width) + aged
                _foretell(due[part], known, self._ages, aged, ages, as_of)
            found[part][known] = places
        return found, due

    def at(self, columns: Cells, row: int, as_of: int) -> tuple[int, int]:
        score = columns.number_at(self._signal, row, as_of)
        if score != score:
            return len(self.truths) - 1, NEVER
        place = bisect_right(self._cuts, score)
        if not self._ages:
            return place, NEVER
        age = as_of - columns.label_time_at(self._label, row)
        aged = bisect_right(self._ages, age)
        due = NEVER if aged == len(self._ages) else as_of + int(self._ages[aged]) - age
        return place * self._width + aged, due


_MISSING, _OTHER = 0, 1


class MemberFacet:
    """A categorical signal: one class for each set of predicates that some value or several of them make true."""

    def __init__(self, signal: str, predicates: Mapping[int, MemberPredicate], sets: Mapping[str, Sequence[str]]):
        self._signal = signal
        self.predicates = frozenset(predicates)
        self._wanted: dict[str, int] = {}
        for bit, predicate in predicates.items():
            for value in sets[predicate.in_set] if predicate.in_set is not None else predicate.values or ():
                self._wanted[value] = self._wanted.get(value, 0) | 1 << bit
        self.truths: list[tuple[int, int]] = [(0, sum(1 << bit for bit in predicates))]
        self._known: dict[int, int] = {}
        self._class(0)

    def classes(self, columns: Columns, rows: Rows, as_of: int) -> tuple[Handles, Seconds | None]:
        if self._signal == "item.id":
            return self._by_row(columns, rows), None
        wanted = {columns.code_of(self._signal, value) + 1: bits for value, bits in self._wanted.items()}
        wanted.pop(0, None)
        # The first place answers for absent, code -1, and the last one for all codes from there on.
        table = np.full(max(wanted, default=0) + 2, _OTHER, dtype=np.int32)
        table[0] = _MISSING
        for place, bits in wanted.items():
            table[place] = self._class(bits)
        found = np.empty(rows.size, dtype=np.int32)
        for part in chunks(rows.size):
            codes = columns.codes(self._signal, rows[part])
            if codes.ndim == 2:
                found[part] = self._united(codes, table)
            else:
                np.take(table, codes + np.int32(1), mode="clip", out=found[part])
        return found, None

    def _united(self, codes: NDArray[np.int32], table: Handles) -> Handles:
        """int32[n]: classes of rows of codes that may have several values."""
        found = np.take(table, codes[:, 0] + np.int32(1), mode="clip")
        for further in range(1, codes.shape[1]):
            where = np.flatnonzero(codes[:, further] >= 0)
            if not where.size:
                break
            added = np.take(table, codes[where, further] + np.int32(1), mode="clip")
            where, added = where[added != _OTHER], added[added != _OTHER]
            size = len(self.truths)
            pairs = found[where] * np.int64(size) + added
            found[where] = mapped(pairs, size * size, partial(self._joined, size))
        return found

    def at(self, columns: Cells, row: int, as_of: int) -> tuple[int, int]:
        words = columns.words_at(self._signal, row)
        if not words:
            return _MISSING, NEVER
        bits = 0
        for word in words:
            bits |= self._wanted.get(word, 0)
        return self._class(bits), NEVER

    def _by_row(self, columns: Columns, rows: Rows) -> Handles:
        """Every item has an id, and few ids are named: look those up among the rows."""
        found = np.full(rows.size, _OTHER, dtype=np.int32)
        if not rows.size:
            return found
        named = {columns.row_of(value): bits for value, bits in self._wanted.items()}
        named.pop(-1, None)
        asked = np.fromiter(named, dtype=np.int32, count=len(named))
        places = np.minimum(np.searchsorted(rows, asked), rows.size - 1)
        for place, row in zip(
            places[rows[places] == asked].tolist(), asked[rows[places] == asked].tolist(), strict=True
        ):
            found[place] = self._class(named[row])
        return found

    def _class(self, bits: int) -> int:
        known = self._known.get(bits)
        if known is None:
            known = self._known[bits] = len(self.truths)
            self.truths.append((bits, bits))
        return known

    def _joined(self, size: int, pair: int) -> int:
        return self._class(self.truths[pair // size][0] | self.truths[pair % size][0])


def facets_of(predicates: Mapping[Predicate, int], sets: Mapping[str, Sequence[str]]) -> list[Facet]:
    """The facets of a policy, one per signal. ``predicates`` maps each predicate to its bit."""
    labels: dict[str, dict[int, LabelPredicate]] = {}
    numbers: dict[str, dict[int, StandingPredicate | AgePredicate]] = {}
    members: dict[str, dict[int, MemberPredicate]] = {}
    for predicate, bit in predicates.items():
        if isinstance(predicate, LabelPredicate):
            labels.setdefault(predicate.signal, {})[bit] = predicate
        elif isinstance(predicate, MemberPredicate):
            members.setdefault(predicate.signal, {})[bit] = predicate
        else:
            numbers.setdefault(predicate.signal, {})[bit] = predicate
    return [
        *(LabelFacet(signal, tests) for signal, tests in labels.items()),
        *(NumberFacet(signal, tests) for signal, tests in numbers.items()),
        *(MemberFacet(signal, tests, sets) for signal, tests in members.items()),
    ]


_Bounds = tuple[float, float]
"""The lowest number inside, and the lowest one above."""


def _number_bounds(predicate: StandingPredicate | AgePredicate) -> _Bounds:
    above = -math.inf if predicate.above is None else math.nextafter(predicate.above, math.inf)
    if isinstance(predicate, AgePredicate) and predicate.above is not None:
        above = predicate.above + 1.0  # whole seconds
    return above, math.inf if predicate.below is None else float(predicate.below)


def _score_bounds(predicate: LabelPredicate) -> _Bounds:
    high = math.inf if predicate.max is None else math.nextafter(predicate.max, math.inf)
    return -math.inf if predicate.min is None else float(predicate.min), high


def _cuts(bounds: Iterable[_Bounds]) -> list[float]:
    return sorted({bound for pair in bounds for bound in pair if math.isfinite(bound)})


def _inside(cuts: list[float], low: float, high: float) -> range:
    """The classes that lie within bounds."""
    first = 0 if low == -math.inf else bisect_right(cuts, low)
    return range(first, len(cuts) + 1 if high == math.inf else bisect_right(cuts, high))


def _bits(inside: Mapping[int, range], place: int | None = None) -> int:
    """The predicates that are true of a class, or all of them, as bits."""
    return sum(1 << bit for bit, places in inside.items() if place is None or place in places)


def _searched(cuts: list[float], values: NDArray[np.float64] | Seconds) -> Handles:
    return np.searchsorted(np.array(cuts), values, side="right").astype(np.int32)


def _foretell(
    due: Seconds,
    known: NDArray[np.int64],
    cuts: list[float],
    places: Handles,
    values: NDArray[np.float64] | Seconds,
    as_of: int,
) -> None:
    """Set, for the known rows that lie below some cut, the second at which they reach it."""
    coming = np.flatnonzero(places < len(cuts))
    ahead = np.array(cuts)[places[coming]] - values[coming]
    due[known[coming]] = as_of + ahead.astype(np.int64)


def chunks(count: int) -> Iterator[slice]:
    """Rows worked on at once, so that what a facet needs of them stays in the processor's cache."""
    return (slice(start, start + CHUNK) for start in range(0, count, CHUNK))
