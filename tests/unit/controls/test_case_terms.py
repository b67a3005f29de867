"""Deadlines, severity, priority and how much reporters weigh."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from controls.capacity import ENOUGH, MINUTES, capacity, observed
from controls.case_endings import ended_by_itself
from controls.case_terms import CATEGORIES, KINDS, Terms, TermsTable, priority
from controls.cases import Case, CaseKind, CaseOutcome, Resolution, claim, resolve
from controls.decisions import Subject, SubjectKind
from controls.errors import InvalidCase
from controls.reliability import CEILING, FLOOR, FULL, NEW, reliability, support

DOCS = Path(__file__).parents[3] / "docs"


def test_the_documented_table_is_the_real_one():
    rows = [line.split("|") for line in (DOCS / "cases.md").read_text().splitlines() if line.startswith("| `")]
    told = {row[1].strip().strip("`"): (row[2].strip(), row[3].strip()) for row in rows if len(row) == 6}
    table = {**CATEGORIES, **{kind.value: terms for kind, terms in KINDS.items() if kind is not CaseKind.REPORT}}
    assert told == {name: (f"{terms.seconds // 3600}", f"{terms.severity}") for name, terms in table.items()}


def test_an_operator_changes_the_table_and_adds_to_it():
    table = TermsTable({"danger": 0.5, "spam": 12, "appeal": 48}, {"spam": 3, "order": 10})
    assert table.of(CaseKind.REPORT, "danger") == Terms(1800, 10)
    assert table.of(CaseKind.REPORT, "spam") == Terms(12 * 3600, 3)
    assert table.of(CaseKind.APPEAL, "danger") == Terms(48 * 3600, 5)
    assert table.of(CaseKind.ORDER, "").severity == 10
    assert table.of(CaseKind.REPORT, "unheard of") == CATEGORIES["other"]
    assert set(table.categories) == {*CATEGORIES, "spam"}


@pytest.mark.parametrize("hours", [0, -1, 10_001, float("nan")])
def test_hours_that_cannot_be_are_refused_by_name(hours):
    with pytest.raises(InvalidCase, match="danger"):
        TermsTable({"danger": hours})


@pytest.mark.parametrize("severity", [0, 11])
def test_severities_that_cannot_be_are_refused_by_name(severity):
    with pytest.raises(InvalidCase, match="order"):
        TermsTable(severities={"order": severity})


@given(st.integers(1, 10), st.integers(0, 10**9), st.integers(0, FULL))
def test_priority_rises_with_severity_reach_and_support_and_is_never_nothing(severity, reach, weight):
    first = priority(severity, reach, weight)
    assert 1 <= first < 2**62
    assert priority(min(severity + 1, 10), reach, weight) >= first
    assert priority(severity, reach + 1, weight) >= first
    assert priority(severity, reach, min(weight + 1, FULL)) >= first


@given(st.integers(0, 10**6), st.integers(0, 10**6))
def test_reliability_keeps_between_floor_and_ceiling_and_follows_what_became_of_reports(acted, dismissed):
    found = reliability(acted, dismissed)
    assert FLOOR <= found <= CEILING
    assert reliability(acted + 1, dismissed) >= found >= reliability(acted, dismissed + 1)


RELIABILITIES = st.lists(st.integers(FLOOR, CEILING), max_size=30)


@given(RELIABILITIES, st.integers(FLOOR, CEILING))
def test_one_more_reporter_never_weighs_less_and_none_is_beyond_full(reliabilities, more):
    before = support(reliabilities)
    assert before <= support([*reliabilities, more]) <= FULL
    assert support(reversed(reliabilities)) == before


@given(st.integers(3, 5000))
def test_a_crowd_of_newcomers_weighs_as_three_of_them(crowd):
    assert support([NEW] * crowd) == support([NEW] * 3) == 704


@given(st.integers(1, 5000))
def test_a_crowd_that_was_never_right_weighs_less_than_one_newcomer(crowd):
    assert support([FLOOR] * crowd) < NEW
    assert support([FLOOR] * crowd) < support([reliability(9, 1)])


def test_no_reports_weigh_nothing():
    assert support([]) == 0


def case(number, seconds=None, kind=CaseKind.REPORT, at=0):
    opened = Case(f"c{number}", kind, Subject(SubjectKind.ITEM, "i"), "", "", 1, opened_at=at, due_at=at + 100)
    if seconds is None:
        return opened
    held = claim(opened, "ann", at, 600)
    return resolve(held, "ann", Resolution(CaseOutcome.NO_ACTION, "a"), at + seconds)


def test_what_ended_by_itself_took_nobody_any_time():
    moot = ended_by_itself(case(1), Resolution(CaseOutcome.MOOT, "gone"), "weir", 5000)
    measured = [*(case(n, 120) for n in range(ENOUGH)), *[moot] * 50]
    assert load_of(capacity(measured, [], 0, 1.0, 0.0), CaseKind.REPORT).minutes == 2.0


def load_of(found, kind):
    return next(load for load in found.loads if load.kind is kind)


def test_minutes_are_assumed_until_enough_cases_were_measured():
    few = [case(n, 120) for n in range(ENOUGH - 1)]
    assert load_of(capacity(few, [], 0, 1.0, 0.0), CaseKind.REPORT).minutes == MINUTES[CaseKind.REPORT]
    found = load_of(capacity([*few, case(99, 120)], [], 0, 1.0, 0.0), CaseKind.REPORT)
    assert (found.minutes, found.measured, found.hours_per_day) == (2.0, True, ENOUGH * 2 / 60)


def test_hours_needed_are_set_against_hours_there():
    recent = [case(n) for n in range(24)]
    found = capacity(recent, recent[:12], 1000, 2.0, 4.0)
    assert (found.needed, found.waiting, found.share) == (1.0, 1.0, 0.25)
    assert found.clears_in == pytest.approx(1 / 3)
    assert load_of(found, CaseKind.REPORT).overdue == 12


def test_what_waits_never_gets_done_where_nobody_has_time_for_it():
    recent = [case(n) for n in range(24)]
    assert capacity(recent, recent, 0, 1.0, 1.0).clears_in is None
    assert capacity(recent, [], 0, 1.0, 1.0).clears_in == 0.0
    assert capacity(recent, [], 0, 1.0, 0.0).share is None


def test_days_are_counted_from_the_oldest_case_and_at_least_one():
    assert observed(None, 10**6, 28) == 1.0
    assert observed(10**6 - 3600, 10**6, 28) == 1.0
    assert observed(10**6 - 5 * 86_400, 10**6, 28) == 5.0
    assert observed(10**6 - 50 * 86_400, 10**6, 28) == 28.0
    assert observed(10**6 + 50, 10**6, 28) == 1.0
