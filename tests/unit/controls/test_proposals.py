"""Proposals: what is wrong with one by itself, by field."""

from __future__ import annotations

from typing import Any

import pytest

from controls.decisions import Basis
from controls.errors import (
    InvalidDecision,
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
