"""Verdict classes that no row has any more are let go, and nobody can tell by what is served, held or revoked."""

from __future__ import annotations

from random import Random
from unittest.mock import patch

import numpy as np
import pytest

from controls.causes import Classes
from controls.decisions import Decision
from controls.governance import Governance
from controls.holdings import Holdings, Moved
from tests.unit.controls.building import ADULT, HOME, MINOR, Sandbox, decision, policy, rule, verdict
from tests.unit.controls.plain_columns import PlainItem

RUMOURS = policy(rule({"signal": "label.rumour", "min": 0.8}, id="rumours", effect={"notice": "disputed"}))
ITEMS = tuple(
    PlainItem(f"i{n}", author=f"a{n % 3}", topics=("t",), labels={"rumour": (n / 10, 1)}, published_at=n)
    for n in range(10)
)
ACTS = ("takedown", "suppress", "boost", "restrict", "label")
PARAMETERS = {"boost": {"factor": 1.5}, "label": {"name": "rumour", "score": 0.9}}


def sandbox() -> Sandbox:
    made = Sandbox(*ITEMS, rumours=RUMOURS, other=RUMOURS.model_copy(update={"name": "the same, again"}))
    made.publish("rumours")
    return made


def acts(seed: int, second: int) -> list[Decision]:
    """What is decided in a second, for a few seconds each."""
    draw = Random(seed * 1000 + second)
    made = []
    for n in range(3):
        kind = draw.choice(ACTS)
        about = (
            f"item:i{draw.randrange(12)}" if kind != "suppress" else draw.choice(("author:a1", "topic:t", "item:i3"))
        )
        fields = {"starts_at": second, "expires_at": second + draw.randint(1, 6)}
        made.append(
            decision(kind, about, id=f"d{second}-{n}", decided_at=second, parameters=PARAMETERS.get(kind, {}), **fields)
        )
    if draw.random() < 0.2:
        made.append(
            decision(
                "restrict_author",
                "author:a2",
                id=f"d{second}-review",
                starts_at=5,
                expires_at=second + 3,
                parameters={"service": "pre_review"},
            )
        )
    return made


def holds(held: dict[int, set[str]], moved: Moved) -> None:
    for place, row in enumerate(moved.rows.tolist()):
        took, left = moved.change(place)
        held[row] = (held.get(row, set()) | {one.id for one in took}) - {one.id for one in left}


@pytest.mark.parametrize("seed", range(4))
def test_a_fold_that_lets_classes_go_serves_holds_and_revokes_the_same(seed: int) -> None:
    with patch("controls.state.CLASSES_KEPT", 0):
        some = sandbox()
        seen: list[Governance] = [some.state.governance()]
        holdings, held = Holdings(), dict[int, set[str]]()
        holds(held, holdings.moved(seen[0], None))
        every = sandbox()
        others: list[Governance] = [every.state.governance()]
        all_holdings, all_held = Holdings(), dict[int, set[str]]()
        holds(all_held, all_holdings.moved(others[0], None))
        renewals = 0
        for second in range(1, 60):
            made = acts(seed, second)
            for one in (some, every):
                one.decide(*made)
            some.state.advance(second)
            with patch("controls.state.State._renew", lambda self: None):
                every.state.advance(second)
            if second == 30:
                some.publish("other")
                every.publish("other")
            now, other = some.state.governance(), every.state.governance()
            renewals += not now.same_classes(seen[-1])
            assert now.digest() == other.digest()
            for audience in (ADULT, MINOR):
                assert [verdict(now, row, audience, HOME) for row in range(10)] == [
                    verdict(other, row, audience, HOME) for row in range(10)
                ]
            assert np.array_equal(now.changed_rows(seen[-1]), other.changed_rows(others[-1]))
            assert np.array_equal(now.changed_rows(seen[0]), other.changed_rows(others[0]))
            holds(held, holdings.moved(now, seen[-1]))
            holds(all_held, all_holdings.moved(other, others[-1]))
            assert held == all_held
            seen.append(now)
            others.append(other)
    assert renewals > 3
    assert seen[-1].classes < others[-1].classes / 3


def test_what_was_handed_out_before_stays_as_it_was() -> None:
    with patch("controls.state.CLASSES_KEPT", 0):
        made = sandbox()
        made.decide(decision("takedown", "item:i1", id="gone", expires_at=5))
        view = made.state.governance()
        before = [verdict(view, row) for row in range(10)]
        for second in range(1, 20):
            made.decide(decision("takedown", "item:i2", id=f"d{second}", starts_at=second, expires_at=second + 1))
            made.state.advance(second)
        assert not made.state.governance().same_classes(view)
        assert [verdict(view, row) for row in range(10)] == before


def test_an_item_that_is_waited_for_is_governed_when_it_comes_after_all() -> None:
    with patch("controls.state.CLASSES_KEPT", 0):
        made = sandbox()
        made.decide(decision("takedown", "item:i10", id="foreseen"))
        for second in range(1, 9):
            made.state.advance(second)
        made.items(*ITEMS, PlainItem("i10", author="a"))
        assert not made.eligible(10)


def test_a_thousand_decisions_that_ended_leave_no_more_classes_than_are_kept() -> None:
    with patch("controls.state.CLASSES_KEPT", 64):
        made = sandbox()
        for second in range(1, 1001):
            made.decide(decision("takedown", f"item:i{second % 10}", id=f"d{second}", expires_at=second + 2))
            made.state.advance(second)
            assert made.state.governance().classes <= 64 + 10


def test_equal_contributions_are_held_once() -> None:
    with patch("controls.state.CLASSES_KEPT", 10_000):
        made = sandbox()
        for n in range(50):
            made.decide(decision("takedown", "item:i1", id=f"d{n}"))
        classes: Classes = made.state.governance()._interned
        assert len({id(contribution) for _, contribution in classes._cause_ids}) < 20
