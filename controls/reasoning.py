"""Reasoning over conditions, for the lint: can one ever hold, and does one imply another?

A condition becomes a list of alternatives (disjunctive normal form), each a conjunction of one interval per number and
one statement per membership. Answers are sound and incomplete: "implies" is never said wrongly, and very large
conditions are left undecided.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

from controls.conditions import (
    AgePredicate,
    AllOf,
    AnyOf,
    Condition,
    LabelPredicate,
    MemberPredicate,
    Not,
    Predicate,
    StandingPredicate,
)

LIMIT = 256
"""Alternatives beyond which a condition is left undecided."""

Sets = Mapping[str, tuple[str, ...]]


@dataclass(frozen=True, slots=True)
class Interval:
    """Numbers from ``low`` to ``high``; the flags tell whether the ends belong to it."""

    low: float = -math.inf
    high: float = math.inf
    with_low: bool = True
    with_high: bool = True

    @property
    def empty(self) -> bool:
        """Whether no number lies within."""
        return self.low > self.high or (self.low == self.high and not (self.with_low and self.with_high))

    def meet(self, other: Interval) -> Interval:
        """The numbers in both."""
        low = max((self.low, not self.with_low), (other.low, not other.with_low))
        high = min((self.high, self.with_high), (other.high, other.with_high))
        return Interval(low[0], high[0], not low[1], high[1])

    def within(self, other: Interval) -> bool:
        """Whether every number of this is in the other."""
        return self.meet(other) == self


@dataclass(frozen=True, slots=True)
class Membership:
    """What a conjunction says of a categorical signal: some value in each of ``some``, none in ``none``."""

    some: frozenset[frozenset[str]] = frozenset()
    none: frozenset[str] = frozenset()

    def meet(self, other: Membership) -> Membership:
        """Both statements."""
        return Membership(self.some | other.some, self.none | other.none)

    def reduced(self, single: bool) -> Membership:
        """The same, said simply: a signal with one value has it in all of ``some`` at once."""
        some = self.some
        if single and some:
            some = frozenset((frozenset.intersection(*some),))
        return Membership(frozenset(values - self.none for values in some), self.none)

    @property
    def empty(self) -> bool:
        """Whether no item can fulfil it; ask of a reduced one."""
        return frozenset() in self.some

    def within(self, other: Membership, single: bool) -> bool:
        """Whether every item that fulfils this fulfils the other; ask of reduced ones."""
        found = all(any(mine <= wanted for mine in self.some) for wanted in other.some)
        elsewhere = single and any(not (mine & other.none) for mine in self.some)
        return found and (elsewhere or other.none <= self.none)


@dataclass(frozen=True, slots=True)
class Conjunct:
    """One way in which a condition holds: an interval per number, a statement per membership."""

    numbers: Mapping[str, Interval] = field(default_factory=dict)
    members: Mapping[str, Membership] = field(default_factory=dict)

    def meet(self, other: Conjunct) -> Conjunct:
        """Both at once."""
        numbers, members = dict(self.numbers), dict(self.members)
        for signal, interval in other.numbers.items():
            numbers[signal] = numbers.get(signal, Interval()).meet(interval)
        for signal, membership in other.members.items():
            met = members.get(signal, Membership()).meet(membership)
            members[signal] = met.reduced(signal != "topic")
        return Conjunct(numbers, members)

    @property
    def possible(self) -> bool:
        """Whether an item could fulfil it."""
        return not any(i.empty for i in self.numbers.values()) and not any(m.empty for m in self.members.values())

    def implies(self, other: Conjunct) -> bool:
        """Whether every item that fulfils this fulfils the other."""
        return all(
            signal in self.numbers and self.numbers[signal].within(interval)
            for signal, interval in other.numbers.items()
        ) and all(
            signal in self.members and self.members[signal].within(membership, signal != "topic")
            for signal, membership in other.members.items()
        )


def alternatives(condition: Condition, sets: Sets) -> list[Conjunct] | None:
    """The ways in which a condition holds, impossible ones included; None if there are more than :data:`LIMIT`."""
    return _alternatives(condition, sets, negated=False)


def implies(condition: Condition, other: Condition, sets: Sets) -> bool:
    """Whether every item for which ``condition`` holds is one for which ``other`` holds."""
    mine, theirs = alternatives(condition, sets), alternatives(other, sets)
    if mine is None or theirs is None:
        return False
    return all(any(way.implies(their) for their in theirs) for way in mine if way.possible)


def _alternatives(condition: Condition, sets: Sets, *, negated: bool) -> list[Conjunct] | None:
    if isinstance(condition, Not):
        return _alternatives(condition.not_, sets, negated=not negated)
    if not isinstance(condition, AllOf | AnyOf):
        return [Conjunct().meet(way) for way in _ways(condition, sets, negated)]
    parts = condition.all if isinstance(condition, AllOf) else condition.any
    found: list[Conjunct] | None = None
    for part in parts:
        ways = _alternatives(part, sets, negated=negated)
        if ways is None:
            return None
        if found is None:
            found = ways
        elif isinstance(condition, AllOf) is not negated:
            found = [one.meet(other) for one in found for other in ways]
        else:
            found = found + ways
        if len(found) > LIMIT:
            return None
    return found


def _ways(predicate: Predicate, sets: Sets, negated: bool) -> list[Conjunct]:
    if isinstance(predicate, MemberPredicate):
        values = frozenset(sets[predicate.in_set] if predicate.in_set is not None else predicate.values or ())
        stated = Membership(none=values) if negated else Membership(some=frozenset((values,)))
        return [Conjunct(members={predicate.signal: stated})]
    domain, inside = _interval(predicate)
    # A label that is too old is missing, and so neither inside nor outside.
    age = {}
    if isinstance(predicate, LabelPredicate) and predicate.max_age is not None:
        age = {f"age of {predicate.signal}": Interval(high=predicate.max_age)}
    within = [inside] if not negated else _outside(inside)
    return [Conjunct(numbers={predicate.signal: part.meet(domain), **age}) for part in within]


def _interval(predicate: LabelPredicate | StandingPredicate | AgePredicate) -> tuple[Interval, Interval]:
    """The numbers that a signal can have, and those for which the predicate is true."""
    if isinstance(predicate, LabelPredicate):
        low = -math.inf if predicate.min is None else predicate.min
        high = math.inf if predicate.max is None else predicate.max
        return Interval(0, 1), Interval(low, high)
    low = -math.inf if predicate.above is None else predicate.above
    high = math.inf if predicate.below is None else predicate.below
    if isinstance(predicate, AgePredicate):
        # Whole seconds: above a is a + 1 or more.
        return Interval(), Interval(low + 1, high - 1)
    return Interval(0, 100), Interval(low, high, low == -math.inf, high == math.inf)


def _outside(inside: Interval) -> list[Interval]:
    below = Interval(high=inside.low, with_high=not inside.with_low)
    above = Interval(low=inside.high, with_low=not inside.with_high)
    return [part for part, bound in ((below, inside.low), (above, inside.high)) if math.isfinite(bound)] or [
        Interval(1, 0)
    ]
