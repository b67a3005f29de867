"""Judging counts a history as serving does."""

from __future__ import annotations

import numpy as np

from experiments.evaluation import evaluate_graph
from experiments.splits import Split
from experiments.votes import votes
from ranking.decay import SECONDS_A_DAY, faded
from ranking.graph import ItemGraph
from ranking.interactions import Interactions
from ranking.parameters import DEFAULTS, Parameters

DAY = SECONDS_A_DAY


def test_the_newest_entries_count_by_kind_and_fade_as_in_serving():
    train = Interactions.from_columns([0, 0, 0], [4, 2, 7], [0, 90 * DAY, 180 * DAY], [3.0, 2.0, 1.0])
    expected = [
        DEFAULTS.weight_share * faded(180 * DAY, 180 * DAY, 2, 7),
        DEFAULTS.weight_like * faded(90 * DAY, 180 * DAY, 1, 7),
        DEFAULTS.weight_click * faded(0, 180 * DAY, 0, 7),
    ]
    assert votes(train, Parameters(half_life_days=180, half_life_items=7)).tolist() == expected
    assert expected[0] < DEFAULTS.weight_share * 4096 // 2


def test_entries_beyond_the_history_that_is_read_count_nothing():
    train = Interactions.from_columns([0, 0, 0, 1], [1, 2, 3, 1], [1, 2, 3, 1])
    assert (votes(train, Parameters(history=2)) > 0).tolist() == [False, True, True, True]


def test_without_times_all_entries_count_the_same():
    train = Interactions.from_columns([0, 0, 1], [1, 2, 3], weight=[1.0, 3.0, 2.0])
    assert votes(train).tolist() == [1, 1, 1]


def test_a_graph_is_judged_by_what_its_reader_chose_last():
    train = Interactions.from_columns(np.zeros(9, int), np.arange(9), np.arange(9), rows=11)
    ids = np.full((11, 1), -1, np.int32)
    ids[0], ids[8] = 9, 10
    graph = ItemGraph.from_arrays(ids, np.full((11, 1), 0.5, np.float32), trainer="ease", parameters={})
    split = Split(train, Interactions.from_columns([0], [10], readers=1, rows=11))
    assert evaluate_graph(graph, split, k=1).recall.tolist() == [1.0]
    alike = np.ones(train.count, np.int64)
    assert evaluate_graph(graph, split, k=1, history_weights=alike).recall.tolist() == [0.0]
