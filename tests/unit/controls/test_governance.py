"""Governance: the view that requests read, its placements, and how successive views share what did not change."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from controls.causes import Cause
from controls.scopes import AgeClass, Audience, Scope, SurfaceKind
from controls.verdicts import Pin
from tests.unit.controls.building import ADULT, HOME, NOBODY_KNOWN, Sandbox, decision, policy, rule
from tests.unit.controls.plain_columns import PlainItem

ITEMS = tuple(PlainItem(name, topics=(name,)) for name in "abcd")


def sandbox(*decisions: Any, **policies: Any) -> Sandbox:
    made = Sandbox(*ITEMS, **policies)
    made.decide(*decisions)
    return made


def pin(name: str, position: int, **fields: Any) -> Any:
    return decision("pin", f"item:{name}", **({"id": f"pin-{name}", "parameters": {"position": position}} | fields))


def pins(made: Sandbox, audience: Audience = ADULT, surface: SurfaceKind = HOME) -> list[tuple[int, str]]:
    return [(found.position, "abcd"[found.row]) for found in made.state.governance().pins(audience, surface)]


def featured(made: Sandbox, audience: Audience = ADULT, surface: SurfaceKind = HOME) -> str:
    return "".join("abcd"[row] for row in made.state.governance().featured(audience, surface))


def test_pins_come_by_position_with_their_decision() -> None:
    made = sandbox(pin("b", 5), pin("a", 0))
    assert made.state.governance().pins(ADULT, HOME) == (Pin(0, 0, "pin-a"), Pin(5, 1, "pin-b"))


def test_of_two_pins_at_one_position_the_earlier_decided_wins_whatever_their_order() -> None:
    early, late = pin("b", 3, decided_at=1), pin("a", 3, decided_at=2)
    assert pins(sandbox(early, late)) == pins(sandbox(late, early)) == [(3, "b")]


def test_an_item_pinned_twice_stands_at_its_foremost_position() -> None:
    assert pins(sandbox(pin("a", 4), pin("a", 2, id="second"))) == [(2, "a")]


@pytest.mark.parametrize("kind", ["suppress", "takedown"])
def test_a_pin_rests_while_its_item_may_not_be_shown_and_the_next_one_takes_its_place(kind: str) -> None:
    made = sandbox(pin("a", 0), pin("b", 0, decided_at=5), decision(kind, "item:a", id="act"))
    assert pins(made) == [(0, "b")]
    made.decide(decision("reverse", reverses="act"))
    assert pins(made) == [(0, "a")]


def test_a_pin_rests_for_the_audience_to_which_its_item_is_restricted() -> None:
    only_minors = rule({"signal": "topic", "in": ["a"]}, scope={"audience": "minor"})
    made = sandbox(pin("a", 0), live=policy(only_minors))
    made.publish("live")
    assert pins(made) == [(0, "a")]
    assert pins(made, Audience("DE", AgeClass.MINOR)) == []
    assert pins(made, NOBODY_KNOWN) == []


def test_a_pin_of_an_encouraged_item_stands() -> None:
    made = sandbox(pin("a", 0), live=policy(rule({"signal": "topic", "in": ["a"]}, tier="encouraged")))
    made.publish("live")
    assert pins(made) == [(0, "a")]


def test_a_placement_holds_within_its_scope_only_and_an_unknown_audience_is_outside() -> None:
    scope = Scope(surfaces=("home",), regions=("DE",))
    made = sandbox(pin("a", 0, scope=scope), decision("feature", "item:b", scope=scope))
    for audience, surface, inside in (
        (ADULT, HOME, True),
        (ADULT, SurfaceKind.TOPIC, False),
        (Audience("FR", AgeClass.ADULT), HOME, False),
        (NOBODY_KNOWN, HOME, False),
    ):
        assert pins(made, audience, surface) == ([(0, "a")] if inside else [])
        assert featured(made, audience, surface) == ("b" if inside else "")


def test_the_editorial_list_is_newest_first_and_names_an_item_once() -> None:
    made = sandbox(
        decision("feature", "item:a", decided_at=1),
        decision("feature", "item:c", decided_at=3),
        decision("feature", "item:b", decided_at=2),
        decision("feature", "item:a", decided_at=4, id="again"),
    )
    assert featured(made) == "acb"
    made.decide(decision("reverse", reverses="again"))
    assert featured(made) == "cba"


def test_placements_end_and_wait_like_any_decision() -> None:
    made = sandbox(pin("a", 0, expires_at=10), decision("feature", "item:new"))
    made.state.advance(10)
    assert pins(made) == []
    assert made.state.governance().featured(ADULT, HOME).size == 0
    made.items(*ITEMS, PlainItem("new"))
    assert made.state.governance().featured(ADULT, HOME).tolist() == [4]


def test_arrays_handed_out_are_read_only() -> None:
    governance = sandbox(decision("suppress", "item:a"), decision("feature", "item:b")).state.governance()
    table = governance.table(ADULT, HOME)
    for array in (
        governance.class_of, table.eligible, table.tier, table.weight, table.sources, governance.featured(ADULT, HOME)
    ):  # fmt: skip
        with pytest.raises(ValueError, match="read-only"):
            array[0] = 0


def test_tables_have_the_promised_types_and_one_line_per_class() -> None:
    governance = sandbox(decision("suppress", "item:a")).state.governance()
    table = governance.table(ADULT, HOME)
    assert {array.dtype.name for array in (table.eligible, table.tier, table.sources)} == {"uint8"}
    assert {array.dtype.name for array in (table.weight, governance.class_of)} == {"int32"}
    lengths = {array.size for array in (table.eligible, table.tier, table.weight, table.sources)}
    assert lengths == {governance.classes} == {len(table.effects)}


def test_a_view_never_changes_while_the_state_moves_on() -> None:
    made = sandbox()
    before = made.state.governance()
    table = before.table(ADULT, HOME)
    made.decide(decision("takedown", "item:a"))
    after = made.state.governance()
    assert before.class_of.tolist() == [0, 0, 0, 0]
    assert before.table(ADULT, HOME) is table
    assert (before.revision, after.revision) == (0, 1)
    assert after.class_of.tolist() != before.class_of.tolist()


def test_what_did_not_change_is_shared() -> None:
    made = sandbox(decision("suppress", "item:a"))
    first = made.state.governance()
    assert made.state.governance() is first
    made.state.advance(5)
    second = made.state.governance()
    assert second.as_of == 5
    assert second.class_of is first.class_of
    assert second.table(ADULT, HOME) is first.table(ADULT, HOME)
    made.decide(decision("suppress", "item:a", id="again"), decision("reverse", reverses="again"))
    assert made.state.governance().class_of.tolist() == first.class_of.tolist()


def test_an_older_view_stays_short_when_a_newer_one_has_more_classes() -> None:
    made = sandbox()
    older = made.state.governance()
    made.decide(decision("takedown", "item:a"), decision("suppress", "item:b"))
    newer = made.state.governance()
    assert newer.table(ADULT, HOME).eligible.size == newer.classes > older.classes
    assert older.table(ADULT, HOME).eligible.size == older.classes


def test_regions_that_no_scope_names_have_the_same_table() -> None:
    made = sandbox(decision("suppress", "item:a", scope=Scope(regions=("DE",))))
    governance = made.state.governance()
    french, italian = (governance.table(Audience(region, AgeClass.ADULT), HOME) for region in ("FR", "IT"))
    german = governance.table(ADULT, HOME)
    assert french is italian
    assert german.eligible.tolist() != french.eligible.tolist()
    assert governance.regions == {"DE"}


def test_a_region_that_is_named_later_gets_its_own_table() -> None:
    made = sandbox()
    assert made.eligible(0, ADULT)
    made.decide(decision("suppress", "item:a", scope=Scope(regions=("DE",))))
    assert not made.eligible(0, ADULT)
    assert made.eligible(0, Audience("FR", AgeClass.ADULT))


def test_causes_name_everything_and_acting_only_what_reaches_the_audience() -> None:
    made = sandbox(
        decision("suppress", "item:a", id="d1", scope=Scope(audience="minor")),
        decision("boost", "item:a", id="d2", scope=Scope(regions=("DE",)), parameters={"factor": 2}),
    )
    governance = made.state.governance()
    cls = int(governance.class_of[0])
    suppressed = Cause("decision", "d1", "suppressed (terms 4.2)")
    boosted = Cause("decision", "d2", "weight changed (terms 4.2)")
    assert governance.causes(cls) == (suppressed, boosted)
    assert governance.acting(cls, ADULT, HOME) == (boosted,)
    assert governance.acting(cls, NOBODY_KNOWN, HOME) == (suppressed,)
    assert governance.causes(0) == ()


def test_a_thousand_takedowns_are_a_thousand_classes_and_one_verdict() -> None:
    made = Sandbox(*(PlainItem(f"i{n}") for n in range(1_000)))
    made.decide(*(decision("takedown", f"item:i{n}") for n in range(1_000)))
    governance = made.state.governance()
    assert np.unique(governance.class_of).size == 1_000
    assert not governance.table(ADULT, HOME).eligible[governance.class_of].any()


def test_the_digest_tells_states_apart_and_not_the_way_there() -> None:
    one = sandbox(decision("suppress", "item:a"), decision("takedown", "item:b"))
    other = sandbox(decision("takedown", "item:b"), decision("suppress", "item:a"))
    assert one.state.governance().class_of.tolist() != other.state.governance().class_of.tolist()
    digest = one.state.governance().digest()
    assert digest == other.state.governance().digest()
    for further in (
        decision("takedown", "item:c"),
        decision("suppress", "item:b"),
        pin("c", 1),
        decision("freeze"),
        decision("activate_model", parameters={"model": "v1"}),
    ):
        made = sandbox(decision("suppress", "item:a"), decision("takedown", "item:b"), further)
        assert made.state.governance().digest() != digest
