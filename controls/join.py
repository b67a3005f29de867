"""The join of contributions into a verdict, each part on its own, strictest wins (laws 5 and 6).

Every operation here is commutative and associative (maximum, union, bit-and, exact integer product), so no order of
rules or decisions can change a verdict.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import reduce
from math import prod
from operator import or_

from controls.causes import Contribution
from controls.scopes import AgeClass, Audience, Sensitive, SurfaceKind
from controls.tiers import Tier
from controls.verdicts import ALL_SOURCES, WEIGHT_ONE, Effects, Source

WEIGHT_FLOOR = 32
"""Weights multiply down to this (1/32) and no further: what may be shown can still be found."""

WEIGHT_CAP = 4096
"""Boosts together lift an item to at most this (4.0)."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What governance says of an item to one audience on one surface; one line of a ``VerdictTable``."""

    eligible: bool
    tier: Tier
    weight: int
    sources: int
    effects: Effects
    caps: int = 0


def join(contributions: Sequence[Contribution], audience: Audience, surface: SurfaceKind) -> Verdict:
    """The verdict of contributions for an audience and a surface; an empty sequence gives the standard verdict.

    What restricts reaches an audience whose region or age is unknown; what favours (the encouraged tier, a weight
    above one, a release) does not. The joined tier's own weight counts once; weights of causes multiply on top of it.
    """
    strict = [c for c in contributions if c.scope.covers(surface, audience, restricting=True)]
    favoured = [c for c in contributions if c.scope.covers(surface, audience, restricting=False)]
    tiered = [c for c in strict if c.tier is not None and c.tier > Tier.ENCOURAGED]
    tiered += [c for c in favoured if c.tier is Tier.ENCOURAGED]
    tier = max((c.tier for c in tiered if c.tier is not None), default=Tier.STANDARD)
    deciding = [c for c in tiered if c.tier is tier]

    sources = ALL_SOURCES if tier < Tier.RESTRICTED else ALL_SOURCES & ~(1 << Source.PIN)
    for contribution in deciding:
        sources &= contribution.sources

    own = min((c.tier_weight for c in deciding), default=WEIGHT_ONE)
    down = [w for w in (own, *(c.weight for c in strict)) if w < WEIGHT_ONE]
    up = [w for w in (own, *(c.weight for c in favoured)) if w > WEIGHT_ONE]
    lift = WEIGHT_ONE if tier >= Tier.RESTRICTED else min(WEIGHT_CAP, _product(up))
    weight = prod(down) * lift // WEIGHT_ONE ** len(down)

    gated = audience.age is not AgeClass.ADULT and any(c.adults_only for c in strict)
    sensitive = [(c.sensitive.choice(audience), c.sensitive.notice) for c in strict if c.sensitive is not None]
    gated = gated or any(choice is Sensitive.HIDE for choice, _ in sensitive)
    warned = {notice for choice, notice in sensitive if choice is Sensitive.WARN}
    released = any(c.releases for c in favoured)
    kept = any(c.ineligible and not (c.held and released) for c in strict)
    return Verdict(
        eligible=tier is not Tier.BLOCKED and not gated and not kept,
        tier=tier,
        weight=max(WEIGHT_FLOOR, weight),
        sources=sources,
        effects=Effects(
            notices=tuple(sorted(warned.union(*(c.notices for c in strict)))),
            disabled=tuple(sorted({interaction for c in strict for interaction in c.disabled})),
        ),
        caps=reduce(or_, (c.caps for c in strict), 0),
    )


def _product(weights: list[int]) -> int:
    """Exact fixed-point product of any number of weights, rounded down once."""
    scale: int = WEIGHT_ONE ** len(weights)
    return WEIGHT_ONE * prod(weights) // scale
