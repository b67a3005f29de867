"""Pages judged as rank() makes them, without a re-rank by topics and with one."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from experiments.served import RERANKS, compare_served, reader_of
from experiments.splits import Split, latest_of_each
from ranking.errors import DataError, InvalidParameters
from ranking.graph import ItemGraph
from ranking.interactions import Interactions
from ranking.models import silent, trainer
from ranking.reader import CONSUMED, EventKind
from tests.unit.ranking.scenes import PLAIN, Scene, item, scene

ROWS, READERS = 40, 30


def community() -> tuple[Scene, Split]:
    """Items of four topics, and readers who act on two of them, three of the one for one of the other."""
    draw = np.random.default_rng(3)
    entries = [item(f"i{row}", topics=(f"topic-{row % 4}",)) for row in range(ROWS)]
    readers, rows = [], []
    for reader in range(READERS):
        major, minor = draw.permutation(4)[:2]
        likes = [*(draw.permutation(10)[:6] * 4 + major), *(draw.permutation(10)[:2] * 4 + minor)]
        readers += [reader] * len(likes)
        rows += draw.permutation(likes).tolist()
    interactions = Interactions.from_columns(readers, rows, draw.permutation(len(rows)), rows=ROWS)
    return scene(entries), latest_of_each(interactions)


def trained(split: Split) -> ItemGraph:
    used = trainer("neighbours")
    return used.train(split.train, used.parse({}), seed=0, progress=silent)


def test_a_calibrated_page_is_nearer_to_the_history_than_one_without() -> None:
    told, split = community()
    served = compare_served(told.snapshot, trained(split), split, {"calibration": 1000}, k=8)
    plain = served.as_json()
    assert plain["rerank"] == {"calibration": 1000}
    assert plain["difference"].keys() == {"recall@8", "ndcg@8"}
    assert plain["with"]["calibration_kl@8"] < plain["without"]["calibration_kl@8"]


def test_the_page_without_is_without_even_where_the_snapshot_has_a_re_rank() -> None:
    told, split = community()
    calibrated = replace(told.snapshot, parameters=replace(PLAIN, calibration=1000, topic_max=1))
    graph = trained(split)
    first = compare_served(told.snapshot, graph, split, {"calibration": 1000}, k=8)
    second = compare_served(calibrated, graph, split, {"calibration": 1000}, k=8)
    assert np.array_equal(first.without.lists, second.without.lists)
    assert np.array_equal(first.reranked.lists, second.reranked.lists)


def test_changing_nothing_costs_nothing() -> None:
    told, split = community()
    served = compare_served(told.snapshot, trained(split), split, {"calibration": 0}, k=8)
    assert np.array_equal(served.without.lists, served.reranked.lists)
    assert served.as_json()["difference"]["ndcg@8"]["low"] == 0


def test_what_a_reader_was_trained_on_is_not_shown_again() -> None:
    told, split = community()
    served = compare_served(told.snapshot, trained(split), split, dict(RERANKS["diversified"]), k=30)
    for line, reader in zip(served.reranked.lists, served.reranked.readers, strict=True):
        mine = split.train.indices[split.train.indptr[reader] : split.train.indptr[reader + 1]]
        assert not set(line.tolist()) & set(mine.tolist())


def test_entries_come_as_events_of_the_kind_of_their_weight() -> None:
    train = Interactions.from_columns([0, 0, 0], [5, 6, 7], [1, 2, 3], [1.0, 2.0, 3.0], rows=8)
    reader = reader_of(train, 0)
    kinds = [EventKind.CLICK, EventKind.LIKE, EventKind.SHARE]
    assert reader.history.tolist() == [[5 + n, 1 + n, kind] for n, kind in enumerate(kinds)]
    assert reader.seen.tolist() == [[5, CONSUMED], [6, CONSUMED], [7, CONSUMED]]


def test_what_cannot_be_set_or_shown_is_refused() -> None:
    told, split = community()
    graph = trained(split)
    with pytest.raises(InvalidParameters, match="no parameter depth"):
        compare_served(told.snapshot, graph, split, {"depth": 1})
    with pytest.raises(InvalidParameters, match="calibration is 9999"):
        compare_served(told.snapshot, graph, split, {"calibration": 9999})
    with pytest.raises(DataError, match="1 to 100 items"):
        compare_served(told.snapshot, graph, split, {"calibration": 1}, k=101)
