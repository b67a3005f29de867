"""A candidate's score is the mean over the splits, and peers of large data are judged by readers that are drawn."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from experiments import splits
from experiments.splits import latest_of_each, validations
from experiments.top_lists import score_lists
from experiments.trials import Candidate, Trials
from ranking.models import silent
from tests.unit.experiments.test_holdout import communities


@pytest.mark.parametrize("model", ["neighbours", "implicit-cosine", "blend"])
def test_a_candidate_scores_the_mean_over_the_splits(model):
    folds = validations(communities(), seed=0)
    assert len(folds) == 3
    candidate = Candidate(model)
    alone = [Trials(each, k=5, seed=0).tried(candidate, silent).metrics for each in folds]
    together = Trials(*folds, k=5, seed=0).tried(candidate, silent).metrics
    assert together["recall@5"] == pytest.approx(np.mean([each["recall@5"] for each in alone]))
    assert len({each["recall@5"] for each in alone}) > 1


def test_each_split_keeps_a_graph_of_its_own():
    trials = Trials(*validations(communities(), seed=0), k=5, seed=0)
    first, second = (trials.graph(Candidate("neighbours"), silent, fold) for fold in (0, 1))
    assert first.version != second.version
    assert trials.graph(Candidate("neighbours"), silent, 1) is second


def test_a_peer_is_tried_on_drawn_readers_and_confirmed_on_all(monkeypatch):
    monkeypatch.setattr(splits, "DRAWN_READERS", 20)
    trials, peer = Trials(latest_of_each(communities()), k=5, seed=0), Candidate("implicit-cosine")
    assert trials.tried(peer, silent).metrics["readers"] == 20
    assert trials.judged(peer, silent).readers.size == 100
    assert trials.tried(Candidate("neighbours"), silent).metrics["readers"] == 100


@given(st.integers(0, 10_000), st.integers(1, 70))
def test_rows_at_the_threshold_come_in_their_order_and_none_without_a_score(seed, k):
    draw = np.random.default_rng(seed)
    train = latest_of_each(communities()).train
    scores = draw.choice(np.array([-np.inf, -1, 0, 1, 2], np.float32), (3, train.rows), p=(0.2, 0.1, 0.5, 0.1, 0.1))
    lists = score_lists(lambda readers: scores, train, np.arange(3), k)
    for reader in range(3):
        known = set(train.indices[train.indptr[reader] : train.indptr[reader + 1]].tolist())
        able = [row for row in range(train.rows) if row not in known and scores[reader, row] > -np.inf]
        best = sorted(able, key=lambda row: (-scores[reader, row], row))[:k]
        assert lists[reader].tolist() == best + [-1] * (k - len(best))
