"""Communities: their policies hold for their own items on their own surface, and never loosen the platform's."""

from __future__ import annotations

import pytest

from controls.communities import check_tightening, confined, prefix_of
from controls.errors import PolicyError
from controls.policy import Policy, Tiers, TierSettings
from tests.unit.controls.building import policy, rule

TIERS = Tiers(restricted=TierSettings(weight=0.5))
SPAM = {"signal": "label.spam", "min": 0.5}


def test_a_confined_policy_is_named_after_its_community_and_holds_on_its_surface() -> None:
    made = confined(policy(rule(SPAM, id="no-spam", scope={"regions": ["DE"]})), "bakers", TIERS)
    assert [(each.id, each.scope.surfaces, each.scope.regions) for each in made.rules] == [
        (prefix_of("bakers") + "no-spam", ("community",), ("DE",))
    ]
    assert made.tiers == TIERS
    assert prefix_of("bakers") != prefix_of("cooks")


@pytest.mark.parametrize(
    ("changed", "path"),
    [
        ({"tier": "encouraged"}, "rules.0.tier"),
        ({"effect": {"weight": 1.5}}, "rules.0.effect.weight"),
        ({"scope": {"surfaces": ["home"]}}, "rules.0.scope.surfaces"),
        ({"id": "a" * 60}, "rules.0.id"),
    ],
)
def test_a_rule_that_loosens_or_reaches_further_is_refused(changed: dict[str, object], path: str) -> None:
    loose = policy(rule(SPAM, **({"tier": "standard", "missing": "skip"} | changed)))
    with pytest.raises(PolicyError) as refused:
        check_tightening(loose)
    assert [problem.path for problem in refused.value.problems] == [path]


def test_a_community_sets_no_tiers() -> None:
    with pytest.raises(PolicyError, match="tiers"):
        check_tightening(policy(tiers={"restricted": {"weight": 0.5}}))


def test_a_policy_that_tightens_passes_and_its_longest_names_stay_names() -> None:
    longest = "a" * (64 - len(prefix_of("bakers")))
    tight = policy(rule(SPAM, id=longest, tier="blocked", missing="hold", scope={"surfaces": ["community"]}))
    check_tightening(tight)
    made = confined(tight, "bakers", TIERS)
    assert Policy.model_validate(made.model_dump(mode="json", by_alias=True)) == made
