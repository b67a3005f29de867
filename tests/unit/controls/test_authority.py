"""Authority: which scope opens which decision, and what needs a second person."""

from __future__ import annotations

import pytest

from controls.authority import SCOPES_FOR, Principal
from controls.decisions import DecisionType
from controls.errors import (
    NeedsApproval,
    NotAllowed,
)
from tests.unit.controls.office import ADMIN, EDITOR, Office, propose


@pytest.mark.parametrize("kind", list(SCOPES_FOR))
@pytest.mark.parametrize(
    "scope", ["feed", "events", "reader", "author", "editor", "moderator", "policy", "experimenter", "auditor", "admin"]
)
def test_a_scope_opens_exactly_its_types(kind: DecisionType, scope: str) -> None:
    who, proposal = Principal("someone", frozenset({scope}), scope), propose(kind.value)
    office = Office()
    if scope == "admin" or scope in SCOPES_FOR[kind]:
        if kind is DecisionType.RESTORE:
            office.decide(propose("takedown"))
        if kind is DecisionType.REVOKE:
            office.decide(propose("grant"))
        if kind is DecisionType.STOP_EXPERIMENT:
            office.decide(propose("start_experiment"))
        assert office.decide(proposal, who).actor == "someone"
    else:
        with pytest.raises(NotAllowed, match=f"{kind.value} needs the scope"):
            office.decide(proposal, who)
        assert office.ledger.decisions == []


def test_every_type_but_reverse_has_its_scopes() -> None:
    assert {*SCOPES_FOR, DecisionType.REVERSE} == set(DecisionType)


def test_nobody_decides_anonymously() -> None:
    with pytest.raises(NotAllowed, match="a person to answer for it"):
        Office().decide(propose("pin"), Principal("", frozenset({"admin"})))


def test_only_the_owner_and_admin_own_an_id() -> None:
    assert EDITOR.owns("ed") and ADMIN.owns("ed")
    assert not EDITOR.owns("mo") and not Principal("", frozenset()).owns("")


HIGH = [
    ("publish_policy", None),
    ("freeze", None),
    ("suppress", "topic:t"),
    ("takedown", "author:x"),
    ("restrict_author", "author:x"),
]


@pytest.mark.parametrize(("kind", "about"), HIGH)
def test_where_approvals_are_wanted_high_impact_needs_a_second_person(kind: str, about: str | None) -> None:
    office = Office(approvals=True)
    with pytest.raises(NeedsApproval, match="needs a second person"):
        office.decide(propose(kind, about))
    with pytest.raises(NeedsApproval, match="nobody approves their own"):
        office.decide(propose(kind, about), approver=ADMIN)
    with pytest.raises(NotAllowed):
        office.decide(propose(kind, about), approver=Principal("al", frozenset({"feed"})))
    assert office.decide(propose(kind, about), approver=Principal("al", frozenset({"admin"}))).approved_by == "al"


@pytest.mark.parametrize(("kind", "about"), [("pin", "item:a"), ("suppress", "item:a"), ("boost", "topic:t")])
def test_other_acts_need_no_second_person(kind: str, about: str) -> None:
    assert Office(approvals=True).decide(propose(kind, about)).approved_by is None
