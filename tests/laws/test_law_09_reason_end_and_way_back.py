"""Law 9: every act has a reason, an end and a way back."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from controls.decisions import Basis, DecisionType
from controls.errors import InvalidDecision, PolicyError
from controls.lint import check_policy
from controls.policy import content_hash
from controls.proposals import ENDING, EXPIRING, ON_AUTHORS, ON_ITEMS, PLATFORM_ACTS, UNDOING, Proposal
from tests.laws.governed_worlds import everything, policies, scopes, subjects
from tests.unit.controls.building import subject
from tests.unit.controls.office import ADMIN, NOW, Office, propose

pytestmark = pytest.mark.law

restrictions_and_placements = st.sampled_from(sorted(ENDING))
blank = st.text(" \t\n\r\u00a0\u2003", max_size=4)
words = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=30)
later = st.integers(NOW + 1, NOW + 10_000)
no_later = st.integers(NOW - 10**9, NOW)


@st.composite
def proposals(draw: st.DrawFn) -> Proposal:
    """A proposal that restricts or places, with reason, basis and an end."""
    kind = draw(restrictions_and_placements)
    made = propose(kind.value)
    about = made.subject if kind in PLATFORM_ACTS else draw(subjects)
    if kind in ON_ITEMS:
        about = subject(f"item:{draw(st.sampled_from(['a', 'b', 'new']))}")
    if kind in ON_AUTHORS:
        about = subject(f"author:{draw(st.sampled_from(['x', 'y', 'new']))}")
    ends = st.tuples(later, later) | st.tuples(later, st.none())
    expires_at, review_by = draw(ends if kind in EXPIRING else ends | st.tuples(st.none(), later))
    return replace(
        made,
        subject=about,
        reason=draw(words),
        basis=Basis(draw(st.sampled_from(["law", "terms", "editorial", "operations"])), draw(words)),
        expires_at=expires_at,
        review_by=review_by,
        scope=draw(scopes),
    )


def lacking(made: Proposal) -> st.SearchStrategy[dict[str, Any]]:
    """Ways to take away the reason, the basis or the end."""
    basis = made.basis
    assert basis is not None
    return st.one_of(
        st.builds(lambda text: {"reason": text}, blank),
        st.just({"basis": None}),
        st.builds(lambda text: {"basis": replace(basis, clause=text)}, blank),
        st.builds(lambda text: {"basis": replace(basis, kind=text)}, st.sampled_from(["", "whim", "Law"])),
        st.just({"expires_at": None, "review_by": None}),
        st.builds(lambda second: {"expires_at": second}, no_later),
        st.builds(lambda second: {"review_by": second}, no_later),
        st.builds(lambda second: {"expires_at": second, "starts_at": second}, later),
    )


@given(proposals(), st.data())
def test_no_restriction_or_placement_without_reason_basis_and_end(made: Proposal, data: st.DataObject) -> None:
    office = Office()
    with pytest.raises(InvalidDecision) as refused:
        office.decide(replace(made, **data.draw(lacking(made))))
    assert refused.value.field.split(".")[0] in ("reason", "basis", "expires_at", "review_by", "starts_at")
    assert office.ledger.decisions == []


@given(proposals())
def test_every_restriction_and_placement_says_why_ends_and_can_be_undone(made: Proposal) -> None:
    assume(made.reason.strip() and made.basis is not None and made.basis.clause.strip())
    office = Office()
    before = everything(office.sandbox.state.governance())
    taken = office.decide(made)
    assert taken.reason.strip() and taken.basis.clause.strip() and taken.actor
    assert (taken.expires_at or 0) > NOW or (taken.review_by or 0) > NOW

    office.decide(propose("reverse", reverses=taken.id))
    assert everything(office.sandbox.state.governance()) == before


@given(proposals())
def test_what_has_an_expiry_ends_by_itself(made: Proposal) -> None:
    assume(made.reason.strip() and made.basis is not None and made.basis.clause.strip())
    assume(made.expires_at is not None)
    office = Office()
    before = everything(office.sandbox.state.governance())
    office.decide(made)
    office.sandbox.state.advance(made.expires_at or 0)
    assert everything(office.sandbox.state.governance()) == before


@pytest.mark.parametrize("kind", [kind for kind in DecisionType if kind not in UNDOING])
def test_every_type_has_a_way_back(kind: DecisionType) -> None:
    office = Office()
    taken = office.decide(propose(kind.value))
    assert office.decide(propose("reverse", reverses=taken.id)).reverses == taken.id


@given(policies(), st.sampled_from(["basis", "review_by"]))
def test_no_policy_is_published_with_a_live_rule_that_lacks_its_ground_or_review(made: Any, lacks: str) -> None:
    grounded = {"basis": {"kind": "terms", "clause": "1"}, "review_by": "2040-01-01"}
    rules = [rule.model_dump(mode="json", by_alias=True, exclude_unset=True) | grounded for rule in made.rules]
    assume(any(rule["mode"] == "live" for rule in rules))
    spoilt = next(rule for rule in rules if rule["mode"] == "live")
    spoilt[lacks] = None
    office = Office()
    document = type(made).model_validate({"name": "spoilt", "sets": {"some": ["t"]}, "rules": rules})
    office.policies[content_hash(document)] = document
    assert any(finding.fatal and finding.kind.startswith("missing-") for finding in check_policy(document, NOW))
    with pytest.raises(PolicyError):
        office.decide(propose("publish_policy", parameters={"policy": content_hash(document)}), ADMIN)
    assert office.ledger.decisions == []
