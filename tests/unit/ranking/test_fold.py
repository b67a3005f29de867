"""The fold of ledger, journal and time into Snapshots."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from controls.decisions import Decision
from controls.errors import StateError
from controls.policy import Policy
from controls.scopes import Audience
from ranking.catalogue import Catalogue
from ranking.errors import EditionGap, GraphCorrupt, SnapshotMismatch
from ranking.fold import EMPTY_GRAPH, RETRY_SECONDS, Fold
from ranking.graph import ItemGraph
from ranking.journal import ItemPublished, LabelGiven, ListPublished
from ranking.parameters import Parameters
from ranking.snapshot import Snapshot
from tests.unit.controls.building import HOME, decision, policy, rule

TWO = ItemGraph.from_arrays(np.array([[1], [0]]), np.array([[1.0], [0.5]]), trainer="test")
ITEMS = [ItemPublished(name, published_at=n) for n, name in enumerate("abc")]


class Library:
    """Graphs by version, any of which may be out of reach."""

    def __init__(self, **graphs: ItemGraph) -> None:
        self.graphs = graphs
        self.broken: Exception | None = None
        self.asked: list[str] = []

    def __call__(self, version: str) -> ItemGraph:
        self.asked.append(version)
        if self.broken is not None:
            raise self.broken
        return self.graphs[version]


def no_policy(digest: str) -> Policy:
    raise KeyError(digest)


def fold_of(library: Library | None = None, **policies: Policy) -> Fold:
    return Fold(policies.__getitem__ if policies else no_policy, library or Library())


def numbered(fold: Fold, made: Decision) -> list[Decision]:
    return [replace(made, revision=fold.revision + 1, id=f"d{fold.revision + 1}")]


def activate(fold: Fold, version: str) -> None:
    fold.decide(numbered(fold, decision("activate_model", parameters={"model": version})))


def eligible(snapshot: Snapshot, name: str) -> bool:
    table = snapshot.governance.table(Audience(), HOME)
    return bool(table.eligible[snapshot.governance.class_of[snapshot.catalogue.row_of(name)]])


def test_an_empty_fold_has_a_snapshot_of_nothing() -> None:
    snapshot = fold_of().snapshot()
    assert (snapshot.revision, snapshot.edition, snapshot.as_of, snapshot.model) == (0, 0, 0, "")
    assert (snapshot.catalogue.rows, snapshot.graph.rows, dict(snapshot.popular)) == (0, 0, {})


def test_a_snapshot_names_the_positions_it_was_folded_to() -> None:
    fold = fold_of()
    fold.journal(1, ITEMS)
    fold.decide(numbered(fold, decision("suppress", "item:a")))
    fold.advance(7)
    snapshot = fold.snapshot()
    assert (snapshot.revision, snapshot.edition, snapshot.as_of) == (1, 1, 7)
    assert (fold.revision, fold.edition, fold.as_of) == (1, 1, 7)


def test_a_snapshot_is_the_same_object_until_something_is_folded() -> None:
    fold = fold_of()
    fold.journal(1, ITEMS)
    first = fold.snapshot()
    fold.decide([])
    fold.advance(0)
    assert fold.snapshot() is first
    fold.advance(1)
    assert fold.snapshot() is not first
    assert fold.snapshot().catalogue is first.catalogue


def test_an_edition_out_of_order_is_refused_and_leaves_the_fold_as_it_was() -> None:
    fold = fold_of()
    fold.journal(1, ITEMS[:1])
    for edition in (1, 3):
        with pytest.raises(EditionGap, match=f"edition {edition} cannot follow 1"):
            fold.journal(edition, ITEMS)
    assert (fold.edition, fold.snapshot().catalogue.rows) == (1, 1)


def test_what_stood_before_a_gap_in_the_ledger_is_in_force() -> None:
    fold = fold_of()
    fold.journal(1, ITEMS)
    first, third = (
        replace(decision("suppress", f"item:{name}"), revision=n, id=name) for n, name in ((1, "a"), (3, "b"))
    )
    with pytest.raises(StateError):
        fold.decide([first, third])
    assert (fold.revision, fold.snapshot().revision) == (1, 1)
    assert [eligible(fold.snapshot(), name) for name in "abc"] == [False, True, True]
    fold.decide([replace(third, revision=2)])
    assert fold.revision == 2


def test_time_does_not_go_back() -> None:
    fold = fold_of()
    fold.advance(5)
    with pytest.raises(StateError):
        fold.advance(4)
    assert fold.as_of == 5


def test_a_decision_and_an_item_meet_in_whichever_order_they_come() -> None:
    first, second = fold_of(), fold_of()
    takedown = decision("takedown", "item:b")
    first.journal(1, ITEMS)
    first.decide(numbered(first, takedown))
    second.decide(numbered(second, takedown))
    second.journal(1, ITEMS)
    for fold in (first, second):
        assert [eligible(fold.snapshot(), name) for name in "abc"] == [True, False, True]
    assert first.snapshot().governance.digest() == second.snapshot().governance.digest()


def test_rules_follow_labels_that_an_edition_brings_and_the_clock() -> None:
    fold = fold_of(p=policy(rule({"signal": "label.spam", "min": 0.7, "max_age": 10}, tier="blocked")))
    fold.journal(1, ITEMS)
    fold.decide(numbered(fold, decision("publish_policy", parameters={"policy": "p"})))
    assert eligible(fold.snapshot(), "a")
    fold.journal(2, [LabelGiven("a", "spam", 0.7, "a model", 5)])
    fold.advance(6)
    assert not eligible(fold.snapshot(), "a")
    fold.advance(30)
    assert eligible(fold.snapshot(), "a")


def test_popular_lists_are_rows_and_leave_out_what_is_unknown_or_named_twice() -> None:
    fold = fold_of()
    fold.journal(1, [*ITEMS, ListPublished("popular", "home", ("c", "never", "a", "c"))])
    before = fold.snapshot().popular
    fold.journal(2, [ListPublished("popular", "topic:t", ("b",)), ListPublished("other", "home", ("b",))])
    popular = fold.snapshot().popular
    assert {pool: rows.tolist() for pool, rows in popular.items()} == {"home": [2, 0], "topic:t": [1]}
    assert popular["home"] is before["home"]
    assert not popular["home"].flags.writeable
    fold.journal(3, [ListPublished("popular", "home", ())])
    assert fold.snapshot().popular["home"].size == 0


def test_parameters_given_to_the_fold_are_in_every_snapshot() -> None:
    parameters = Parameters(history=7)
    assert Fold(no_policy, Library(), parameters).snapshot().parameters is parameters


class TestModels:
    def test_the_active_model_is_served_and_a_later_one_replaces_it(self) -> None:
        fold = fold_of(Library(one=TWO, two=EMPTY_GRAPH))
        fold.journal(1, ITEMS)
        activate(fold, "one")
        assert (fold.snapshot().model, fold.snapshot().graph) == ("one", TWO)
        activate(fold, "two")
        assert (fold.snapshot().model, fold.snapshot().graph.rows) == ("", 0)

    def test_a_graph_is_asked_for_once(self) -> None:
        library = Library(one=TWO)
        fold = fold_of(library)
        fold.journal(1, ITEMS)
        activate(fold, "one")
        for second in range(1, 200):
            fold.advance(second)
            fold.snapshot()
        assert library.asked == ["one"]

    @pytest.mark.parametrize("broken", [GraphCorrupt("a bad checksum"), FileNotFoundError("gone"), KeyError("unknown")])
    def test_a_graph_out_of_reach_leaves_the_model_empty_until_it_is_there(self, broken: Exception) -> None:
        library = Library(one=TWO)
        fold = fold_of(library)
        fold.journal(1, ITEMS)
        library.broken = broken
        activate(fold, "one")
        assert (fold.snapshot().model, fold.snapshot().graph.rows) == ("", 0)
        library.broken = None
        fold.advance(RETRY_SECONDS - 1)
        assert fold.snapshot().model == ""
        fold.advance(RETRY_SECONDS)
        assert fold.snapshot().model == "one"

    def test_a_graph_of_more_rows_than_the_journal_has_told_of_waits_for_it(self) -> None:
        fold = fold_of(Library(one=TWO))
        fold.journal(1, ITEMS[:1])
        activate(fold, "one")
        assert fold.snapshot().model == ""
        fold.journal(2, ITEMS[1:])
        assert fold.snapshot().model == "one"

    def test_a_snapshot_of_parts_that_do_not_belong_together_is_refused(self) -> None:
        fold = fold_of(Library(one=TWO))
        small = fold.snapshot()
        fold.journal(1, ITEMS)
        large = fold.snapshot()

        def combined(catalogue: Catalogue, graph: ItemGraph) -> Snapshot:
            return Snapshot(0, 0, 0, catalogue, small.governance, graph, "", {}, small.parameters)

        with pytest.raises(SnapshotMismatch, match="2 rows and the catalogue 0"):
            combined(small.catalogue, TWO)
        with pytest.raises(SnapshotMismatch, match="0 verdict classes for 3 rows"):
            combined(large.catalogue, EMPTY_GRAPH)


def test_what_is_beside_a_fold_is_what_a_fold_of_its_own_would_be():
    soft = policy(rule({"signal": "label.harm", "min": 0.5}, tier="restricted"))
    hard = policy(rule({"signal": "label.harm", "min": 0.5}, tier="blocked", missing="hold"))
    policies = {"soft": soft, "hard": hard}.__getitem__
    both = Fold(policies, Library(), instead="soft", beside=("hard",))
    alone = Fold(policies, Library(), instead="hard")
    for fold in (both, alone):
        fold.journal(1, [*ITEMS, LabelGiven("b", "harm", 0.9, "m", 1)])
        fold.decide(numbered(fold, decision("takedown", "item:c")))
        fold.advance(10)
    (hardly,) = both.beside()
    assert hardly.governance.digest() == alone.snapshot().governance.digest()
    assert hardly.governance.digest() != both.snapshot().governance.digest()
    assert hardly.catalogue is both.snapshot().catalogue
    for fold in (both, alone):
        fold.journal(2, [LabelGiven("a", "harm", 0.1, "m", 11)])
        fold.advance(11)
    assert both.beside()[0].governance.digest() == alone.snapshot().governance.digest()
    assert eligible(both.beside()[0], "a") and not eligible(hardly, "a")
