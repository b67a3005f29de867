"""Second persons, locks and many decisions at once, at the write door itself."""

from __future__ import annotations

from dataclasses import replace

import pytest

from controls.authority import SERVICE_ROLE, Principal
from controls.errors import DecidedSince, InvalidDecision, NeedsApproval, NothingToRestore
from tests.unit.controls.office import ADMIN, LATER, MODERATOR, NOW, Office, propose

OTHER = Principal("max", frozenset({"moderator"}), "moderator")
WHOLE = propose("takedown", "author:x")


def test_high_impact_without_a_second_person_is_refused_at_the_door() -> None:
    office = Office(approvals=True)
    assert office.service.awaits_second(WHOLE, MODERATOR)
    with pytest.raises(NeedsApproval, match="needs a second person"):
        office.decide(WHOLE, MODERATOR)
    assert office.service.examine(WHOLE, MODERATOR, NOW).subject.id == "x" and office.ledger.decisions == []
    assert office.decide(WHOLE, MODERATOR, approver=OTHER, id="p").approved_by == "max"
    assert office.ledger.decisions[0].id == "p"


def test_the_services_own_account_and_undoing_need_none() -> None:
    office = Office(approvals=True)
    weir = Principal("weir", frozenset({"admin"}), SERVICE_ROLE)
    made = office.decide(WHOLE, weir)
    assert office.decide(propose("reverse", reverses=made.id), MODERATOR).reverses == made.id


def test_broken_glass_lasts_a_day_at_most_and_is_told_in_the_decision() -> None:
    office = Office(approvals=True)
    glass = replace(WHOLE, break_glass="it spreads", expires_at=None)
    assert not office.service.awaits_second(glass, MODERATOR)
    for wrong, field in (({"expires_at": NOW + 86_401}, "expires_at"), ({"starts_at": NOW + 9}, "starts_at")):
        with pytest.raises(InvalidDecision) as refused:
            office.decide(replace(glass, **wrong), MODERATOR)  # type: ignore[arg-type]
        assert refused.value.field == field
    made = office.decide(glass, MODERATOR)
    assert (made.expires_at, made.evidence) == (NOW + 86_400, ("break-glass: it spreads",))
    assert made.parameters == {"break_glass": True} and made.approved_by is None
    assert office.decide(replace(glass, expires_at=LATER), MODERATOR).expires_at == LATER


def test_decisions_made_together_are_consecutive_and_found_again() -> None:
    office = Office()
    two = [propose("takedown", f"item:{item}") for item in "ab"]
    made = office.service.decide_all(two, MODERATOR, NOW, once="k", id="bulk")
    assert [(one.id, one.revision) for one in made] == [("bulk.0", 1), ("bulk.1", 2)]
    office.sandbox.decide(*made)
    office.decide(propose("suppress"))
    assert office.service.bulk("bulk") == made and office.service.bulk("none") == []


def test_if_one_of_many_is_refused_none_is_written() -> None:
    office = Office()
    office.decide(propose("takedown"))
    with pytest.raises(NothingToRestore):
        office.service.decide_all([propose("restore"), propose("restore", "item:b")], MODERATOR, NOW, id="b")
    assert len(office.ledger.decisions) == 1


def test_a_decision_that_comes_while_many_are_checked_is_seen_when_they_are_written() -> None:
    office = Office()
    between = office.service.decide(propose("suppress", "item:b"), ADMIN, NOW, id="between").result(0)
    office.ledger.decisions.clear()
    office.ledger.once.clear()
    office.ledger.meanwhile = [between]
    seen = [replace(propose("takedown", f"item:{item}"), expected_revision=0) for item in "ab"]
    with pytest.raises(DecidedSince, match="between"):
        office.service.decide_all(seen, MODERATOR, NOW, id="bulk")
    assert [one.id for one in office.ledger.decisions] == ["between"]


def test_a_lock_counts_decisions_about_this_subject_alone() -> None:
    office = Office()
    office.decide(propose("suppress", "item:b"))
    made = office.decide(replace(propose("suppress"), expected_revision=0))
    assert made.revision == 2
    with pytest.raises(DecidedSince) as refused:
        office.decide(replace(propose("boost"), expected_revision=1))
    assert refused.value.field == "expected_revision" and made.id in str(refused.value)
    assert office.decide(replace(propose("boost"), expected_revision=2)).revision == 3
