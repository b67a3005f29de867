"""The judge: lists as serving forms them, measures as published."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from experiments.beyond import Facts
from experiments.evaluation import evaluate_graph, evaluate_scores, judge
from experiments.splits import Split
from experiments.top_lists import graph_lists
from ranking.errors import DataError
from ranking.graph import ItemGraph
from ranking.interactions import Interactions


def split_of(train, test, rows):
    readers = 1 + max(reader for reader, _ in [*train, *test])
    known, held = (
        Interactions.from_columns([p[0] for p in part], [p[1] for p in part], readers=readers, rows=rows)
        for part in (train, test)
    )
    return Split(known, held)


def random_case(seed, rows=30, readers=12, width=5):
    draw = np.random.default_rng(seed)
    dense = draw.integers(-3, 4, (rows, rows)).astype(float)
    graph = ItemGraph.from_dense_rows(dense, width, trainer="test")
    taken = draw.random((readers, rows)) < 0.3
    held = taken & (draw.random((readers, rows)) < 0.4)
    train = Interactions.from_columns(*np.nonzero(taken & ~held), readers=readers, rows=rows)
    test = Interactions.from_columns(*np.nonzero(held), readers=readers, rows=rows)
    return graph, Split(train, test)


def plain_list(graph, train, reader, k):
    """The law in plain Python: sum, mask, sort by score and row, fill by popularity."""
    mine = train.indices[train.indptr[reader] : train.indptr[reader + 1]].tolist()
    scores: dict[int, int] = {}
    for row in mine:
        for other, weight in zip(graph.neighbours[row].tolist(), graph.weights[row].tolist(), strict=True):
            if other >= 0:
                scores[other] = scores.get(other, 0) + weight
    ranked = sorted((-score, row) for row, score in scores.items() if score > 0 and row not in mine)
    chosen = [row for _, row in ranked][:k]
    popular = train.popularity()
    rest = sorted((-popular[row], row) for row in range(train.rows) if row not in mine and row not in chosen)
    chosen += [row for _, row in rest][: k - len(chosen)]
    return chosen + [-1] * (k - len(chosen))


@given(st.integers(0, 10_000), st.sampled_from([1, 5, 40]))
def test_lists_are_what_serving_would_show(seed, k):
    graph, split = random_case(seed)
    readers = np.arange(split.train.readers, dtype=np.int64)
    lists = graph_lists(graph, split.train, readers, k)
    assert lists.tolist() == [plain_list(graph, split.train, reader, k) for reader in readers]


def test_lists_do_not_depend_on_how_readers_are_batched(monkeypatch):
    graph, split = random_case(4)
    readers = np.arange(12, dtype=np.int64)
    whole = graph_lists(graph, split.train, readers, 7)
    monkeypatch.setattr("experiments.top_lists._SLAB", 5)
    assert np.array_equal(whole, graph_lists(graph, split.train, readers, 7))


def test_history_weights_weigh():
    ids, weights = np.array([[2], [3], [-1], [-1]]), np.array([[1.0], [1.0], [0.0], [0.0]])
    graph = ItemGraph.from_arrays(ids, weights, trainer="test")
    split = split_of([(0, 0), (0, 1)], [(0, 2)], 4)
    one = np.zeros(1, np.int64)
    assert graph_lists(graph, split.train, one, 2, history_weights=np.array([1, 3])).tolist() == [[3, 2]]
    assert graph_lists(graph, split.train, one, 2, history_weights=np.array([3, -1])).tolist() == [[2, 3]]


def test_a_graph_with_fewer_rows_than_the_catalogue_serves_and_one_with_more_is_refused():
    graph = ItemGraph.from_arrays(np.array([[1], [0]]), np.array([[1.0], [1.0]]), trainer="test")
    split = split_of([(0, 0), (0, 3)], [(0, 1)], 4)
    assert graph_lists(graph, split.train, np.zeros(1, np.int64), 1).tolist() == [[1]]
    with pytest.raises(DataError, match="different catalogues"):
        graph_lists(graph, split_of([(0, 0)], [(0, 0)], 1).train, np.zeros(1, np.int64), 1)


def test_recall_and_ndcg_are_those_of_lightgcn():
    split = split_of([(0, 9)], [(0, 1), (0, 2), (0, 3)], 10)
    found = judge(np.array([[1, 7, 3, 8]], np.int32), np.zeros(1, np.int64), split)
    gains = 1 / np.log2(np.arange(4) + 2)
    assert found.recall.tolist() == [pytest.approx(2 / 3)]
    assert found.ndcg.tolist() == [pytest.approx((gains[0] + gains[2]) / gains[:3].sum())]
    short = judge(np.array([[1, 2]], np.int32), np.zeros(1, np.int64), split)
    assert short.recall.tolist() == [pytest.approx(2 / 3)]
    assert short.ndcg.tolist() == [pytest.approx(1.0)]


def test_empty_places_are_no_hits():
    split = split_of([(0, 1)], [(0, 0), (1, 4)], 5)
    found = judge(np.array([[-1, -1], [4, -1]], np.int32), np.array([0, 1]), split)
    assert found.recall.tolist() == [0.0, 1.0]


def test_only_readers_with_held_out_entries_are_judged_also_those_new_to_the_model():
    graph, _ = random_case(1, rows=6)
    split = split_of([(0, 0), (1, 1), (1, 2)], [(1, 3), (2, 1)], 6)
    found = evaluate_graph(graph, split, k=2)
    assert found.readers.tolist() == [1, 2]
    assert found.lists[1].tolist() == [0, 1], "a reader without history is shown what is popular"


def test_what_the_data_does_not_tell_is_null_in_json_and_left_out_of_a_graph():
    split = split_of([(0, 0), (1, 0), (1, 1)], [(0, 2), (1, 2)], 4)
    found = judge(np.array([[1], [2]], np.int32), np.array([0, 1]), split)
    told = found.as_json()
    assert told["calibration_kl@1"] is None and told["coverage@1"] == 0.5
    assert found.metrics() == {name: value for name, value in told.items() if value is not None}
    facts = Facts(np.array([[0], [0], [1], [1]], np.int32), np.zeros(4, np.int64))
    known = judge(found.lists, found.readers, split, facts=facts).metrics()
    assert known["calibration_kl@1"] > 0


def test_dense_scores_are_judged_alike_where_nothing_is_truncated():
    graph, split = random_case(2, width=29)
    dense = np.zeros((30, 30), np.float32)
    row, slot = np.nonzero(graph.neighbours >= 0)
    dense[row, graph.neighbours[row, slot]] = graph.weights[row, slot]
    matrix = split.train.matrix()
    exact = evaluate_scores(lambda readers: matrix[readers] @ dense, split, k=3)
    served = evaluate_graph(graph, split, k=3)
    positive = (matrix @ dense > 0) & (matrix.toarray() == 0)
    enough = positive.sum(1)[served.readers] >= 3
    assert enough.sum() > 5
    assert np.array_equal(exact.lists[enough], served.lists[enough])


def test_dense_scores_of_a_wrong_shape_are_refused():
    _, split = random_case(2)
    with pytest.raises(DataError, match="scores have shape"):
        evaluate_scores(lambda readers: np.zeros((readers.size, 3), np.float32), split)


def test_a_comparison_is_paired_over_the_same_readers():
    graph, split = random_case(3)
    ours, theirs = evaluate_graph(graph, split, k=5), evaluate_graph(graph.narrowed(1), split, k=5)
    interval = ours.over(theirs, seed=1)["recall@5"]
    assert interval.estimate == pytest.approx(ours.recall.mean() - theirs.recall.mean())
    with pytest.raises(DataError, match="same readers"):
        ours.over(evaluate_graph(graph, split, k=6), seed=1)


def test_nothing_to_judge_by_is_said_clearly():
    graph, split = random_case(3)
    with pytest.raises(DataError, match="nothing to judge by"):
        evaluate_graph(graph, Split(split.train, split.test.where(np.zeros(split.test.count, np.bool_))))
    with pytest.raises(DataError, match="at least 1 long"):
        evaluate_graph(graph, split, k=0)
    with pytest.raises(DataError, match="numbered alike"):
        evaluate_graph(graph, Split(split.train, split_of([(0, 0)], [(0, 0)], 2).test))
