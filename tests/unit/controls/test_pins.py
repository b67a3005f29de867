"""Pins against one another: which would hide another, for whom and when."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from controls.errors import PositionTaken
from controls.scopes import Scope
from tests.unit.controls.office import ADMIN, LATER, NOW, Office, propose

DE, FR = Scope(regions=("DE",)), Scope(regions=("FR",))


@pytest.mark.parametrize(
    ("about", "fields"),
    [
        ("item:b", {}),
        ("item:b", {"scope": Scope(surfaces=("home",), regions=("DE",), audience="adult")}),
        ("item:b", {"starts_at": LATER - 1, "expires_at": LATER + 9}),
        ("item:b", {"expires_at": None, "review_by": LATER}),
        ("item:unknown", {}),
        ("item:a", {}),
        ("item:a", {"parameters": {"position": 7}}),
    ],
)
def test_a_pin_where_another_stands_is_refused_with_its_name(about: str, fields: dict[str, Any]) -> None:
    office = Office()
    held = office.decide(propose("pin"))
    with pytest.raises(PositionTaken, match=rf"decision {held.id} \('a' at 2, until second {LATER}\)") as refused:
        office.decide(propose("pin", about, **fields))
    assert refused.value.field == "parameters.position"
    assert office.ledger.decisions == [held]


@pytest.mark.parametrize(
    ("about", "fields"),
    [
        ("item:b", {"parameters": {"position": 3}}),
        ("item:a", {"parameters": {"position": 1}}),
        ("item:b", {"starts_at": LATER, "expires_at": LATER + 9}),
        ("item:b", {"scope": FR}),
        ("item:b", {"scope": Scope(regions=("DE",), audience="minor")}),
        ("item:b", {"scope": Scope(surfaces=("topic", "community"))}),
    ],
)
def test_pins_that_do_not_meet_stand_beside_one_another(about: str, fields: dict[str, Any]) -> None:
    office = Office()
    office.decide(propose("pin", scope=Scope(surfaces=("home",), regions=("DE",), audience="adult")))
    assert office.decide(propose("pin", about, **fields)).revision == 2


def test_a_pin_that_is_still_to_start_holds_its_position_too() -> None:
    office = Office()
    office.decide(propose("pin", starts_at=NOW + 60, scope=DE))
    with pytest.raises(PositionTaken):
        office.decide(propose("pin", "item:b"))
    assert office.decide(propose("pin", "item:b", expires_at=NOW + 60)).revision == 2


def test_a_position_is_free_again_once_its_pin_is_reversed_or_over() -> None:
    office = Office()
    office.decide(propose("pin"))
    office.decide(propose("reverse", reverses="d1"))
    assert office.decide(propose("pin", "item:b", expires_at=NOW + 5)).revision == 3
    office.sandbox.state.advance(NOW + 5)
    assert office.sandbox.state.governance().pinned == ()


def test_a_pin_and_a_reversal_that_are_not_folded_yet_are_seen_in_the_ledger() -> None:
    office = Office()
    office.service.decide(propose("pin"), ADMIN, NOW).result(0)
    with pytest.raises(PositionTaken):
        office.service.decide(propose("pin", "item:b"), ADMIN, NOW)
    office.service.decide(propose("reverse", reverses="d1"), ADMIN, NOW).result(0)
    assert office.service.decide(propose("pin", "item:b"), ADMIN, NOW).result(0).revision == 3
    assert office.sandbox.state.governance().revision == 0


def test_a_pin_that_was_overtaken_by_another_is_refused_and_a_repeated_one_is_answered() -> None:
    office = Office()
    other = office.decide(propose("pin", scope=FR))
    office.ledger.meanwhile = [replace(other, id="meanwhile", scope=DE)]
    with pytest.raises(PositionTaken, match="decision meanwhile"):
        office.decide(propose("pin", "item:b", scope=DE))
    again = propose("pin", "item:b", parameters={"position": 9}, idempotency_key="k")
    made = office.decide(again, once="k")
    assert office.decide(again, once="k") == made
