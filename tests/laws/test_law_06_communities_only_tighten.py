"""Law 6: what a community publishes joins what the platform says: never looser, and nowhere but at home."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from controls.communities import check_tightening
from controls.decisions import Decision
from controls.policy import Policy, Tiers
from controls.scopes import SurfaceKind
from tests.laws.governed_worlds import AUDIENCES, LAST, books, ledgers, policies, resolved, seconds, worlds
from tests.laws.test_law_06_verdicts_join_order_free import PUBLISH, folded
from tests.unit.controls.building import decision
from tests.unit.controls.plain_columns import PlainItem

pytestmark = pytest.mark.law

ORDER = ("encouraged", "standard", "restricted", "blocked")


def tightened(policy: Policy) -> Policy:
    """The policy with all taken out that a community may not ask for."""
    rules = [
        rule.model_copy(
            update={
                "tier": "standard" if rule.tier == "encouraged" else rule.tier,
                "effect": rule.effect.model_copy(update={"weight": min(rule.effect.weight, 1.0)}),
                "scope": rule.scope.model_copy(update={"surfaces": ("*",)}),
            }
        )
        for rule in policy.rules
    ]
    return policy.model_copy(update={"rules": tuple(rules), "tiers": Tiers()})


@settings(max_examples=60)
@given(worlds, ledgers(), books, policies().map(tightened), seconds, st.sampled_from(list(SurfaceKind)))
def test_a_communitys_policy_only_tightens_and_only_at_home(
    items: tuple[PlainItem, ...],
    decisions: list[Decision],
    policies: dict[str, Policy],
    own: Policy,
    as_of: int,
    surface: SurfaceKind,
) -> None:
    check_tightening(own)
    known = policies | {"own": own}
    publication = decision("publish_policy", "community:c", parameters={"policy": "own"}, id="publish own")
    without = folded(items, [PUBLISH, *decisions], known, min(as_of, LAST))
    having = folded(items, [PUBLISH, *decisions, publication], known, min(as_of, LAST))
    for audience in AUDIENCES:
        before, after = resolved(without, audience, surface), resolved(having, audience, surface)
        for item, was, now in zip(items, before, after, strict=True):
            if item.community != "c" or surface is not SurfaceKind.COMMUNITY:
                assert now == was
            else:
                assert now.eligible <= was.eligible
                assert ORDER.index(now.tier) >= ORDER.index(was.tier)
                assert now.weight <= was.weight
