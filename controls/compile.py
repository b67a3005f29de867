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

from controls.causes import Cause, Classes, Contribution, Handles
from controls.conditions import AgePredicate, AllOf, AnyOf, Condition, LabelPredicate, Not, Predicate
from controls.policy import Policy, Rule
from controls.rows import NEVER
from controls.sight import Sight
from controls.signals import Columns, Mask, Rows
from controls.tiers import Tier
from controls.verdicts import ALL_SOURCES, OPEN_SHARES, WEIGHT_ONE, Shares

CHUNK = 32_768
"""Rows worked on at once, so that the masks of all rules stay in the processor's cache."""

_SLACK = 1e-9
"""Binary fractions are not decimal ones: 0.3 of 40 is to be 12."""

_Test = Callable[[Sight, bool], Mask]
"""bool[n]: where a condition is true, or (second argument) where it is not known to be false."""


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
        self._timed = [predicate for predicate in self._predicates if _timed(predicate)]
        self.causes = frozenset(cause for rule in self._rules for cause in (rule.matched, rule.held))
        # Cause sets are built up under codes of this object, so that sets which no row ends with are never interned.
        self._built: list[tuple[int, ...]] = [()]
        self._codes: dict[tuple[int, ...], int] = {(): 0}
        self._joined: dict[tuple[int, int], int] = {}

    def apply(self, columns: Columns, rows: Rows, as_of: int, handles: Handles) -> tuple[Handles, NDArray[np.int64]]:
        """int32[n] handles with the causes of matching rules added, and int64[n] seconds at which a predicate on age
        next turns for each row (NEVER where none does). ``rows`` int32[n] and ``handles`` int32[n] align."""
        sight = Sight(columns, rows, as_of, self._sets)
        codes = np.zeros(rows.size, dtype=np.int32)
        for rule in self._rules:
            matched = rule.test(sight, rule.missing == "apply")
            self._step(codes, matched, rule.matched)
            if rule.missing == "hold":
                self._step(codes, rule.test(sight, True) & ~matched, rule.held)
        due = np.full(rows.size, NEVER, dtype=np.int64)
        for predicate in self._timed:
            turns = sight.turn(predicate)
            if turns is not None:
                np.minimum(due, turns, out=due)
        return self._join(handles, codes), due

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
            return _all_of([self._test(part) for part in condition.all])
        if isinstance(condition, AnyOf):
            return _any_of([self._test(part) for part in condition.any])
        if isinstance(condition, Not):
            inner = self._test(condition.not_)
            return lambda sight, possible: ~inner(sight, not possible)
        predicate: Predicate = condition
        key = self._predicates.setdefault(predicate, len(self._predicates))
        return lambda sight, possible: sight.test(key, predicate, possible=possible)

    def _step(self, codes: Handles, mask: Mask, cause: int) -> None:
        """Add a cause to the built-up sets where ``mask`` is set, in place."""
        where = np.flatnonzero(mask)
        if not where.size:
            return
        before = codes[where]
        present = np.zeros(len(self._built), dtype=np.bool_)
        present[before] = True
        table = np.zeros(present.size, dtype=np.int32)
        for code in np.flatnonzero(present).tolist():
            table[code] = self._code((*self._built[code], cause))
        codes[where] = table[before]

    def _code(self, causes: tuple[int, ...]) -> int:
        code = self._codes.get(causes)
        if code is None:
            code = self._codes[causes] = len(self._built)
            self._built.append(causes)
        return code

    def _join(self, handles: Handles, codes: Handles) -> Handles:
        """Handles of the union of each row's own causes and its built-up set."""
        pairs, inverse = np.unique(handles.astype(np.int64) << 32 | codes, return_inverse=True)
        table = np.empty(pairs.size, dtype=np.int32)
        for index, pair in enumerate(pairs.tolist()):
            handle, code = pair >> 32, pair & 0xFFFFFFFF
            joined = self._joined.get((handle, code))
            if joined is None:
                joined = self._classes.intern((*self._classes.causes_of(handle), *self._built[code]))
                self._joined[handle, code] = joined
            table[index] = joined
        return table[inverse]


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


def _timed(predicate: Predicate) -> bool:
    return isinstance(predicate, AgePredicate) or (
        isinstance(predicate, LabelPredicate) and predicate.max_age is not None
    )


def _all_of(tests: list[_Test]) -> _Test:
    def test(sight: Sight, possible: bool) -> Mask:
        mask = tests[0](sight, possible)
        for part in tests[1:]:
            if not mask.any():
                break
            mask = mask & part(sight, possible)
        return mask

    return test


def _any_of(tests: list[_Test]) -> _Test:
    def test(sight: Sight, possible: bool) -> Mask:
        mask = tests[0](sight, possible)
        for part in tests[1:]:
            mask = mask | part(sight, possible)
        return mask

    return test
