"""The fold: what decisions, columns and seconds make of rows."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from controls.errors import StateError
from controls.scopes import Scope, SurfaceKind
from controls.verdicts import OPEN_SHARES, Shares
from tests.unit.controls.building import ADULT, HOME, MINOR, Sandbox, decision, empty_state, numbered, policy, rule
from tests.unit.controls.plain_columns import PlainColumns, PlainItem

A, B, C = (PlainItem(name, author=f"by-{name}", topics=("t",) if name != "c" else ()) for name in "abc")


def sandbox(*decisions: Any, items: tuple[PlainItem, ...] = (A, B, C)) -> Sandbox:
    made = Sandbox(*items)
    made.decide(*decisions)
    return made


def eligible(made: Sandbox) -> str:
    """Ids of the items that an adult may be shown at home."""
    columns = made.state.governance().class_of.size
    return "".join("abc"[row] for row in range(columns) if made.eligible(row))


@pytest.mark.parametrize("kind", ["suppress", "takedown"])
@pytest.mark.parametrize(
    ("about", "left"), [("item:a", "bc"), ("author:by-b", "ac"), ("topic:t", "c"), ("community:none", "abc")]
)
def test_a_restriction_reaches_every_item_of_its_subject(kind: str, about: str, left: str) -> None:
    assert eligible(sandbox(decision(kind, about))) == left


def test_a_takedown_blocks_and_a_suppression_does_not() -> None:
    made = sandbox(decision("takedown", "item:a"), decision("suppress", "item:b"))
    assert made.verdict(0)[:2] == (False, "blocked")
    assert made.verdict(1)[:2] == (False, "standard")
    assert made.verdict(0)[3] == ("taken down (terms 4.2)",)


def test_a_boost_multiplies_and_two_boosts_of_one_item_join() -> None:
    made = sandbox(
        decision("boost", "item:a", parameters={"factor": 1.5}),
        decision("boost", "topic:t", parameters={"factor": 2}),
        decision("boost", "item:b", parameters={"factor": 0.25}, id="down"),
    )
    assert [made.verdict(row)[2] for row in range(3)] == [3_072, 512, 1_024]


def test_two_equal_weights_count_twice() -> None:
    made = Sandbox(A, both=policy(*(rule({"signal": "topic", "in": ["t"]}, id=name, tier="standard",
                                         effect={"weight": 0.5}) for name in ("one", "two"))))  # fmt: skip
    made.decide(*(decision("boost", "item:a", parameters={"factor": 1.5}, id=name) for name in ("d1", "d2")))
    assert made.verdict(0)[2] == 1_024 * 9 // 4
    made.publish("both")
    assert made.verdict(0)[2] == 1_024 * 9 // 16
    made.decide(decision("reverse", reverses="d1"))
    assert made.verdict(0)[2] == 1_024 * 3 // 8


def test_a_withdrawn_item_is_ineligible_and_comes_back_when_it_is_put_again() -> None:
    made = sandbox(items=(A, PlainItem("b", withdrawn=True)))
    assert eligible(made) == "a"
    assert made.verdict(1)[3] == ("withdrawn by its owner",)
    made.items(A, B)
    assert eligible(made) == "ab"


def test_a_decision_on_an_unknown_subject_waits_for_it() -> None:
    made = sandbox(decision("takedown", "item:b"), decision("suppress", "author:by-c"), items=(A,))
    assert eligible(made) == "a"
    made.items(A, B, C)
    assert eligible(made) == "a"


def test_a_decision_before_any_item_waits() -> None:
    state = empty_state()
    state.decide(numbered([decision("takedown", "item:a"), decision("suppress", "topic:t")]))
    columns = PlainColumns([A, B, C])
    state.columns_changed(columns, np.arange(3, dtype=np.int32))
    governance = state.governance()
    assert governance.table(ADULT, HOME).eligible[governance.class_of].tolist() == [0, 0, 1]


def test_new_rows_are_governed_even_when_they_are_not_named() -> None:
    made = sandbox(decision("suppress", "topic:t"))
    made.state.columns_changed(PlainColumns([A, B, C, PlainItem("d", topics=("t",))]), np.zeros(0, dtype=np.int32))
    assert not made.eligible(3)


def test_an_item_that_changes_hands_is_judged_anew() -> None:
    made = sandbox(decision("suppress", "author:by-a"), decision("takedown", "item:b"))
    assert eligible(made) == "c"
    made.items(PlainItem("a", author="by-c"), B, PlainItem("c", author="by-a"))
    assert eligible(made) == "a"


def test_a_decision_acts_from_its_start_until_its_end() -> None:
    made = sandbox(decision("suppress", "item:a", starts_at=10, expires_at=20))
    seen = {}
    for second in (0, 9, 10, 19, 20, 21):
        made.state.advance(second)
        seen[second] = (eligible(made), made.state.governance().next_change)
    assert seen == {
        0: ("abc", 10), 9: ("abc", 10), 10: ("bc", 20), 19: ("bc", 20), 20: ("abc", None), 21: ("abc", None)
    }  # fmt: skip


def test_what_was_decided_to_act_at_once_does_so_though_the_clock_of_who_decided_was_ahead() -> None:
    made = sandbox()
    made.state.advance(50)
    made.decide(
        decision("takedown", "item:a", decided_at=100, starts_at=100, expires_at=200),
        decision("suppress", "item:b", decided_at=100, starts_at=110),
    )
    seen = {}
    for second in (50, 109, 110, 200):
        made.state.advance(second)
        seen[second] = eligible(made)
    assert seen == {50: "bc", 109: "bc", 110: "c", 200: "ac"}


def test_a_decision_has_begun_at_its_start_or_if_it_was_to_act_at_once() -> None:
    at_once, later = (decision("suppress", "item:a", decided_at=100, starts_at=start) for start in (100, 110))
    assert [(at_once.begun(second), later.begun(second)) for second in (99, 109, 110)] == [
        (True, False),
        (True, False),
        (True, True),
    ]


def test_a_decision_that_starts_and_ends_within_one_step_leaves_no_trace() -> None:
    made = sandbox(decision("suppress", "item:a", starts_at=10, expires_at=20))
    made.state.advance(30)
    assert eligible(made) == "abc"


def test_a_decision_that_arrives_after_its_end_does_nothing() -> None:
    made = sandbox()
    made.state.advance(30)
    made.decide(decision("suppress", "item:a", starts_at=10, expires_at=20))
    assert eligible(made) == "abc"
    assert made.state.governance().next_change is None


def test_an_item_that_appears_while_a_decision_waits_ends_with_it() -> None:
    made = sandbox(decision("suppress", "item:b", expires_at=20), items=(A,))
    made.state.advance(25)
    made.items(A, B)
    assert eligible(made) == "ab"


@pytest.mark.parametrize("about", ["item:a", "topic:t", "author:by-a"])
@pytest.mark.parametrize("starts_at", [0, 100])
def test_a_reversal_ends_a_decision_whether_it_has_begun_or_not(about: str, starts_at: int) -> None:
    made = sandbox(decision("takedown", about, id="act", starts_at=starts_at), decision("reverse", reverses="act"))
    made.state.advance(200)
    assert eligible(made) == "abc"
    assert made.state.governance().next_change is None


def test_a_reversal_leaves_other_decisions_on_the_subject_in_force() -> None:
    made = sandbox(
        decision("takedown", "item:a", id="one"),
        decision("takedown", "item:a", id="two"),
        decision("reverse", reverses="one"),
    )
    assert eligible(made) == "bc"


def test_a_restoration_reverses_every_takedown_of_its_subject_and_nothing_else() -> None:
    made = sandbox(
        decision("takedown", "item:a", id="one"),
        decision("takedown", "item:a", id="two", starts_at=50),
        decision("suppress", "item:b"),
        decision("takedown", "topic:t"),
        decision("restore", "item:a"),
        decision("restore", "item:b"),
    )
    assert eligible(made) == "c"
    made.decide(decision("restore", "topic:t"))
    made.state.advance(60)
    assert eligible(made) == "ac"


def test_a_takedown_after_a_restoration_stands() -> None:
    made = sandbox(decision("restore", "item:a"), decision("takedown", "item:a"))
    assert eligible(made) == "bc"


def test_a_scope_limits_where_a_decision_holds() -> None:
    made = sandbox(decision("suppress", "item:a", scope=Scope(surfaces=("home",), audience="minor")))
    assert made.eligible(0, ADULT)
    assert not made.eligible(0, MINOR)
    assert made.eligible(0, MINOR, SurfaceKind.RELATED)


def test_a_policy_is_in_force_from_its_publication_to_its_reversal() -> None:
    strict = policy(
        rule({"signal": "topic", "in": ["t"]}, tier="blocked", missing="hold"),
        tiers={"encouraged": {"max_share": 0.5}},
    )
    mild = policy(rule({"signal": "topic", "in": ["t"]}, tier="restricted"))
    made = Sandbox(A, B, C, strict=strict, mild=mild)
    assert (made.state.governance().policy, made.state.governance().shares(ADULT, HOME)) == ("", OPEN_SHARES)

    made.publish("mild")
    assert [made.verdict(row)[1] for row in range(3)] == ["restricted", "restricted", "standard"]

    made.decide(decision("publish_policy", id="second", parameters={"policy": "strict"}))
    assert eligible(made) == ""
    assert made.verdict(2)[3] == ("held: missing signal",)
    assert made.state.governance().shares(ADULT, HOME) == Shares(40, 0, 20, 40)

    made.decide(decision("reverse", reverses="second"))
    assert made.state.governance().policy == "mild"
    assert eligible(made) == "abc"

    made.decide(decision("reverse", reverses="publish mild 0", id="again"))
    assert made.state.governance().policy == ""
    assert made.verdict(0) == (True, "standard", 1_024, ())


def test_the_later_publication_wins_even_in_the_same_second() -> None:
    made = Sandbox(A, one=policy(), two=policy(name="other"))
    made.publish("two")
    made.publish("one")
    assert made.state.governance().policy == "one"


def test_a_policy_may_be_published_for_later() -> None:
    made = Sandbox(A, later=policy(rule({"signal": "topic", "in": ["t"]}, tier="blocked", missing="hold")))
    made.decide(decision("publish_policy", parameters={"policy": "later"}, starts_at=50, expires_at=60))
    shown = []
    for second in (49, 50, 59, 60):
        made.state.advance(second)
        shown.append(made.eligible(0))
    assert shown == [True, False, False, True]


def test_rules_follow_labels_and_time_without_a_decision() -> None:
    made = Sandbox(
        A, hot=policy(rule({"signal": "label.hot", "min": 0.5, "max_age": "10s"}, tier="blocked", missing="apply"))
    )
    made.state.advance(1_000)
    made.publish("hot")
    assert not made.eligible(0)

    made.items(PlainItem("a", labels={"hot": (0.1, 1_000)}))
    assert made.eligible(0)
    assert made.state.governance().next_change == 1_011

    made.state.advance(1_010)
    assert made.eligible(0)
    made.state.advance(1_011)
    assert not made.eligible(0)
    assert made.state.governance().next_change is None


def test_models_and_freezes_act_by_time_and_fall_back() -> None:
    made = sandbox(
        decision("activate_model", id="m1", parameters={"model": "v1"}),
        decision("activate_model", id="m2", parameters={"model": "v2"}, starts_at=10),
        decision("freeze", starts_at=10, expires_at=20),
    )
    assert (made.state.governance().model, made.state.governance().frozen) == ("v1", False)
    made.state.advance(10)
    assert (made.state.governance().model, made.state.governance().frozen) == ("v2", True)
    made.decide(decision("reverse", reverses="m2"))
    made.state.advance(20)
    assert (made.state.governance().model, made.state.governance().frozen) == ("v1", False)


def test_a_gap_or_a_repetition_in_the_revisions_is_refused() -> None:
    state = empty_state()
    for revisions in ([2], [1, 3], [1, 1]):
        with pytest.raises(StateError, match="cannot follow"):
            empty_state().decide([decision("takedown", "item:a", id=str(n), revision=n) for n in revisions])
    state.decide(numbered([decision("takedown", "item:a")]))
    with pytest.raises(StateError, match="revision 1 cannot follow 1"):
        state.decide(numbered([decision("takedown", "item:a")]))


def test_time_never_moves_backwards() -> None:
    made = sandbox()
    made.state.advance(10)
    made.state.advance(10)
    with pytest.raises(StateError, match="as_of 9 lies before 10"):
        made.state.advance(9)


def test_a_policy_that_is_not_stored_stops_the_fold_before_its_revision() -> None:
    made = sandbox()
    with pytest.raises(StateError, match="revision 2 publishes policy gone"):
        made.decide(decision("suppress", "item:a"), decision("publish_policy", parameters={"policy": "gone"}))
    assert made.state.governance().revision == 1
    assert eligible(made) == "bc"


def test_what_was_folded_before_a_refused_decision_is_in_force() -> None:
    made = Sandbox(A, good=policy(rule({"signal": "topic", "in": ["t"]}, tier="blocked", missing="hold")))
    publications = [decision("publish_policy", id=name, parameters={"policy": name}) for name in ("good", "gone")]
    with pytest.raises(StateError, match="policy gone"):
        made.decide(*publications)
    assert made.state.governance().policy == "good"
    assert not made.eligible(0)
