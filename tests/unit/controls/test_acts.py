"""What decisions on items, authors and communities do to verdicts and views, by type."""

from __future__ import annotations

from dataclasses import replace

import pytest

from controls.acts import cause_of
from controls.decisions import SubjectKind
from controls.errors import AlreadyReversed, InvalidDecision, NothingToRevoke
from controls.parameters import Service
from controls.scopes import Scope
from tests.unit.controls.building import HOME, MINOR, NOBODY_KNOWN, Sandbox, decision, policy, rule
from tests.unit.controls.office import MODERATOR, Office, propose
from tests.unit.controls.plain_columns import PlainItem

T = {"signal": "topic", "in": ["t"]}
SOFT = policy(tiers={"restricted": {"weight": 0.5, "sources": ["graph"]}})
HARD = policy(tiers={"restricted": {"weight": 0.25}})
HELD = policy(rule(T, id="inspected", tier="standard", effect={"hold": True}))
MISSING = policy(rule({"signal": "label.checked", "min": 0.5}, id="checked", tier="standard", missing="hold"))
BLOCKED = policy(rule(T, id="blocked", tier="blocked", missing="hold"))


def sandbox(*items: PlainItem) -> Sandbox:
    few = (PlainItem("i0", author="a", topics=("t",), published_at=10), PlainItem("i1", author="b", published_at=10))
    named = {"soft": SOFT, "hard": HARD, "held": HELD, "missing": MISSING, "blocked": BLOCKED}
    return Sandbox(*(items or few), **named)


def service(word: str, **fields: object):
    parameters = {"service": word} | ({"per_day": fields.pop("per_day")} if "per_day" in fields else {})
    return decision("restrict_author", "author:a", parameters=parameters, **fields)


@pytest.mark.parametrize("about", ["item:i0", "author:a", "topic:t"])
def test_a_restriction_means_what_the_policy_in_force_makes_of_the_tier(about: str) -> None:
    made = sandbox()
    made.decide(decision("restrict", about, id="r"))
    assert made.verdict(0)[:3] == (True, "restricted", 1024)
    for name, weight in (("soft", 512), ("hard", 256), ("soft", 512)):
        made.publish(name)
        assert made.verdict(0)[:3] == (True, "restricted", weight)
    assert made.verdict(1)[1] == "standard"
    made.decide(decision("reverse", reverses="r"))
    assert made.verdict(0)[:3] == (True, "standard", 1024)
    made.publish("hard")
    assert made.verdict(0)[:3] == (True, "standard", 1024)


def test_a_restriction_of_an_unknown_item_waits_through_a_change_of_policy() -> None:
    made = sandbox(PlainItem("other"))
    made.publish("soft")
    made.decide(decision("restrict", "item:i0", id="r"))
    made.publish("hard")
    made.items(PlainItem("other"), PlainItem("i0"))
    assert made.verdict(1)[:3] == (True, "restricted", 256)


def test_a_correction_is_a_notice_on_the_item() -> None:
    made = sandbox()
    made.decide(decision("correct", "item:i0", parameters={"notice": "corrected", "text": "It was not so."}))
    governance = made.state.governance()
    table = governance.table(NOBODY_KNOWN, HOME)
    assert [table.effects[cls].notices for cls in governance.class_of] == [("corrected",), ()]
    assert made.verdict(0)[:2] == (True, "standard")


@pytest.mark.parametrize("name", ["held", "missing"])
def test_a_release_lifts_the_holds_of_rules_while_it_is_in_force(name: str) -> None:
    made = sandbox()
    made.publish(name)
    assert not made.eligible(0)
    made.decide(decision("release", "item:i0", id="r", expires_at=9))
    assert made.eligible(0)
    made.state.advance(9)
    assert not made.eligible(0)


@pytest.mark.parametrize(
    "other",
    [
        decision("suppress", "item:i0"),
        decision("takedown", "item:i0"),
        decision("restrict_author", "author:a", parameters={"service": "suspended"}),
        decision("publish_policy", parameters={"policy": "blocked"}),
    ],
)
def test_a_release_lifts_nothing_but_holds(other) -> None:
    made = sandbox()
    made.decide(decision("release", "item:i0"), other)
    assert not made.eligible(0)


def test_a_release_for_adults_leaves_the_item_held_for_minors_and_the_unknown() -> None:
    made = sandbox()
    made.publish("held")
    made.decide(decision("release", "item:i0", scope=Scope(audience="adult")))
    assert made.eligible(0)
    assert not made.eligible(0, MINOR) and not made.eligible(0, NOBODY_KNOWN)


def test_pre_review_holds_what_is_published_from_its_start_on_until_it_is_released() -> None:
    made = sandbox(
        PlainItem("old", author="a", published_at=49),
        PlainItem("new", author="a", published_at=50),
        PlainItem("undated", author="a"),
        PlainItem("theirs", author="b", published_at=60),
    )
    made.decide(service("pre_review", starts_at=50, id="p"))
    assert [made.eligible(row) for row in range(4)] == [True, True, True, True]
    made.state.advance(50)
    assert [made.eligible(row) for row in range(4)] == [True, False, False, True]
    made.decide(decision("release", "item:new"))
    assert [made.eligible(row) for row in range(4)] == [True, True, False, True]
    made.decide(decision("reverse", reverses="p"))
    assert all(made.eligible(row) for row in range(4))


@pytest.mark.parametrize("word", ["no_recommendation", "suspended"])
def test_an_author_who_is_not_recommended_or_is_suspended_has_no_eligible_item(word: str) -> None:
    made = sandbox()
    made.decide(service(word, expires_at=9))
    assert [made.eligible(row) for row in range(2)] == [False, True]
    made.state.advance(9)
    assert [made.eligible(row) for row in range(2)] == [True, True]


def test_limited_services_are_told_of_the_author_the_least_rate_counts() -> None:
    made = sandbox()
    made.decide(service("rate", per_day=5, id="one"), service("rate", per_day=3, id="two", expires_at=9))
    made.decide(service("suspended", id="three"))
    view = made.state.governance().author("a")
    assert view.services == {Service.RATE, Service.SUSPENDED} and view.suspended and view.per_day == 3
    assert [one.id for one in view.restrictions] == ["one", "three", "two"]
    assert made.eligible(0) is False
    made.state.advance(9)
    assert made.state.governance().author("a").per_day == 5
    assert view.per_day == 3
    assert made.state.governance().author("nobody").services == frozenset()


def test_strikes_are_told_of_the_author_with_the_points_they_take() -> None:
    made = sandbox()
    for name, points in (("one", 10), ("two", 20)):
        made.decide(decision("strike", "author:a", parameters={"points": points}, id=name, expires_at=9))
    view = made.state.governance().author("a")
    assert (view.points_lost, [one.id for one in view.strikes]) == (30, ["one", "two"])
    assert view.standing(20.0) == 0
    made.state.advance(9)
    assert "a" not in made.state.governance().authors


def test_grants_tell_who_holds_which_power_and_a_revocation_ends_those_before_it() -> None:
    made = sandbox()
    founder, manager = ({"person": "cleo", "power": power} for power in ("founder", "manager"))
    made.decide(
        decision("grant", "community:c", parameters=founder, id="g1"),
        decision("grant", "community:c", parameters=manager, id="g2"),
        decision("grant", "community:d", parameters=manager, id="g3"),
    )
    granted = made.state.governance()
    assert [(g.power, g.person) for g in granted.grants(SubjectKind.COMMUNITY, "c")] == [
        ("founder", "cleo"), ("manager", "cleo")
    ]  # fmt: skip
    made.decide(decision("revoke", "community:c", parameters=manager))
    assert [g.decision for g in made.state.governance().grants(SubjectKind.COMMUNITY, "c")] == ["g1"]
    assert [g.decision for g in made.state.governance().grants(SubjectKind.COMMUNITY, "d")] == ["g3"]
    assert granted.grants(SubjectKind.PLATFORM) == ()
    made.decide(decision("grant", "community:c", parameters=manager, id="g4"))
    assert len(made.state.governance().grants(SubjectKind.COMMUNITY, "c")) == 2


def test_only_a_power_that_is_held_is_revoked_and_a_revoked_grant_cannot_be_reversed() -> None:
    office = Office()
    with pytest.raises(NothingToRevoke, match="'cleo' is no manager of community 'c'"):
        office.decide(propose("revoke"))
    granted = office.decide(propose("grant"))
    revoked = office.decide(propose("revoke"))
    undone = office.service.undone_by(granted)
    assert undone is not None and undone.id == revoked.id
    with pytest.raises(AlreadyReversed):
        office.decide(propose("reverse", reverses=granted.id))
    with pytest.raises(InvalidDecision, match="cannot be reversed; make the decision that it undid again"):
        office.decide(propose("reverse", reverses=revoked.id))
    assert office.sandbox.state.governance().grants(SubjectKind.COMMUNITY, "c") == ()


def test_a_reversal_needs_the_scope_of_what_it_reverses() -> None:
    office = Office()
    struck = office.decide(propose("strike"), MODERATOR)
    assert office.decide(propose("reverse", reverses=struck.id), MODERATOR).reverses == struck.id
    assert office.sandbox.state.governance().author("x").points_lost == 0


def test_acts_on_accounts_and_powers_wait_for_no_item() -> None:
    office = Office()
    for kind, about in (("strike", "author:new"), ("restrict_author", "author:new"), ("grant", "community:new")):
        assert not office.service.waits(office.decide(propose(kind, about)))
    assert office.service.waits(office.decide(propose("suppress", "author:new")))


@pytest.mark.parametrize(
    "made",
    [
        decision("takedown", "item:i0", role="moderator"),
        decision("suppress", "item:i0", role="manager of club", parameters={"hold": "copy"}),
        decision("boost", "topic:t", role="editor", parameters={"factor": 2.0}),
        service("pre_review", role="service"),
    ],
)
def test_the_erasure_of_who_decided_leaves_the_cause_as_it_is(made) -> None:
    erased = replace(made, actor="", role="", reason="", evidence=(), approved_by=None, idempotency_key="")
    assert cause_of(erased) == cause_of(made)
