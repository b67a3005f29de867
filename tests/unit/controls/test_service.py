"""The only write door: what is refused and why, and what reaches the ledger."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from controls.decisions import Basis, Decision, DecisionType
from controls.errors import (
    AlreadyReversed,
    ControlsError,
    IneligibleSubject,
    InvalidDecision,
    NotAllowed,
    NothingToRestore,
    PolicyError,
    UnknownReference,
)
from controls.scopes import Scope
from tests.unit.controls.building import subject
from tests.unit.controls.office import EDITOR, ITEMS, LATER, MODERATOR, NOW, Office, propose
from tests.unit.controls.plain_columns import PlainItem


def test_a_decision_carries_everything_that_was_said() -> None:
    office = Office()
    scope = Scope(surfaces=("home",), regions=("DE", "AT"), audience="adult")
    made = office.decide(
        propose("pin", scope=scope, starts_at=NOW + 5, evidence=("https://e.example/1",), idempotency_key="k"), EDITOR
    )
    assert made == Decision(
        id="d1",
        type=DecisionType.PIN,
        subject=subject("item:a"),
        actor="ed",
        role="editor",
        reason="because",
        basis=Basis("terms", "4.2"),
        decided_at=NOW,
        starts_at=NOW + 5,
        expires_at=LATER,
        scope=scope,
        parameters={"position": 2},
        evidence=("https://e.example/1",),
        idempotency_key="k",
        revision=1,
    )


@pytest.mark.parametrize("kind", [kind.value for kind in DecisionType if kind is not DecisionType.REVERSE])
def test_every_type_can_be_decided_and_starts_now_unless_said_otherwise(kind: str) -> None:
    office = Office()
    if kind == "restore":
        office.decide(propose("takedown"))
    if kind == "revoke":
        office.decide(propose("grant"))
    if kind == "stop_experiment":
        office.decide(propose("start_experiment"))
    made = office.decide(propose(kind))
    assert (made.type.value, made.starts_at, made.revision) == (kind, NOW, len(office.ledger.decisions))


@pytest.mark.parametrize(
    ("kind", "parameters"), [("publish_policy", {"policy": "gone"}), ("activate_model", {"model": "v9"})]
)
def test_an_unknown_policy_or_model_is_refused(kind: str, parameters: dict[str, object]) -> None:
    with pytest.raises(UnknownReference):
        Office().decide(propose(kind, parameters=parameters))


def test_a_policy_with_a_fatal_finding_is_not_published() -> None:
    office = Office()
    with pytest.raises(PolicyError, match="has no basis"):
        office.decide(propose("publish_policy", parameters={"policy": "ungrounded"}))
    assert office.ledger.decisions == []


@pytest.mark.parametrize("kind", ["pin", "feature"])
@pytest.mark.parametrize(("against", "why"), [("takedown", "taken down"), ("suppress", "suppressed")])
def test_a_placement_of_an_item_that_may_not_be_shown_is_refused_with_the_reason(
    kind: str, against: str, why: str
) -> None:
    office = Office()
    office.decide(propose(against))
    with pytest.raises(IneligibleSubject, match=why) as refused:
        office.decide(propose(kind))
    assert refused.value.field == "subject.id"
    assert office.decide(propose(kind, "item:b")).revision == 2


def test_a_pin_of_a_blocked_restricted_or_withdrawn_item_is_refused() -> None:
    office = Office(*ITEMS, PlainItem("gone", withdrawn=True))
    office.decide(propose("publish_policy"))
    for name in ("a", "gone"):
        with pytest.raises(IneligibleSubject):
            office.decide(propose("pin", f"item:{name}"))


def test_a_pin_is_taken_when_some_audience_in_its_scope_may_see_the_item() -> None:
    office = Office()
    office.decide(propose("suppress", scope=Scope(regions=("DE",), audience="minor")))
    with pytest.raises(IneligibleSubject):
        office.decide(propose("pin", scope=Scope(regions=("DE",), audience="minor")))
    assert office.decide(propose("pin")).revision == 2
    assert office.decide(propose("pin", parameters={"position": 1}, scope=Scope(regions=("DE",)))).revision == 3


@pytest.mark.parametrize("kind", ["pin", "feature", "suppress", "takedown", "boost"])
def test_a_decision_on_an_unknown_item_is_taken_and_says_that_it_waits(kind: str) -> None:
    for item, waits in (("new", True), ("b", False)):
        office = Office()
        assert office.service.waits(office.decide(propose(kind, f"item:{item}"))) is waits


def test_a_group_waits_until_it_has_an_item_and_the_platform_never_does() -> None:
    office = Office()
    assert office.service.waits(office.decide(propose("suppress", "author:nobody")))
    assert not office.service.waits(office.decide(propose("suppress", "author:x")))
    assert not office.service.waits(office.decide(propose("freeze")))


def test_a_reversal_takes_its_targets_subject_and_needs_its_scope() -> None:
    office = Office()
    office.decide(propose("takedown"), MODERATOR)
    with pytest.raises(NotAllowed, match="takedown needs the scope"):
        office.decide(propose("reverse", reverses="d1"), EDITOR)
    made = office.decide(propose("reverse", reverses="d1"), MODERATOR)
    assert (made.subject, made.reverses) == (subject("item:a"), "d1")
    assert office.sandbox.eligible(0)


@pytest.mark.parametrize(
    ("fields", "error", "said"),
    [
        ({"reverses": None}, InvalidDecision, "needs the id"),
        ({"reverses": "d9"}, UnknownReference, "no decision has the id 'd9'"),
        ({"reverses": "d3"}, InvalidDecision, "a restore cannot be reversed"),
        ({"reverses": "d1", "subject": subject("item:b")}, InvalidDecision, "target's subject"),
        ({"reverses": "d1", "expires_at": LATER}, InvalidDecision, "does not expire"),
        ({"reverses": "d1", "starts_at": LATER}, InvalidDecision, "acts at once"),
    ],
)
def test_a_reversal_that_cannot_be_is_refused(fields: dict[str, Any], error: type[ControlsError], said: str) -> None:
    office = Office()
    for kind in ("suppress", "takedown", "restore"):
        office.decide(propose(kind))
    with pytest.raises(error, match=said):
        office.decide(propose("reverse", **fields))
    assert len(office.ledger.decisions) == 3


def test_nothing_is_reversed_twice() -> None:
    office = Office()
    office.decide(propose("suppress"))
    office.decide(propose("reverse", reverses="d1"))
    with pytest.raises(AlreadyReversed, match="d1 was reversed by d2"):
        office.decide(propose("reverse", reverses="d1"))


def test_what_was_restored_is_reversed_and_nothing_is_restored_twice() -> None:
    office = Office()
    with pytest.raises(NothingToRestore, match="no takedown of item 'a'"):
        office.decide(propose("restore"))
    taken = office.decide(propose("takedown"))
    other = office.decide(propose("takedown", "item:b"))
    ended = office.decide(propose("takedown", expires_at=NOW + 1))
    restored = office.decide(propose("restore"))
    assert office.service.undone_by(taken) == office.service.undone_by(ended) == restored
    assert office.service.undone_by(other) is None
    with pytest.raises(AlreadyReversed, match=f"{taken.id} was reversed by {restored.id}"):
        office.decide(propose("reverse", reverses=taken.id))
    with pytest.raises(NothingToRestore):
        office.decide(propose("restore"))
    again = office.decide(propose("takedown"))
    office.decide(propose("reverse", reverses=again.id))
    with pytest.raises(NothingToRestore):
        office.decide(propose("restore"))
    assert office.sandbox.eligible(0)


def test_a_takedown_that_has_expired_is_nothing_to_restore() -> None:
    office = Office()
    office.decide(propose("takedown", expires_at=NOW + 1))
    office.ledger.decisions[0] = replace(office.ledger.decisions[0], expires_at=NOW)
    with pytest.raises(NothingToRestore):
        office.decide(propose("restore"))


@pytest.mark.parametrize("kind", ["reverse", "restore"])
def test_an_undoing_that_was_overtaken_is_refused_as_if_it_had_come_later(kind: str) -> None:
    office = Office()
    taken = office.decide(propose("takedown"))
    office.decide(propose("takedown", "item:b"))
    act = propose(kind, **({"reverses": taken.id} if kind == "reverse" else {}))
    for meanwhile in ("restore", "reverse"):
        office.ledger.meanwhile = [
            replace(taken, id="x", type=DecisionType(meanwhile), reverses=taken.id if meanwhile == "reverse" else None)
        ]
        with pytest.raises((AlreadyReversed, NothingToRestore)):
            office.decide(act)
        assert office.ledger.decisions.pop().id == "x"
    office.ledger.meanwhile = [replace(taken, id="elsewhere", subject=subject("item:b"))]
    assert office.decide(act).revision == 4


def test_a_repeated_request_is_answered_with_the_first_decision() -> None:
    office = Office()
    office.decide(propose("suppress"))
    first = office.decide(propose("reverse", reverses="d1", idempotency_key="k"), once="k")
    again = office.decide(propose("reverse", reverses="d1", idempotency_key="k"), once="k")
    assert again == first and len(office.ledger.decisions) == 2
    with pytest.raises(AlreadyReversed):
        office.decide(propose("reverse", reverses="d1", idempotency_key="other"), once="other")
