"""Training has a defined answer to data that no community should have."""

from __future__ import annotations

import numpy as np
import pytest

from ranking.errors import DataError
from ranking.interactions import Interactions
from ranking.models import silent, trainer, trainers
from ranking.models.trainer import LONGEST_HISTORY


def trained(name, interactions, **parameters):
    chosen = trainer(name)
    return chosen.train(interactions, chosen.parse(parameters), seed=0, progress=silent)


@pytest.mark.parametrize("wrong", [np.nan, np.inf, -1.0])
def test_a_weight_that_is_no_number_never_reaches_a_trainer(wrong):
    with pytest.raises(DataError, match=r"entry 2: weight .* must be finite and not negative"):
        Interactions.from_columns([0, 0, 1], [0, 1, 2], weight=[1.0, 2.0, wrong])


@pytest.mark.parametrize("name", list(trainers))
def test_a_thousand_repetitions_train_what_one_act_does(name):
    draw = np.random.default_rng(0)
    readers = np.repeat(np.arange(30), 6)
    rows = np.concatenate([draw.choice(20, 6, replace=False) for _ in range(30)])
    once = trained(name, Interactions.from_columns(readers, rows))
    repeated = Interactions.from_columns(np.append(readers, [0] * 1000), np.append(rows, rows[[0] * 1000]))
    assert trained(name, repeated).version == once.version


@pytest.mark.parametrize("name", ["neighbours", "spectral"])
def test_of_a_reader_with_a_hundred_thousand_events_the_newest_count(name):
    """All of them would be ten thousand million pairs."""
    size = 100_000
    draw = np.random.default_rng(0)
    others = np.concatenate([size - 40 + draw.choice(40, 6, replace=False) for _ in range(50)])
    interactions = Interactions.from_columns(
        np.append(np.zeros(size, np.int64), 1 + np.repeat(np.arange(50), 6)),
        np.append(np.arange(size), others),
        np.append(np.arange(size), np.full(others.size, size)),
    )
    graph = trained(name, interactions, width=10)
    known = (graph.neighbours >= 0).any(axis=1)
    assert graph.rows == size
    assert known[-40:].all() and not known[:-LONGEST_HISTORY].any()
    assert np.isin(graph.neighbours[-1], np.arange(size - 40, size)).mean() > 0.5


@pytest.mark.parametrize("name", ["neighbours", "ease", "popularity"])
def test_an_item_with_a_million_readers_is_a_row_like_others(name):
    size = 1_000_000
    second = 1 + np.arange(size) % 30
    readers = np.repeat(np.arange(size), 2)
    rows = np.stack([np.zeros(size, np.int64), second], axis=1).ravel()
    indptr = np.arange(0, 2 * size + 1, 2)
    interactions = Interactions.from_columns(readers, rows)
    np.testing.assert_array_equal(interactions.indptr, indptr)
    graph = trained(name, interactions)
    assert interactions.popularity()[0] == size and graph.rows == 31
    if name != "popularity":
        assert set(graph.neighbours[0][graph.neighbours[0] >= 0]) == set(range(1, 31))
        assert (graph.neighbours[1:, 0] == 0).all()
