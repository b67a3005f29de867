"""Shadow evaluation: nobody is judged by what they have seen, and the comparison is told as it was drawn."""

from __future__ import annotations

import numpy as np
import pytest

from experiments.evaluation import evaluate_graph
from experiments.shadow import Shadow, compared
from experiments.slices import judged_readers, slice_start, sliced
from experiments.statistics import Interval
from ranking.errors import DataError
from ranking.graph import ItemGraph
from ranking.interactions import Interactions


def interactions(*entries: tuple[int, int, int], readers: int = 4, rows: int = 6) -> Interactions:
    columns = list(zip(*entries, strict=True)) if entries else [(), (), ()]
    reader, row, time = (np.array(column, np.int64) for column in columns)
    return Interactions.from_columns(reader, row, time, readers=readers, rows=rows)


def shadow(difference: float) -> Shadow:
    return Shadow("ndcg@20", 0.1 + difference, 0.1, Interval(difference, difference - 0.01, difference + 0.01), 80, 7)


def test_a_slice_begins_with_the_newest_share_but_never_before_the_active_model_was_trained():
    everything = interactions(*((0, row, 10 * row) for row in range(6)))
    assert slice_start(everything, 0.5, after=0) == 20
    assert slice_start(everything, 0.5, after=35) == 35
    assert slice_start(interactions(), 0.5, after=9) == 9
    with pytest.raises(DataError, match="share between 0 and 1"):
        slice_start(everything, 1.0, after=0)


def test_what_was_known_before_and_readers_without_a_history_do_not_count():
    before = interactions((0, 1, 1), (1, 2, 1))
    newest = interactions((0, 1, 5), (0, 3, 5), (1, 4, 6), (2, 5, 6))
    split = sliced(before, newest)
    assert split.train is before
    pairs = list(zip(split.test.entry_readers().tolist(), split.test.indices.tolist(), strict=True))
    assert pairs == [(0, 3), (1, 4)]
    assert judged_readers(split) == 2


def test_the_model_that_knows_what_came_next_scores_higher_on_the_same_readers():
    before = interactions(*((reader, reader, 1) for reader in range(4)))
    split = sliced(before, interactions(*((reader, reader + 1, 5) for reader in range(4))))
    rows = np.arange(6)
    right, wrong = (
        ItemGraph.from_arrays(((rows + shift) % 6).reshape(-1, 1), np.ones((6, 1)), trainer="test") for shift in (1, 3)
    )
    drawn = compared(evaluate_graph(right, split, k=1), evaluate_graph(wrong, split, k=1), "ndcg@1", since=1, seed=0)
    assert (drawn.candidate, drawn.active, drawn.readers) == (1.0, 0.0, 4)
    assert (drawn.difference.low, drawn.difference.high) == (1.0, 1.0)
    assert not drawn.worse(0.0)


@pytest.mark.parametrize(
    ("difference", "tolerance", "worse"), [(0.0, 0.0, False), (-0.001, 0.0, True), (-0.001, 0.02, False)]
)
def test_a_candidate_is_worse_when_it_falls_short_by_more_than_the_tolerated_share(difference, tolerance, worse):
    assert shadow(difference).worse(tolerance) is worse


def test_a_comparison_is_read_back_from_a_models_metrics_as_it_was_written():
    assert Shadow.from_metrics(shadow(0.02).as_metrics(), "ndcg@20") == shadow(0.02)
    assert Shadow.from_metrics({"ndcg@20": 0.1}, "ndcg@20") is None


def test_a_comparison_is_told_in_one_line_with_its_interval():
    assert shadow(0.02).told("0123456789abcdef") == (
        "ndcg@20 0.1200 against 0.1000 of the active model 0123456789ab on 80 readers' events after second 7: "
        "difference +0.0200, 95% interval +0.0100 to +0.0300"
    )
