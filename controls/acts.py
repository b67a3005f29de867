"""Acts: what each type of decision asks of the rows it is about, and how it says so to a person (law 6)."""

from __future__ import annotations

from dataclasses import dataclass

from controls.causes import Cause, Contribution
from controls.compile import fixed_point
from controls.decisions import Decision, DecisionType
from controls.parameters import Service
from controls.policy import Policy
from controls.tiers import Tier
from controls.verdicts import ALL_SOURCES, WEIGHT_ONE

_VERBS = {
    DecisionType.SUPPRESS: "suppressed",
    DecisionType.BOOST: "weight changed",
    DecisionType.TAKEDOWN: "taken down",
    DecisionType.RESTRICT: "restricted",
    DecisionType.CORRECT: "corrected",
    DecisionType.RELEASE: "released",
}
_SERVICES = {
    Service.PRE_REVIEW: "author's new items held for review",
    Service.NO_RECOMMENDATION: "author not recommended",
    Service.SUSPENDED: "author suspended",
}


@dataclass(frozen=True, slots=True)
class Restricted:
    """What the policy in force makes of the restricted tier: weight in fixed point, bit mask of sources."""

    weight: int = WEIGHT_ONE
    sources: int = ALL_SOURCES


def restricted_by(policy: Policy | None) -> Restricted:
    """The restricted tier of a policy, or without one."""
    if policy is None:
        return Restricted()
    return Restricted(fixed_point(policy.tiers.restricted.weight), policy.tiers.restricted.mask)


def verb_of(decision: Decision) -> str:
    """What a decision does to rows, in a word or two; empty for one that does nothing to them."""
    if holds(decision):
        return "held for review"
    if decision.type is DecisionType.RESTRICT_AUTHOR:
        return _SERVICES.get(Service(str(decision.parameters["service"])), "")
    return _VERBS.get(decision.type, "")


def cause_of(decision: Decision) -> Cause:
    """A decision as the cause of a verdict; its words are of what no erasure takes away, so that every fold says the
    same (law 2)."""
    ground = f"{decision.basis.kind} {decision.basis.clause}".strip()
    return Cause("decision", decision.id, f"{verb_of(decision)} ({ground})")


def holds(decision: Decision) -> bool:
    """Whether a decision is a ``suppress`` with ``hold``: it keeps an item back until somebody has looked at it, and a
    release lifts it."""
    return decision.type is DecisionType.SUPPRESS and "hold" in decision.parameters


def held_since(decision: Decision) -> int | None:
    """The second from which on publication makes a decision reach an item; None where publication does not matter."""
    reviewed = decision.type is DecisionType.RESTRICT_AUTHOR and decision.parameters["service"] == Service.PRE_REVIEW
    return decision.starts_at if reviewed else None


def contribution_of(decision: Decision, restricted: Restricted) -> Contribution:
    """What a decision on rows asks for."""
    scope = decision.scope
    match decision.type:
        case DecisionType.TAKEDOWN:
            return Contribution(scope, tier=Tier.BLOCKED)
        case DecisionType.RESTRICT:
            return Contribution(scope, tier=Tier.RESTRICTED, tier_weight=restricted.weight, sources=restricted.sources)
        case DecisionType.CORRECT:
            return Contribution(scope, notices=(str(decision.parameters["notice"]),))
        case DecisionType.RELEASE:
            return Contribution(scope, releases=True)
        case DecisionType.BOOST:
            return Contribution(scope, weight=fixed_point(float(str(decision.parameters["factor"]))))
        case _:
            held = holds(decision) or held_since(decision) is not None
            return Contribution(scope, ineligible=True, held=held)
