"""Splits: what is trained on and what is held out, and the text format in which published splits come.

Owns the time splits (each reader's latest, and the newest slice of all), the seeded carving of a validation set where
there are no times, and the reader of the Gowalla text format. A held-out entry is never in the training set.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from experiments.sessions import closeness
from ranking.errors import DataError
from ranking.interactions import Interactions
from ranking.models import Progress, silent
from ranking.models.progress import stage

LARGEST_NUMBER = 100_000_000
"""Largest reader or item number a text file may use: arrays are as long as the largest."""

ENOUGH_READERS = 2000
"""Judged readers, counted once for each validation set, from which no more sets are made."""

DRAWN_READERS = 4000
"""Readers that are drawn where dense scores of all of them would take too long."""

MOST_FOLDS = 3
"""Validation sets at most: each earlier one trains on less."""


@dataclass(frozen=True, slots=True, eq=False)
class Split:
    """Two Interactions of one shape. A reader counts in an evaluation when ``test`` has entries of theirs."""

    train: Interactions
    test: Interactions


def latest_of_each(interactions: Interactions, fraction: float = 0.2, *, before: int = 0) -> Split:
    """Hold out each reader's latest ⌊n · fraction⌋ entries of n, their numbers rounded down; with ``before``, the ones
    before so many such parts, which are left out.
    """
    _check_fraction(fraction)
    counts = np.diff(interactions.indptr)
    start, stop = (
        np.repeat(counts - np.floor(counts * min(1.0, fraction * parts) + 1e-9).astype(np.int64), counts)
        for parts in (before + 1, before)
    )
    at = _rank(interactions)
    return Split(interactions.where(at < start), interactions.where((at >= start) & (at < stop)))


def newest_slice(interactions: Interactions, fraction: float = 0.2) -> Split:
    """Hold out what is newer than the time below which a share ``1 - fraction`` of all entries lies.

    Entries of one second stay together, on the training side. Raises DataError when that leaves nothing to hold out.
    """
    _check_fraction(fraction)
    if not interactions.timed:
        raise DataError("a time split needs entries with different times; carve a seeded validation set instead")
    held = interactions.times > np.quantile(interactions.times, 1 - fraction, method="lower")
    if not held.any():
        raise DataError(f"the newest {fraction:.0%} of the entries are of one second; choose a larger fraction")
    return Split(interactions.where(~held), interactions.where(held))


def carve(interactions: Interactions, fraction: float = 0.1, *, seed: int) -> Split:
    """Hold out ⌊n · fraction⌋ of each reader's n entries at random (at least one of n ≥ 2): for data without times."""
    _check_fraction(fraction)
    return _first_of(interactions, np.random.default_rng(seed).random(interactions.count), fraction)


def carve_mixed(interactions: Interactions, fraction: float = 0.2, *, seed: int) -> Split:
    """The same number of each reader's entries, of half of the readers as `carve` draws them, of the others one and
    those that go with it most often (`experiments.sessions`).

    What readers do next comes in runs of what belongs together. Entries drawn one by one leave their companions in
    training, which rewards models that remember and punishes those that generalise.
    """
    _check_fraction(fraction)
    draw = np.random.default_rng(seed)
    noise = draw.random(interactions.count)
    counts = np.diff(interactions.indptr)
    together = np.flatnonzero((draw.random(interactions.readers) < 0.5) & (counts > 1))
    entries = interactions.indptr[together] + np.floor(draw.random(together.size) * counts[together]).astype(np.int64)
    close = closeness(interactions, together, entries)
    return _first_of(interactions, np.where(close > 0, -close, noise), fraction)


def validation(interactions: Interactions, *, fraction: float = 0.2, seed: int) -> Split:
    """The validation set that suits the data: each reader's latest where there are times, else carved by ``seed``,
    half of it in runs.
    """
    if interactions.timed:
        return latest_of_each(interactions, fraction)
    return carve_mixed(interactions, fraction, seed=seed)


def validations(interactions: Interactions, *, fraction: float = 0.2, seed: int) -> tuple[Split, ...]:
    """That validation set and, where there are times and few readers, earlier ones: each reader's latest part, the part
    before it, and the one before that. Later entries are unknown in each, so none tells another what happens.
    """
    first = validation(interactions, fraction=fraction, seed=seed)
    readers = int(np.count_nonzero(np.diff(first.test.indptr)))
    if not interactions.timed or not readers:
        return (first,)
    wanted = min(MOST_FOLDS, -(-ENOUGH_READERS // readers))
    earlier = (latest_of_each(interactions, fraction, before=number) for number in range(1, wanted))
    return (first, *(each for each in earlier if each.train.count and each.test.count))


def drawn(split: Split, seed: int) -> Split:
    """The split with at most DRAWN_READERS judged readers."""
    judged = np.flatnonzero(np.diff(split.test.indptr))
    if judged.size <= DRAWN_READERS:
        return split
    chosen = np.zeros(split.test.readers, np.bool_)
    chosen[np.random.default_rng(seed).choice(judged, DRAWN_READERS, replace=False)] = True
    return Split(split.train, split.test.where(chosen[split.test.entry_readers()]))


def _first_of(interactions: Interactions, key: NDArray[np.float64], fraction: float) -> Split:
    """Hold out of each reader's n entries the ⌊n · fraction⌋ with the smallest keys, at least one of n ≥ 2."""
    counts = np.diff(interactions.indptr)
    order = np.lexsort((key, interactions.entry_readers()))
    share = np.floor(counts * fraction + 1e-9).astype(np.int64)
    share = np.where((share == 0) & (counts >= 2), 1, share)
    held = np.empty(interactions.count, np.bool_)
    held[order] = _rank(interactions) < np.repeat(share, counts)
    return Split(interactions.where(~held), interactions.where(held))


def read_one(path: Path, progress: Progress = silent) -> Interactions:
    """One file of that format as Interactions."""
    reader, item, readers = _read(Path(path), progress)
    return Interactions.from_columns(reader, item, readers=readers)


def read_pair(train: Path, test: Path, progress: Progress = silent) -> Split:
    """A published pair of files as a Split of one shape. Pairs of reader and item in both stay in training alone."""
    columns = [_read(Path(train), stage(progress, 0, 0.8)), _read(Path(test), stage(progress, 0.8, 1))]
    readers = max(extent for _, _, extent in columns)
    rows = 1 + max((int(item.max()) for _, item, _ in columns if item.size), default=-1)
    known, held = (Interactions.from_columns(reader, item, readers=readers, rows=rows) for reader, item, _ in columns)
    both = np.isin(_pairs(held), _pairs(known))
    return Split(known, held.where(~both) if both.any() else held)


def _pairs(interactions: Interactions) -> NDArray[np.int64]:
    return interactions.entry_readers() * interactions.rows + interactions.indices


def _read(path: Path, progress: Progress) -> tuple[NDArray[np.int64], NDArray[np.int64], int]:
    """Columns reader and item of a text file, and one more than its largest reader: on each line a reader's number,
    then the numbers of their items.

    A reader without items is allowed. DataError names path and line of what is not a number in range, of an empty
    line, and of a reader met twice.
    """
    readers: list[int] = []
    lists: list[NDArray[np.int64]] = []
    met: dict[int, int] = {}
    try:
        size, done = max(1, path.stat().st_size), 0
        with open(path, "rb") as file:
            for number, line in enumerate(file, start=1):
                values = _numbers(line, path, number)
                reader = int(values[0])
                if reader in met:
                    raise DataError(
                        f"{path}:{number}: reader {reader} was on line {met[reader]} already; join the lines"
                    )
                met[reader] = number
                readers.append(reader)
                lists.append(values[1:])
                done += len(line)
                if number % 2048 == 0:
                    progress(done / size, f"reading {path.name}")
    except OSError as cause:
        raise DataError(f"{path}: cannot be read ({cause.strerror})") from cause
    if not lists:
        raise DataError(f"{path}: is empty; expected lines of a reader's number and the numbers of their items")
    progress(1.0, f"reading {path.name}")
    lengths = [len(each) for each in lists]
    return np.repeat(np.array(readers, np.int64), lengths), np.concatenate(lists), 1 + max(readers)


def _numbers(line: bytes, path: Path, number: int) -> NDArray[np.int64]:
    words = line.split()
    if not words:
        raise DataError(f"{path}:{number}: the line is empty; delete it or start it with a reader's number")
    for word in words:
        # isdigit() alone decides: no signs, no underscores, no points, and nothing longer than the limit.
        if not word.isdigit() or len(word) > 9 or int(word) > LARGEST_NUMBER:
            shown = word[:40].decode("utf-8", "backslashreplace")
            raise DataError(f"{path}:{number}: {shown!r} is not a whole number from 0 to {LARGEST_NUMBER}")
    return np.array(words, dtype=np.int64)


def _rank(interactions: Interactions) -> NDArray[np.int64]:
    """int64[n]: the position of each entry within its reader's."""
    starts = np.repeat(interactions.indptr[:-1], np.diff(interactions.indptr))
    return np.arange(interactions.count, dtype=np.int64) - starts


def _check_fraction(fraction: float) -> None:
    if not 0 < fraction < 1:
        raise DataError(f"a held-out fraction must lie between 0 and 1, got {fraction}")
