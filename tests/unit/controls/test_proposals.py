"""Proposals: what is wrong with one by itself, by field."""

from __future__ import annotations

from typing import Any

import pytest

from controls.decisions import Basis
from controls.errors import (
    InvalidDecision,
    NeedsApproval,
)
from controls.proposals import HORIZON, LATE_START
from controls.scopes import Scope
from tests.unit.controls.building import subject
from tests.unit.controls.office import NOW, Office, propose


@pytest.mark.parametrize(
    ("fields", "field", "said"),
    [
        ({"reason": " "}, "reason", "needs a reason"),
        ({"reason": "x" * 5_001}, "reason", "longer than 5000"),
        ({"reason": "\ud800"}, "reason", "not valid Unicode"),
        ({"basis": None}, "basis", "needs a basis"),
        ({"basis": Basis("terms", " ")}, "basis", "needs a basis"),
        ({"basis": Basis("whim", "1")}, "basis.kind", "'whim' is no basis"),
        ({"basis": Basis("law", "1", url="u" * 501)}, "basis.url", "longer than 500"),
        ({"evidence": ("x",) * 51}, "evidence", "at most 50"),
        ({"subject": None}, "subject", "needs a subject"),
        ({"subject": subject("platform:")}, "subject", "needs a subject"),
        ({"subject": subject("item:")}, "subject", "needs a subject"),
        ({"subject": subject("item:" + "x" * 257)}, "subject.id", "longer than 256"),
        ({"expires_at": None}, "expires_at", "needs an end"),
        ({"expires_at": NOW}, "expires_at", "lies in the past"),
        ({"expires_at": NOW - 5}, "expires_at", "lies in the past"),
        ({"expires_at": NOW + 9, "starts_at": NOW + 9}, "expires_at", "must come after starts_at"),
        ({"expires_at": NOW + HORIZON + 1}, "expires_at", "more than ten years ahead"),
        ({"expires_at": None, "review_by": NOW - 1}, "review_by", "lies in the past"),
        ({"starts_at": NOW - LATE_START - 1}, "starts_at", "between now and ten years"),
        ({"starts_at": NOW + HORIZON + 1}, "starts_at", "between now and ten years"),
        ({"starts_at": 1_800_000_000_000}, "starts_at", "between now and ten years"),
        ({"scope": Scope(surfaces=("front",))}, "scope.surfaces", "surfaces are some of"),
        ({"scope": Scope(surfaces=())}, "scope.surfaces", "surfaces are some of"),
        ({"scope": Scope(regions=("de",))}, "scope.regions", "two capital letters"),
        ({"scope": Scope(regions=())}, "scope.regions", "two capital letters"),
        ({"scope": Scope(audience="child")}, "scope.audience", "any, adult or minor"),
        ({"parameters": {"factor": 2}}, "parameters.factor", "has no parameter 'factor'"),
        ({"reverses": "d9"}, "reverses", "reverses nothing"),
    ],
)
def test_a_proposal_with_a_fault_is_refused_by_its_field(fields: dict[str, Any], field: str, said: str) -> None:
    office = Office()
    with pytest.raises(InvalidDecision, match=said) as refused:
        office.decide(propose("suppress", **fields))
    assert refused.value.field == field
    assert office.ledger.decisions == []


@pytest.mark.parametrize(
    ("kind", "parameters", "field"),
    [
        *(("pin", {"position": value}, "parameters.position") for value in (-1, 500, 1.0, True, "2", None)),
        ("pin", {}, "parameters.position"),
        *(("boost", {"factor": value}, "parameters.factor") for value in (0, -1, 4.1, True, "2", None)),
        *(("boost", {"factor": value}, "parameters.factor") for value in (float("nan"), float("inf"))),
        ("boost", {}, "parameters.factor"),
        ("publish_policy", {"policy": ""}, "parameters.policy"),
        ("activate_model", {"model": 7}, "parameters.model"),
        *(("label", {"name": value, "score": 1}, "parameters.name") for value in ("", "Rumour", "a.b", "x" * 65, 1)),
        *(("label", {"name": "l", "score": value}, "parameters.score") for value in (-0.1, 1.1, True, "1", None)),
        ("label", {"name": "l", "score": float("nan")}, "parameters.score"),
        ("correct", {"notice": "corrected"}, "parameters.text"),
        ("correct", {"notice": "Corrected!", "text": "right"}, "parameters.notice"),
        ("correct", {"notice": "corrected", "text": "x" * 1_001}, "parameters.text"),
        ("correct", {"notice": "corrected", "text": "\ud800"}, "parameters.text"),
        ("restrict", {"tier": "blocked"}, "parameters.tier"),
        ("restrict_author", {}, "parameters.service"),
        ("restrict_author", {"service": "banned"}, "parameters.service"),
        ("restrict_author", {"service": "rate"}, "parameters.per_day"),
        *(("restrict_author", {"service": "rate", "per_day": x}, "parameters.per_day") for x in (0, 1.5, True, "3")),
        ("restrict_author", {"service": "suspended", "per_day": 3}, "parameters.per_day"),
        ("restrict_author", {"service": "suspended", "below": 101}, "parameters.below"),
        *(("strike", {"points": value}, "parameters.points") for value in (0, 101, 1.5, True, None)),
        ("verify_identity", {"identity": ""}, "parameters.identity"),
        *((kind, {"power": "manager"}, "parameters.person") for kind in ("grant", "revoke")),
        *((kind, {"person": "cleo"}, "parameters.power") for kind in ("grant", "revoke")),
        ("grant", {"person": "cleo", "power": "king"}, "parameters.power"),
        ("grant", {"person": "cleo", "power": "moderator"}, "parameters.power"),
        ("release", {"until": 3}, "parameters.until"),
    ],
)
def test_a_parameter_out_of_range_is_refused(kind: str, parameters: dict[str, object], field: str) -> None:
    with pytest.raises(InvalidDecision) as refused:
        Office().decide(propose(kind, parameters=parameters))
    assert refused.value.field == field


@pytest.mark.parametrize("kind", ["pin", "feature"])
@pytest.mark.parametrize("about", ["author:x", "topic:t", "community:c"])
def test_only_items_are_placed(kind: str, about: str) -> None:
    with pytest.raises(InvalidDecision, match="places an item"):
        Office().decide(propose(kind, about))


@pytest.mark.parametrize("kind", ["freeze", "publish_policy", "activate_model"])
def test_acts_on_the_platform_have_no_other_subject(kind: str) -> None:
    with pytest.raises(InvalidDecision, match="acts on the platform"):
        Office().decide(propose(kind, subject=subject("item:a")))


@pytest.mark.parametrize("kind", ["label", "correct", "release", "restrict_author", "strike", "verify_identity"])
@pytest.mark.parametrize("about", ["item:a", "author:x", "topic:t", "community:c"])
def test_items_are_labelled_and_authors_struck_and_nothing_else(kind: str, about: str) -> None:
    wanted = "item" if kind in ("label", "correct", "release") else "author"
    proposal = propose(kind, subject=subject(about))
    if about.startswith(wanted):
        assert Office().decide(proposal).subject == subject(about)
    else:
        with pytest.raises(InvalidDecision, match=f"{kind} is about an {wanted}, not a") as refused:
            Office().decide(proposal)
        assert refused.value.field == "subject.kind"


@pytest.mark.parametrize("kind", ["grant", "revoke"])
@pytest.mark.parametrize(
    ("about", "field"),
    [
        ("item:a", "subject.kind"),
        ("author:x", "subject.kind"),
        ("community:", "subject.id"),
        ("platform:p", "subject.id"),
    ],
)
def test_a_power_is_held_in_a_community_or_on_the_platform(kind: str, about: str, field: str) -> None:
    with pytest.raises(InvalidDecision) as refused:
        Office().decide(propose(kind, subject=subject(about)))
    assert refused.value.field == field


def test_a_power_on_the_platform_is_one_of_its_own() -> None:
    whole = propose("grant", "platform:", parameters={"person": "cleo", "power": "moderator"})
    assert Office().decide(whole).subject == subject("platform:")


def test_a_strike_expires_and_is_not_only_reviewed() -> None:
    with pytest.raises(InvalidDecision, match="a review is not enough") as refused:
        Office().decide(propose("strike", expires_at=None, review_by=NOW + 60))
    assert refused.value.field == "expires_at"


def test_an_attestation_says_who_verified() -> None:
    for evidence in ((), (" ",)):
        with pytest.raises(InvalidDecision, match="who verified") as refused:
            Office().decide(propose("verify_identity", evidence=evidence))
        assert refused.value.field == "evidence"


@pytest.mark.parametrize(("about", "needed"), [("item:a", False), ("topic:t", True), ("author:x", True)])
def test_restricting_many_items_needs_a_second_person(about: str, needed: bool) -> None:
    proposal, office = propose("restrict", subject=subject(about)), Office(approvals=True)
    if needed:
        with pytest.raises(NeedsApproval):
            office.decide(proposal)
    else:
        office.decide(proposal)
