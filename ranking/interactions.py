"""Interactions: who liked what and when, as a sparse matrix; the only input of training.

Owns the path from events to that matrix: consent, event weights, the rule for explicit ratings, duplicates
and decay. Keeps law 7 (events without consent do not train) and law 8 (readers are numbered for one training
and forgotten after it).
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import sparse

from ranking.errors import DataError
from ranking.reader import EventKind

EVENT_WEIGHTS: Mapping[EventKind, float] = MappingProxyType(
    {
        EventKind.IMPRESSION: 0.0,
        EventKind.CLICK: 1.0,
        EventKind.DWELL: 1.0,
        EventKind.LIKE: 2.0,
        EventKind.MORE: 3.0,
        EventKind.SHARE: 3.0,
        EventKind.LESS: 0.0,
        EventKind.HIDE: 0.0,
    }
)
"""How much an event says for training. Being shown an item says nothing for it; hide and less say nothing
for it and withdraw what the same reader said before (`from_events`)."""

WITHDRAWING = (EventKind.LESS, EventKind.HIDE)
"""After one of these the item is no positive of its reader, until they act on it again."""

RATINGS = ((3.5, EventKind.CLICK), (4.0, EventKind.LIKE), (5.0, EventKind.MORE))
"""Stars (of five) from which an explicit rating counts as which event."""


def rating_kinds(stars: ArrayLike) -> NDArray[np.int64]:
    """EventKind codes int64[n] of explicit ratings in stars: a click from 3.5 up, a like from 4, a more for 5, else an
    impression.

    A lower rating proves that the reader met the item, so it is remembered, but it does not train. Measured on
    ml-latest-small (ratings from 3.5 up held out, NDCG@20 on validation, low ratings as nothing / as clicks): EASE .153
    / .134, ALS .148 / .137, spectral .140 / .129, neighbours .138 / .119. What the three kinds gain over one is in
    docs/models.md.
    """
    given = np.asarray(stars, dtype=np.float64)
    if not np.isfinite(given).all():
        raise DataError(f"rating {int(np.argmin(np.isfinite(given)))} is not a finite number of stars")
    made = np.full(given.shape, int(EventKind.IMPRESSION), np.int64)
    for least, kind in RATINGS:
        made[given >= least] = int(kind)
    return made


@dataclass(frozen=True, slots=True, eq=False)
class Interactions:
    """Positive feedback of R readers on N rows, n entries, at most one for a reader and row. Arrays are
    read-only.

    The entries of reader r stand at ``indptr[r]:indptr[r + 1]``, oldest first (ties by row).
    """

    indptr: NDArray[np.int64]
    """int64[R + 1]."""

    indices: NDArray[np.int32]
    """int32[n]: rows."""

    weights: NDArray[np.float32]
    """float32[n], all finite and positive."""

    times: NDArray[np.int64]
    """int64[n]: seconds; 0 throughout for data without times."""

    rows: int
    """Rows N of the catalogue, at least one more than the largest row met."""

    @property
    def readers(self) -> int:
        """Readers R, those without entries included."""
        return int(self.indptr.shape[0] - 1)

    @property
    def count(self) -> int:
        """Entries n."""
        return int(self.indices.shape[0])

    @property
    def timed(self) -> bool:
        """Whether the entries carry times that differ."""
        return self.count > 0 and bool((self.times != self.times[0]).any())

    @classmethod
    def from_columns(
        cls,
        reader: ArrayLike,
        row: ArrayLike,
        time: ArrayLike | None = None,
        weight: ArrayLike | None = None,
        *,
        consent: ArrayLike | None = None,
        readers: int | None = None,
        rows: int | None = None,
    ) -> Interactions:
        """Sort and merge columns of one length: reader, row (integers), time (int, s), weight (real),
        consent (bool).

        Missing times are 0, missing weights 1, missing consent true. Entries without consent and entries of
        weight 0 are dropped. Of several entries of a reader for a row the largest weight and the latest time
        stay: repeating an act does not buy influence. ``readers`` and ``rows`` give the shape where it is
        larger than the largest number met. Raises DataError for lengths that differ, weights that are
        negative or not finite, and numbers out of range, naming the entry.
        """
        who, what = _integers(reader, "reader"), _integers(row, "row")
        size = who.shape[0]
        when = np.zeros(size, np.int64) if time is None else _integers(time, "time")
        much = np.ones(size, np.float32) if weight is None else np.asarray(weight, dtype=np.float32)
        agreed = np.ones(size, np.bool_) if consent is None else np.asarray(consent, dtype=np.bool_)
        for name, column in (("row", what), ("time", when), ("weight", much), ("consent", agreed)):
            if column.shape != (size,):
                raise DataError(f"column {name} has shape {column.shape}, column reader has {size} entries")
        _refuse(~np.isfinite(much) | (much < 0), much, "weight", "must be finite and not negative")
        shape = (_extent(who, readers, "reader"), _extent(what, rows, "row"))
        keep = agreed & (much > 0)
        return _merged(who[keep], what[keep], when[keep], much[keep], shape)

    @classmethod
    def from_events(
        cls,
        reader: ArrayLike,
        row: ArrayLike,
        time: ArrayLike,
        kind: ArrayLike,
        *,
        consent: ArrayLike | None = None,
        readers: int | None = None,
        rows: int | None = None,
    ) -> Interactions:
        """The same from events: ``kind`` holds EventKind codes, weighted by EVENT_WEIGHTS.

        A hide or less withdraws the reader's positives for that row up to its own second; later ones count
        again.
        """
        who, what = _integers(reader, "reader"), _integers(row, "row")
        when, code = _integers(time, "time"), _integers(kind, "kind")
        for name, column in (("row", what), ("time", when), ("kind", code)):
            if column.shape != who.shape:
                raise DataError(f"column {name} has {column.size} entries, column reader has {who.size}")
        table = np.array([EVENT_WEIGHTS[EventKind(number)] for number in range(len(EventKind))], np.float32)
        _refuse((code < 0) | (code >= table.size), code, "kind", "is no EventKind")
        withdrawing = np.isin(code, [int(each) for each in WITHDRAWING])
        if consent is not None:
            withdrawing &= np.asarray(consent, dtype=np.bool_)
        withdrawn = _withdrawn(who, what, when, withdrawing)
        weight = np.where(withdrawn, np.float32(0), table[code])
        return cls.from_columns(who, what, when, weight, consent=consent, readers=readers, rows=rows)

    def matrix(self, *, binary: bool = False) -> sparse.csr_matrix:
        """A fresh float32 CSR matrix [R, N] with sorted indices; all ones when ``binary``."""
        data = np.ones(self.count, np.float32) if binary else self.weights.copy()
        shape = (self.readers, self.rows)
        made = sparse.csr_matrix((data, self.indices.copy(), self.indptr.copy()), shape=shape)
        made.sort_indices()
        return made

    def confidences(self, *, weighted: bool) -> sparse.csr_matrix:
        """The same matrix as trainers take it: all ones, or, when ``weighted``, the weights over their root mean
        square, so that a regularization means the same whatever the unit of the weights.
        """
        made = self.matrix(binary=not weighted)
        if weighted and self.count:
            made.data /= np.float32(np.sqrt(np.mean(np.square(self.weights, dtype=np.float64))))
        return made

    def digest(self) -> str:
        """Hash (16 hex digits) of shape and entries: equal data, equal digest."""
        made = hashlib.sha256(f"{self.readers} {self.rows}".encode())
        for array in (self.indptr, self.indices, self.weights, self.times):
            made.update(np.ascontiguousarray(array).data)
        return made.hexdigest()[:16]

    def entry_readers(self) -> NDArray[np.int64]:
        """int64[n]: the reader of each entry."""
        return np.repeat(np.arange(self.readers, dtype=np.int64), np.diff(self.indptr))

    def popularity(self) -> NDArray[np.int64]:
        """int64[N]: readers of each row, one voice a reader."""
        return np.bincount(self.indices, minlength=self.rows).astype(np.int64)

    def where(self, keep: NDArray[np.bool_]) -> Interactions:
        """The entries for which ``keep`` bool[n] holds, shape unchanged."""
        counts = np.bincount(self.entry_readers()[keep], minlength=self.readers)
        return _frozen(counts, self.indices[keep], self.weights[keep], self.times[keep], self.rows)

    def newest(self, count: int) -> Interactions:
        """Each reader's newest ``count`` entries, shape unchanged."""
        if count < 1:
            raise DataError(f"{count} newest entries of each reader were asked for; ask for at least one")
        held = np.diff(self.indptr)
        if int(held.max(initial=0)) <= count:
            return self
        return self.where(np.arange(self.count) >= np.repeat(self.indptr[1:] - count, held))

    def decayed(self, half_life: float, as_of: int) -> Interactions:
        """Weights halved for every ``half_life`` seconds of age at second ``as_of``; later entries keep
        theirs.
        """
        if not half_life > 0:
            raise DataError(f"half_life is {half_life}; give a positive number of seconds")
        age = np.maximum(0, as_of - self.times).astype(np.float64)
        weights = (self.weights * np.exp2(-age / half_life)).astype(np.float32)
        weights = np.maximum(weights, np.finfo(np.float32).tiny)
        return _frozen(np.diff(self.indptr), self.indices, weights, self.times, self.rows)


def _merged(
    reader: NDArray[np.int64],
    row: NDArray[np.int64],
    time: NDArray[np.int64],
    weight: NDArray[np.float32],
    shape: tuple[int, int],
) -> Interactions:
    """One entry for a reader and row, then each reader's entries by time."""
    if reader.size:
        key = reader * shape[1] + row
        order = np.argsort(key, kind="stable")
        first = np.flatnonzero(np.diff(key[order], prepend=key[order[0]] - 1))
        reader, row = reader[order[first]], row[order[first]]
        time = np.maximum.reduceat(time[order], first)
        weight = np.maximum.reduceat(weight[order], first)
        order = np.lexsort((row, time, reader))
        reader, row, time, weight = reader[order], row[order], time[order], weight[order]
    counts = np.bincount(reader, minlength=shape[0])
    return _frozen(counts, row.astype(np.int32), weight, time, shape[1])


def _frozen(
    counts: NDArray[np.int64],
    indices: NDArray[np.int32],
    weights: NDArray[np.float32],
    times: NDArray[np.int64],
    rows: int,
) -> Interactions:
    indptr = np.concatenate([np.zeros(1, np.int64), np.cumsum(counts, dtype=np.int64)])
    for array in (indptr, indices, weights, times):
        array.setflags(write=False)
    return Interactions(indptr, indices, weights, times, rows)


def _withdrawn(
    reader: NDArray[np.int64], row: NDArray[np.int64], time: NDArray[np.int64], withdrawing: NDArray[np.bool_]
) -> NDArray[np.bool_]:
    """bool[n]: the entry is not later than a hide or less of its reader for its row."""
    if not withdrawing.any():
        return np.zeros(reader.size, np.bool_)
    pairs, group = np.unique(np.stack([reader, row], axis=1), axis=0, return_inverse=True)
    latest = np.full(pairs.shape[0], np.iinfo(np.int64).min)
    np.maximum.at(latest, group[withdrawing], time[withdrawing])
    return time <= latest[group]


def _integers(column: ArrayLike, name: str) -> NDArray[np.int64]:
    array = np.asarray(column)
    if array.ndim != 1 or (array.dtype.kind not in "iu" and array.size):
        raise DataError(f"column {name} must be one-dimensional integers, got {array.dtype} {array.shape}")
    return array.astype(np.int64)


def _extent(column: NDArray[np.int64], given: int | None, name: str) -> int:
    largest = int(column.max()) if column.size else -1
    extent = largest + 1 if given is None else given
    if extent > np.iinfo(np.int32).max:
        raise DataError(f"{name} {largest} is too large: numbers must stay below 2³¹ − 1")
    _refuse((column < 0) | (column >= extent), column, name, f"must lie in [0, {extent})")
    return extent


def _refuse(wrong: NDArray[np.bool_], column: NDArray[Any], name: str, because: str) -> None:
    if wrong.any():
        at = int(np.argmax(wrong))
        raise DataError(f"entry {at}: {name} {column[at]} {because}")
