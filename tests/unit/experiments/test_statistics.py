"""Intervals agree with published values and cover the truth as often as they say."""

from __future__ import annotations

import numpy as np
import pytest

from experiments.statistics import Interval, paired_bootstrap, wilson


@pytest.mark.parametrize(
    ("successes", "trials", "low", "high"),
    [(81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (0, 20, 0.0000, 0.1611), (1, 29, 0.0061, 0.1718)],
)
def test_wilson_gives_the_intervals_newcombe_published(successes, trials, low, high):
    interval = wilson(successes, trials)
    assert interval.low == pytest.approx(low, abs=5e-5)
    assert interval.high == pytest.approx(high, abs=5e-5)
    assert interval.estimate == successes / trials


def test_wilson_is_symmetric_and_exact_at_its_ends():
    assert wilson(20, 20).high == 1.0 and wilson(0, 20).low == 0.0
    assert wilson(3, 20).low == pytest.approx(1 - wilson(17, 20).high)


def test_wilson_covers_the_truth_as_often_as_it_says():
    draw = np.random.default_rng(1)
    successes = draw.binomial(80, 0.1, size=2000)
    covered = [wilson(int(each), 80).low <= 0.1 <= wilson(int(each), 80).high for each in successes]
    assert 0.93 < np.mean(covered) < 0.97


@pytest.mark.parametrize(("successes", "trials"), [(-1, 5), (6, 5), (0, 0)])
def test_wilson_refuses_what_is_no_proportion(successes, trials):
    with pytest.raises(ValueError, match="no proportion"):
        wilson(successes, trials)


def test_confidence_outside_zero_to_one_is_refused():
    with pytest.raises(ValueError, match="confidence"):
        wilson(1, 2, confidence=1.0)
    with pytest.raises(ValueError, match="confidence"):
        paired_bootstrap([1.0], [0.0], seed=0, confidence=95)


def test_the_bootstrap_is_deterministic_for_a_seed_and_whatever_its_blocks(monkeypatch):
    draw = np.random.default_rng(2)
    ours, theirs = draw.random(300), draw.random(300)
    first = paired_bootstrap(ours, theirs, seed=5)
    assert first == paired_bootstrap(ours, theirs, seed=5)
    assert first != paired_bootstrap(ours, theirs, seed=6)
    monkeypatch.setattr("experiments.statistics._DRAWS_AT_ONCE", 1000)
    assert first == paired_bootstrap(ours, theirs, seed=5)


def test_the_bootstrap_agrees_with_the_normal_interval_of_a_mean():
    draw = np.random.default_rng(3)
    difference = draw.normal(0.2, 1.0, size=1000)
    interval = paired_bootstrap(difference, np.zeros(1000), seed=1, resamples=4000)
    reach = 1.96 * difference.std(ddof=1) / np.sqrt(1000)
    assert interval.estimate == pytest.approx(difference.mean())
    assert interval.low == pytest.approx(difference.mean() - reach, abs=0.006)
    assert interval.high == pytest.approx(difference.mean() + reach, abs=0.006)


def test_the_bootstrap_covers_the_truth_as_often_as_it_says():
    draw = np.random.default_rng(4)
    covered = 0
    for trial in range(300):
        shared = draw.normal(size=120)
        ours = shared + draw.normal(0.1, 0.5, size=120)
        interval = paired_bootstrap(ours, shared, seed=trial, resamples=400)
        covered += interval.low <= 0.1 <= interval.high
    assert 0.90 < covered / 300 < 0.98


def test_pairing_removes_what_readers_differ_in():
    draw = np.random.default_rng(5)
    readers = draw.normal(0, 100, size=200)
    interval = paired_bootstrap(readers + 0.1, readers, seed=0)
    assert interval.high - interval.low < 1e-9
    assert interval.excludes_zero


def test_an_interval_around_zero_settles_nothing():
    assert not Interval(0.1, -0.1, 0.3).excludes_zero
    assert Interval(-0.2, -0.3, -0.1).excludes_zero


@pytest.mark.parametrize(
    ("ours", "theirs", "message"),
    [([1.0], [1.0, 2.0], "one length"), ([], [], "one length"), ([np.nan], [0.0], "finite")],
)
def test_the_bootstrap_refuses_what_is_not_paired(ours, theirs, message):
    with pytest.raises(ValueError, match=message):
        paired_bootstrap(ours, theirs, seed=0)
