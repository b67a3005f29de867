"""Findings conclude what the data bears: rarely something where nothing is, and nothing where they may not."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from numpy.typing import NDArray

from controls.experiments import Arm, Experiment
from controls.scopes import Scope
from experiments.assignment import bucket_of
from experiments.findings import FEWEST, findings_of
from experiments.world import World
from ranking.reader import EventKind

READERS = 1000
Counts = NDArray[np.int64]


def experiment(*shares: int, measure: str = "per_reader") -> Experiment:
    arms = tuple(Arm("abcdef"[place], share, ()) for place, share in enumerate(shares or (500, 500)))
    return Experiment("e", "e", arms, "click", measure, Scope(), 0, 100)


def counted(*events: list[int]) -> list[Counts]:
    """Readers of each arm with one page and these events each."""
    return [np.array([[1, count] for count in arm], dtype=np.int64).reshape(-1, 2) for arm in events]


def lots(running: Experiment, trial: str, clicks: Counts) -> list[Counts]:
    """The readers of a simulated community in the arms of an experiment of this id."""
    places = np.array([bucket_of(trial, f"reader-{reader:05d}") for reader in range(clicks.size)])
    edges = np.cumsum([0] + [arm.share for arm in running.arms])
    inside = [clicks[(places >= low) & (places < high)] for low, high in pairwise(edges.tolist())]
    return [np.stack([np.ones_like(each), each], axis=1) for each in inside]


@pytest.fixture(scope="module")
def clicks() -> Counts:
    """int64[readers]: the clicks of each reader of a simulated community, as uneven as people are."""
    world = World(3, readers=READERS, items=1200, start=1_700_000_000)
    events = world.history(14, events=12_000).events
    per_reader = np.bincount(events.readers[events.kinds == EventKind.CLICK], minlength=READERS)
    assert per_reader.std() > per_reader.mean() > 2
    return per_reader.astype(np.int64)


@pytest.mark.parametrize(("measure", "shares"), [("per_reader", (500, 500)), ("readers", (300, 300, 300))])
def test_arms_that_differ_in_nothing_are_found_to_differ_in_one_of_twenty_experiments(
    clicks: Counts, measure: str, shares: tuple[int, ...]
) -> None:
    running = experiment(*shares, measure=measure)
    wrong = uneven = 0
    for trial in range(800):
        found = findings_of(running, lots(running, f"{trial:08x}", clicks), over=True)
        wrong += any(arm.conclusion in ("higher", "lower") for arm in found.arms)
        uneven += not found.even
    assert 0.025 < wrong / 800 < 0.075
    assert uneven <= 4


def test_an_effect_is_found_with_its_sign_and_within_its_interval(clicks: Counts) -> None:
    draw, running = np.random.default_rng(7), experiment()
    right = covered = 0
    for trial in range(200):
        usual, changed = lots(running, f"{trial:08x}", clicks)
        changed[:, 1] = draw.poisson(changed[:, 1] * 1.5)
        found = findings_of(running, [usual, changed], over=True).arms[1]
        assert found.conclusion != "lower" and found.difference is not None
        right += found.conclusion == "higher"
        covered += found.difference.low <= clicks.mean() * 0.5 <= found.difference.high
    assert right > 150
    assert covered > 180


def test_figures_are_those_of_the_readers_counted() -> None:
    many = FEWEST
    found = findings_of(experiment(), counted([0] * many, [0, 3] * (many // 2)), over=True)
    first, second = found.arms
    assert (first.readers, first.pages, first.events, first.with_any, first.value) == (many, many, 0, 0, 0.0)
    assert (second.events, second.with_any, second.value) == (3 * many // 2, many // 2, 1.5)
    assert first.difference is None and first.conclusion is None
    assert second.difference is not None and second.difference.estimate == 1.5
    assert second.conclusion == "higher" and found.even
    shares = findings_of(experiment(measure="readers"), counted([0] * many, [0, 3] * (many // 2)), over=True).arms[1]
    assert shares.value == 0.5 and shares.difference is not None and shares.difference.estimate == 0.5


def test_lower_is_told_as_lower() -> None:
    found = findings_of(experiment(), counted([3, 2] * 200, [1, 2] * 200), over=True)
    assert found.arms[1].conclusion == "lower"


def test_nothing_is_concluded_while_an_experiment_runs() -> None:
    clear = counted([0] * 500, [5, 6] * 250)
    assert findings_of(experiment(), clear, over=False).arms[1].conclusion == "running"
    assert findings_of(experiment(), clear, over=True).arms[1].conclusion == "higher"


def test_nothing_is_concluded_from_arms_whose_sizes_do_not_fit_their_shares() -> None:
    uneven = counted([0] * 1000, [5, 6] * 400)
    found = findings_of(experiment(), uneven, over=True)
    assert not found.even and found.fit < 1e-5 and found.arms[1].conclusion == "uneven"
    fitting = findings_of(experiment(1000 * 5 // 9, 1000 * 4 // 9), uneven, over=True)
    assert fitting.even and fitting.arms[1].conclusion == "higher"


@pytest.mark.parametrize("readers", [0, 1, FEWEST - 1])
def test_nothing_is_concluded_from_few_readers(readers: int) -> None:
    found = findings_of(experiment(), counted([0] * readers, [5] * readers), over=True)
    assert found.arms[1].conclusion == "few" and found.even
    assert (found.arms[1].difference is None) == (readers < 2)
    assert (found.arms[1].value is None) == (readers == 0)


def test_what_could_be_chance_is_not_conclusive() -> None:
    found = findings_of(experiment(), counted([0, 4] * 100, [0, 5, 4, 0] * 50), over=True)
    assert found.arms[1].conclusion == "not conclusive"


def test_intervals_are_the_wider_the_more_arms_are_compared() -> None:
    three = counted(*[[0, 1, 2] * 60] * 3)
    found = findings_of(experiment(300, 300, 300), three, over=True)
    assert found.arms[1].difference is not None and found.arms[1].difference.confidence == pytest.approx(0.975)
    two = findings_of(experiment(), three[:2], over=True).arms[1].difference
    assert two is not None and two.confidence == pytest.approx(0.95)
    assert two.high < found.arms[1].difference.high
