"""Foreseeing: what a decision would make of the items that it reaches now, from the causes of their classes (law 6).

The verdicts are those where the act holds: for adults, on the first surface and in the first region of its scope.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

import numpy as np

from controls.acts import Restricted, contribution_of, held_since, verb_of
from controls.causes import Contribution
from controls.decisions import Decision, DecisionType, Subject, SubjectKind
from controls.differences import STATES
from controls.join import join
from controls.scopes import EVERYWHERE, AgeClass, Audience, Scope, SurfaceKind
from controls.signals import Rows
from controls.tiers import Tier
from ranking.snapshot import Snapshot


def foreseen(
    snapshot: Snapshot, subject: Subject, decision: Decision | None, restricted: Restricted, lifted: frozenset[str]
) -> tuple[int, Mapping[str, int], Mapping[str, int] | None]:
    """How many items a decision reaches, how many of them are in which state before, and how many after it; None where
    it changes no verdict by itself, or is refused. ``lifted``: ids of the decisions that it ends."""
    rows = _rows(snapshot, subject)
    classes, counts = np.unique(snapshot.governance.class_of[rows], return_counts=True)
    scope = decision.scope if decision is not None else Scope()
    before: Counter[str] = Counter()
    after: Counter[str] = Counter()
    added = _added(decision, restricted)
    for cls, count in zip(classes.tolist(), counts.tolist(), strict=True):
        asked = snapshot.governance.asked(cls)
        before[_state([one for _, one in asked], scope)] += count
        left = [one for cause, one in asked if cause.kind != "decision" or cause.id not in lifted]
        after[_state([*left, *added], scope)] += count
    changes = decision is not None and (bool(added) or decision.type is DecisionType.RESTORE)
    return int(rows.size), dict(before), dict(after) if changes else None


def _added(decision: Decision | None, restricted: Restricted) -> Sequence[Contribution]:
    """What a decision asks of items that are there already."""
    if decision is None or not verb_of(decision) or held_since(decision) is not None:
        return ()
    return (contribution_of(decision, restricted),)


def _rows(snapshot: Snapshot, subject: Subject) -> Rows:
    if subject.kind is SubjectKind.PLATFORM:
        return np.empty(0, dtype=np.int32)
    if subject.kind is not SubjectKind.ITEM:
        return snapshot.catalogue.rows_of(subject.kind.value, subject.id)
    row = snapshot.catalogue.row_of(subject.id)
    return np.array([row] if row >= 0 else [], dtype=np.int32)


def _state(contributions: Sequence[Contribution], scope: Scope) -> str:
    surface = SurfaceKind.HOME if EVERYWHERE in scope.surfaces else SurfaceKind(scope.surfaces[0])
    verdict = join(contributions, Audience(scope.regions[0], AgeClass.ADULT), surface)
    held = not verdict.eligible and verdict.tier is not Tier.BLOCKED
    return STATES[-1] if held else verdict.tier.word
