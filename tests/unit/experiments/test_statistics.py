"""Intervals agree with published values and cover the truth as often as they say."""

from __future__ import annotations

import numpy as np
import pytest

from experiments.statistics import (
    Interval,
    Sample,
    difference_of_means,
    difference_of_shares,
    fit,
    paired_bootstrap,
    wilson,
)

SLEEP = (
    [0.7, -1.6, -0.2, -1.2, -0.1, 3.4, 3.7, 0.8, 0.0, 2.0],
    [1.9, 0.8, 1.1, 0.1, -0.1, 4.4, 5.5, 1.6, 4.6, 3.4],
)
"""Hours of sleep gained with two drugs (Student 1908)."""


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


@pytest.mark.parametrize(
    ("one", "other", "low", "high"),
    [
        ((56, 70), (48, 80), 0.0524, 0.3339),
        ((9, 10), (3, 10), 0.1705, 0.8090),
        ((6, 7), (2, 7), 0.0582, 0.8062),
        ((5, 56), (0, 29), -0.0381, 0.1926),
        ((0, 10), (0, 20), -0.1611, 0.2775),
        ((0, 10), (0, 10), -0.2775, 0.2775),
        ((10, 10), (0, 20), 0.6791, 1.0000),
        ((10, 10), (0, 10), 0.6075, 1.0000),
    ],
)
def test_differences_of_shares_are_those_of_newcombes_second_table(one, other, low, high):
    interval = difference_of_shares(*one, *other)
    assert interval.low == pytest.approx(low, abs=5e-5)
    assert interval.high == pytest.approx(high, abs=5e-5)


def test_a_difference_of_shares_turns_its_sign_with_the_arms():
    there, back = difference_of_shares(9, 10, 3, 10), difference_of_shares(3, 10, 9, 10)
    assert (there.low, there.high) == pytest.approx((-back.high, -back.low))


def test_welch_gives_the_interval_that_r_documents_for_students_sleep_data():
    """``t.test(extra ~ group, data = sleep)``: t = -1.8608, df = 17.776, -3.3654832 to 0.2054832."""
    interval = difference_of_means(Sample.of(SLEEP[0]), Sample.of(SLEEP[1]))
    assert interval.estimate == pytest.approx(-1.58)
    assert interval.low == pytest.approx(-3.3654832, abs=1e-7)
    assert interval.high == pytest.approx(0.2054832, abs=1e-7)


def test_welch_covers_the_truth_where_arms_differ_in_size_and_spread():
    draw = np.random.default_rng(6)
    covered = 0
    for _ in range(2000):
        one, other = draw.normal(1.0, 4.0, size=40), draw.normal(0.5, 1.0, size=400)
        interval = difference_of_means(Sample.of(one), Sample.of(other))
        covered += interval.low <= 0.5 <= interval.high
    assert 0.93 < covered / 2000 < 0.97


def test_values_that_never_vary_leave_no_doubt_and_single_ones_are_refused():
    same = difference_of_means(Sample.of([1.0, 1.0]), Sample.of([0.0, 0.0]))
    assert (same.low, same.high) == (1.0, 1.0)
    with pytest.raises(ValueError, match="two values of each"):
        difference_of_means(Sample.of([1.0]), Sample.of([0.0, 1.0]))
    with pytest.raises(ValueError, match="list of values"):
        Sample.of([])


@pytest.mark.parametrize(
    ("counts", "shares", "p"),
    [
        # Mendel's peas, and the sample ratio mismatch of Kohavi, Tang and Xu (2020), chapter 3.
        ((315, 101, 108, 32), (9, 3, 3, 1), 0.9254),
        ((821_588, 815_482), (1, 1), 1.8e-6),
    ],
)
def test_a_fit_has_the_published_likelihood(counts, shares, p):
    assert fit(counts, shares) == pytest.approx(p, rel=0.02)


def test_a_fit_is_at_its_critical_values_where_tables_say():
    """NIST/SEMATECH e-Handbook, 1.3.6.7.4: one degree of freedom."""
    for distance, p in ((3.841, 0.05), (10.828, 0.001)):
        off = (distance * 10**9) ** 0.5 / 2
        assert fit((round(5e8 + off), round(5e8 - off)), (1, 1)) == pytest.approx(p, rel=0.01)


def test_a_fit_needs_counts_and_shares_that_belong_together():
    assert fit((5,), (1,)) == fit((0, 0), (1, 1)) == 1.0
    for counts, shares in (((1, 2), (1,)), ((1, 2), (1, 0))):
        with pytest.raises(ValueError, match="share above 0"):
            fit(counts, shares)
