"""Law 6: verdicts join, order-free. Each part on its own, strictest wins; no order of rules or decisions matters."""

from __future__ import annotations

from collections.abc import Sequence
from unittest.mock import patch

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from controls.decisions import Decision, DecisionType
from controls.governance import Governance
from controls.policy import Policy
from controls.state import State
from controls.tiers import Tier
from tests.laws.governed_worlds import (
    AUDIENCES,
    JOINING,
    LAST,
    SURFACES,
    books,
    everything,
    ledgers,
    resolved,
    seconds,
    worlds,
)
from tests.laws.plain_governance import plain_verdict
from tests.unit.controls.building import decision, numbered
from tests.unit.controls.plain_columns import PlainColumns, PlainItem

pytestmark = pytest.mark.law

PUBLISH = decision("publish_policy", parameters={"policy": "p1"}, id="publish")
ORDER_FREE = (*JOINING, DecisionType.REVERSE, DecisionType.FREEZE)
"""All types but those that speak of what stands before them: policy, model, restore, revoke."""
RESTRICTING = (DecisionType.SUPPRESS, DecisionType.TAKEDOWN, DecisionType.RESTRICT, DecisionType.RESTRICT_AUTHOR)


def folded(
    items: Sequence[PlainItem], decisions: Sequence[Decision], policies: dict[str, Policy], as_of: int = LAST
) -> Governance:
    state = State(policies.__getitem__)
    columns = PlainColumns(items)
    state.columns_changed(columns, np.arange(columns.rows, dtype=np.int32))
    state.advance(as_of)
    state.decide(numbered(decisions))
    return state.governance()


@settings(max_examples=150)
@given(worlds, ledgers(), books, seconds)
def test_every_verdict_is_what_the_law_says_in_plain_words(
    items: tuple[PlainItem, ...], decisions: list[Decision], policies: dict[str, Policy], as_of: int
) -> None:
    ledger = [PUBLISH, *decisions]
    with patch("controls.state.ONE_BY_ONE", 0):
        governance = folded(items, ledger, policies, as_of)
    for audience in AUDIENCES:
        for surface in SURFACES:
            expected = [plain_verdict(item, ledger, policies, as_of, audience, surface) for item in items]
            assert resolved(governance, audience, surface) == expected


@given(worlds, ledgers(), books, seconds)
def test_rows_worked_out_one_by_one_and_all_at_once_have_the_same_classes(
    items: tuple[PlainItem, ...], decisions: list[Decision], policies: dict[str, Policy], as_of: int
) -> None:
    ledger = [PUBLISH, *decisions]
    one_by_one = folded(items, ledger, policies, as_of)
    with patch("controls.state.ONE_BY_ONE", 0):
        at_once = folded(items, ledger, policies, as_of)
    assert one_by_one.digest() == at_once.digest()
    assert one_by_one.next_change == at_once.next_change


@given(worlds, ledgers(ORDER_FREE), books, seconds, st.randoms(use_true_random=False))
def test_reordering_decisions_changes_nothing(
    items: tuple[PlainItem, ...], decisions: list[Decision], policies: dict[str, Policy], as_of: int, random: object
) -> None:
    ledger = [PUBLISH, *decisions]
    shuffled = list(ledger)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    one, other = folded(items, ledger, policies, as_of), folded(items, shuffled, policies, as_of)
    assert everything(one) == everything(other)
    assert one.digest() == other.digest()


@given(worlds, ledgers(JOINING), books, seconds, st.randoms(use_true_random=False))
def test_reordering_rules_changes_nothing(
    items: tuple[PlainItem, ...], decisions: list[Decision], policies: dict[str, Policy], as_of: int, random: object
) -> None:
    rules = list(policies["p1"].rules)
    random.shuffle(rules)  # type: ignore[attr-defined]
    reordered = policies | {"p1": policies["p1"].model_copy(update={"rules": tuple(rules)})}
    ledger = [PUBLISH, *decisions]
    one, other = folded(items, ledger, policies, as_of), folded(items, ledger, reordered, as_of)
    assert everything(one) == everything(other)
    assert one.digest() == other.digest()


@given(worlds, ledgers(), books, ledgers(RESTRICTING, most=3))
def test_a_further_restriction_never_loosens_a_verdict(
    items: tuple[PlainItem, ...], decisions: list[Decision], policies: dict[str, Policy], further: list[Decision]
) -> None:
    renamed = [decision(made.type.value, f"{made.subject.kind.value}:{made.subject.id}", id=f"more-{made.id}",
                        scope=made.scope, parameters=made.parameters) for made in further]  # fmt: skip
    before = folded(items, [PUBLISH, *decisions], policies)
    after = folded(items, [PUBLISH, *decisions, *renamed], policies)
    for audience in AUDIENCES:
        for surface in SURFACES:
            pairs = zip(resolved(before, audience, surface), resolved(after, audience, surface), strict=True)
            for old, new in pairs:
                assert new.eligible <= old.eligible
                assert Tier.from_word(new.tier) >= Tier.from_word(old.tier)
                assert new.sources <= old.sources or new.tier != old.tier
            placed = {pin.row for pin in after.pins(audience, surface)}
            table = after.table(audience, surface)
            for row in placed:
                cls = int(after.class_of[row])
                assert table.eligible[cls] and table.tier[cls] <= Tier.STANDARD
