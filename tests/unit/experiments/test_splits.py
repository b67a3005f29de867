"""Splits hold out what they say, and the text reader names the line that is wrong."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from experiments import splits
from experiments.sessions import closeness
from experiments.splits import (
    carve,
    carve_mixed,
    drawn,
    latest_of_each,
    newest_slice,
    read_pair,
    validation,
    validations,
)
from ranking.errors import DataError
from ranking.interactions import Interactions


def some(readers=7, rows=40, each=11, seed=0):
    draw = np.random.default_rng(seed)
    who = np.repeat(np.arange(readers), each)
    what = np.concatenate([draw.choice(rows, each, replace=False) for _ in range(readers)])
    return Interactions.from_columns(who, what, draw.integers(1, 10_000, who.size), rows=rows)


def pairs(interactions):
    return set(zip(interactions.entry_readers().tolist(), interactions.indices.tolist(), strict=True))


@given(st.integers(0, 9), st.floats(0.05, 0.95), st.sampled_from(["latest", "newest", "carved"]))
def test_every_entry_is_on_exactly_one_side_and_the_shape_stays(seed, fraction, way):
    whole = some(seed=seed)
    make = {
        "latest": lambda: latest_of_each(whole, fraction),
        "newest": lambda: newest_slice(whole, fraction),
        "carved": lambda: carve(whole, fraction, seed=seed),
    }[way]
    split = make()
    assert pairs(split.train) | pairs(split.test) == pairs(whole)
    assert not pairs(split.train) & pairs(split.test)
    for side in (split.train, split.test):
        assert (side.readers, side.rows) == (whole.readers, whole.rows)


def test_the_latest_of_each_reader_are_held_out():
    split = latest_of_each(some(), 0.2)
    assert np.diff(split.test.indptr).tolist() == [2] * 7
    for reader in range(7):
        known = split.train.times[split.train.indptr[reader] : split.train.indptr[reader + 1]]
        held = split.test.times[split.test.indptr[reader] : split.test.indptr[reader + 1]]
        assert known.max() <= held.min()


def test_readers_with_few_entries_keep_them_all():
    assert latest_of_each(some(each=4), 0.2).test.count == 0


def test_the_newest_slice_is_newer_than_everything_trained_on():
    whole = some()
    split = newest_slice(whole, 0.25)
    assert split.train.times.max() < split.test.times.min()
    assert split.test.count == pytest.approx(0.25 * whole.count, abs=2)


def test_a_time_split_without_times_is_refused():
    with pytest.raises(DataError, match="different times"):
        newest_slice(Interactions.from_columns([0, 0], [0, 1]))


def test_a_newest_slice_of_one_second_is_refused():
    with pytest.raises(DataError, match="of one second"):
        newest_slice(Interactions.from_columns([0, 0, 0], [0, 1, 2], [1, 9, 9]), 0.2)


@pytest.mark.parametrize("fraction", [0, 1, -0.5, float("nan")])
def test_a_fraction_must_leave_something_on_both_sides(fraction):
    for make in (latest_of_each, newest_slice):
        with pytest.raises(DataError, match="between 0 and 1"):
            make(some(), fraction)
    for carved in (carve, carve_mixed):
        with pytest.raises(DataError, match="between 0 and 1"):
            carved(some(), fraction, seed=0)


def test_carving_is_seeded_and_gives_every_reader_who_has_two_a_part():
    whole = some(each=3)
    assert pairs(carve(whole, 0.1, seed=1).test) == pairs(carve(whole, 0.1, seed=1).test)
    assert pairs(carve(whole, 0.1, seed=1).test) != pairs(carve(whole, 0.1, seed=2).test)
    assert np.diff(carve(whole, 0.1, seed=1).test.indptr).tolist() == [1] * 7
    assert carve(some(each=1), 0.1, seed=1).test.count == 0


def two_tastes(readers=60):
    """Untimed readers with six rows of each of two of six groups of ten."""
    draw = np.random.default_rng(0)
    groups = [draw.choice(6, 2, replace=False) for _ in range(readers)]
    rows = [draw.choice(10, 6, replace=False) + group * 10 for two in groups for group in two]
    return Interactions.from_columns(np.repeat(np.arange(readers), 12), np.concatenate(rows))


def test_a_mixed_carve_holds_out_runs_of_half_of_the_readers():
    whole = two_tastes()
    runs, single = carve_mixed(whole, 0.34, seed=1), carve(whole, 0.34, seed=1)
    assert np.diff(runs.test.indptr).tolist() == np.diff(single.test.indptr).tolist() == [4] * 60
    assert pairs(runs.test) | pairs(runs.train) == pairs(whole) and not pairs(runs.test) & pairs(runs.train)

    def of_one_group(split):
        return np.mean([len({row // 10 for row in split.test.indices[4 * r : 4 * r + 4]}) == 1 for r in range(60)])

    assert of_one_group(single) < 0.25 < 0.4 < of_one_group(runs) < 0.75


def test_a_mixed_carve_is_seeded_and_leaves_who_has_one_alone():
    whole = two_tastes(12)
    assert pairs(carve_mixed(whole, seed=1).test) == pairs(carve_mixed(whole, seed=1).test)
    assert pairs(carve_mixed(whole, seed=1).test) != pairs(carve_mixed(whole, seed=2).test)
    assert carve_mixed(some(each=1), seed=1).test.count == 0
    assert carve_mixed(Interactions.from_columns([], [], readers=3, rows=2), seed=1).test.count == 0


def test_what_goes_together_is_counted_over_other_readers():
    known = Interactions.from_columns([0, 0, 0, 1, 1, 2, 2, 3], [0, 1, 2, 0, 1, 0, 1, 2], readers=5)
    close = closeness(known, np.array([0]), np.array([0]))
    np.testing.assert_allclose(close, [np.inf, 2 / np.sqrt(3), 0, 0, 0, 0, 0, 0])


def test_validation_uses_times_where_there_are_any():
    whole = some()
    assert pairs(validation(whole, seed=0).test) == pairs(latest_of_each(whole, 0.2).test)
    untimed = Interactions.from_columns(whole.entry_readers(), whole.indices)
    assert pairs(validation(untimed, seed=3).test) == pairs(carve_mixed(untimed, 0.2, seed=3).test)


def written(folder, train, test):
    (folder / "train.txt").write_bytes(train)
    (folder / "test.txt").write_bytes(test)
    return folder / "train.txt", folder / "test.txt"


def test_a_published_pair_is_read_in_one_shape(tmp_path):
    told = []
    train, test = written(tmp_path, b"0 3 1\n2 5\r\n", b"0 7\n3\n")
    split = read_pair(train, test, progress=lambda done, words: told.append(words))
    assert pairs(split.train) == {(0, 1), (0, 3), (2, 5)}
    assert pairs(split.test) == {(0, 7)}
    assert (split.train.readers, split.train.rows) == (split.test.readers, split.test.rows) == (4, 8)
    assert "reading train.txt" in told and "reading test.txt" in told


def test_an_item_twice_on_a_line_counts_once_and_one_in_both_files_is_training(tmp_path):
    split = read_pair(*written(tmp_path, b"0 1 1 2", b"0 2 3"))
    assert pairs(split.train) == {(0, 1), (0, 2)}
    assert pairs(split.test) == {(0, 3)}


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"0 1\n1 x 3\n", r"train\.txt:2: 'x' is not a whole number"),
        (b"0 1\n\n1 2\n", r"train\.txt:2: the line is empty"),
        (b"0 1\n1 2\n0 3\n", r"train\.txt:3: reader 0 was on line 1 already"),
        (b"0 -1\n", r"train\.txt:1: '-1' is not a whole number"),
        (b"0 1.5\n", r"train\.txt:1: '1.5'"),
        (b"0 1_0\n", r"train\.txt:1: '1_0'"),
        (b"0 99999999999999999999\n", r"train\.txt:1: '9+' is not a whole number from 0 to 100000000"),
        (b"0 \xff\xfe\n", r"train\.txt:1: "),
        (b"", r"train\.txt: is empty"),
    ],
)
def test_bad_lines_are_named(tmp_path, content, message):
    with pytest.raises(DataError, match=message):
        read_pair(*written(tmp_path, content, b"0 1\n"))


def test_a_missing_file_is_named(tmp_path):
    (tmp_path / "train.txt").write_bytes(b"0 1\n")
    with pytest.raises(DataError, match=r"test\.txt: cannot be read"):
        read_pair(tmp_path / "train.txt", tmp_path / "test.txt")


def test_earlier_validation_sets_hold_out_earlier_parts_and_know_nothing_later():
    whole = some(each=20)
    folds = validations(whole, fraction=0.2, seed=0)
    assert [(each.train.count, each.test.count) for each in folds] == [(7 * kept, 7 * 4) for kept in (16, 12, 8)]
    for split in folds:
        for reader in range(whole.readers):
            known, held = (
                side.times[side.indptr[reader] : side.indptr[reader + 1]] for side in (split.train, split.test)
            )
            assert known.max() <= held.min()
    for later, earlier in itertools.pairwise(folds):
        assert pairs(earlier.train) | pairs(earlier.test) == pairs(later.train)


def test_one_validation_set_is_enough_for_many_readers_and_for_data_without_times(monkeypatch):
    untimed = Interactions.from_columns([0, 0, 0, 1, 1, 1], [0, 1, 2, 0, 1, 2])
    assert len(validations(untimed, seed=0)) == 1
    monkeypatch.setattr(splits, "ENOUGH_READERS", 7)
    assert len(validations(some(readers=7, each=20), seed=0)) == 1
    assert len(validations(some(readers=6, each=20), seed=0)) == 2


def test_readers_too_short_for_an_earlier_part_make_no_empty_set():
    # Of two entries none is a fifth, so nothing can be held out and nothing earlier either.
    assert len(validations(some(each=2), seed=0)) == 1


def test_readers_are_drawn_by_the_seed_with_all_they_have(monkeypatch):
    split = latest_of_each(some(readers=30))
    assert drawn(split, 0) is split
    monkeypatch.setattr(splits, "DRAWN_READERS", 10)
    fewer = drawn(split, 0)
    asked = np.flatnonzero(np.diff(fewer.test.indptr))
    assert asked.size == 10 and fewer.train is split.train
    assert (np.diff(fewer.test.indptr)[asked] == np.diff(split.test.indptr)[asked]).all()
    assert pairs(drawn(split, 0).test) == pairs(fewer.test) != pairs(drawn(split, 1).test)
