"""The state machine of cases, under any order of acts by anybody and any clock."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from controls.cases import (
    Case,
    CaseKind,
    CaseOutcome,
    CaseState,
    Resolution,
    claim,
    escalate,
    overdue,
    release,
    resolve,
    state_at,
)
from controls.decisions import Subject, SubjectKind
from controls.errors import CaseChanged, CaseHeld, CaseResolved, ControlsError, InvalidCase, NotAllowed, SameDecider

NOW = 1_000_000
LEASE = 600
PEOPLE = ("ann", "bob", "eve")
DONE = Resolution(CaseOutcome.NO_ACTION, "looked at")


def opened(kind=CaseKind.REPORT, **more):
    subject = Subject(SubjectKind.ITEM, "i1")
    return Case("c1", kind, subject, "terms", "reported", severity=4, opened_at=NOW, due_at=NOW + 1000, **more)


ACTS = st.tuples(
    st.sampled_from(("claim", "release", "escalate", "resolve")),
    st.sampled_from(PEOPLE),
    st.integers(NOW - 5000, NOW + 5000),
)


def acted(case, act, who, now):
    if act == "claim":
        return claim(case, who, now, LEASE)
    if act == "release":
        return release(case, who, now)
    if act == "escalate":
        return escalate(case, who, "hard", now)
    return resolve(case, who, DONE, now)


def lived(acts):
    """Every case that a list of acts passes through, with the act that led there; refused ones leave it as it was."""
    case = opened()
    yield case, case, None
    for act in acts:
        try:
            after = acted(case, *act)
        except ControlsError:
            after = case
        yield case, after, act
        case = after


@given(st.lists(ACTS, max_size=25))
def test_whatever_happens_the_record_runs_forward_and_holds_together(acts):
    for before, after, act in lived(acts):
        renewed = act is not None and act[0] == "claim" and before.holder == act[1] and before.holder == after.holder
        assert after.version == before.version + (after is not before and not renewed)
        assert after.changed_at >= before.changed_at
        assert (after.opened_at, after.due_at) == (before.opened_at, before.due_at)
        assert bool(after.holder) == (after.state in (CaseState.CLAIMED, CaseState.RESOLVED))
        assert (after.resolution is not None) == (after.state is CaseState.RESOLVED)
        if after.state is CaseState.RESOLVED:
            assert after.resolved_at >= after.held_at >= after.opened_at
        if after is not before:
            assert before.state is not CaseState.RESOLVED
            if act[0] != "claim":
                assert before.holder == act[1]
        if after.state is CaseState.CLAIMED:
            assert after.lease_until <= max(after.changed_at, act[2]) + LEASE


@given(st.lists(ACTS, max_size=25), st.integers(NOW - 9000, NOW + 9000))
def test_whoever_cannot_claim_a_case_is_told_who_may(acts, now):
    *_, (_, case, _) = lived(acts)
    taken = []
    for who in PEOPLE:
        try:
            taken.append(claim(case, who, now, LEASE).holder)
        except (CaseResolved, CaseHeld, NotAllowed):
            continue
    state = state_at(case, now)
    if state is CaseState.RESOLVED:
        assert taken == []
    elif state is CaseState.CLAIMED:
        assert taken == [case.holder]
    else:
        assert taken == [who for who in PEOPLE if who != case.escalated_by]


@given(st.integers(0, 5000))
def test_a_clock_that_is_set_back_neither_frees_nor_prolongs_a_claim(back):
    case = claim(opened(), "ann", NOW + 5000, LEASE)
    assert state_at(case, NOW + 5000 - back) is CaseState.CLAIMED
    again = claim(case, "ann", NOW + 5000 - back, LEASE)
    assert again.lease_until == case.lease_until
    assert state_at(again, NOW + 5000 + LEASE) is CaseState.OPEN


def test_a_version_that_is_not_the_stored_one_is_refused_by_every_act():
    case = claim(opened(), "ann", NOW, LEASE)
    for act in (
        lambda: claim(case, "ann", NOW, LEASE, expected=1),
        lambda: release(case, "ann", NOW, expected=1),
        lambda: escalate(case, "ann", "n", NOW, expected=1),
        lambda: resolve(case, "ann", DONE, NOW, expected=1),
    ):
        with pytest.raises(CaseChanged, match="version 2, not 1"):
            act()
    assert release(case, "ann", NOW, expected=2).version == 3


def test_those_who_decided_first_neither_take_nor_end_an_appeal():
    case = opened(CaseKind.APPEAL)
    with pytest.raises(SameDecider):
        claim(case, "ann", NOW, LEASE, barred={"ann"})
    held = claim(case, "ann", NOW, LEASE)
    with pytest.raises(SameDecider):
        resolve(held, "ann", Resolution(CaseOutcome.DISMISSED, "a"), NOW, barred={"ann"})


@pytest.mark.parametrize("kind", list(CaseKind))
@pytest.mark.parametrize("outcome", list(CaseOutcome))
def test_an_appeal_is_upheld_or_dismissed_and_everything_else_acted_upon_or_not(kind, outcome):
    made = ("d1",) if outcome in (CaseOutcome.ACTED, CaseOutcome.UPHELD) else ()
    resolution = Resolution(outcome, "because", made)
    held = claim(opened(kind), "ann", NOW, LEASE)
    appealed = outcome in (CaseOutcome.UPHELD, CaseOutcome.DISMISSED)
    fits = outcome is not CaseOutcome.MOOT and (kind is CaseKind.APPEAL) == appealed
    if fits:
        assert resolve(held, "ann", resolution, NOW).resolution == resolution
    else:
        with pytest.raises(InvalidCase):
            resolve(held, "ann", resolution, NOW)


def test_an_end_needs_an_answer_and_says_whether_decisions_were_made():
    held = claim(opened(), "ann", NOW, LEASE)
    for wrong in (
        Resolution(CaseOutcome.NO_ACTION, " "),
        Resolution(CaseOutcome.NO_ACTION, "a", ("d1",)),
        Resolution(CaseOutcome.ACTED, "a"),
    ):
        with pytest.raises(InvalidCase):
            resolve(held, "ann", wrong, NOW)


def test_a_case_is_overdue_after_its_deadline_until_it_is_answered_in_time():
    case = opened()
    assert not overdue(case, case.due_at)
    assert overdue(case, case.due_at + 1)
    held = claim(case, "ann", case.due_at, LEASE)
    in_time = resolve(held, "ann", DONE, case.due_at)
    assert not overdue(in_time, case.due_at + 10_000)
    assert overdue(resolve(held, "ann", DONE, case.due_at + 1), case.due_at + 1)


def test_a_claim_that_has_run_out_is_renewed_before_the_case_is_ended():
    held = claim(opened(), "ann", NOW, LEASE)
    with pytest.raises(CaseHeld, match="claim it again"):
        resolve(held, "ann", DONE, NOW + LEASE)
    again = claim(held, "ann", NOW + LEASE, LEASE)
    assert (again.version, again.held_at) == (held.version, held.held_at)
    assert resolve(again, "ann", DONE, NOW + LEASE).state is CaseState.RESOLVED


def test_support_of_reports_is_full_where_nobody_reported():
    assert replace(opened(CaseKind.REVIEW)).support == 1000
