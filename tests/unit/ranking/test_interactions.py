"""Events become a matrix: consent, weights, ratings, duplicates, decay and refusals."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ranking.errors import DataError
from ranking.interactions import EVENT_WEIGHTS, Interactions, rating_kinds
from ranking.reader import EventKind

CLICK, LIKE, HIDE, SHOWN = EventKind.CLICK, EventKind.LIKE, EventKind.HIDE, EventKind.IMPRESSION


def entries(interactions):
    readers = interactions.entry_readers().tolist()
    columns = (interactions.indices, interactions.times, interactions.weights)
    return list(zip(readers, *(column.tolist() for column in columns), strict=True))


def test_entries_of_a_reader_stand_oldest_first():
    made = Interactions.from_columns([1, 0, 1, 1], [5, 2, 3, 4], [30, 5, 10, 10])
    assert entries(made) == [(0, 2, 5, 1.0), (1, 3, 10, 1.0), (1, 4, 10, 1.0), (1, 5, 30, 1.0)]
    assert (made.readers, made.rows, made.count, made.timed) == (2, 6, 4, True)


def test_entries_without_consent_never_arrive():
    made = Interactions.from_columns([0, 0, 1], [0, 1, 2], consent=[True, False, False])
    assert entries(made) == [(0, 0, 0, 1.0)]
    assert (made.readers, made.rows) == (2, 3)


def test_repeating_an_act_buys_no_influence():
    made = Interactions.from_columns([0, 0, 0], [1, 1, 1], [5, 9, 7], [1.0, 1.0, 3.0])
    assert entries(made) == [(0, 1, 9, 3.0)]


def test_entries_of_weight_zero_are_dropped():
    assert Interactions.from_columns([0], [0], weight=[0.0]).count == 0


def test_every_event_kind_has_a_documented_weight():
    assert set(EVENT_WEIGHTS) == set(EventKind)
    assert all(weight >= 0 for weight in EVENT_WEIGHTS.values())


def test_events_count_by_kind_and_impressions_do_not():
    kinds = [CLICK, LIKE, SHOWN]
    made = Interactions.from_events([0, 0, 0], [0, 1, 2], [1, 2, 3], kinds)
    assert entries(made) == [(0, 0, 1, 1.0), (0, 1, 2, 2.0)]


def test_a_hide_withdraws_what_came_before_it_and_not_what_comes_after():
    made = Interactions.from_events([0, 0, 0], [3, 3, 3], [10, 20, 30], [LIKE, HIDE, CLICK])
    assert entries(made) == [(0, 3, 30, 1.0)]
    assert Interactions.from_events([0, 0], [3, 3], [10, 10], [LIKE, HIDE]).count == 0
    others = Interactions.from_events([0, 1, 0], [3, 3, 4], [10, 10, 10], [HIDE, LIKE, LIKE])
    assert entries(others) == [(0, 4, 10, 2.0), (1, 3, 10, 2.0)]


def test_a_hide_without_consent_trains_nothing_either():
    columns = [0, 0], [3, 3], [10, 20], [LIKE, HIDE]
    assert Interactions.from_events(*columns, consent=[True, False]).count == 1


def test_a_rating_says_the_more_the_higher_it_is():
    kinds = [SHOWN, SHOWN, CLICK, LIKE, LIKE, EventKind.MORE]
    assert rating_kinds([0.5, 3.0, 3.5, 4.0, 4.5, 5.0]).tolist() == kinds
    with pytest.raises(DataError, match="rating 1"):
        rating_kinds([4.0, np.nan])


def test_the_matrix_is_fresh_sorted_and_can_be_binary():
    made = Interactions.from_columns([0, 0], [4, 1], [1, 2], [2.0, 3.0])
    matrix = made.matrix()
    assert matrix.shape == (1, 5) and matrix.dtype == np.float32 and matrix.has_sorted_indices
    assert matrix.toarray().tolist() == [[0, 3, 0, 0, 2]]
    assert made.matrix(binary=True).toarray().tolist() == [[0, 1, 0, 0, 1]]
    matrix.data[:] = 0
    assert made.weights.tolist() == [2.0, 3.0]


def test_decay_halves_with_every_half_life_and_spares_the_future():
    made = Interactions.from_columns([0, 0, 0], [0, 1, 2], [0, 100, 300]).decayed(100, as_of=200)
    assert made.weights.tolist() == [0.25, 0.5, 1.0]
    with pytest.raises(DataError, match="half_life is 0"):
        made.decayed(0, as_of=200)


def test_decay_never_drops_an_entry():
    made = Interactions.from_columns([0], [0], [0]).decayed(1, as_of=10**9)
    assert made.count == 1 and made.weights[0] > 0


def test_popularity_counts_readers():
    made = Interactions.from_columns([0, 0, 1], [2, 2, 2], rows=4)
    assert made.popularity().tolist() == [0, 0, 2, 0]


def test_a_selection_keeps_the_shape():
    made = Interactions.from_columns([0, 1, 1], [0, 1, 2], [3, 2, 1]).where(np.array([False, True, False]))
    assert entries(made) == [(1, 2, 1, 1.0)]
    assert (made.readers, made.rows) == (2, 3)


def test_an_empty_store_makes_an_empty_matrix():
    made = Interactions.from_columns([], [])
    assert made.matrix().shape == (0, 0) and not made.timed
    assert Interactions.from_events([], [], [], [], readers=3, rows=2).matrix().shape == (3, 2)


def test_arrays_are_read_only():
    made = Interactions.from_columns([0], [0])
    for array in (made.indptr, made.indices, made.weights, made.times):
        assert not array.flags.writeable


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ({"weight": [1.0, float("nan")]}, "entry 1: weight nan"),
        ({"weight": [-1.0, 1.0]}, "entry 0: weight -1.0"),
        ({"weight": [1.0]}, "column weight"),
        ({"time": [1]}, "column time"),
        ({"time": [1.5, 2.5]}, "integers"),
        ({"rows": 1}, r"entry 1: row 1 must lie in \[0, 1\)"),
        ({"readers": 1}, "entry 1: reader 1"),
        ({"rows": 2**31}, "too large"),
    ],
)
def test_bad_columns_are_refused_naming_the_entry(columns, message):
    with pytest.raises(DataError, match=message):
        Interactions.from_columns([0, 1], [0, 1], **columns)


def test_negative_numbers_and_unknown_kinds_are_refused():
    with pytest.raises(DataError, match="entry 1: reader -1"):
        Interactions.from_columns([0, -1], [0, 0])
    with pytest.raises(DataError, match="kind 99 is no EventKind"):
        Interactions.from_events([0], [0], [0], [99])
    with pytest.raises(DataError, match="column kind has 1"):
        Interactions.from_events([0, 0], [0, 0], [0, 0], [1])


@given(
    st.lists(
        st.tuples(st.integers(0, 4), st.integers(0, 4), st.integers(0, 9), st.sampled_from(list(EventKind))),
        max_size=40,
    ),
    st.randoms(),
)
def test_the_order_in_which_events_arrive_changes_nothing(events, shuffler):
    def made(listed):
        columns = [[int(event[at]) for event in listed] for at in range(4)]
        return Interactions.from_events(*columns, readers=5, rows=5)

    shuffled = list(events)
    shuffler.shuffle(shuffled)
    assert entries(made(events)) == entries(made(shuffled))
