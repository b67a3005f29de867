"""Differences: what one policy says otherwise than another, field by field, and which items that moves.

Rules are compared by id, so that reordering them, which changes no verdict (law 6), is no difference either.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from controls.causes import Classes, Handles
from controls.compile import CompiledPolicy, combined
from controls.join import join
from controls.policy import Policy
from controls.scopes import Audience, SurfaceKind
from controls.signals import Columns
from controls.tiers import Tier

STATES = (*(tier.word for tier in Tier), "held")
"""What may become of an item: its tier, or ``held`` where it is not eligible though no rule blocks it."""


@dataclass(frozen=True, slots=True)
class Change:
    """One thing that is ``added``, ``removed`` or ``changed``; ``where`` names it, such as ``rules.spam.tier``.
    Values are JSON text, empty where there is none."""

    kind: str
    where: str
    old: str
    new: str


@dataclass(frozen=True, slots=True)
class Move:
    """``count`` items that go from one state to another, with the first ``rows`` of them."""

    old: str
    new: str
    count: int
    rows: tuple[int, ...]


def differences(old: Policy, new: Policy) -> list[Change]:
    """Everything that differs, by name: tiers, sets value by value, rules field by field, then standing."""
    one, other = _parts(old), _parts(new)
    found = list(_changes("", {"name": one["name"]}, {"name": other["name"]}))
    found += _changes("tiers", one["tiers"], other["tiers"])
    for name in sorted({**one["sets"], **other["sets"]}):
        before, after = set(one["sets"].get(name, ())), set(other["sets"].get(name, ()))
        found += [Change("removed", f"sets.{name}", _told(value), "") for value in sorted(before - after)]
        found += [Change("added", f"sets.{name}", "", _told(value)) for value in sorted(after - before)]
    for rule in sorted({**one["rules"], **other["rules"]}):
        before, after = one["rules"].get(rule), other["rules"].get(rule)
        if before is None or after is None:
            kind = "added" if before is None else "removed"
            found.append(Change(kind, f"rules.{rule}", _told(before), _told(after)))
        else:
            found += _changes(f"rules.{rule}", before, after)
    found += _changes("", {"standing": one["standing"]}, {"standing": other["standing"]})
    return found


def moves(
    columns: Columns, old: Policy, new: Policy, as_of: int, audience: Audience, surface: SurfaceKind, shown: int = 5
) -> list[Move]:
    """Items whose state the policies by themselves, without decisions, see otherwise; the most frequent move first."""
    before, after = (_states(columns, policy, as_of, audience, surface) for policy in (old, new))
    places, first = combined([before, after], [len(STATES), len(STATES)])
    found = []
    for place, row in enumerate(first.tolist()):
        if before[row] != after[row]:
            rows = np.flatnonzero(places == place)
            states = STATES[before[row]], STATES[after[row]]
            found.append(Move(*states, int(rows.size), tuple(rows[:shown].tolist())))
    return sorted(found, key=lambda move: (-move.count, move.old, move.new))


def _states(columns: Columns, policy: Policy, as_of: int, audience: Audience, surface: SurfaceKind) -> Handles:
    """int32[N]: places in :data:`STATES`."""
    classes = Classes()
    rows = np.arange(columns.rows, dtype=np.int32)
    handles, _ = CompiledPolicy(policy, classes).apply(columns, rows, as_of, np.zeros(rows.size, dtype=np.int32))
    states = []
    for handle in range(classes.size):
        verdict = join([classes.contribution(cause) for cause in classes.causes_of(handle)], audience, surface)
        held = not verdict.eligible and verdict.tier is not Tier.BLOCKED
        states.append(len(Tier) if held else int(verdict.tier))
    return np.array(states, dtype=np.int32)[handles]


def _parts(policy: Policy) -> dict[str, Any]:
    """The policy as plain data, its rules by id; conditions stay whole."""
    document: dict[str, Any] = policy.model_dump(mode="json", by_alias=True)
    written = {
        rule.id: rule.when.model_dump(mode="json", by_alias=True, exclude_defaults=True) for rule in policy.rules
    }
    document["rules"] = {rule["id"]: {**rule, "when": written[rule["id"]]} for rule in document["rules"]}
    return document


def _changes(where: str, old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[Change]:
    for name in {**old, **new}:
        before, after, path = old.get(name), new.get(name), f"{where}.{name}".strip(".")
        if before == after:
            continue
        if isinstance(before, dict) and isinstance(after, dict) and name != "when":
            yield from _changes(path, before, after)
        else:
            yield Change("changed", path, _told(before), _told(after))


def _told(value: object) -> str:
    return "" if value is None else json.dumps(value, ensure_ascii=False)
