"""A dense model is its trainer's graph before the cut."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from ranking.interactions import Interactions
from ranking.models import silent, trainer, trainers

DENSE = tuple(name for name, each in trainers.items() if each.dense is not None)
GIVEN: dict[str, dict[str, Any]] = {
    "spectral": {"tail": 0.3, "components": 12},
    "als": {"factors": 8},
    "blend": {"first": "ease", "second": "neighbours", "share": 0.4},
}


def entries(readers=40, rows=25, seed=2):
    draw = np.random.default_rng(seed)
    chosen = [draw.choice(rows - 2, 6, replace=False) for _ in range(readers)]
    return Interactions.from_columns(np.repeat(np.arange(readers), 6), np.concatenate(chosen), rows=rows)


def test_all_that_learn_have_one():
    assert set(trainers) - set(DENSE) == {"popularity"}


@pytest.mark.parametrize("name", DENSE)
def test_a_graph_as_wide_as_the_catalogue_scores_as_its_dense_model(name):
    known, chosen = entries(), trainer(name)
    parameters = chosen.parse(GIVEN.get(name, {}))
    graph = chosen.train(known, parameters, seed=4, progress=silent)
    assert chosen.dense is not None
    scores = chosen.dense(known, parameters, seed=4, progress=silent)(np.array([7, 3]))
    assert scores.shape == (2, 25) and scores.dtype == np.float32
    assert (np.isneginf(scores[:, 23:]) | (scores[:, 23:] == 0)).all()
    for at, reader in enumerate((7, 3)):
        history = known.indices[known.indptr[reader] : known.indptr[reader + 1]]
        served = np.zeros(25)
        for row in history:
            used = graph.neighbours[row] >= 0
            served[graph.neighbours[row][used]] += graph.weights[row][used] * graph.scale
        others = np.setdiff1d(np.arange(23), history)
        np.testing.assert_allclose(scores[at, others], served[others], atol=8 * graph.scale, rtol=1e-3)
