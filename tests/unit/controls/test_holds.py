"""Holds: a suppress that waits for somebody to look, which a release lifts; a plain suppress does not give way."""

from __future__ import annotations

import pytest

from controls.decisions import DecisionType
from controls.errors import InvalidDecision
from controls.parameters import check_parameters
from tests.unit.controls.building import Sandbox, decision, subject
from tests.unit.controls.plain_columns import PlainItem

ITEM = PlainItem("a", author="ada")


def held(**parameters: object) -> Sandbox:
    sandbox = Sandbox(ITEM)
    sandbox.decide(decision("suppress", "item:a", parameters=parameters))
    return sandbox


def test_a_hold_keeps_an_item_back_until_it_is_released():
    sandbox = held(hold="copy")
    assert sandbox.verdict(0)[0] is False
    assert sandbox.verdict(0)[3] == ("held for review (terms 4.2)",)
    sandbox.decide(decision("release", "item:a"))
    assert sandbox.eligible(0)
    sandbox.decide(decision("reverse", "item:a", id="again", reverses="release item:a"))
    assert not sandbox.eligible(0)


def test_a_plain_suppression_is_not_lifted_by_a_release():
    sandbox = held()
    sandbox.decide(decision("release", "item:a"))
    assert not sandbox.eligible(0)


@pytest.mark.parametrize("word", ["", "Two Words", "x" * 65, 3, True])
def test_a_hold_says_in_a_word_what_it_waits_for(word):
    check_parameters(DecisionType.SUPPRESS, subject("item:a"), {"hold": "copy"})
    check_parameters(DecisionType.SUPPRESS, subject("item:a"), {})
    with pytest.raises(InvalidDecision) as refused:
        check_parameters(DecisionType.SUPPRESS, subject("item:a"), {"hold": word})
    assert refused.value.field == "parameters.hold"
