"""Published policies: the newest in force counts, for the platform and for each community by itself."""

from __future__ import annotations

import numpy as np
import pytest

from controls.decisions import Decision
from controls.policy import Policy
from controls.published import PARSED, StoredPolicies
from controls.scopes import SurfaceKind
from controls.state import State
from tests.unit.controls.building import Sandbox, decision, numbered, policy, rule
from tests.unit.controls.plain_columns import PlainColumns, PlainItem

COMMUNITY = SurfaceKind.COMMUNITY
SPAM = {"signal": "label.spam", "min": 0.5}
SPAMMY = {"spam": (0.9, 0)}
ITEMS = (
    PlainItem("ours", community="bakers", labels=SPAMMY),
    PlainItem("theirs", community="cooks", labels=SPAMMY),
    PlainItem("nobodys", labels=SPAMMY),
    PlainItem("bare"),
)
STRICT = policy(rule(SPAM, tier="blocked", missing="hold"))
MILD = policy(rule(SPAM, tier="restricted"))
PLATFORM = policy(rule(SPAM, tier="restricted"), tiers={"restricted": {"weight": 0.5}})


def publication(name: str, community: str) -> Decision:
    about = f"community:{community}"
    return decision("publish_policy", about, id=f"{name} {community}", parameters={"policy": name})


@pytest.fixture
def sandbox() -> Sandbox:
    return Sandbox(*ITEMS, strict=STRICT, mild=MILD, platform=PLATFORM)


def tiers(sandbox: Sandbox, surface: SurfaceKind = COMMUNITY) -> list[str]:
    return [sandbox.verdict(row, surface=surface)[1] for row in range(len(ITEMS))]


def test_a_communitys_policy_holds_for_its_items_on_its_surface(sandbox: Sandbox) -> None:
    sandbox.decide(publication("strict", "bakers"))
    assert tiers(sandbox) == ["blocked", "standard", "standard", "standard"]
    assert tiers(sandbox, SurfaceKind.HOME) == ["standard"] * 4
    assert all(sandbox.eligible(row, surface=COMMUNITY) for row in (1, 2, 3))


def test_it_joins_the_platforms_whose_tiers_it_shares(sandbox: Sandbox) -> None:
    sandbox.decide(publication("mild", "bakers"))
    unweighed = sandbox.verdict(0, surface=COMMUNITY)[2]
    sandbox.publish("platform")
    assert tiers(sandbox) == ["restricted", "restricted", "restricted", "standard"]
    assert sandbox.verdict(0, surface=COMMUNITY)[2] == unweighed // 2 == sandbox.verdict(1, surface=COMMUNITY)[2]
    assert sandbox.state.governance().policy == "platform"


def test_the_newest_of_each_community_counts_and_undoing_it_brings_back_the_one_before(sandbox: Sandbox) -> None:
    sandbox.decide(publication("strict", "bakers"), publication("strict", "cooks"), publication("mild", "bakers"))
    assert tiers(sandbox)[:2] == ["restricted", "blocked"]
    sandbox.decide(decision("reverse", "community:bakers", id="undo", reverses="mild bakers"))
    assert tiers(sandbox)[:2] == ["blocked", "blocked"]
    sandbox.decide(decision("reverse", "community:bakers", id="undo too", reverses="strict bakers"))
    assert tiers(sandbox)[:2] == ["standard", "blocked"]


def test_an_item_that_moves_to_another_community_leaves_its_rules_behind(sandbox: Sandbox) -> None:
    sandbox.decide(publication("strict", "bakers"))
    sandbox.items(PlainItem("ours", community="cooks", labels=SPAMMY), *ITEMS[1:])
    assert tiers(sandbox) == ["standard"] * 4
    sandbox.items(*ITEMS)
    assert tiers(sandbox)[0] == "blocked"


def test_an_age_that_a_community_asks_for_turns_with_time() -> None:
    young = policy(rule({"signal": "item.age", "below": "10s"}, tier="blocked", missing="hold"))
    sandbox = Sandbox(PlainItem("ours", community="bakers", published_at=5), young=young)
    sandbox.decide(publication("young", "bakers"))
    assert tiers_of(sandbox) == "blocked"
    assert sandbox.state.governance().next_change == 15
    sandbox.state.advance(15)
    assert tiers_of(sandbox) == "standard"


def tiers_of(sandbox: Sandbox) -> str:
    return sandbox.verdict(0, surface=COMMUNITY)[1]


def test_a_policy_published_long_ago_counts_again_and_only_few_are_kept_ready() -> None:
    policies = {f"p{n}": policy(rule(SPAM, tier="blocked", id=f"rule-{n}")) for n in range(40)}
    asked = list[str]()

    def stored(digest: str) -> Policy:
        asked.append(digest)
        return policies[digest]

    state = State(stored)
    state.columns_changed(PlainColumns(ITEMS), np.arange(len(ITEMS), dtype=np.int32))
    made = [decision("publish_policy", id=f"d{n}", parameters={"policy": f"p{n}"}) for n in range(40)]
    for one in numbered(made):
        state.decide([one])
    assert len(state._published._stored._parsed) <= PARSED + 2
    undone = [decision("reverse", id=f"r{n}", reverses=f"d{n}") for n in range(1, 40)]
    state.decide(numbered(undone, first=41))
    assert state.governance().policy == "p0"
    assert {cause.id for cause in state.governance().causes(int(state.governance().class_of[0]))} == {"rule-0"}
    assert asked == [f"p{n}" for n in range(40)]


def test_policies_in_force_are_all_kept_ready() -> None:
    stored = StoredPolicies()
    for n in range(30):
        stored[f"p{n}"] = STRICT
    stored.pack({f"p{n}" for n in range(20)})
    assert set(stored._parsed) >= {f"p{n}" for n in range(20)}
    assert len(stored._parsed) == 20 + PARSED
    assert stored["p20"] == STRICT
