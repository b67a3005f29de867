"""What lists do beside hitting: published formulas on lists small enough to work out by hand, and what always holds."""

from __future__ import annotations

import math
from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from experiments.beyond import Facts, bucket_shares, gini, measure, popularity_buckets
from experiments.calibration import ALPHA, divergences
from experiments.diversity import Sets, distances, diversity
from experiments.exposure import first_exposure
from experiments.splits import Split
from ranking.interactions import Interactions

ART, BEES, CHESS = 0, 1, 2


def interactions(pairs, *, rows, readers=None, times=None):
    return Interactions.from_columns([p[0] for p in pairs], [p[1] for p in pairs], times, readers=readers, rows=rows)


def topics_of(*lines, width=3):
    table = np.full((len(lines), width), -1, np.int32)
    for row, line in enumerate(lines):
        table[row, : len(line)] = line
    return table


def lists_of(*lines):
    return np.array(lines, np.int32)


def some_case(seed):
    """Random topics, histories and lists; some rows without topics, some lists short."""
    draw = np.random.default_rng(seed)
    rows, readers = 15, 8
    table = topics_of(*(draw.permutation(4)[: draw.integers(0, 4)] for _ in range(rows)))
    train = Interactions.from_columns(*np.nonzero(draw.random((readers, rows)) < 0.3), readers=readers, rows=rows)
    lists = lists_of(*(draw.permutation(rows)[:5] for _ in range(readers)))
    for line in lists:
        line[5 - draw.integers(0, 5) :] = -1
    return table, train, lists, np.arange(readers)


def test_gini_is_zero_for_equality_and_near_one_for_monopoly():
    assert gini(np.array([5, 5, 5])) == pytest.approx(0)
    assert gini(np.array([0, 0, 0, 9])) == pytest.approx(0.75)
    assert gini(np.zeros(3, np.int64)) == 0
    # Incomes 1..5: the textbook value.
    assert gini(np.array([1, 2, 3, 4, 5])) == pytest.approx(4 / 15)


def test_coverage_gini_and_novelty_measure_what_is_shown():
    train = interactions([(0, 0), (1, 0), (1, 1), (2, 0), (3, 0)], rows=4)
    test = interactions([(0, 2), (1, 2)], rows=4, readers=4)
    found = measure(lists_of([1], [1]), np.array([0, 1]), Split(train, test))
    assert found.coverage == 0.25
    assert found.gini == pytest.approx(0.75)
    assert found.novelty == pytest.approx(2.0), "one reader in four had acted on it"


def test_buckets_are_cut_by_shares_of_interactions_not_of_rows():
    # 100 interactions: 20 stand before the second row, 80 before the fifth; nobody acted on the last row.
    assert popularity_buckets(np.array([20, 20, 20, 20, 10, 10, 0])).tolist() == [0, 1, 1, 1, 2, 2, 2]
    assert popularity_buckets(np.array([10, 90])).tolist() == [2, 0], "a row that holds most of all is of the head"


def test_shares_of_buckets_count_every_time_a_row_was_shown():
    popularity = np.array([20, 20, 20, 20, 10, 10, 0])
    assert bucket_shares(np.array([5, 3, 0, 0, 1, 0, 1]), popularity) == pytest.approx((0.5, 0.3, 0.2))
    assert bucket_shares(np.zeros(7, np.int64), popularity) == (0, 0, 0)


@given(st.lists(st.integers(0, 50), min_size=1, max_size=30), st.integers(0, 1000))
def test_every_row_is_of_one_bucket_and_a_more_popular_one_never_of_a_lower(popularity, seed):
    counts = np.array(popularity, np.int64)
    buckets = popularity_buckets(counts)
    order = np.argsort(-counts, kind="stable")
    assert np.all(np.diff(buckets[order]) >= 0)
    shown = np.random.default_rng(seed).integers(0, 5, counts.size)
    assert sum(bucket_shares(shown, counts)) == pytest.approx(1.0 if shown.any() else 0.0)


def test_diversity_by_topics_is_one_less_the_mean_cosine_of_pairs():
    sets = Sets.of_topics(topics_of([ART], [ART, BEES], [CHESS], []))
    half = 1 - 1 / math.sqrt(2)
    found = distances(lists_of([0, 1, 2], [0, 1, -1], [0, 3, -1], [0, 2, 3]), sets)
    assert found[:2].tolist() == pytest.approx([(half + 1 + 1) / 3, half])
    assert math.isnan(found[2]), "a single item with topics makes no pair"
    assert found[3] == pytest.approx(1.0), "an item without topics is in no pair"


def test_diversity_by_readers_looks_at_who_acted_on_both():
    train = interactions([(0, 0), (1, 0), (1, 1), (2, 2)], rows=4)
    sets = Sets.of_readers(train)
    assert diversity(lists_of([0, 1]), sets) == pytest.approx(1 - 1 / math.sqrt(2))
    assert diversity(lists_of([0, 2]), sets) == pytest.approx(1.0)
    assert diversity(lists_of([0, 3]), sets) is None, "nobody acted on the second"


@given(st.integers(0, 10_000))
@settings(max_examples=50)
def test_diversity_is_that_of_looking_at_every_pair(seed):
    table, _, lists, _ = some_case(seed)
    sets = [set(line[line >= 0].tolist()) for line in table]
    for line, found in zip(lists, distances(lists, Sets.of_topics(table)), strict=True):
        told = [sets[row] for row in line if row >= 0 and sets[row]]
        pairs = [1 - len(a & b) / math.sqrt(len(a) * len(b)) for a, b in combinations(told, 2)]
        assert found == pytest.approx(np.mean(pairs) if pairs else math.nan, abs=1e-9, nan_ok=True)


def test_divergence_is_that_of_the_published_formula():
    """Steck 2018: a history of 70 % romance and 30 % action, and a list of romance alone."""
    topics = Sets.of_topics(topics_of(*([ART],) * 8, *([BEES],) * 4))
    train = interactions([(0, row) for row in (0, 1, 2, 3, 4, 5, 6, 8, 9, 10)], rows=12)
    found = divergences(lists_of([7]), np.array([0]), train, topics)
    missing = 0.3 * math.log(1 / ALPHA)
    assert found[0] == pytest.approx(0.7 * math.log(0.7 / (0.99 * 1 + 0.01 * 0.7)) + missing)


def test_an_item_spreads_its_voice_evenly_over_its_topics():
    topics = Sets.of_topics(topics_of([ART, BEES], [ART], [BEES]))
    train = interactions([(0, 0), (1, 1)], rows=3)
    balanced, lacking = divergences(lists_of([1, 2], [2, -1]), np.array([0, 1]), train, topics)
    assert balanced == pytest.approx(0, abs=1e-12)
    assert lacking == pytest.approx(math.log(1 / ALPHA)), "as far as can be"


def test_a_history_without_topics_has_nothing_to_be_calibrated_to():
    topics = Sets.of_topics(topics_of([ART], []))
    train = interactions([(0, 1), (1, 0)], rows=2, readers=3)
    found = divergences(lists_of([0], [1], [0]), np.array([0, 1, 2]), train, topics)
    assert np.isnan(found[[0, 2]]).all()
    assert found[1] == pytest.approx(math.log(1 / ALPHA)), "a list without topics diverges as far as can be"


@given(st.integers(0, 10_000))
@settings(max_examples=50)
def test_divergence_lies_between_nothing_and_its_bound_and_is_nothing_for_the_history_itself(seed):
    table, train, lists, readers = some_case(seed)
    topics = Sets.of_topics(table)
    found = divergences(lists, readers, train, topics)
    told = found[~np.isnan(found)]
    assert ((told >= 0) & (told <= math.log(1 / ALPHA) + 1e-9)).all()
    longest = int(np.diff(train.indptr).max(initial=1))
    own = np.full((readers.size, longest), -1, np.int32)
    for reader in readers:
        mine = train.indices[train.indptr[reader] : train.indptr[reader + 1]]
        own[reader, : mine.size] = mine
    assert np.nan_to_num(divergences(own, readers, train, topics)) == pytest.approx(0, abs=1e-9)


def test_divergence_does_not_depend_on_how_readers_are_batched(monkeypatch):
    table, train, lists, readers = some_case(5)
    whole = divergences(lists, readers, train, Sets.of_topics(table))
    monkeypatch.setattr("experiments.calibration._CELLS", 9)
    assert divergences(lists, readers, train, Sets.of_topics(table)) == pytest.approx(whole, nan_ok=True)


def dated_split():
    """Lists are dated 100, 300 and 500 days; rows 3, 4 and 5 come in on days 200, 250 and 600, with their entries."""
    day = 86_400
    train = interactions([(0, 0), (1, 1), (2, 2)], rows=6, times=[day, 2 * day, 3 * day])
    held = [(0, 1), (1, 3), (2, 4), (2, 5)]
    times = [100 * day, 300 * day, 500 * day, 600 * day]
    return Split(train, interactions(held, rows=6, readers=3, times=times)), day


def test_first_exposure_counts_from_coming_in_to_the_first_later_list():
    split, day = dated_split()
    published = np.array([0, 0, 0, 200, 250, 600]) * day
    lists = lists_of([3, 4], [3, 0], [3, 0])
    found = first_exposure(lists, np.arange(3), split, published=published)
    assert found is not None
    assert found.new == 2, "row 5 came in after the last list"
    assert found.exposed == 0.5, "the list that had row 4 was made before there was a row 4"
    assert found.days == pytest.approx(100)


def test_a_row_of_unknown_publication_comes_in_with_its_first_entry():
    split, _ = dated_split()
    found = first_exposure(lists_of([0, 1], [3, 0], [4, 0]), np.arange(3), split)
    assert found is not None
    assert (found.new, found.exposed, found.days) == (2, 1.0, 0.0)


def test_new_items_that_nobody_was_shown_have_no_time_of_exposure():
    split, _ = dated_split()
    found = first_exposure(lists_of([0, 1], [0, 1], [0, 1]), np.arange(3), split)
    assert found is not None
    assert (found.exposed, found.days) == (0.0, None)


def test_what_the_data_does_not_tell_is_absent():
    train, test = interactions([(0, 0), (0, 1)], rows=3), interactions([(0, 2)], rows=3)
    found = measure(lists_of([0, 1]), np.array([0]), Split(train, test)).named(2)
    absent = {"topic_diversity@2", "calibration_kl@2", "new_exposed@2", "first_exposure_days@2"}
    assert {name for name, value in found.items() if value is None} == absent
    facts = Facts(np.full((3, 2), -1, np.int32), np.zeros(3, np.int64))
    assert measure(lists_of([0, 1]), np.array([0]), Split(train, test), facts=facts).named(2) == found


def test_topics_are_measured_where_they_are_told():
    train, test = interactions([(0, 0), (0, 1)], rows=3), interactions([(0, 2)], rows=3)
    facts = Facts(topics_of([ART], [BEES], [CHESS]), np.zeros(3, np.int64))
    found = measure(lists_of([0, 1]), np.array([0]), Split(train, test), facts=facts)
    assert found.calibration == pytest.approx(0, abs=1e-12)
    assert found.topic_diversity == pytest.approx(1.0)
