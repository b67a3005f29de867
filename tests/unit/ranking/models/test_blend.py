"""A blend serves the weighted sum of two graphs."""

from __future__ import annotations

import numpy as np
import pytest

from ranking.errors import TrainingError
from ranking.graph import ItemGraph
from ranking.interactions import Interactions
from ranking.models import silent, trainer
from ranking.models.blend import BlendParameters, blended


def random_graph(rows, width, seed):
    draw = np.random.default_rng(seed)
    ids = np.array([draw.choice(np.delete(np.arange(rows), row), width, replace=False) for row in range(rows)])
    return ItemGraph.from_arrays(ids, draw.normal(size=(rows, width)), trainer="neighbours")


def dense(graph):
    matrix = np.zeros((graph.rows, graph.rows))
    for row in range(graph.rows):
        known = graph.neighbours[row] >= 0
        matrix[row, graph.neighbours[row][known]] = graph.weights[row][known] * graph.scale
    return matrix


def entries(rows=20):
    return Interactions.from_columns(np.arange(60) % 15, np.arange(60) % rows, rows=rows)


def test_a_blend_is_the_sum_of_both_scaled_to_one_length():
    one, other, known = random_graph(20, 6, 1), random_graph(20, 5, 2), entries()
    popularity = known.popularity()
    made = blended(one, other, known, BlendParameters(share=0.25, width=19), seed=0)
    wanted = np.zeros((20, 20))
    for graph, counts in ((one, 0.75), (other, 0.25)):
        matrix = dense(graph)
        wanted += counts * matrix / (np.linalg.norm(matrix, axis=1) @ popularity / popularity.sum())
    np.testing.assert_allclose(dense(made), wanted, atol=made.scale)


def test_of_the_union_the_heaviest_are_kept_whatever_their_sign():
    one, other = random_graph(20, 6, 1), random_graph(20, 5, 2)
    wide = blended(one, other, entries(), BlendParameters(share=0.5, width=19), seed=0)
    narrow = blended(one, other, entries(), BlendParameters(share=0.5, width=4), seed=0)
    np.testing.assert_array_equal(narrow.neighbours, wide.neighbours[:, :4])
    assert (narrow.weights < 0).any()


@pytest.mark.parametrize(("share", "part"), [(0.0, 0), (1.0, 1)])
def test_a_share_of_nothing_or_all_is_one_part_alone(share, part):
    parts = (random_graph(20, 6, 1), random_graph(20, 5, 2))
    made = blended(*parts, entries(), BlendParameters(share=share, width=19), seed=0)
    kept = parts[part].width
    np.testing.assert_array_equal(made.neighbours[:, :kept], parts[part].neighbours)


def test_a_part_without_neighbours_leaves_the_other():
    none = ItemGraph.from_arrays(np.full((20, 1), -1), np.zeros((20, 1)), trainer="neighbours")
    one = random_graph(20, 6, 1)
    made = blended(one, none, entries(), BlendParameters(width=6), seed=0)
    np.testing.assert_array_equal(made.neighbours, one.neighbours)


def test_parts_and_their_parameters_are_checked_before_anything_is_trained():
    with pytest.raises(TrainingError, match="blend has no part popularity; its parts may be: spectral"):
        trainer("blend").parse({"second": "popularity"})
    with pytest.raises(TrainingError, match="ease has no parameter wings"):
        trainer("blend").parse({"first": "ease", "first_parameters": {"wings": 2}})
    with pytest.raises(TrainingError, match="first_parameters must be dict, got 'x'"):
        trainer("blend").parse({"first_parameters": "x"})


def test_a_blend_of_its_own_recorded_parameters_is_the_same_blend():
    known, chosen = entries(), trainer("blend")
    given = {"first": "ease", "first_parameters": {"regularization": 5.0}, "second": "neighbours", "share": 0.4}
    graph = chosen.train(known, chosen.parse(given), seed=0, progress=silent)
    recorded = {name: value for name, value in graph.parameters.items() if name != "seed"}
    again = chosen.train(known, chosen.parse(recorded), seed=0, progress=silent)
    assert graph.version == again.version
