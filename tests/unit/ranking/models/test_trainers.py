"""Every trainer keeps the same promises: one suite for all of them."""

from __future__ import annotations

import ast
import dataclasses
import inspect

import numpy as np
import pytest

from ranking.errors import TrainingError
from ranking.interactions import Interactions
from ranking.models import silent, trainer, trainers

NAMES = tuple(trainers)
LEARNING = tuple(name for name in NAMES if name != "popularity")


def communities(*, groups=5, rows_each=12, readers_each=30, seed=3):
    """Readers who act within their own group of rows, the first rows of a group more often; three idle rows."""
    draw = np.random.default_rng(seed)
    readers, rows = [], []
    chance = np.linspace(2, 1, rows_each) / np.linspace(2, 1, rows_each).sum()
    for group in range(groups):
        for reader in range(readers_each):
            chosen = draw.choice(rows_each, size=5, replace=False, p=chance) + group * rows_each
            readers += [group * readers_each + reader] * 5
            rows += chosen.tolist()
    return Interactions.from_columns(readers, rows, rows=groups * rows_each + 3)


def trained(name, interactions, seed=0, progress=silent, **parameters):
    chosen = trainer(name)
    return chosen.train(interactions, chosen.parse(parameters), seed=seed, progress=progress)


@pytest.mark.parametrize("name", NAMES)
def test_the_same_input_and_seed_give_the_same_version(name):
    interactions = communities()
    assert trained(name, interactions).version == trained(name, interactions).version


@pytest.mark.parametrize("name", NAMES)
def test_a_graph_has_the_rows_of_its_interactions_and_names_its_trainer(name):
    graph = trained(name, communities())
    assert graph.rows == 63
    assert graph.trainer == name


@pytest.mark.parametrize("name", LEARNING)
def test_neighbours_come_from_the_same_group_first(name):
    graph = trained(name, communities(), width=6)
    firsts = graph.neighbours[:60, 0]
    same = firsts // 12 == np.arange(60) // 12
    assert same.mean() > 0.9
    assert (graph.weights[:60, 0] > 0).mean() > 0.8


@pytest.mark.parametrize("name", LEARNING)
def test_rows_that_nobody_acted_on_have_no_neighbours_and_are_nobodys(name):
    graph = trained(name, communities())
    assert (graph.neighbours[60:] == -1).all()
    assert not np.isin(graph.neighbours, [60, 61, 62]).any()


@pytest.mark.parametrize("name", LEARNING)
def test_the_width_is_kept(name):
    assert trained(name, communities(), width=4).width == 4
    with pytest.raises(TrainingError, match="width is 0"):
        trained(name, communities(), width=0)


@pytest.mark.parametrize("name", LEARNING)
def test_nothing_to_learn_from_is_said_clearly(name):
    with pytest.raises(TrainingError, match=f"{name}: there are no interactions"):
        trained(name, Interactions.from_columns([], [], readers=3, rows=4))


def test_popularity_serves_an_empty_store():
    assert trained("popularity", Interactions.from_columns([], [], rows=4)).neighbours.tolist() == [[-1]] * 4


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(
    ("readers", "rows"),
    [([0], [0]), ([0, 0, 0], [0, 1, 2]), ([0, 1, 2], [0, 0, 0]), ([0, 1], [0, 1])],
    ids=["one event", "one reader", "one row", "nothing shared"],
)
def test_the_smallest_stores_train_without_a_number_that_is_not_finite(name, readers, rows):
    graph = trained(name, Interactions.from_columns(readers, rows))
    assert graph.rows == max(rows) + 1
    assert np.isfinite(graph.scale)


@pytest.mark.parametrize("kinds", [4, 9, 31])
def test_where_few_components_hold_everything_spectral_keeps_no_tail_of_rounding(kinds):
    """Readers of one kind act on the same rows: there are as many components as kinds, and fewer than are kept."""
    draw = np.random.default_rng(1)
    tastes = [draw.choice(40, 6, replace=False) for _ in range(kinds)]
    rows = [row for reader in range(4 * kinds) for row in tastes[reader % kinds]]
    interactions = Interactions.from_columns(np.repeat(np.arange(4 * kinds), 6), rows, rows=40)
    made = trained("spectral", interactions, components=36)
    without = trained("spectral", interactions, components=36, tail=0.0)
    assert np.isfinite(made.scale)
    assert made.scale == pytest.approx(without.scale, rel=0.2)
    assert np.mean(made.neighbours[:, :3] == without.neighbours[:, :3]) > 0.8


@pytest.mark.parametrize("name", LEARNING)
def test_event_weights_count_only_when_asked(name):
    plain = communities()
    heavy = dataclasses.replace(plain, weights=np.where(plain.indices % 2, np.float32(3), plain.weights))
    assert trained(name, plain).version == trained(name, heavy).version
    assert trained(name, plain, weighted=True).version != trained(name, heavy, weighted=True).version


@pytest.mark.parametrize("name", ["ease", "als", "spectral"])
def test_the_unit_of_event_weights_does_not_matter(name):
    plain = communities()
    ones, twos = (dataclasses.replace(plain, weights=np.full(plain.count, unit, np.float32)) for unit in (1, 2))
    first, second = (trained(name, each, weighted=True) for each in (ones, twos))
    assert first.version == second.version == trained(name, plain, weighted=True).version
    assert (first.neighbours == trained(name, plain).neighbours).all()


@pytest.mark.parametrize("name", NAMES)
def test_progress_never_falls_and_ends_at_one(name):
    told = []
    trained(name, communities(), progress=lambda done, message: told.append((done, message)))
    shares = [done for done, _ in told]
    assert shares == sorted(shares)
    assert shares[-1] == pytest.approx(1.0)
    assert all(message for _, message in told)


@pytest.mark.parametrize("name", NAMES)
def test_an_unknown_parameter_is_refused_by_name(name):
    with pytest.raises(TrainingError, match="has no parameter colour"):
        trained(name, communities(), colour=1)


@pytest.mark.parametrize(
    ("name", "given", "message"),
    [
        ("spectral", {"width": "wide"}, "width must be int"),
        ("spectral", {"weighted": 1}, "weighted must be bool"),
        ("spectral", {"components": True}, "components must be int"),
        ("spectral", {"components": -1}, "components is -1"),
        ("spectral", {"reader_exponent": 9.0}, "reader_exponent is 9.0"),
        ("ease", {"regularization": 0}, "regularization is 0"),
        ("ease", {"regularization": float("nan")}, "regularization is nan"),
        ("ease", {"dropout": 1.0}, "dropout is 1.0"),
        ("als", {"factors": 0}, "factors is 0"),
        ("neighbours", {"similarity": "jaccard"}, "must be bm25 or cosine"),
    ],
)
def test_senseless_parameters_are_refused_by_name(name, given, message):
    with pytest.raises(TrainingError, match=message):
        trainer(name).parse(given)


def test_an_unknown_model_is_refused_with_the_list_of_known_ones():
    with pytest.raises(TrainingError, match="there is no model magic; there are: spectral"):
        trainer("magic")


@pytest.mark.parametrize("name", NAMES)
def test_every_parameter_has_a_docstring(name):
    parameters = trainer(name).parameters
    [definition] = ast.parse(inspect.getsource(parameters)).body
    assert isinstance(definition, ast.ClassDef)
    body = definition.body
    for at, node in enumerate(body):
        if isinstance(node, ast.AnnAssign):
            following = body[at + 1]
            assert isinstance(following, ast.Expr) and isinstance(following.value, ast.Constant), ast.unparse(node)


def test_ease_refuses_a_catalogue_beyond_its_reach(monkeypatch):
    monkeypatch.setattr("ranking.models.ease.LARGEST", 10)
    with pytest.raises(TrainingError, match=r"60 rows have interactions.*use spectral"):
        trained("ease", communities())


@pytest.mark.parametrize("dropout", [0.0, 0.25])
def test_ease_is_the_closed_form(dropout):
    interactions = communities()
    graph = trained("ease", interactions, regularization=7.0, dropout=dropout, width=60)
    matrix = interactions.matrix().toarray()[:, :60]
    gram = matrix.T @ matrix
    inverse = np.linalg.inv(gram + 7.0 * np.eye(60) + dropout / (1 - dropout) * np.diag(np.diag(gram)))
    expected = -inverse / np.diag(inverse)
    np.fill_diagonal(expected, 0)
    found = np.zeros((60, 60))
    row, slot = np.nonzero(graph.neighbours[:60] >= 0)
    found[row, graph.neighbours[row, slot]] = graph.weights[row, slot] * graph.scale
    np.testing.assert_allclose(found, expected, atol=graph.scale)


@pytest.mark.parametrize(("ridge", "tail"), [(0.0, 0.0), (0.0, 0.5), (0.2, 0.5)])
def test_spectral_is_the_filter_of_its_formula(ridge, tail):
    interactions = communities()
    given = {"reader_exponent": 0.25, "row_exponent": 0.35, "ridge": ridge, "tail": tail}
    graph = trained("spectral", interactions, components=8, width=60, power_iterations=12, oversampling=20, **given)
    matrix = interactions.matrix().toarray()[:, :60].astype(np.float64)
    readers, rows = matrix.sum(1), matrix.sum(0)
    normalised = readers[:, None] ** -0.25 * matrix * rows**-0.35
    normalised /= np.linalg.norm(normalised, 2)
    _, values, vectors = np.linalg.svd(normalised, full_matrices=False)
    squares = values**2
    leading = squares / (squares + ridge) if ridge else values
    gain = np.where(np.arange(60) < 8, leading, tail * leading[7] / squares[7] * squares)
    expected = rows[:, None] ** -0.35 * (vectors.T * gain @ vectors) * rows**0.35
    np.fill_diagonal(expected, 0)
    found = np.zeros((60, 60))
    row, slot = np.nonzero(graph.neighbours[:60] >= 0)
    found[row, graph.neighbours[row, slot]] = graph.weights[row, slot] * graph.scale
    np.testing.assert_allclose(found, expected, atol=2e-4)


def test_spectral_takes_a_twentieth_of_the_smaller_side_unless_told():
    assert trained("spectral", communities()).parameters["components"] == 32
    assert trained("spectral", communities(), components=5).parameters["components"] == 5


def test_signed_weights_reach_the_graph():
    assert (trained("ease", communities(), width=60).weights < 0).any()
    assert (trained("spectral", communities(), width=60).weights < 0).any()
