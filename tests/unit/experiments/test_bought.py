"""What attackers achieve on popular lists, and what the guard costs honest readers."""

from __future__ import annotations

import numpy as np
import pytest

from experiments.bought import Attack, Heard, Outcome, measure, quality, simulated
from ranking.errors import DataError

KNOWABLE = (Attack.BURST, Attack.SCRIPT)


@pytest.fixture(scope="module")
def heard() -> Heard:
    return simulated(7, readers=600, items=1200, events=18_000)


@pytest.fixture(scope="module")
def outcomes(heard: Heard) -> dict[tuple[Attack, int], Outcome]:
    made = measure(heard, list(Attack), [50, 400], targets=5, seed=1)
    return {(outcome.attack, outcome.accounts): outcome for outcome in made}


def test_without_damping_fifty_accounts_buy_the_first_place(outcomes: dict[tuple[Attack, int], Outcome]) -> None:
    assert outcomes[Attack.BURST, 50].undamped_place == 1
    assert outcomes[Attack.DECOYS, 50].undamped_place == 1


@pytest.mark.parametrize("attack", KNOWABLE)
def test_eight_times_the_accounts_hardly_buy_more_places(
    outcomes: dict[tuple[Attack, int], Outcome], attack: Attack
) -> None:
    few, many = outcomes[attack, 50], outcomes[attack, 400]
    assert many.damped_place > 100
    assert many.damped_gain <= 1.2 * few.damped_gain


@pytest.mark.parametrize("attack", [Attack.BURST, Attack.DECOYS, Attack.SCRIPT, Attack.SLEEPERS])
def test_no_attack_in_a_hurry_reaches_a_list_of_twenty(
    outcomes: dict[tuple[Attack, int], Outcome], attack: Attack
) -> None:
    assert outcomes[attack, 50].damped_place > 20
    assert outcomes[attack, 50].damped_gain < outcomes[attack, 50].undamped_gain


def test_honest_readers_are_served_as_well_as_without(heard: Heard) -> None:
    worlds = [heard, *(simulated(seed, readers=600, items=1200, events=18_000) for seed in (8, 9, 10))]
    judged = [quality(world) for world in worlds]
    undamped, damped = (np.mean([getattr(one, name) for one in judged]) for name in ("undamped", "damped"))
    assert undamped > 0
    assert damped > 0.9 * undamped


def test_the_same_seed_measures_the_same(heard: Heard) -> None:
    once, again = (measure(heard, [Attack.SLEEPERS], [20], targets=3, seed=4) for _ in range(2))
    assert once == again


def test_too_few_items_are_no_list_to_speak_of() -> None:
    few = Heard(
        np.arange(5, dtype=np.int32),
        np.arange(5, dtype=np.int32),
        np.full(5, 100, dtype=np.int64),
        np.full(5, 100, dtype=np.int64),
        np.zeros(5, dtype=np.int64),
        5,
    )
    with pytest.raises(DataError, match="heard on 5 items"):
        measure(few, [Attack.BURST], [1], targets=1, seed=0)
    with pytest.raises(DataError, match="nothing to judge by"):
        quality(few)
