"""Holdings: what took hold of which rows, and what let go, between two verdict classes."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from controls.holdings import Holdings
from controls.restrictions import Effect, holding
from tests.unit.controls.building import Sandbox, decision, policy, rule
from tests.unit.controls.plain_columns import PlainItem

RUMOURS = policy(rule({"signal": "label.rumour", "min": 0.8}, id="rumours", effect={"notice": "disputed"}))


def told(moved) -> dict[int, tuple[set[str], set[str]]]:
    """By row: ids of the causes that took hold, and of those that let go."""
    changes = {int(row): moved.change(place) for place, row in enumerate(moved.rows)}
    return {row: ({h.id for h in took}, {h.id for h in left}) for row, (took, left) in changes.items()}


def rumour(score: float) -> PlainItem:
    return PlainItem("i0", author="a", labels={"rumour": (score, 1)})


def test_the_first_look_tells_every_row_that_is_held():
    sandbox = Sandbox(rumour(0.9), PlainItem("i1", author="b"), rumours=RUMOURS)
    sandbox.publish("rumours")
    moved = Holdings().moved(sandbox.state.governance(), None)
    assert told(moved) == {0: ({"rumours"}, set())}
    took, _ = moved.change(0)
    assert {held.effects for held in took} == {(Effect.DEMOTED, Effect.LABELLED)}


def test_a_decision_on_an_author_takes_hold_of_that_authors_rows_and_lets_go_when_it_is_reversed():
    sandbox = Sandbox(PlainItem("i0", author="a"), PlainItem("i1", author="b"), PlainItem("i2", author="a"))
    holdings, before = Holdings(), sandbox.state.governance()
    sandbox.decide(decision("suppress", "author:a", id="d1"))
    assert told(holdings.moved(sandbox.state.governance(), before)) == {0: ({"d1"}, set()), 2: ({"d1"}, set())}
    before = sandbox.state.governance()
    sandbox.decide(decision("reverse", "author:a", id="d2", reverses="d1"))
    assert told(holdings.moved(sandbox.state.governance(), before)) == {0: (set(), {"d1"}), 2: (set(), {"d1"})}


def test_another_text_of_the_same_rule_moves_no_row():
    sandbox = Sandbox(rumour(0.9), rumours=RUMOURS, again=RUMOURS.model_copy(update={"name": "the same, again"}))
    sandbox.publish("rumours")
    holdings, before = Holdings(), sandbox.state.governance()
    sandbox.publish("again")
    assert told(holdings.moved(sandbox.state.governance(), before)) == {}


def test_what_favours_an_item_or_is_only_tried_holds_nothing():
    shadow = policy(rule({"signal": "label.rumour", "min": 0.8}, id="tried", mode="shadow"))
    sandbox = Sandbox(rumour(0.9), shadow=shadow)
    sandbox.publish("shadow")
    sandbox.decide(decision("boost", "item:i0", parameters={"factor": 2.0}))
    assert told(Holdings().moved(sandbox.state.governance(), None)) == {}


def test_what_is_released_is_held_no_more_but_stays_demoted():
    waiting = policy(rule({"signal": "topic", "in": ["t"]}, id="inspected", effect={"hold": True}))
    demoted = policy(rule({"signal": "topic", "in": ["t"]}, id="demoted"))
    sandbox = Sandbox(PlainItem("i0", author="a", topics=("t",)), waiting=waiting, demoted=demoted)
    sandbox.publish("waiting")
    holdings, before = Holdings(), sandbox.state.governance()
    sandbox.decide(decision("release", "item:i0", id="d1"))
    assert told(holdings.moved(sandbox.state.governance(), before)) == {0: (set(), {"inspected"})}
    before = sandbox.state.governance()
    sandbox.publish("demoted")
    assert told(holdings.moved(sandbox.state.governance(), before)) == {0: ({"demoted"}, set())}


@given(st.lists(st.lists(st.sampled_from([0.1, 0.9]), min_size=3, max_size=3), min_size=1, max_size=5))
def test_moves_from_look_to_look_add_up_to_what_holds_now(looks: list[list[float]]):
    sandbox = Sandbox(rumours=RUMOURS)
    sandbox.publish("rumours")
    holdings, before = Holdings(), None
    holds: dict[int, set[str]] = {}
    for scores in looks:
        sandbox.items(*(PlainItem(f"i{n}", labels={"rumour": (score, 1)}) for n, score in enumerate(scores)))
        governance = sandbox.state.governance()
        for row, (took, left) in told(holdings.moved(governance, before)).items():
            holds[row] = (holds.get(row, set()) | took) - left
        before = governance
        asked = [[holding(*pair) for pair in governance.asked(int(cls))] for cls in governance.class_of]
        now = {row: {held.id for held in found if held is not None} for row, found in enumerate(asked)}
        assert {row: ids for row, ids in holds.items() if ids} == {row: ids for row, ids in now.items() if ids}
