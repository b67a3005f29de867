"""Compilation: which rows a rule matches, holds or leaves, and when time alone changes that."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest

from controls.causes import EMPTY_CLASS, Classes
from controls.compile import CompiledPolicy, combined, rule_contribution, session_shares
from controls.policy import Policy
from controls.rows import NEVER
from controls.verdicts import OPEN_SHARES, Shares
from tests.unit.controls.building import HOME, MINOR, NOBODY_KNOWN, Sandbox, policy, rule
from tests.unit.controls.plain_columns import PlainColumns, PlainItem

NOW = 1_000_000


def rumour(score: float, second: int = NOW) -> dict[str, tuple[float, int]]:
    return {"rumour": (score, second)}


ITEMS = (
    PlainItem("low", labels=rumour(0.2), standing=90, topics=("a",), published_at=NOW - 10),
    PlainItem("edge", labels=rumour(0.8), standing=60, topics=("a", "b"), published_at=NOW - 60),
    PlainItem("high", labels=rumour(0.9, NOW - 600), standing=30, topics=("c",), published_at=NOW - 3_600),
    PlainItem("bare"),
)


def outcome(made: Policy, items: tuple[PlainItem, ...] = ITEMS, as_of: int = NOW) -> tuple[list[str], list[int]]:
    """What becomes of each item, ``matched``, ``held`` or ``-``, and when it is due (0 for never)."""
    classes = Classes()
    compiled = CompiledPolicy(made, classes)
    columns = PlainColumns(items)
    rows = np.arange(columns.rows, dtype=np.int32)
    handles, due = compiled.apply(columns, rows, as_of, np.full(rows.size, EMPTY_CLASS, dtype=np.int32))
    words = []
    for handle in handles.tolist():
        causes = [classes.named(cause).words for cause in classes.causes_of(handle)]
        words.append("held" if any("held" in word for word in causes) else "matched" if causes else "-")
    return words, [0 if second == NEVER else second for second in due.tolist()]


def matches(when: Mapping[str, object], missing: str = "skip") -> list[str]:
    """Ids of the items that the condition matches, and ``?id`` for those it holds."""
    words, _ = outcome(policy(rule(when, missing=missing)))
    prefix = {"matched": "", "held": "?"}
    return [prefix[word] + item.id for word, item in zip(words, ITEMS, strict=True) if word != "-"]


@pytest.mark.parametrize(
    ("when", "found"),
    [
        ({"signal": "label.rumour", "min": 0.8}, ["edge", "high"]),
        ({"signal": "label.rumour", "max": 0.8}, ["low", "edge"]),
        ({"signal": "label.rumour", "min": 0.3, "max": 0.85}, ["edge"]),
        ({"signal": "label.rumour", "min": 0.8, "max_age": "10m"}, ["edge", "high"]),
        ({"signal": "label.rumour", "min": 0.8, "max_age": "599s"}, ["edge"]),
        ({"signal": "label.other", "min": 0.0}, []),
        ({"signal": "author.standing", "below": 60}, ["high"]),
        ({"signal": "author.standing", "above": 60}, ["low"]),
        ({"signal": "author.standing", "above": 30, "below": 90}, ["edge"]),
        ({"signal": "item.age", "below": "60s"}, ["low"]),
        ({"signal": "item.age", "above": "60s"}, ["high"]),
        ({"signal": "topic", "in": ["b", "c"]}, ["edge", "high"]),
        ({"signal": "item.id", "in": ["bare", "nobody"]}, ["bare"]),
        ({"not": {"signal": "topic", "in": ["a"]}}, ["high"]),
        ({"all": [{"signal": "topic", "in": ["a"]}, {"signal": "author.standing", "below": 70}]}, ["edge"]),
        ({"any": [{"signal": "topic", "in": ["c"]}, {"signal": "label.rumour", "max": 0.3}]}, ["low", "high"]),
        ({"not": {"all": [{"signal": "topic", "in": ["a"]}, {"signal": "label.rumour", "min": 0.5}]}}, ["low", "high"]),
    ],
)
def test_a_rule_matches_where_its_condition_holds(when: dict[str, object], found: list[str]) -> None:
    assert matches(when) == found


@pytest.mark.parametrize(
    ("signal", "item"),
    [
        ("community", PlainItem("x", community="v")),
        ("author.id", PlainItem("x", author="v")),
        ("author.kind", PlainItem("x", kind="v")),
        ("author.identity", PlainItem("x", identity="v")),
        ("language", PlainItem("x", language="v")),
        ("region", PlainItem("x", region="v")),
        ("topic", PlainItem("x", topics=("u", "v"))),
    ],
)
def test_every_categorical_signal_is_tested_by_list_and_by_set(signal: str, item: PlainItem) -> None:
    items = (PlainItem("before"), item)
    by_list = policy(rule({"signal": signal, "in": ["v", "w"]}))
    by_set = policy(rule({"signal": signal, "in_set": "some"}), sets={"some": ["v", "w"]})
    for made in (by_list, by_set):
        assert outcome(made, items)[0] == ["-", "matched"]


@pytest.mark.parametrize(
    ("missing", "found"),
    [("skip", ["edge", "high"]), ("apply", ["edge", "high", "bare"]), ("hold", ["edge", "high", "?bare"])],
)
def test_each_rule_says_what_a_missing_signal_means(missing: str, found: list[str]) -> None:
    assert matches({"signal": "label.rumour", "min": 0.8}, missing) == found


def test_a_label_that_is_too_old_is_missing() -> None:
    when = {"signal": "label.rumour", "max": 1.0, "max_age": "1m"}
    assert matches(when, "hold") == ["low", "edge", "?high", "?bare"]
    assert matches({"not": when}, "skip") == []
    assert matches({"not": when}, "apply") == ["high", "bare"]


@pytest.mark.parametrize("missing", ["skip", "apply", "hold"])
def test_a_missing_signal_that_decides_nothing_is_not_missed(missing: str) -> None:
    decided = {"all": [{"signal": "item.id", "in": ["low"]}, {"signal": "author.standing", "above": 0}]}
    assert matches(decided, missing) == ["low"]
    either = {
        "any": [{"signal": "item.id", "in": ["low", "edge", "high", "bare"]}, {"signal": "label.rumour", "min": 0.5}]
    }
    assert matches(either, missing) == ["low", "edge", "high", "bare"]


def test_a_missing_signal_never_loosens_a_rule_that_applies() -> None:
    assert matches({"not": {"signal": "label.rumour", "min": 0.8}}, "apply") == ["low", "bare"]
    assert matches({"not": {"signal": "topic", "in": ["a"]}}, "hold") == ["high", "?bare"]


def test_the_next_change_is_the_second_at_which_an_age_crosses_a_bound() -> None:
    assert outcome(policy(rule({"signal": "item.age", "below": "60s"})))[1] == [NOW + 50, 0, 0, 0]
    assert outcome(policy(rule({"signal": "item.age", "above": "60s"})))[1] == [NOW + 51, NOW + 1, 0, 0]
    fresh = rule({"signal": "label.rumour", "min": 0.5, "max_age": "10m"})
    assert outcome(policy(fresh))[1] == [NOW + 601, NOW + 601, NOW + 1, 0]
    assert outcome(policy(rule({"signal": "label.rumour", "min": 0.5})))[1] == [0, 0, 0, 0]


def test_the_earliest_change_of_all_rules_counts() -> None:
    both = policy(
        rule({"signal": "item.age", "below": "2h"}, id="one"),
        rule({"signal": "label.rumour", "min": 0.5, "max_age": "11m"}, id="two"),
    )
    assert outcome(both)[1] == [NOW + 661, NOW + 661, NOW + 61, 0]


@pytest.mark.parametrize("when", [{"signal": "item.age", "below": "60s"}, {"signal": "item.age", "above": "60s"}])
def test_nothing_changes_before_the_second_that_was_foretold(when: dict[str, object]) -> None:
    made, items = policy(rule(when)), ITEMS[:1]
    words, (due,) = outcome(made, items)
    assert outcome(made, items, due - 1)[0] == words
    assert outcome(made, items, due)[0] != words


def test_many_rows_are_worked_on_in_chunks_and_spans_without_trace() -> None:
    rng = np.random.default_rng(5)
    items = tuple(
        PlainItem(
            f"i{row}",
            topics=tuple(rng.choice(["a", "b", "c"], rng.integers(0, 3), replace=False).tolist()),
            labels=rumour(float(rng.random())) if rng.random() < 0.5 else {},
            community=str(rng.choice(["", "x", "y"])),
        )
        for row in range(9_000)
    )
    label = {"signal": "label.rumour", "min": 0.5}
    rules = [
        rule({"all": [label, {"signal": "topic", "in": ["a", "b"]}]}, id="r1", missing="hold"),
        rule({"any": [{"not": {"signal": "topic", "in": ["c"]}}, {"signal": "community", "in": ["x"]}]}, id="r2"),
        rule({"all": [{"not": {"signal": "community", "in": ["y"]}}, label]}, id="r3", missing="apply"),
    ]
    columns = PlainColumns(items)
    rows = np.arange(columns.rows, dtype=np.int32)

    def causes(parts: list[Any]) -> list[tuple[int, ...]]:
        classes = Classes()
        compiled = CompiledPolicy(policy(*rules), classes)
        handles = [compiled.apply(columns, part, NOW, np.zeros(part.size, dtype=np.int32))[0] for part in parts]
        return [classes.causes_of(handle) for part in handles for handle in part.tolist()]

    whole = causes([rows])
    assert whole == causes(np.array_split(rows, 40))
    scattered = [rows[::2], rows[1::2]]
    order = np.argsort(np.concatenate(scattered))
    found = causes(scattered)
    assert whole == [found[place] for place in order]
    assert len(set(whole)) > 4


def test_a_shadow_rule_is_recorded_and_changes_nothing() -> None:
    sandbox = Sandbox(
        *ITEMS, live=policy(rule({"signal": "topic", "in": ["a"]}, tier="blocked", missing="hold", mode="shadow"))
    )
    sandbox.publish("live")
    assert sandbox.verdict(0) == (True, "standard", 1_024, ("shadow: blocked (terms 4.2)",))
    assert sandbox.verdict(3) == (True, "standard", 1_024, ("shadow: held: missing signal",))


def test_a_rule_says_its_effects_and_its_words() -> None:
    made = policy(
        rule(
            {"signal": "topic", "in": ["a"]}, effect={"weight": 0.5, "notice": "disputed", "disable": ["share", "like"]}
        ),
        tiers={"restricted": {"weight": 0.5, "sources": ["graph"]}},
    )
    sandbox = Sandbox(*ITEMS, live=made)
    sandbox.publish("live")
    assert sandbox.verdict(0) == (True, "restricted", 256, ("restricted (terms 4.2)",))
    governance = sandbox.state.governance()
    effects = governance.table(NOBODY_KNOWN, HOME).effects[int(governance.class_of[0])]
    assert (effects.notices, effects.disabled) == (("disputed",), ("like", "share"))


def test_a_rule_for_minors_leaves_adults_alone() -> None:
    made = policy(rule({"signal": "topic", "in": ["a"]}, tier="blocked", missing="hold", scope={"audience": "minor"}))
    sandbox = Sandbox(*ITEMS, live=made)
    sandbox.publish("live")
    assert sandbox.eligible(0)
    assert not sandbox.eligible(0, MINOR)
    assert not sandbox.eligible(0, NOBODY_KNOWN)


def test_a_rule_may_hold_what_it_matches_from_everybody() -> None:
    made = policy(rule({"signal": "topic", "in": ["a"]}, tier="standard", effect={"hold": True}))
    sandbox = Sandbox(*ITEMS, live=made)
    sandbox.publish("live")
    assert sandbox.verdict(0) == (False, "standard", 1_024, ("standard, held (terms 4.2)",))
    assert sandbox.eligible(2)


def test_an_age_gate_lets_only_known_adults_pass() -> None:
    made = policy(rule({"signal": "topic", "in": ["a"]}, tier="standard", effect={"age_gate": "adult"}))
    sandbox = Sandbox(*ITEMS, live=made)
    sandbox.publish("live")
    assert sandbox.verdict(0) == (True, "standard", 1_024, ("standard, adults only (terms 4.2)",))
    assert not sandbox.eligible(0, MINOR)
    assert not sandbox.eligible(0, NOBODY_KNOWN)
    assert sandbox.eligible(2, MINOR)


def test_a_shadow_rule_holds_and_gates_nothing() -> None:
    made = policy(rule({"signal": "topic", "in": ["a"]}, mode="shadow", effect={"hold": True, "age_gate": "adult"}))
    sandbox = Sandbox(*ITEMS, live=made)
    sandbox.publish("live")
    assert sandbox.verdict(0, MINOR) == (
        True,
        "standard",
        1_024,
        ("shadow: restricted, held, adults only (terms 4.2)",),
    )


@pytest.mark.parametrize("count", [1, 63, 64, 65, 300])
def test_profiles_are_numbered_whatever_their_number(count: int) -> None:
    rng = np.random.default_rng(count)
    parts = [rng.integers(0, size, 5_000).astype(np.int32) for size in (1, 3, count, 7, 90_000)]
    places, first = combined(parts, [1, 3, count, 7, 90_000])
    rows = list(zip(*(part.tolist() for part in parts), strict=True))
    assert len(first) == len(set(rows))
    assert [rows[first[place]] for place in places] == rows


def test_a_row_by_itself_meets_values_that_became_known_later() -> None:
    made = policy(rule({"signal": "topic", "in": ["new"]}))
    compiled = CompiledPolicy(made, Classes())
    before, after = PlainColumns((PlainItem("x", topics=("old",)),)), PlainColumns((PlainItem("x", topics=("new",)),))
    for columns, matched in ((before, False), (after, True)):
        one, _ = compiled.apply_to(columns, 0, NOW, EMPTY_CLASS)
        many, _ = compiled.apply(columns, np.zeros(1, dtype=np.int32), NOW, np.zeros(1, dtype=np.int32))
        assert one == many[0] and (one != EMPTY_CLASS) is matched


@pytest.mark.parametrize(
    ("tiers", "shares"),
    [
        ({}, OPEN_SHARES),
        ({"encouraged": {"min_share": 0.1, "max_share": 0.3}, "restricted": {"max_share": 0.05}}, Shares(40, 4, 12, 2)),
        ({"encouraged": {"min_share": 0.11, "max_share": 0.99}, "restricted": {"max_share": 0}}, Shares(40, 5, 39, 0)),
        ({"encouraged": {"min_share": 0.01, "max_share": 0.02}}, Shares(40, 0, 0, 40)),
    ],
)
def test_shares_become_items_of_the_window(tiers: dict[str, object], shares: Shares) -> None:
    assert session_shares(policy(tiers=tiers)) == shares


def test_rules_with_a_share_have_a_bit_each_whatever_their_order() -> None:
    art = rule({"signal": "topic", "in": ["art"]}, id="b", tier="standard", effect={"max_share": 0.1})
    bees = rule({"signal": "topic", "in": ["bees"]}, id="a", tier="standard", effect={"max_share": 0.26})
    tried = rule({"signal": "topic", "in": ["art"]}, id="0", tier="standard", effect={"max_share": 0.5}, mode="shadow")
    for rules in ((art, bees, tried), (tried, bees, art)):
        made = policy(*rules)
        assert session_shares(made).caps == (10, 4)
        found = {one.id: rule_contribution(made, one).caps for one in made.rules if one.mode == "live"}
        assert found == {"a": 1, "b": 2}
