"""Law 2, the half of controls: governance is a fold of decisions, columns and time, whatever the steps it came in."""

from __future__ import annotations

from collections.abc import Sequence
from unittest.mock import patch

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from controls.decisions import Decision, SubjectKind
from controls.governance import Governance
from controls.policy import Policy
from controls.state import State
from tests.laws.governed_worlds import AUDIENCES, IDS, LAST, SURFACES, books, everything, item, ledgers, resolved
from tests.laws.plain_governance import experiments_running, holders, plain_verdict
from tests.unit.controls.building import numbered
from tests.unit.controls.plain_columns import PlainColumns, PlainItem

pytestmark = pytest.mark.law

Edition = list[PlainItem]

editions = st.lists(
    st.lists(st.sampled_from(IDS), max_size=3, unique=True).flatmap(
        lambda names: st.tuples(*map(item, names)).map(list)
    ),
    max_size=5,
)
"""What changes from edition to edition: items by id, new ones at the end."""

steps = st.lists(st.sampled_from(["decide", "edition", "second", "look"]), max_size=40)


def edited(
    items: Sequence[PlainItem], edition: Edition
) -> tuple[list[PlainItem], np.ndarray[tuple[int], np.dtype[np.int32]]]:
    """The items after an edition, and the rows that it changed."""
    after = list(items)
    rows = []
    for changed in edition:
        place = next((n for n, known in enumerate(after) if known.id == changed.id), len(after))
        after[place : place + 1] = [changed]
        rows.append(place)
    return after, np.array(sorted(rows), dtype=np.int32)


def at_once(items: Sequence[PlainItem], decisions: Sequence[Decision], policies: dict[str, Policy]) -> Governance:
    """Everything in one go: time first, then the ledger, then the items."""
    state = State(policies.__getitem__)
    with patch("controls.state.ONE_BY_ONE", 0):  # as arrays, where steps take few rows one by one
        state.advance(LAST)
        state.decide(numbered(decisions))
        state.columns_changed(PlainColumns(items), np.arange(len(items), dtype=np.int32))
    return state.governance()


@settings(max_examples=120)
@given(ledgers(most=10), books, editions, st.lists(st.integers(1, 12), max_size=5), steps, st.sampled_from((0, 8192)))
def test_any_interleaving_of_decisions_editions_and_seconds_gives_the_same_state(
    decisions: list[Decision],
    policies: dict[str, Policy],
    news: list[Edition],
    passing: list[int],
    order: list[str],
    kept: int,
) -> None:
    with patch("controls.state.CLASSES_KEPT", kept):  # with none kept, classes are interned anew again and again
        _interleaved(decisions, policies, news, passing, order)


def _interleaved(
    decisions: list[Decision], policies: dict[str, Policy], news: list[Edition], passing: list[int], order: list[str]
) -> None:
    state = State(policies.__getitem__)
    items: list[PlainItem] = []
    ledger, coming, waits, second = numbered(decisions), list(news), list(passing), 0
    views: list[tuple[Governance, str]] = []
    for step in [*order, *["decide"] * len(ledger), *["edition"] * len(coming), "end"]:
        if step == "decide" and ledger:
            state.decide([ledger.pop(0)])
        elif step == "edition" and coming:
            items, rows = edited(items, coming.pop(0))
            state.columns_changed(PlainColumns(items), rows)
        elif step == "second" and waits:
            second = min(LAST, second + waits.pop(0))
            state.advance(second)
        elif step == "look":
            view = state.governance()
            views.append((view, view.digest()))
    state.advance(LAST)

    stepwise, whole = state.governance(), at_once(items, decisions, policies)
    assert stepwise.digest() == whole.digest()
    assert everything(stepwise) == everything(whole)
    for audience in AUDIENCES:
        for surface in SURFACES:
            plain = [plain_verdict(one, decisions, policies, LAST, audience, surface) for one in items]
            assert resolved(stepwise, audience, surface) == plain
    held = stepwise.grants(SubjectKind.COMMUNITY, "c")
    assert {("c", one.power, one.person) for one in held} == holders(decisions, LAST)
    assert sorted(one.id for one in stepwise.experiments) == experiments_running(decisions, LAST)
    for view, digest in views:
        assert view.digest() == digest


@settings(max_examples=60)
@given(ledgers(most=8), books, st.tuples(*map(item, IDS)))
def test_nothing_changes_between_the_seconds_that_are_foretold(
    decisions: list[Decision], policies: dict[str, Policy], items: tuple[PlainItem, ...]
) -> None:
    state = State(policies.__getitem__)
    state.columns_changed(PlainColumns(items), np.arange(len(items), dtype=np.int32))
    state.decide(numbered(decisions))
    before = state.governance()
    for second in range(1, LAST + 1):
        state.advance(second)
        now = state.governance()
        if before.next_change is None or second < before.next_change:
            assert everything(now) == everything(before)
            assert (now.policy, now.model, now.frozen) == (before.policy, before.model, before.frozen)
        else:
            before = now
