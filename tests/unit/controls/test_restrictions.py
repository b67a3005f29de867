"""Restrictions: one cause, one item, from when until when; what flaps is one."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from controls.causes import Cause, Contribution
from controls.restrictions import Effect, Holding, Restriction, Restrictions, holding
from controls.tiers import Tier
from controls.verdicts import WEIGHT_ONE

QUIET = 60
RULE = Holding("rule", "unverified-rumour", (Effect.DEMOTED,))
OTHER = Holding("rule", "gore", (Effect.AGE_GATED,))
WAITING = Holding("rule", "needs-a-label", (Effect.HELD,))
TAKEDOWN = Holding("decision", "d1", (Effect.BLOCKED,))


def spans(told: list[Restriction]) -> list[tuple[int, int | None]]:
    return [(one.from_at, one.until) for one in told]


def test_what_takes_hold_begins_a_restriction_at_once():
    restrictions = Restrictions(QUIET)
    restrictions.takes_hold("i1", RULE, 100)
    assert restrictions.settled(100) == [Restriction("i1", RULE, 100)]
    assert restrictions.settled(101) == []


def test_what_lets_go_ends_it_once_it_was_quiet_for_long_enough_and_says_when_it_let_go():
    restrictions = Restrictions(QUIET)
    restrictions.takes_hold("i1", RULE, 100)
    restrictions.lets_go("i1", RULE, 200)
    assert spans(restrictions.settled(200 + QUIET - 1)) == [(100, None)]
    assert spans(restrictions.settled(200 + QUIET)) == [(100, 200)]
    assert len(restrictions) == 0


def test_a_label_that_flaps_yields_one():
    restrictions = Restrictions(QUIET)
    for at in range(0, 40 * QUIET, QUIET):
        restrictions.takes_hold("i1", RULE, at)
        restrictions.lets_go("i1", RULE, at + QUIET // 2)
    assert spans(restrictions.settled(100 * QUIET)) == [(0, None), (0, 39 * QUIET + QUIET // 2)]


def test_a_decision_that_is_over_ends_its_restriction_at_once():
    restrictions = Restrictions(QUIET)
    restrictions.takes_hold("i1", TAKEDOWN, 100)
    restrictions.lets_go("i1", TAKEDOWN, 105, for_good=True)
    assert spans(restrictions.settled(105)) == [(100, None), (100, 105)]


def test_a_hold_that_only_waited_a_moment_was_no_restriction():
    restrictions = Restrictions(QUIET)
    restrictions.takes_hold("i1", WAITING, 100)
    restrictions.lets_go("i1", WAITING, 100 + QUIET - 1)
    restrictions.takes_hold("i2", WAITING, 100)
    assert restrictions.settled(100 + QUIET) == [Restriction("i2", WAITING, 100)]


def test_every_cause_of_an_item_has_a_restriction_of_its_own():
    restrictions = Restrictions(QUIET)
    restrictions.takes_hold("i1", RULE, 1)
    restrictions.takes_hold("i1", OTHER, 2)
    restrictions.lets_go("i1", RULE, 3)
    assert {one.holding: one.until for one in restrictions.settled(3 + QUIET)} == {RULE: 3, OTHER: None}


def test_names_are_the_same_whoever_works_them_out_and_differ_by_item_cause_and_second():
    made = [Restriction(item, held, at) for item in ("i1", "i2") for held in (RULE, OTHER) for at in (1, 2)]
    assert len({one.id for one in made}) == len(made)
    assert Restriction("i1", RULE, 1, until=9).id == Restriction("i1", RULE, 1).id
    assert Restriction("i1", RULE, 1).id < Restriction("i1", RULE, 2).id


@pytest.mark.parametrize(
    ("asked", "effects"),
    [
        (Contribution(tier=Tier.RESTRICTED), ("demoted",)),
        (Contribution(weight=WEIGHT_ONE // 2), ("demoted",)),
        (Contribution(tier=Tier.BLOCKED, notices=("disputed",)), ("blocked", "labelled")),
        (Contribution(ineligible=True, held=True), ("held",)),
        (Contribution(adults_only=True, disabled=("share",)), ("age-gated", "interactions-disabled")),
        (Contribution(tier=Tier.ENCOURAGED, tier_weight=2 * WEIGHT_ONE), None),
        (Contribution(weight=2 * WEIGHT_ONE), None),
        (Contribution(), None),
    ],
)
def test_what_a_rule_asks_for_is_told_as_effects_or_as_none(asked: Contribution, effects: tuple[str, ...] | None):
    held = holding(Cause("rule", "r", "words"), asked)
    assert (None if held is None else held.effects) == effects


def test_what_its_owner_took_away_is_not_restricted():
    assert holding(Cause("withdrawn", "", "withdrawn by its owner"), Contribution(ineligible=True)) is None


def merged(held: list[bool], quiet: int) -> list[tuple[int, int | None]]:
    """Spans in which a cause held, second by second; gaps shorter than ``quiet`` are none. The end is never reached."""
    found: list[tuple[int, int | None]] = []
    for at, holds in enumerate(held):
        if not holds:
            continue
        last = found[-1] if found else None
        if last is not None and last[1] is not None and at - last[1] < quiet:
            found[-1] = (last[0], at + 1)
        else:
            found.append((at, at + 1))
    return [(since, None if until is not None and len(held) - until < quiet else until) for since, until in found]


@given(st.lists(st.booleans(), max_size=60), st.integers(1, 6), st.sets(st.integers(0, 60)))
def test_restrictions_are_the_spans_of_a_cause_without_its_short_gaps(held: list[bool], quiet: int, looks: set[int]):
    """However often one looks, and however often one is told what is known already."""
    restrictions, told = Restrictions(quiet), []
    for at, holds in enumerate(held):
        (restrictions.takes_hold if holds else restrictions.lets_go)("i1", RULE, at)
        if at in looks:
            told += restrictions.settled(at)
    told += restrictions.settled(len(held))
    begun, ended = ([one for one in told if (one.until is None) == still] for still in (True, False))
    expected = merged(held, quiet)
    assert [one.from_at for one in begun] == [since for since, _ in expected]
    assert spans(ended) == [(since, until) for since, until in expected if until is not None]
    assert len({one.id for one in begun}) == len(begun)


@given(st.lists(st.booleans(), max_size=60), st.integers(1, 6), st.sets(st.integers(0, 60)))
def test_a_restart_neither_doubles_nor_loses_one(held: list[bool], quiet: int, restarts: set[int]):
    """What is open is taken up from what was told; the next look says what holds now."""
    kept: dict[str, Restriction] = {}
    restrictions = Restrictions(quiet)
    for at, holds in enumerate(held):
        if at in restarts:
            restrictions = Restrictions(quiet, [one for one in kept.values() if one.until is None])
        (restrictions.takes_hold if holds else restrictions.lets_go)("i1", RULE, at)
        for one in restrictions.settled(at):
            assert (one.id in kept) == (one.until is not None)
            kept[one.id] = one
    found = sorted(kept.values(), key=lambda one: one.from_at)
    covered = {at for one in found for at in range(one.from_at, len(held) if one.until is None else one.until)}
    assert {at for at, holds in enumerate(held) if holds} <= covered
    ends = [one.until for one in found]
    assert all(until is not None and until < later.from_at for until, later in zip(ends, found[1:], strict=False))
    assert len(found) <= len(merged(held, quiet))
