"""Pages in an item's first minutes: its grown row leads to it and from it, whatever the model knows."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from controls.policy import load as load_policy
from controls.scopes import SurfaceKind
from ranking.explanation import why
from ranking.fold import Fold
from ranking.graph import ItemGraph
from ranking.growth import GrowthBuilder
from ranking.journal import ItemPublished, RowGrown
from ranking.page import Reason
from ranking.reader import Surface
from tests.unit.ranking.scenes import BLOCKED, PLAIN, Scene, scene

KIN = "a b c d new"
NOBODY = {"home": ""}


def with_grown(given: Scene, **rows: dict[str, int]) -> Scene:
    """The scene with grown rows, by item."""
    builder = GrowthBuilder()
    for name, near in rows.items():
        builder.grow(given.row(name), [given.row(other) for other in near], list(near.values()))
    return Scene(replace(given.snapshot, growth=builder.view(given.snapshot.graph)))


def first(given: Scene, **reader: object) -> tuple[str, Reason, str]:
    """The first item of a page, its reason, and the item that it was chosen because of."""
    page = given.page(given.reader(**reader))  # type: ignore[arg-type]
    ids = given.snapshot.catalogue.ids
    because = int(page.because[0])
    return ids[page.rows[0]], Reason(page.reasons[0]), ids[because] if because >= 0 else ""


def test_readers_of_similar_items_get_a_newcomer_because_of_them() -> None:
    before = scene(KIN, graph={"a": {"b": 100}, "b": {"a": 100}}, popular=NOBODY)
    liked = Reason.BECAUSE_YOU_LIKED
    assert first(before, liked=["a"]) == ("b", liked, "a")
    assert first(with_grown(before, new={"a": 1024}), liked=["a"], seen={"b": 9}) == ("new", liked, "a")


def test_readers_of_a_newcomer_get_what_is_similar_to_it() -> None:
    given = with_grown(scene(KIN, graph={"a": {"b": 100}}, popular=NOBODY), new={"c": 512, "d": 1024})
    assert first(given, liked=["new"]) == ("d", Reason.BECAUSE_YOU_LIKED, "new")


def test_related_pages_of_a_newcomer_show_what_is_similar_to_it() -> None:
    given = with_grown(scene(KIN, graph={"a": {"b": 100}}, popular=NOBODY), new={"c": 512, "d": 1024})
    shown = given.sources(surface=Surface(SurfaceKind.RELATED, "new"), limit=2)
    assert shown == "d:graph c:graph"


def test_a_blocked_newcomer_stays_blocked() -> None:
    given = with_grown(scene(KIN, popular=NOBODY, classes={"new": BLOCKED}), new={"a": 1024})
    assert "new" not in given.shown(given.reader(liked=["a"])).split()


def test_why_tells_the_terms_that_grew() -> None:
    given = with_grown(scene(KIN, graph={"a": {"new": 30}, "b": {"a": 30}}, popular=NOBODY), new={"a": 1024, "b": 512})
    reader, request = given.reader(liked=["a", "b"]), given.request()
    told = why(given.snapshot, reader, request, given.row("new"), PLAIN)
    page = given.page(reader)
    score = int(page.scores[page.rows.tolist().index(given.row("new"))])
    assert {term["item"]: term["weight"] for term in told["contributions"]} == {"a": 60, "b": 15}
    assert told["gathered"] == told["score"] == score


def test_the_fold_hands_grown_rows_to_pages_until_the_model_knows_the_item() -> None:
    small = ItemGraph.from_arrays(np.array([[1], [0], [-1]]), np.array([[1.0], [1.0], [0.0]]), trainer="small")
    fold = Fold(lambda digest: load_policy("{}"), lambda version: small)
    items = [ItemPublished(name, published_at=n) for n, name in enumerate(("a", "b", "new"))]
    fold.journal(1, [RowGrown("new", ("a",), (7,)), *items])
    assert fold.snapshot().growth.rows.tolist() == [0, 2]
    fold.journal(2, [RowGrown("new", ("b", "unknown", "a"), (1024, 9, 512)), RowGrown("unknown", ("a",), (9,))])
    grown = fold.snapshot().growth
    assert [grown.weight(2, row) for row in (0, 1)] == [512, 1024]
    assert [fold.growth(small).weight(row, 2) for row in (0, 1)] == [16_383, 32_767]
    knowing = ItemGraph.from_arrays(np.array([[1], [0], [0]]), np.array([[1.0], [1.0], [0.5]]), trainer="knowing")
    assert fold.growth(knowing).rows.size == 0
