"""Standing: which limits an author's points ask for, and what becomes of those that were made."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from controls.authority import SERVICE_ROLE, Principal
from controls.authors import NOBODY_SPOKE
from controls.communities import check_tightening
from controls.decisions import Decision, DecisionType
from controls.errors import PolicyError
from controls.parameters import Service
from controls.policy import Policy, canonical, content_hash, load
from controls.standing import SERVICE_ACTOR, Change, Steady, changes, limits_of, overruled, proposal_of
from tests.unit.controls.building import policy
from tests.unit.controls.office import MODERATOR, NOW, Office, propose

BASIS = {"kind": "terms", "clause": "6.1"}
LIMITS = [
    {"below": 80, "service": "rate", "per_day": 5},
    {"below": 50, "service": "rate", "per_day": 2},
    {"below": 60, "service": "pre_review"},
    {"below": 40, "service": "no_recommendation"},
    {"below": 20, "service": "suspended"},
]
STRICT = policy(standing={"thresholds": LIMITS, "basis": BASIS, "review_after": "14d"})
WEIR = Principal(SERVICE_ACTOR, frozenset({"admin"}), SERVICE_ROLE)


class Desk(Office):
    """An office in which the service's account keeps author x by a policy."""

    def __init__(self, stored: float | None = 100.0, under: Policy = STRICT) -> None:
        super().__init__()
        self.stored, self.under = stored, under

    def asked(self) -> list[Change]:
        return changes("x", self.sandbox.state.governance().author("x"), self.stored, self.under)

    def keep(self) -> list[Decision]:
        """Make every decision that standing asks for."""
        made = []
        for change in self.asked():
            if not overruled(change, self.ledger.decisions):
                view = self.sandbox.state.governance().author("x")
                made.append(self.decide(proposal_of(change, view, self.under.standing, NOW), WEIR))
        return made

    def strike(self, points: int) -> Decision:
        return self.decide(propose("strike", parameters={"points": points}), MODERATOR)

    @property
    def services(self) -> set[Service]:
        return set(self.sandbox.state.governance().author("x").services)


def test_points_below_a_threshold_ask_for_its_service_and_at_it_they_do_not() -> None:
    named = {points: [limit.service.value for limit in limits_of(STRICT, points)] for points in (80, 79, 60, 59, 19)}
    assert named == {
        80: [],
        79: ["rate"],
        60: ["rate"],
        59: ["rate", "pre_review"],
        19: ["rate", "pre_review", "no_recommendation", "suspended"],
    }
    assert [limit.per_day for limit in limits_of(STRICT, 45) if limit.per_day] == [2]
    assert limits_of(STRICT, None) == limits_of(policy(), 0) == limits_of(None, 0) == ()


def test_a_strike_that_crosses_thresholds_is_answered_by_decisions_that_say_why() -> None:
    desk = Desk()
    struck = desk.strike(45)
    rate, review = desk.keep()
    assert desk.services == {Service.RATE, Service.PRE_REVIEW}
    assert (review.actor, review.role, review.basis.clause) == ("weir", "service", "6.1")
    assert review.reason == "The author's standing is 55 of 100 points, below 60: new items are held for review."
    assert review.review_by == NOW + 14 * 86_400 and review.expires_at is None
    assert review.evidence == (f"strike {struck.id}",)
    assert dict(rate.parameters) == {"service": "rate", "below": 80, "per_day": 5}
    assert desk.keep() == []


def test_what_is_limited_is_freed_as_the_standing_recovers() -> None:
    desk = Desk()
    struck = desk.strike(90)
    assert len(desk.keep()) == 4
    desk.decide(propose("reverse", reverses=struck.id), MODERATOR)
    freed = desk.keep()
    assert desk.services == set()
    assert {one.type for one in freed} == {DecisionType.REVERSE}
    assert freed[0].reason == "The author's standing is 100 of 100 points, which is not below 50 any more."
    assert desk.keep() == []


def test_a_lower_standing_changes_the_rate() -> None:
    desk = Desk()
    desk.strike(30)
    desk.keep()
    assert desk.sandbox.state.governance().author("x").per_day == 5
    desk.strike(25)
    assert [one.type.value for one in desk.keep()] == ["reverse", "restrict_author", "restrict_author"]
    assert desk.sandbox.state.governance().author("x").per_day == 2


def test_a_stored_standing_counts_without_any_strike() -> None:
    desk = Desk(stored=30.0)
    assert {one.parameters["service"] for one in desk.keep()} == {"rate", "pre_review", "no_recommendation"}
    desk.stored = None
    assert len(desk.keep()) == 3
    assert desk.services == set()


def test_another_policy_keeps_what_it_asks_for_and_reverses_the_rest() -> None:
    desk = Desk()
    desk.strike(85)
    desk.keep()
    desk.under = policy(standing={"thresholds": [{"below": 60, "service": "pre_review"}], "basis": BASIS})
    reasons = {one.reason for one in desk.keep()}
    assert desk.services == {Service.PRE_REVIEW}
    assert "The author's standing is 15 of 100 points, and the policy has no such limit below 20." in reasons
    desk.under = policy()
    desk.keep()
    assert desk.services == set()


def test_what_a_person_undid_is_not_made_again_before_another_strike() -> None:
    desk = Desk()
    desk.strike(25)
    (rate,) = desk.keep()
    desk.decide(propose("reverse", reverses=rate.id), MODERATOR)
    assert desk.asked() and desk.keep() == [] and desk.services == set()
    desk.strike(1)
    assert len(desk.keep()) == 1


def test_what_people_limited_is_left_alone() -> None:
    desk = Desk()
    desk.decide(propose("restrict_author", parameters={"service": "suspended"}), MODERATOR)
    desk.decide(propose("restrict_author", parameters={"service": "pre_review", "below": 60}), MODERATOR)
    assert desk.asked() == []


def test_only_what_is_asked_for_long_enough_gets_through() -> None:
    steady = Steady(5)
    one = changes("x", NOBODY_SPOKE, 70.0, STRICT)
    assert steady.through(one, 100) == [] and steady.waiting
    assert steady.through(one, 104) == []
    assert steady.through(changes("x", NOBODY_SPOKE, 90.0, STRICT), 105) == []
    assert steady.through(one, 106) == []
    lower = changes("x", NOBODY_SPOKE, 69.0, STRICT)
    assert [change.standing for change in steady.through(lower, 111)] == [69.0]
    assert steady.through([], 112) == [] and not steady.waiting


@given(st.lists(st.integers(1, 60), max_size=4), st.floats(0, 100), st.sets(st.integers(0, 3)))
def test_one_turn_settles_whatever_happened(points: list[int], stored: float, undone: set[int]) -> None:
    desk = Desk(stored)
    strikes = [desk.strike(taken) for taken in points]
    desk.keep()
    for place in sorted(undone):
        if place < len(strikes):
            desk.decide(propose("reverse", reverses=strikes[place].id), MODERATOR)
    desk.keep()
    standing = desk.sandbox.state.governance().author("x").standing(stored)
    assert standing is not None
    assert desk.services == {limit.service for limit in limits_of(STRICT, standing)}
    assert desk.asked() == []


@pytest.mark.parametrize(
    ("thresholds", "said"),
    [
        ([], "at least 1"),
        ([{"below": 0, "service": "suspended"}], "greater than or equal to 1"),
        ([{"below": 20, "service": "banned"}], "pre_review"),
        ([{"below": 20, "service": "rate"}], "per_day belongs to the service rate"),
        ([{"below": 20, "service": "suspended", "per_day": 3}], "per_day belongs to the service rate"),
        ([{"below": 20, "service": "suspended"}, {"below": 30, "service": "suspended"}], "has one threshold"),
        ([{"below": 20, "service": "rate", "per_day": 1}, {"below": 20, "service": "rate", "per_day": 2}], "rate may"),
    ],
)
def test_thresholds_that_make_no_sense_are_refused(thresholds: list[dict[str, object]], said: str) -> None:
    with pytest.raises(PolicyError, match=said):
        policy(standing={"thresholds": thresholds, "basis": BASIS})


def test_thresholds_need_their_basis_and_survive_being_stored() -> None:
    with pytest.raises(PolicyError, match=r"standing\.basis"):
        policy(standing={"thresholds": LIMITS})
    assert load(canonical(STRICT)) == STRICT
    assert content_hash(STRICT) != content_hash(policy())


def test_a_community_sets_no_thresholds() -> None:
    with pytest.raises(PolicyError, match="services to authors are the platform's"):
        check_tightening(STRICT)


def test_evidence_of_very_many_strikes_stays_within_its_bound() -> None:
    desk = Desk()
    for _ in range(60):
        desk.strike(1)
    (rate, review) = desk.keep()[:2]
    assert len(rate.evidence) == len(review.evidence) == 50
    assert replace(rate, evidence=()).subject.id == "x"
