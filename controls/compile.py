"""Compilation: a policy over columns gives each row its set of rule causes (law 6).

Rows are told apart by their profiles (:mod:`controls.facets`) and their own causes; the rules are worked out once per
combination, however many rows share it. A row by itself goes the same way in plain numbers, without arrays.

Conditions are three-valued (Kleene): a predicate whose signal is missing is unknown, and a rule is unknown only where
the missing signal decides it. Then ``missing`` speaks: ``apply`` makes the rule match, ``skip`` does not, ``hold``
makes the row ineligible until the signal is there. So ``apply`` never loosens a rule, whatever ``not`` stands in it.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import NDArray

from controls.causes import Cause, Classes, Contribution, Handles
from controls.conditions import Predicate
from controls.facets import chunks, facets_of
from controls.policy import Policy, Rule, capped_rules, predicates
from controls.rows import NEVER
from controls.signals import Cells, Columns, Rows
from controls.tiers import Tier
from controls.truth import One, Packed, Tree, tree_of
from controls.verdicts import ALL_SOURCES, OPEN_SHARES, WEIGHT_ONE, Shares

PROFILES = 16_384
"""Profiles worked on at once, so that the masks of all predicates stay in the processor's cache."""

_REMEMBERED = 32_768
"""Profiles whose causes are remembered for rows that come one by one."""

_TABLE = 1 << 17
"""Combinations are numbered anew, without those that no row has, before a table of them outgrows this."""

_SLACK = 1e-9
"""Binary fractions are not decimal ones: 0.3 of 40 is to be 12."""


@dataclass(slots=True)
class _Group:
    """Rules that match the same rows, with the causes that they give where they match and where they hold."""

    tree: Tree
    one: One
    missing: str
    matched: tuple[int, ...] = ()
    held: tuple[int, ...] = ()


class CompiledPolicy:
    """A policy bound to the intern tables of one replica."""

    def __init__(self, policy: Policy, classes: Classes) -> None:
        self._classes = classes
        bits: dict[Predicate, int] = {}
        for rule in policy.rules:
            for predicate in predicates(rule.when):
                bits.setdefault(predicate, len(bits))
        self._facets = facets_of(bits, policy.sets)
        self._facet_of = {bit: place for place, facet in enumerate(self._facets) for bit in facet.predicates}
        groups: dict[tuple[Tree, str], _Group] = {}
        for rule in policy.rules:
            tree = tree_of(rule.when, bits)
            group = groups.setdefault((tree, rule.missing), _Group(tree, tree.one(), rule.missing))
            matched, held = self._causes(policy, rule)
            group.matched += (matched,)
            group.held += (held,)
        self._groups = list(groups.values())
        # Which causes a profile has is told by bits: first what the groups give where they match, then where they hold.
        self._given = [*(group.matched for group in self._groups), *(group.held for group in self._groups)]
        self._unions: dict[tuple[int, int], int] = {}
        self._remembered: dict[tuple[int, ...], int] = {}

    def renew(self, classes: Classes, again: Callable[[int], int]) -> None:
        """Go over to other intern tables, in which ``again`` gives causes their ids."""
        self._classes = classes
        self._given = [tuple(map(again, causes)) for causes in self._given]
        self._unions = {}

    def apply(self, columns: Columns, rows: Rows, as_of: int, handles: Handles) -> tuple[Handles, NDArray[np.int64]]:
        """int32[n] handles with the causes of matching rules added, and int64[n] seconds at which a predicate on age
        next turns for each row (NEVER where none does). ``rows`` int32[n], ascending, and ``handles`` align."""
        due: NDArray[np.int64] | None = None
        parts: list[Handles] = []
        sizes: list[int] = []
        for facet in self._facets:
            classes, turns = facet.classes(columns, rows, as_of)
            parts.append(classes)
            sizes.append(len(facet.truths))
            if turns is not None:
                due = turns if due is None else np.minimum(due, turns)
        if due is None:
            due = np.full(rows.size, NEVER, dtype=np.int64)
        places, first = combined([*parts, handles], [*sizes, self._classes.size])
        joined = np.empty(first.size, dtype=np.int32)
        for start in range(0, first.size, PROFILES):
            some = first[start : start + PROFILES]
            joined[start : start + PROFILES] = self._joined_of([part[some] for part in parts], handles[some])
        return np.take(joined, places, mode="clip"), due

    def apply_to(self, columns: Cells, row: int, as_of: int, handle: int) -> tuple[int, int]:
        """The same for one row."""
        profile, due = [], NEVER
        for facet in self._facets:
            place, turn = facet.at(columns, row, as_of)
            profile.append(place)
            if turn < due:
                due = turn
        key = tuple(profile)
        given = self._remembered.get(key)
        if given is None:
            if len(self._remembered) >= _REMEMBERED:
                self._remembered.clear()
            given = self._remembered[key] = self._given_to(profile)
        return self._joined(handle, given), due

    def _given_to(self, profile: list[int]) -> int:
        """What the rules give to a profile, as bits."""
        true = possible = 0
        for facet, place in zip(self._facets, profile, strict=True):
            told, open_ = facet.truths[place]
            true |= told
            possible |= open_
        given, count = 0, len(self._groups)
        for place, group in enumerate(self._groups):
            if group.one(true, possible):
                given |= 1 << place
            elif group.missing != "skip" and group.one(possible, true):
                given |= 1 << (place + count if group.missing == "hold" else place)
        return given

    def _joined_of(self, profiles: list[Handles], handles: Handles) -> Handles:
        """int32[n]: handles with what the rules give to profiles, which are told facet by facet."""
        masks: dict[tuple[int, int], Packed] = {}

        def told(bit: int, question: int) -> Packed:
            mask = masks.get((bit, question))
            if mask is None:
                place = self._facet_of[bit]
                table = np.array([truth[question] >> bit & 1 for truth in self._facets[place].truths], dtype=np.bool_)
                mask = masks[bit, question] = np.packbits(table[profiles[place]])
            return mask

        true, possible = partial(told, question=0), partial(told, question=1)
        given = np.zeros((2 * len(self._groups), -(-handles.size // 8)), dtype=np.uint8)
        for place, group in enumerate(self._groups):
            given[place] = group.tree.many(true, possible)
            if group.missing != "skip":
                maybe = group.tree.many(possible, true)
                if group.missing == "hold":
                    given[place + len(self._groups)] = maybe & ~given[place]
                else:
                    given[place] = maybe
        bits = np.packbits(np.unpackbits(given, axis=1, count=handles.size), axis=0, bitorder="little")
        places, first = combined([*bits, handles], [*[256] * len(bits), self._classes.size])
        columns = np.ascontiguousarray(bits[:, first].T)
        distinct = [int.from_bytes(one.tobytes(), "little") for one in columns]
        if len(self._remembered) + handles.size <= _REMEMBERED:
            rows = zip(*(part.tolist() for part in profiles), strict=True)
            self._remembered.update(zip(rows, map(distinct.__getitem__, places.tolist()), strict=False))
        joined = [self._joined(*pair) for pair in zip(handles[first].tolist(), distinct, strict=True)]
        return np.array(joined, dtype=np.int32)[places]

    def _causes(self, policy: Policy, rule: Rule) -> tuple[int, int]:
        """The causes of a rule where it matches and where it holds."""
        shadow = "shadow: " if rule.mode == "shadow" else ""
        ground = f" ({rule.basis.kind} {rule.basis.clause})" if rule.basis is not None else ""
        scope = rule.scope.scope
        matched = Contribution(scope) if shadow else rule_contribution(policy, rule)
        held = Contribution(scope, ineligible=not shadow, held=not shadow)
        return (
            self._classes.cause(Cause("rule", rule.id, f"{shadow}{rule.tier}{_kept(rule)}{ground}"), matched),
            self._classes.cause(Cause("rule", rule.id, f"{shadow}held: missing signal"), held),
        )

    def _joined(self, handle: int, given: int) -> int:
        """The handle of the union of a row's own causes and those that the rules give to it."""
        joined = self._unions.get((handle, given))
        if joined is None:
            causes, left = list(self._classes.causes_of(handle)), given
            while left:
                place = left.bit_length() - 1
                causes += self._given[place]
                left ^= 1 << place
            joined = self._unions[handle, given] = self._classes.intern(tuple(causes))
        return joined


def combined(parts: Sequence[NDArray[np.integer]], sizes: Sequence[int]) -> tuple[Handles, NDArray[np.int64]]:
    """The distinct combinations of parts: int32[n] which one each row has, and int64[m] a row of each. Values of
    ``parts[i]`` lie in [0, ``sizes[i]``)."""
    count = parts[0].size
    keys: NDArray[np.int32] | NDArray[np.int64] = np.zeros(count, dtype=np.int32)
    bound = 1
    for part, size in sorted(zip(parts, sizes, strict=True), key=lambda pair: pair[1]):
        if size == 1:
            continue
        if bound > 1 and bound * size > _TABLE:
            keys, rows = _compact(keys, bound)
            bound = rows.size
        bound *= size
        if bound >= 1 << 31:
            keys = keys.astype(np.int64)
        for some in chunks(count):
            keys[some] *= size
            keys[some] += part[some]
    return _compact(keys, bound)


def _compact(keys: NDArray[np.int32] | NDArray[np.int64], bound: int) -> tuple[Handles, NDArray[np.int64]]:
    """int32[n]: keys below a bound numbered anew without gaps, and int64[m] a row of each."""
    if bound > max(4 * keys.size, _TABLE):
        _, rows, places = np.unique(keys, return_index=True, return_inverse=True)
        return places.astype(np.int32), rows
    row_of = np.full(bound, -1, dtype=np.int32)
    row_of[keys] = np.arange(keys.size, dtype=np.int32)
    present = np.flatnonzero(row_of >= 0)
    place_of = np.empty(bound, dtype=np.int32)
    place_of[present] = np.arange(present.size, dtype=np.int32)
    return np.take(place_of, keys, mode="clip"), row_of[present].astype(np.int64)


def _kept(rule: Rule) -> str:
    """From whom a rule keeps what it matches, in words."""
    kept = (", held" if rule.effect.hold else "") + (", adults only" if rule.effect.age_gate else "")
    return kept + (", sensitive" if rule.effect.sensitive else "")


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
        ineligible=rule.effect.hold,
        held=rule.effect.hold,
        adults_only=rule.effect.age_gate is not None,
        sensitive=None if rule.effect.sensitive is None else rule.effect.sensitive.sensitivity,
        caps=0 if rule.effect.max_share == 1 else 1 << [capped.id for capped in capped_rules(policy)].index(rule.id),
    )


def session_shares(policy: Policy) -> Shares:
    """The policy's shares in items of a session window. Maxima are rounded down, minima up, within the maximum."""
    window = OPEN_SHARES.window
    encouraged, restricted = policy.tiers.encouraged, policy.tiers.restricted
    most = math.floor(encouraged.max_share * window + _SLACK)
    least = math.ceil(encouraged.min_share * window - _SLACK)
    caps = tuple(math.floor(rule.effect.max_share * window + _SLACK) for rule in capped_rules(policy))
    return Shares(window, min(least, most), most, math.floor(restricted.max_share * window + _SLACK), caps)


def fixed_point(weight: float) -> int:
    """A weight as a multiple of 1/1024, at least one of them."""
    return max(1, round(weight * WEIGHT_ONE))
