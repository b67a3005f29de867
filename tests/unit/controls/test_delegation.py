"""Delegation: founders and managers decide in their community, and nothing they decide reaches further."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from controls.decisions import Basis, DecisionType, Subject, SubjectKind
from controls.delegation import delegated, role_in
from controls.errors import InvalidDecision, NotAllowed
from controls.proposals import Proposal
from controls.scopes import Scope
from tests.unit.controls.building import decision

BASIS = Basis("terms", "house rules 3")
FOUNDER, MANAGER = frozenset({"founder"}), frozenset({"manager"})


def proposed(act: DecisionType, about: str = "item:bread", **fields: Any) -> Proposal:
    kind, _, name = about.partition(":")
    return Proposal(act, Subject(SubjectKind(kind), name), "off topic", BASIS, expires_at=100, **fields)


def made(proposal: Proposal, powers: frozenset[str] = MANAGER, **more: Any) -> Any:
    return delegated(proposal, "mia", "bakers", powers, inside=lambda item: item == "bread", **more)


@pytest.mark.parametrize("act", ["suppress", "restrict", "takedown", "feature"])
def test_a_manager_decides_about_an_item_of_the_community_on_its_surface(act: str) -> None:
    proposal, principal = made(proposed(DecisionType(act), scope=Scope(regions=("DE",))))
    assert proposal.scope == Scope(("community",), ("DE",), "any")
    assert (principal.subject, principal.role) == ("mia", "manager of bakers")
    assert principal.may(DecisionType(act))


def test_a_founder_and_manager_acts_as_the_founder() -> None:
    _, principal = made(proposed(DecisionType.SUPPRESS), FOUNDER | MANAGER)
    assert principal.role == "founder of bakers"


def test_who_holds_no_power_decides_nothing() -> None:
    with pytest.raises(NotAllowed, match="no power"):
        made(proposed(DecisionType.SUPPRESS), frozenset())


@pytest.mark.parametrize("act", ["pin", "boost", "freeze", "strike", "restrict_author", "activate_model", "label"])
def test_what_reaches_further_is_the_platforms(act: str) -> None:
    with pytest.raises(NotAllowed, match="platform"):
        made(proposed(DecisionType(act)), FOUNDER)


def test_an_item_of_another_community_is_out_of_reach() -> None:
    with pytest.raises(NotAllowed, match="does not belong"):
        made(proposed(DecisionType.TAKEDOWN, "item:soup"))


@pytest.mark.parametrize("about", ["author:bread", "topic:bread", "community:bakers"])
def test_whole_authors_topics_and_communities_are_out_of_reach(about: str) -> None:
    with pytest.raises(InvalidDecision, match="single items"):
        made(proposed(DecisionType.SUPPRESS, about))


def test_another_surface_is_refused() -> None:
    with pytest.raises(InvalidDecision, match="surface") as refused:
        made(proposed(DecisionType.SUPPRESS, scope=Scope(surfaces=("home",))))
    assert refused.value.field == "scope.surfaces"


def test_a_policy_is_published_for_the_community_whatever_subject_was_named() -> None:
    published = proposed(DecisionType.PUBLISH_POLICY, "community:cooks", parameters={"policy": "sha"})
    proposal, principal = made(replace(published, expires_at=None))
    assert proposal.subject == Subject(SubjectKind.COMMUNITY, "bakers")
    assert principal.may(DecisionType.PUBLISH_POLICY)


@pytest.mark.parametrize("act", [DecisionType.GRANT, DecisionType.REVOKE])
def test_the_founder_makes_managers_and_nothing_more(act: DecisionType) -> None:
    asked = proposed(act, "community:cooks", parameters={"person": "leo", "power": "manager"})
    proposal, _ = made(asked, FOUNDER)
    assert proposal.subject == Subject(SubjectKind.COMMUNITY, "bakers")
    with pytest.raises(NotAllowed, match="founder"):
        made(asked, MANAGER)
    with pytest.raises(InvalidDecision, match="manager"):
        made(replace(asked, parameters={"person": "leo", "power": "founder"}), FOUNDER)


def test_only_what_was_decided_in_the_community_is_reversed_there() -> None:
    undo = Proposal(DecisionType.REVERSE, None, "resolved", BASIS, reverses="d1")
    ours = decision("takedown", "item:bread", role=role_in("bakers", FOUNDER))
    _, principal = made(undo, target=ours)
    assert principal.may(DecisionType.TAKEDOWN)
    for target in (replace(ours, role="moderator"), replace(ours, role="manager of cooks"), None):
        with pytest.raises(NotAllowed, match="in this community"):
            made(undo, target=target)


def test_a_manager_does_not_take_back_what_the_founder_granted() -> None:
    undo = Proposal(DecisionType.REVERSE, None, "resolved", BASIS, reverses="d1")
    with pytest.raises(NotAllowed, match="founder"):
        made(undo, target=decision("grant", "community:bakers", role="founder of bakers"))
