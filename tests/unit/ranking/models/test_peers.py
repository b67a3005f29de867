"""Peers score as their own library does."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
from threadpoolctl import threadpool_limits

from experiments.top_lists import score_lists
from ranking.interactions import Interactions
from ranking.models.peers import peers


def entries(readers=60, rows=40, seed=5):
    draw = np.random.default_rng(seed)
    chosen = [draw.choice(rows, 8, replace=False) for _ in range(readers)]
    return Interactions.from_columns(np.repeat(np.arange(readers), 8), np.concatenate(chosen), rows=rows)


@pytest.mark.parametrize("name", ["implicit-tfidf", "implicit-als"])
def test_lists_are_those_of_the_librarys_own_recommend(name):
    from implicit.als import AlternatingLeastSquares
    from implicit.nearest_neighbours import TFIDFRecommender

    train = entries()
    readers = np.arange(train.readers)
    if name == "implicit-tfidf":
        given = {"K": 10}
        model = TFIDFRecommender(K=10)
    else:
        given = {"factors": 8, "iterations": 3}
        model = AlternatingLeastSquares(factors=8, iterations=3, regularization=0.01, alpha=1.0, random_state=3)
    matrix = train.matrix(binary=True)
    with threadpool_limits(limits=1, user_api="blas"), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model.fit(matrix, show_progress=False)
    ours = score_lists(peers[name].scores(train, given, seed=3), train, readers, 5)
    theirs, scores = model.recommend(readers, matrix, N=5)
    assert (np.diff(scores) <= 0).all()
    agree = [len(set(a) & set(b)) for a, b in zip(ours, theirs, strict=True)]
    assert np.mean(agree) > 4.9


@pytest.mark.parametrize("name", list(peers))
def test_every_peer_trains_and_scores_every_row(name):
    train = entries()
    small = {"factors": 4, "iterations": 2} if peers[name].factors else {}
    scores = peers[name].scores(train, small, seed=0)(np.array([3, 0]))
    assert scores.shape == (2, 40) and scores.dtype == np.float32 and np.isfinite(scores).all()
