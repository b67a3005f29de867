"""Differences: what one policy says otherwise than another, and which items that moves."""

from __future__ import annotations

from controls.differences import Change, Move, differences, moves
from tests.unit.controls.building import ADULT, HOME, MINOR, policy, rule
from tests.unit.controls.plain_columns import PlainColumns, PlainItem

SPAM = rule({"signal": "label.spam", "min": 0.5}, id="spam")
ADULTS = rule({"signal": "topic", "in": ["adult"]}, id="adults", tier="standard", effect={"age_gate": "adult"})


def test_equal_policies_do_not_differ_whatever_the_order_of_their_rules() -> None:
    assert differences(policy(SPAM, ADULTS), policy(ADULTS, SPAM)) == []


def test_rules_are_added_removed_and_changed_field_by_field() -> None:
    stricter = SPAM | {"when": {"signal": "label.spam", "min": 0.4}, "effect": {"notice": "spam"}, "mode": "shadow"}
    assert differences(policy(SPAM), policy(stricter)) == [
        Change(
            "changed", "rules.spam.when", '{"signal": "label.spam", "min": 0.5}', '{"signal": "label.spam", "min": 0.4}'
        ),
        Change("changed", "rules.spam.effect.notice", "", '"spam"'),
        Change("changed", "rules.spam.mode", '"live"', '"shadow"'),
    ]
    (added,), (removed,) = differences(policy(), policy(SPAM)), differences(policy(SPAM), policy())
    assert (added.kind, added.where, added.old) == ("added", "rules.spam", "")
    assert (removed.kind, removed.where, removed.new) == ("removed", "rules.spam", "")
    assert added.new == removed.old


def test_sets_are_compared_value_by_value_and_tiers_field_by_field() -> None:
    tested = rule({"signal": "topic", "in_set": "s"})
    one = policy(tested, sets={"s": ["a", "b"]}, tiers={"restricted": {"weight": 0.5}})
    other = policy(tested, sets={"s": ["c", "b"]}, tiers={"restricted": {"weight": 0.4, "sources": ["graph"]}})
    assert differences(one, other) == [
        Change("changed", "tiers.restricted.weight", "0.5", "0.4"),
        Change("changed", "tiers.restricted.sources", "", '["graph"]'),
        Change("removed", "sets.s", '"a"', ""),
        Change("added", "sets.s", "", '"c"'),
    ]


def test_thresholds_of_standing_are_compared_too() -> None:
    one, other = (
        {"thresholds": [{"below": below, "service": "suspended"}], "basis": {"kind": "terms", "clause": "6"}}
        for below in (20, 30)
    )
    (changed,) = differences(policy(standing=one), policy(standing=other))
    assert (changed.kind, changed.where) == ("changed", "standing.thresholds")
    (added,) = differences(policy(), policy(standing=one))
    assert (added.where, added.old) == ("standing", "")


def test_items_that_change_their_state_are_counted_by_move() -> None:
    items = [PlainItem(f"spam{n}", labels={"spam": (0.45 + n / 10, 1)}) for n in range(3)]
    columns = PlainColumns((*items, PlainItem("night", topics=("adult",))))
    old, new = policy(SPAM), policy(SPAM | {"tier": "blocked", "missing": "hold"}, ADULTS)
    assert moves(columns, old, new, 10, ADULT, HOME) == [
        Move("restricted", "blocked", 2, (1, 2)),
        Move("standard", "held", 1, (3,)),
    ]
    assert moves(columns, old, new, 10, MINOR, HOME, shown=1)[0].rows == (1,)
    assert moves(columns, old, policy(SPAM, ADULTS), 10, ADULT, HOME) == []
    assert moves(columns, old, policy(SPAM, ADULTS), 10, MINOR, HOME) == [Move("standard", "held", 1, (3,))]
    named = policy(rule({"signal": "item.id", "in": ["x"]}))
    assert moves(PlainColumns(()), old, named, 10, ADULT, HOME) == []
