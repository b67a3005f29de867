"""Synthetic worlds are what the fold would have made of the same items, and graphs keep the promises of a graph."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from benchmarks.exact import plain_parameters, ranked_tops
from benchmarks.kernel import HOME
from benchmarks.synthetic import ALLOWED, BANNED, CountedIds, CountedRows, World, random_graph, readers, world
from ranking.building import CatalogueBuilder
from ranking.graph import check_rows
from ranking.journal import ItemPublished
from ranking.pipeline import rank
from ranking.snapshot import Snapshot

ROWS = 700


@pytest.fixture(scope="module")
def made() -> World:
    return world(ROWS, width=20, blocked=0.4)


def test_columns_are_those_of_the_fold(made: World) -> None:
    catalogue = made.snapshot.catalogue
    builder = CatalogueBuilder()
    builder.apply(
        [
            ItemPublished(
                id=f"i{row}",
                author=catalogue.author_id(row),
                topics=catalogue.topic_names(row),
                published_at=int(catalogue.published[row]),
                region=BANNED if made.blocked[row] else ALLOWED,
            )
            for row in range(ROWS)
        ]
    )
    folded = builder.view()
    names = {code: folded.author_index(name) for code, name in enumerate(catalogue.authors.words)}
    for column in ("community", "published", "by_time", "language", "gone"):
        assert np.array_equal(getattr(catalogue, column), getattr(folded, column)), column
    assert [names[code] for code in catalogue.author.tolist()] == folded.author.tolist()
    assert catalogue.topics.shape == folded.topics.shape
    for row in range(ROWS):
        assert catalogue.topic_names(row) == folded.topic_names(row)
        assert catalogue.ids[row] == folded.ids[row]
    for topic in catalogue.topic_words.words:
        assert np.array_equal(catalogue.of_topic(topic), folded.of_topic(topic))
    rows = np.arange(ROWS, dtype=np.int32)
    assert np.array_equal(
        catalogue.member("region", frozenset((BANNED,)), rows), folded.member("region", frozenset((BANNED,)), rows)
    )


def test_counted_ids_and_rows_are_each_others_inverse() -> None:
    ids, rows = CountedIds(12), CountedRows(12)
    assert list(ids) == list(rows) == [f"i{n}" for n in range(12)]
    assert [rows[item] for item in ids] == list(range(12))
    assert ids[-1] == "i11" and ids[2:4] == ["i2", "i3"]
    assert [rows.get(name) for name in ("i12", "i007", "i", "x3", "i-1", "i²")] == [None] * 6


@pytest.mark.parametrize("skewed", [False, True])
@pytest.mark.parametrize(("rows", "width"), [(5000, 100), (90, 100), (3, 4), (1, 2)])
def test_a_random_graph_keeps_the_promises_of_a_graph(rows: int, width: int, skewed: bool) -> None:
    graph = random_graph(rows, width, np.random.default_rng(1), skewed=skewed)
    check_rows(graph.neighbours, "random")
    present = graph.neighbours >= 0
    assert ((graph.weights == 0) == ~present).all()
    assert not (graph.neighbours == np.arange(rows)[:, None]).any()
    assert (np.diff(graph.weights.astype(np.int64), axis=1) <= 0).all()
    for row in range(rows):
        own = graph.neighbours[row][present[row]]
        assert len(set(own.tolist())) == own.size == (max(min(width, rows // 2), 1) if rows > 1 else 0)


def test_a_skewed_graph_has_a_head_and_a_uniform_one_has_none() -> None:
    shares = []
    for skewed in (False, True):
        graph = random_graph(5000, 50, np.random.default_rng(1), skewed=skewed)
        shares.append((graph.neighbours < 500).mean())
    assert shares[0] < 0.11 and shares[1] > 0.4


def test_readers_like_distinct_items_that_are_allowed(made: World) -> None:
    for reader in readers(made, 20, 50):
        rows = reader.history[:, 0]
        assert len(set(rows.tolist())) == 50
        assert not made.blocked[rows].any()
    assert len(readers(made, 1, ROWS + 5)[0].history) == ROWS + 5


def test_rank_gives_out_the_exact_governed_top_of_its_graph(made: World) -> None:
    asked = replace(HOME, limit=40)
    some = readers(made, 10, 30)
    for reader, top in zip(some, ranked_tops(made, some, 40), strict=True):
        assert rank(made.snapshot, reader, asked, plain_parameters()).rows.tolist() == top.tolist()


def test_the_share_asked_for_is_blocked_and_nothing_else(made: World) -> None:
    snapshot: Snapshot = made.snapshot
    table = snapshot.governance.table(HOME.audience, HOME.surface.kind)
    assert np.array_equal(table.eligible[snapshot.governance.class_of] == 0, made.blocked)
    assert 0.3 < made.blocked.mean() < 0.5
