"""Communities: what the policy of a community may ask for, and where it holds.

A community's policy may tighten the platform's and never loosen it, and holds for the community's own items on its own
surface alone (law 6 does the rest: verdicts join, strictest wins). It is written as every policy is.
"""

from __future__ import annotations

import hashlib

from controls.errors import PolicyError, Problem
from controls.policy import Policy, Tiers
from controls.scopes import EVERYWHERE, SurfaceKind

_HERE = SurfaceKind.COMMUNITY.value
_LONGEST_NAME = 64


def prefix_of(community: str) -> str:
    """What the names of a community's rules begin with beside the platform's: ``c.``, eight hexadecimal digits
    of the SHA-256 of its id, and a dot."""
    return f"c.{hashlib.sha256(community.encode()).hexdigest()[:8]}."


def check_tightening(policy: Policy) -> None:
    """Raise :class:`PolicyError` with everything in a community's policy that would loosen or reach further than the
    community."""
    problems = []

    def wrong(path: str, problem: str, remedy: str) -> None:
        problems.append(Problem(path, None, problem, remedy))

    if policy.tiers != Tiers():
        wrong("tiers", "tiers are the platform's to set", "remove it")
    if policy.standing is not None:
        wrong("standing", "services to authors are the platform's to limit", "remove it")
    longest = _LONGEST_NAME - len(prefix_of(""))
    for number, rule in enumerate(policy.rules):
        path = f"rules.{number}"
        if len(rule.id) > longest:
            wrong(f"{path}.id", f"longer than {longest} characters", "shorten the id")
        if rule.tier == "encouraged":
            wrong(f"{path}.tier", "a community cannot encourage", "write standard, restricted or blocked")
        if rule.effect.weight > 1:
            wrong(f"{path}.effect.weight", "a community cannot promote", "write a weight of 1 at most")
        if rule.effect.max_share < 1:
            wrong(f"{path}.effect.max_share", "shares of a session are the platform's to set", "remove it")
        if not {EVERYWHERE, _HERE}.issuperset(rule.scope.surfaces):
            wrong(f"{path}.scope.surfaces", "reaches beyond the community", f"write {_HERE}, or leave it out")
    if problems:
        raise PolicyError(problems)


def confined(policy: Policy, community: str, tiers: Tiers) -> Policy:
    """A community's policy as it is compiled: named after the community, for its surface alone, with the platform's
    tiers. It is to be applied to the community's own rows and no others: to a rule, an item without a community might
    yet be one of them."""
    prefix, here = prefix_of(community), {"surfaces": (_HERE,)}
    rules = [
        rule.model_copy(update={"id": prefix + rule.id, "scope": rule.scope.model_copy(update=here)})
        for rule in policy.rules
    ]
    return policy.model_copy(update={"rules": tuple(rules), "tiers": tiers})
