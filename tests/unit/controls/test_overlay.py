"""The overlay: labels, strikes and attestations that people decided, as rules see them."""

from __future__ import annotations

from unittest.mock import patch

import numpy as np
import pytest

from controls.signals import Columns
from tests.unit.controls.building import Sandbox, decision, policy, rule
from tests.unit.controls.plain_columns import PlainColumns, PlainItem

RUMOURS = policy(rule({"signal": "label.rumour", "min": 0.8, "max_age": 60}, id="rumours"))
DISTRUSTED = policy(rule({"signal": "author.standing", "below": 60}, id="distrusted"))
UNKNOWN = policy(rule({"not": {"signal": "author.identity", "in": ["verified"]}}, id="unknown", missing="apply"))


def rumour(score: float, **fields: object):
    return decision("label", "item:i0", parameters={"name": "rumour", "score": score}, **fields)


def strike(points: int, **fields: object):
    return decision("strike", "author:a", parameters={"points": points}, **fields)


def sandbox(*items: PlainItem, standing: float | None = 100.0) -> Sandbox:
    """A sandbox with an item of author a and one of author b, under one of the policies."""
    few = (PlainItem("i0", author="a", standing=standing), PlainItem("i1", author="b", standing=standing))
    return Sandbox(*(items or few), rumours=RUMOURS, distrusted=DISTRUSTED, unknown=UNKNOWN)


def tiers(made: Sandbox) -> list[str]:
    return [made.verdict(row)[1] for row in range(made.state.governance().class_of.size)]


def test_a_label_that_a_person_decided_is_what_rules_see_until_it_ends() -> None:
    made = sandbox()
    made.publish("rumours")
    made.decide(rumour(0.9, starts_at=5, expires_at=20))
    assert tiers(made) == ["standard", "standard"]
    made.state.advance(5)
    assert tiers(made) == ["restricted", "standard"]
    assert made.state.governance().next_change == 20
    made.state.advance(20)
    assert tiers(made) == ["standard", "standard"]


def test_a_persons_label_stands_above_what_a_classifier_gives_later() -> None:
    made = sandbox(PlainItem("i0", labels={"rumour": (0.95, 30)}))
    made.publish("rumours")
    made.state.advance(31)
    assert tiers(made) == ["restricted"]
    made.decide(rumour(0.0, id="cleared", starts_at=10))
    assert tiers(made) == ["standard"]
    made.decide(decision("reverse", reverses="cleared"))
    assert tiers(made) == ["restricted"]


def test_of_two_persons_labels_the_later_counts_and_the_other_comes_back() -> None:
    made = sandbox()
    made.publish("rumours")
    made.decide(rumour(0.9, id="first", starts_at=1), rumour(0.1, id="second", starts_at=2))
    made.state.advance(3)
    assert tiers(made) == ["standard", "standard"]
    made.decide(decision("reverse", reverses="second"))
    assert tiers(made) == ["restricted", "standard"]


def test_a_persons_label_ages_as_every_label_does() -> None:
    made = sandbox()
    made.publish("rumours")
    made.decide(rumour(0.9, starts_at=10))
    made.state.advance(70)
    assert tiers(made)[0] == "restricted"
    assert made.state.governance().next_change == 71
    made.state.advance(71)
    assert tiers(made)[0] == "standard"


def test_a_label_waits_for_an_item_that_is_still_unknown() -> None:
    made = sandbox(PlainItem("other"))
    made.publish("rumours")
    made.decide(rumour(0.9))
    made.items(PlainItem("other"), PlainItem("i0"))
    assert tiers(made) == ["standard", "restricted"]


def test_a_label_that_was_reversed_while_it_waited_says_nothing() -> None:
    made = sandbox(PlainItem("other"))
    made.publish("rumours")
    made.decide(rumour(0.9, id="d"), decision("reverse", reverses="d"))
    made.items(PlainItem("other"), PlainItem("i0"))
    assert tiers(made) == ["standard", "standard"]


@pytest.mark.parametrize(
    ("standing", "points", "tier"), [(100, 40, "standard"), (100, 41, "restricted"), (70, 15, "restricted")]
)
def test_strikes_lower_the_standing_of_their_author_alone(standing: float, points: int, tier: str) -> None:
    made = sandbox(standing=standing)
    made.publish("distrusted")
    made.decide(strike(points, expires_at=9))
    assert tiers(made) == [tier, "standard"]
    made.state.advance(9)
    assert tiers(made) == ["standard", "standard"]


def test_an_author_of_whom_nothing_was_told_starts_from_a_hundred_when_struck() -> None:
    made = sandbox(standing=None)
    made.publish("distrusted")
    made.decide(strike(30, id="one"))
    assert tiers(made) == ["standard", "standard"]
    made.decide(strike(30, id="two"))
    assert tiers(made) == ["restricted", "standard"]
    assert made.state.governance().author("a").standing(None) == 40
    assert made.state.governance().author("b").standing(None) is None


def test_strikes_reach_items_that_come_later() -> None:
    made = sandbox(PlainItem("other", author="b", standing=100.0))
    made.publish("distrusted")
    made.decide(strike(50))
    made.items(PlainItem("other", author="b", standing=100.0), PlainItem("new", author="a", standing=100.0))
    assert tiers(made) == ["standard", "restricted"]


def test_an_attested_identity_replaces_the_stored_one_while_it_holds() -> None:
    attested = decision("verify_identity", "author:a", parameters={"identity": "verified"}, id="d")
    for word in ("", "verified", "refused"):
        made = sandbox(PlainItem("i0", author="a", identity=word), PlainItem("i1", author="b", identity="verified"))
        made.publish("unknown")
        before = tiers(made)
        made.decide(attested)
        assert tiers(made) == ["standard", "standard"]
        made.decide(decision("reverse", reverses="d"))
        assert tiers(made) == before == ["standard" if word == "verified" else "restricted", "standard"]


@pytest.mark.parametrize("one_by_one", [64, 0])
def test_rows_are_judged_alike_one_by_one_and_as_arrays(one_by_one: int) -> None:
    items = [PlainItem(f"i{n}", author="ab"[n % 2], standing=90.0 if n % 3 else None) for n in range(12)]
    with patch("controls.state.ONE_BY_ONE", one_by_one):
        made = sandbox(*items)
        made.publish("distrusted")
        made.decide(strike(35))
        assert tiers(made) == ["restricted" if n % 2 == 0 and n % 3 else "standard" for n in range(12)]


class CountedColumns(PlainColumns):
    """Columns that count the rows which rules look at."""

    looked: int = 0

    def numeric(self, signal, rows, as_of):
        self.looked += len(rows)
        return super().numeric(signal, rows, as_of)

    def number_at(self, signal, row, as_of):
        self.looked += 1
        return super().number_at(signal, row, as_of)


def test_a_strike_costs_its_authors_rows_and_no_others() -> None:
    made = sandbox()
    made.publish("distrusted")
    columns: Columns = CountedColumns([PlainItem(f"i{n}", author="a" if n < 3 else "b") for n in range(500)])
    made.state.columns_changed(columns, np.arange(500, dtype=np.int32))
    assert isinstance(columns, CountedColumns)
    columns.looked = 0
    made.decide(strike(35))
    assert columns.looked == 3
