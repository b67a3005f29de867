"""Law 1: append only. A decision is never edited or deleted; undo is a new decision with ``reverses``."""

from __future__ import annotations

import copy
from dataclasses import FrozenInstanceError, fields, replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from controls.decisions import Decision, DecisionType
from controls.ledger import SALT_BYTES, leaf, leaf_hash
from controls.merkle import MerkleTree, verify_consistency
from controls.policy import Policy
from controls.service import LedgerPort
from controls.state import State
from tests.laws.governed_worlds import JOINING, LAST, books, everything, ledgers, seconds, worlds
from tests.unit.controls.building import decision, numbered
from tests.unit.controls.plain_columns import PlainColumns, PlainItem

pytestmark = pytest.mark.law

SALTS = {name: bytes(SALT_BYTES) for name in ("reason", "persons", "evidence", "subject", "person")}


def state_of(items: tuple[PlainItem, ...], policies: dict[str, Policy], as_of: int = 0) -> State:
    state = State(policies.__getitem__)
    state.columns_changed(PlainColumns(items), np.arange(len(items), dtype=np.int32))
    state.advance(as_of)
    return state


@given(worlds, ledgers(), books)
def test_folding_and_undoing_leave_every_decision_as_it_was(
    items: tuple[PlainItem, ...], decisions: list[Decision], policies: dict[str, Policy]
) -> None:
    ledger = numbered(decisions)
    undoing = [decision("reverse", reverses=made.id, id=f"undo {made.id}") for made in ledger]
    before = copy.deepcopy([vars_of(made) for made in ledger])
    state = state_of(items, policies)
    state.decide([*ledger, *numbered(undoing, len(ledger) + 1)])
    state.advance(LAST)
    assert [vars_of(made) for made in ledger] == before


def vars_of(made: Decision) -> dict[str, object]:
    """A decision's fields, its parameters copied out."""
    return {part.name: getattr(made, part.name) for part in fields(made)} | {"parameters": dict(made.parameters)}


@pytest.mark.parametrize("field", [part.name for part in fields(Decision)])
def test_no_field_of_a_decision_can_be_changed(field: str) -> None:
    made = decision("takedown", "item:a")
    with pytest.raises(FrozenInstanceError):
        setattr(made, field, "changed")
    with pytest.raises(TypeError):
        made.parameters["factor"] = 2  # type: ignore[index]


@given(worlds, ledgers(), books, seconds, st.data())
def test_what_was_seen_stays_as_it_was_seen(
    items: tuple[PlainItem, ...],
    decisions: list[Decision],
    policies: dict[str, Policy],
    as_of: int,
    data: st.DataObject,
) -> None:
    cut = data.draw(st.integers(0, len(decisions)))
    state = state_of(items, policies, as_of)
    ledger = numbered(decisions)
    state.decide(ledger[:cut])
    view = state.governance()
    digest, said = view.digest(), everything(view)
    state.decide(ledger[cut:])
    state.advance(LAST)
    state.governance()
    assert view.digest() == digest
    assert everything(view) == said


@given(worlds, ledgers(), books, ledgers((*JOINING, DecisionType.FREEZE), most=3), seconds)
def test_undoing_gives_back_what_was_before(
    items: tuple[PlainItem, ...],
    decisions: list[Decision],
    policies: dict[str, Policy],
    further: list[Decision],
    as_of: int,
) -> None:
    # Ids of their own, lest an earlier reversal has already ended them.
    further = [replace(made, id=f"further {made.id}") for made in further]
    state = state_of(items, policies, as_of)
    ledger = numbered(decisions)
    state.decide(ledger)
    before = everything(state.governance())
    undoing = [decision("reverse", reverses=made.id, id=f"undo {made.id}") for made in further]
    state.decide(numbered([*further, *undoing], len(ledger) + 1))
    assert everything(state.governance()) == before
    assert state.governance().revision == len(ledger) + 2 * len(further)


@given(ledgers(most=12), st.data())
def test_every_ledger_is_the_provable_beginning_of_each_later_one(
    decisions: list[Decision], data: st.DataObject
) -> None:
    tree = MerkleTree()
    roots = [tree.root()]
    for made in decisions:
        tree.append(leaf_hash(leaf(made, SALTS)))
        roots.append(tree.root())
    for old in range(1, len(roots)):
        assert tree.root(old) == roots[old]
        assert verify_consistency(old, len(decisions), tree.consistency(old), roots[old], roots[-1])


def test_the_door_to_the_ledger_can_append_and_read_and_nothing_else() -> None:
    appending, reading = (
        {"append", "append_unless", "append_all_unless"},
        {"head", "since", "by_id", "decided_under", "reversal_of", "listing"},
    )
    assert {name for name in vars(LedgerPort) if not name.startswith("_")} == appending | reading
