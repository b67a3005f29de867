"""Warm start: a spectral model begun from an earlier graph is as good, the same each time, and names its start."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from ranking.graph import ItemGraph
from ranking.interactions import Interactions
from ranking.models import silent, trainer, trainers
from ranking.models.decomposition import right_singular
from ranking.models.engine import Resuming, local
from ranking.models.scratch import Scratch
from ranking.models.spectral import SpectralParameters, _normalised, train
from ranking.models.warm_start import start_block

ROWS, READERS, TASTES = 300, 400, 12
SMALL = SpectralParameters(components=TASTES, oversampling=4, width=40)


def likes(seed: int, rows: int = ROWS, *, readers: int = READERS) -> Interactions:
    """Readers who act within a mixture of two of twelve tastes."""
    draw = np.random.default_rng(seed)
    appeal = np.random.default_rng(99).random((TASTES, ROWS)) ** 20
    who, what = [], []
    for reader in range(readers):
        chance = appeal[draw.choice(TASTES, 2, replace=False)].sum(axis=0)[:rows]
        who += [reader] * 15
        what += draw.choice(rows, 15, replace=False, p=chance / chance.sum()).tolist()
    return Interactions.from_columns(who, what, readers=readers, rows=rows)


@pytest.fixture(scope="module")
def earlier() -> ItemGraph:
    return train(likes(1), SMALL, seed=1, progress=silent)


def captured(interactions: Interactions, start: ItemGraph | None, *, iterations: int = 0) -> float:
    """Share of the exact leading singular vectors' energy that the approximate ones hold."""
    active = np.flatnonzero(interactions.popularity())
    matrix, degrees = _normalised(interactions, SMALL, active)
    scale = np.sqrt(degrees).astype(np.float32)
    found, _ = right_singular(
        matrix,
        TASTES,
        oversampling=4,
        power_iterations=iterations,
        seed=3,
        progress=silent,
        start=None if start is None else lambda width: start_block(start, active, scale, width, 3),
    )
    image = np.linalg.norm(matrix @ found) ** 2
    best = np.linalg.svd(matrix.toarray(), compute_uv=False)[:TASTES]
    return float(image / (best**2).sum())


def test_the_block_of_an_earlier_graph_lies_nearer_to_the_singular_vectors_than_a_random_one(earlier):
    newer = likes(2)
    for iterations in (0, 1):
        warm, cold = (captured(newer, start, iterations=iterations) for start in (earlier, None))
        assert warm > cold + 0.05


def test_it_does_so_too_where_there_are_fewer_readers_than_rows():
    few = likes(4, readers=150)
    start = train(likes(5, readers=150), SMALL, seed=1, progress=silent)
    assert captured(few, start) > captured(few, None)


def test_the_same_events_start_and_seed_give_the_same_model_and_another_start_another(earlier):
    newer = likes(2)
    made, again = (train(newer, SMALL, seed=0, progress=silent, start=earlier) for _ in range(2))
    assert made.version == again.version
    assert (made.neighbours == again.neighbours).all() and (made.weights == again.weights).all()
    other = train(likes(3), SMALL, seed=1, progress=silent)
    assert train(newer, SMALL, seed=0, progress=silent, start=other).version != made.version
    assert train(newer, SMALL, seed=1, progress=silent, start=earlier).version != made.version


def test_a_model_names_what_it_was_begun_from_and_only_then(earlier):
    warm = train(likes(2), SMALL, seed=0, progress=silent, start=earlier)
    assert warm.parameters["start"] == earlier.version
    assert warm.parameters["power_iterations"] == SMALL.power_iterations  # the recipe, as it would train anew
    assert "start" not in earlier.parameters


def test_a_row_that_the_earlier_model_did_not_know_gets_neighbours_like_the_others(earlier):
    known = train(likes(1, rows=250), SMALL, seed=1, progress=silent)
    assert known.rows == 250
    newer = likes(2)
    warm = train(newer, SMALL, seed=0, progress=silent, start=known)
    cold = train(newer, SMALL, seed=0, progress=silent)
    new = np.flatnonzero(newer.popularity()[250:] > 5) + 250
    shared = [np.intersect1d(warm.neighbours[row, :10], cold.neighbours[row, :10]).size for row in new]
    assert np.mean(shared) > 6


def test_rows_that_are_gone_from_the_events_get_no_neighbours_from_the_earlier_model(earlier):
    fewer = likes(2)
    fewer = fewer.where(fewer.indices != int(np.argmax(fewer.popularity())))
    gone = int(np.argmax(likes(2).popularity()))
    warm = train(fewer, SMALL, seed=0, progress=silent, start=earlier)
    assert (warm.neighbours[gone] == -1).all()
    assert not (warm.neighbours == gone).any()


@pytest.mark.parametrize(
    ("readers", "rows"),
    [([0], [0]), ([0, 0, 0], [0, 1, 2]), ([0, 1, 2], [0, 0, 0]), ([0, 1], [0, 1])],
    ids=["one event", "one reader", "one row", "nothing shared"],
)
def test_the_smallest_stores_begin_from_anything_without_a_number_that_is_not_finite(readers, rows, earlier):
    nothing = ItemGraph.from_arrays(np.full((2, 1), -1), np.zeros((2, 1)), trainer="spectral")
    for start in (earlier, nothing):
        graph = train(Interactions.from_columns(readers, rows), SMALL, seed=0, progress=silent, start=start)
        assert graph.rows == max(rows) + 1
        assert np.isfinite(graph.scale)


@pytest.mark.parametrize("name", [name for name in trainers if name not in ("popularity", "spectral")])
def test_a_trainer_that_cannot_begin_from_a_graph_begins_anew(name):
    used, events = trainer(name), likes(2, readers=60)
    given = used.parse({})
    start = local(used, likes(1, readers=60), given, seed=0, progress=silent)
    made = local(used, events, given, seed=0, progress=silent, start=start)
    assert made.version == local(used, events, given, seed=0, progress=silent).version


def test_a_model_of_another_trainer_is_no_start():
    spectral, events = trainer("spectral"), likes(2)
    other = ItemGraph.from_arrays([[1], [0]], [[1.0], [1.0]], trainer="ease")
    cold = local(spectral, events, SMALL, seed=0, progress=silent)
    assert local(spectral, events, SMALL, seed=0, progress=silent, start=other).version == cold.version


def test_what_an_interrupted_training_finished_is_taken_up_only_with_the_same_start(tmp_path, earlier, monkeypatch):
    spectral, events = trainer("spectral"), likes(2)
    resuming = Resuming(tmp_path)
    warm = resuming(spectral, events, SMALL, seed=0, progress=silent, start=earlier)
    assert warm.version == local(spectral, events, SMALL, seed=0, progress=silent, start=earlier).version
    found = []
    get = Scratch.get

    def noted(scratch, name, *shapes):
        piece = get(scratch, name, *shapes)
        found.append(piece is not None)
        return piece

    monkeypatch.setattr(Scratch, "get", noted)
    assert resuming(spectral, events, SMALL, seed=0, progress=silent, start=earlier).version == warm.version
    assert found == [True]
    found.clear()
    cold = resuming(spectral, events, SMALL, seed=0, progress=silent)
    assert found == [False]
    assert cold.version == local(spectral, events, SMALL, seed=0, progress=silent).version
    assert dataclasses.asdict(SMALL)["power_iterations"] > 1
