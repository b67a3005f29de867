"""What a graph loses against the model it was cut from is measured on the same readers."""

from __future__ import annotations

import numpy as np
import pytest

from experiments import truncation as module
from experiments.splits import carve
from experiments.truncation import truncation, truncations
from ranking.interactions import Interactions
from ranking.models import silent, trainer


@pytest.fixture(scope="module")
def split():
    draw = np.random.default_rng(0)
    chosen = [draw.choice(20, 10, replace=False) + reader % 3 * 20 for reader in range(90)]
    known = Interactions.from_columns(np.repeat(np.arange(90), 10), np.concatenate(chosen))
    return carve(known, 0.3, seed=1)


def measured(split, width, **given):
    chosen = trainer("ease")
    parameters = chosen.parse({"width": width, "regularization": 10.0})
    graph = chosen.train(split.train, parameters, seed=0, progress=silent)
    return truncations(graph, chosen, parameters, split, k=5, seed=0, progress=given.get("progress", silent))


def test_a_graph_that_keeps_all_loses_nothing_and_a_narrow_one_does(split):
    whole, narrow = measured(split, 59), measured(split, 1)
    assert [each.name for each in whole] == ["graph_recall_over_dense", "graph_recall_over_dense_50_blocked"]
    assert whole[0].ratio == pytest.approx(1, abs=0.02) and whole[1].ratio == pytest.approx(1, abs=0.02)
    assert narrow[0].ratio < 0.95 and narrow[0].difference.high < 0


def test_neither_lists_what_is_blocked_and_readers_are_judged_by_the_rest(split):
    chosen = trainer("ease")
    graph = chosen.train(split.train, chosen.parse({"width": 59}), seed=0, progress=silent)
    asked = []

    def dense(readers):
        asked.append(readers)
        return np.ones((readers.size, 60), np.float32)

    nothing = truncation(graph, dense, split, blocked=0.0, k=60)
    half = truncation(graph, dense, split, blocked=0.5, k=60)
    assert nothing.dense_recall == half.dense_recall == 1.0
    assert nothing.graph_recall == half.graph_recall == 1.0
    barred = np.random.default_rng(0).random(60) < 0.5
    cut = module._without(graph, barred)
    assert not np.isin(cut.neighbours, np.flatnonzero(barred)).any()
    kept = graph.neighbours[0][~barred[graph.neighbours[0]]]
    np.testing.assert_array_equal(cut.neighbours[0][: kept.size], kept)


def test_a_sample_of_readers_is_enough(split, monkeypatch):
    monkeypatch.setattr(module, "READERS", 7)
    assert {each.readers for each in measured(split, 10)} == {7}


def test_a_catalogue_that_is_too_large_is_not_compared(split, monkeypatch):
    monkeypatch.setattr(module, "LARGEST", 10)
    assert measured(split, 10) == ()


def test_progress_runs_from_nothing_to_all(split):
    told = []
    measured(split, 10, progress=lambda done, words: told.append(done))
    assert told == sorted(told) and told[-1] == pytest.approx(1)
