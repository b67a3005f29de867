"""Compilation: a policy over columns gives each row its set of rule causes, a chunk of rows at a time (law 6).

Conditions are three-valued (Kleene): a predicate whose signal is missing is unknown, and a rule is unknown only where
the missing signal decides it. Then ``missing`` speaks: ``apply`` makes the rule match, ``skip`` does not, ``hold``
makes the row ineligible until the signal is there. So ``apply`` never loosens a rule, whatever ``not`` stands in it.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from controls.causes import Cause, Classes, Contribution, Handles, mapped
from controls.conditions import AgePredicate, AllOf, AnyOf, Condition, LabelPredicate, MemberPredicate, Not, Predicate
from controls.policy import Policy, Rule
from controls.rows import NEVER
from controls.sight import Members, Sight
from controls.signals import Columns, Mask, Rows
from controls.tiers import Tier
from controls.verdicts import ALL_SOURCES, OPEN_SHARES, WEIGHT_ONE, Shares

CHUNK = 16_384
"""Rows worked on at once, so that the masks of all rules stay in the processor's cache."""

_SPAN = 4_096
"""From so many rows in a row on, members of topics and communities are listed once rather than tested."""

_SLACK = 1e-9
"""Binary fractions are not decimal ones: 0.3 of 40 is to be 12."""

_Test = Callable[[Sight, bool, Mask | None], Mask]
"""bool[n]: where a condition is true, or (second argument) where it is not known to be false. The answer needs to be
right only where the third argument is set."""


@dataclass(frozen=True, slots=True)
class _Compiled:
    """A rule with the causes that it gives to rows where it matches and to rows that it holds."""

    test: _Test
    missing: str
    matched: int
    held: int


class CompiledPolicy:
    """A policy bound to the intern tables of one replica. ``causes`` are the ids of all that it can give."""

    def __init__(self, policy: Policy, classes: Classes) -> None:
        self._classes = classes
        self._sets = {name: frozenset(values) for name, values in policy.sets.items()}
        self._predicates: dict[Predicate, int] = {}
        self._rules = [self._compiled(policy, rule) for rule in policy.rules]
        self._timed = [
            predicate
            for predicate in self._predicates
            if isinstance(predicate, AgePredicate)
            or (isinstance(predicate, LabelPredicate) and predicate.max_age is not None)
        ]
        self.causes = frozenset(cause for rule in self._rules for cause in (rule.matched, rule.held))
        # Cause sets are built up under codes of this object, so that sets which no row ends with are never interned.
        self._built: list[tuple[int, ...]] = [()]
        self._codes: dict[tuple[int, ...], int] = {(): 0}
        self._unions: dict[tuple[int, int], int] = {}

    def apply(self, columns: Columns, rows: Rows, as_of: int, handles: Handles) -> tuple[Handles, NDArray[np.int64]]:
        """int32[n] handles with the causes of matching rules added, and int64[n] seconds at which a predicate on age
        next turns for each row (NEVER where none does). ``rows`` int32[n], ascending, and ``handles`` align."""
        joined = np.empty(rows.size, dtype=np.int32)
        due = np.full(rows.size, NEVER, dtype=np.int64)
        members = Members(columns, self._sets)
        span = rows.size > _SPAN and int(rows[-1]) - int(rows[0]) == rows.size - 1
        for start in range(0, rows.size, CHUNK):
            part = slice(start, start + CHUNK)
            sight = Sight(columns, rows[part], as_of, members, span=span)
            joined[part] = self._join(handles[part], self._codes_of(sight, joined[part].size))
            for predicate in self._timed:
                np.minimum(due[part], sight.turn(predicate), out=due[part])
        return joined, due

    def _codes_of(self, sight: Sight, count: int) -> Handles:
        """int32[count]: codes of the sets of causes that the rules give to the rows in sight."""
        codes = np.zeros(count, dtype=np.int32)
        for rule in self._rules:
            matched = rule.test(sight, rule.missing == "apply", None)
            self._step(codes, matched, rule.matched)
            if rule.missing == "hold":
                self._step(codes, rule.test(sight, True, None) & ~matched, rule.held)
        return codes

    def _compiled(self, policy: Policy, rule: Rule) -> _Compiled:
        shadow = "shadow: " if rule.mode == "shadow" else ""
        ground = f" ({rule.basis.kind} {rule.basis.clause})" if rule.basis is not None else ""
        scope = rule.scope.scope
        matched = Contribution(scope) if shadow else rule_contribution(policy, rule)
        held = Contribution(scope, ineligible=not shadow)
        return _Compiled(
            test=self._test(rule.when),
            missing=rule.missing,
            matched=self._classes.cause(Cause("rule", rule.id, f"{shadow}{rule.tier}{ground}"), matched),
            held=self._classes.cause(Cause("rule", rule.id, f"{shadow}held: missing signal"), held),
        )

    def _test(self, condition: Condition) -> _Test:
        if isinstance(condition, AllOf):
            return _all_of([self._test(part) for part in sorted(condition.all, key=_cost)])
        if isinstance(condition, AnyOf):
            return _any_of([self._test(part) for part in sorted(condition.any, key=_cost)])
        if isinstance(condition, Not):
            inner = self._test(condition.not_)
            return lambda sight, possible, among: ~inner(sight, not possible, among)
        predicate: Predicate = condition
        key = self._predicates.setdefault(predicate, len(self._predicates))
        return lambda sight, possible, among: sight.test(key, predicate, possible, among)

    def _step(self, codes: Handles, mask: Mask, cause: int) -> None:
        """Add a cause to the built-up sets where ``mask`` is set, in place."""
        where = np.flatnonzero(mask)
        if where.size:
            before = codes[where]
            codes[where] = mapped(before, len(self._built), lambda code: self._code((*self._built[code], cause)))

    def _code(self, causes: tuple[int, ...]) -> int:
        code = self._codes.get(causes)
        if code is None:
            code = self._codes[causes] = len(self._built)
            self._built.append(causes)
        return code

    def _join(self, handles: Handles, codes: Handles) -> Handles:
        """Handles of the union of each row's own causes and its built-up set."""
        places: dict[int, int] = {}
        placed = mapped(handles, self._classes.size, lambda handle: places.setdefault(handle, len(places)))
        own, size = list(places), len(self._built)
        pairs = placed.astype(np.int64) * size + codes
        return mapped(pairs, len(own) * size, lambda pair: self._joined(own[pair // size], pair % size))

    def _joined(self, handle: int, code: int) -> int:
        joined = self._unions.get((handle, code))
        if joined is None:
            joined = self._classes.intern((*self._classes.causes_of(handle), *self._built[code]))
            self._unions[handle, code] = joined
        return joined


def rule_contribution(policy: Policy, rule: Rule) -> Contribution:
    """What a live rule asks for where it matches."""
    tier = Tier.from_word(rule.tier)
    settings = {Tier.ENCOURAGED: policy.tiers.encouraged, Tier.RESTRICTED: policy.tiers.restricted}.get(tier)
    return Contribution(
        scope=rule.scope.scope,
        tier=tier,
        tier_weight=WEIGHT_ONE if settings is None else fixed_point(settings.weight),
        sources=ALL_SOURCES if settings is None else settings.mask,
        weight=fixed_point(rule.effect.weight),
        notices=() if rule.effect.notice is None else (rule.effect.notice,),
        disabled=tuple(sorted(set(rule.effect.disable))),
    )


def session_shares(policy: Policy) -> Shares:
    """The policy's tier shares in items of a session window. Maxima are rounded down, minima up, within the maximum."""
    window = OPEN_SHARES.window
    encouraged, restricted = policy.tiers.encouraged, policy.tiers.restricted
    most = math.floor(encouraged.max_share * window + _SLACK)
    least = math.ceil(encouraged.min_share * window - _SLACK)
    return Shares(window, min(least, most), most, math.floor(restricted.max_share * window + _SLACK))


def fixed_point(weight: float) -> int:
    """A weight as a multiple of 1/1024, at least one of them."""
    return max(1, round(weight * WEIGHT_ONE))


def _cost(condition: Condition) -> int:
    """Membership costs most, so it is tested last, on the rows that are still in question."""
    return 2 if isinstance(condition, MemberPredicate) else int(isinstance(condition, AllOf | AnyOf | Not))


def _all_of(tests: list[_Test]) -> _Test:
    def test(sight: Sight, possible: bool, among: Mask | None) -> Mask:
        mask = tests[0](sight, possible, among)
        for part in tests[1:]:
            if not mask.any():
                break
            mask = mask & part(sight, possible, mask)
        return mask

    return test


def _any_of(tests: list[_Test]) -> _Test:
    def test(sight: Sight, possible: bool, among: Mask | None) -> Mask:
        mask = tests[0](sight, possible, among)
        for part in tests[1:]:
            mask = mask | part(sight, possible, ~mask if among is None else among & ~mask)
        return mask

    return test
