"""Spaces give values that hold, and near values that are near."""

from __future__ import annotations

import numpy as np
import pytest

from ranking.errors import TrainingError
from ranking.interactions import Interactions
from ranking.models import trainers
from ranking.models.peers import peers
from ranking.models.space import Choice, Real, Whole


def generator(seed=0):
    return np.random.default_rng(seed)


@pytest.mark.parametrize("dimension", [Real(0.01, 100.0, log=True), Real(-1.0, 1.0), Whole(16, 2048, log=True)])
def test_values_anywhere_cover_the_dimension_and_stay_in_it(dimension):
    draw = generator()
    values = [dimension.anywhere(draw) for _ in range(300)]
    assert min(values) >= dimension.low and max(values) <= dimension.high
    middle = (dimension.low * dimension.high) ** 0.5 if dimension.log else (dimension.low + dimension.high) / 2
    assert 0.4 < np.mean(np.array(values) < middle) < 0.6


def test_near_values_are_near_and_held_to_the_dimension():
    draw, dimension = generator(), Real(0.0, 1.0)
    near = np.array([dimension.near(0.5, 0.05, draw) for _ in range(300)])
    assert 0.03 < near.std() < 0.07
    assert all(0 <= dimension.near(0.0, 0.5, draw) <= 1 for _ in range(100))
    assert Whole(16, 2048).near(1 << 20, 0.0, draw) == 2048


def test_a_choice_stays_or_is_made_again():
    draw, dimension = generator(), Choice(("a", "b", "c"))
    assert {dimension.near("b", 0.0, draw) for _ in range(20)} == {"b"}
    assert {dimension.near("b", 1.0, draw) for _ in range(50)} == {"a", "b", "c"}


@pytest.mark.parametrize("name", list(trainers))
def test_a_trainer_takes_every_value_of_its_own_space(name):
    chosen, draw = trainers[name], generator(7)
    for _ in range(30):
        chosen.parse({field: dimension.anywhere(draw) for field, dimension in chosen.space.items()})


def test_a_space_of_unknown_parameters_would_be_refused():
    with pytest.raises(TrainingError, match="implicit-als has no parameter wings"):
        peers["implicit-als"].scores(Interactions.from_columns([0, 1], [0, 1]), {"wings": 2}, seed=0)
    assert all(set(peer.space) <= set(peer.defaults) for peer in peers.values())
