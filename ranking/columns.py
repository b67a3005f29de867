"""Growing columns: the pieces a catalogue is built of, each handed out as views that never change again.

Owns growth by capacity doubling, copy-on-write and the order of postings. A view sees the first n rows of a
buffer; later rows are written behind it, and an old row is only ever changed in a fresh copy (law 4).
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import islice
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

Codes = NDArray[np.int32]

ABSENT = -1
"""Code of an absent name, as of the empty string."""

_SMALLEST = 16
_FEW = 64


class Column:
    """One growing column; rows never written hold ``fill``. ``width`` gives a second axis."""

    __slots__ = ("_buffer", "_fill", "_shared", "_view")

    def __init__(self, dtype: DTypeLike, fill: float, width: int | None = None) -> None:
        shape: tuple[int, ...] = (_SMALLEST,) if width is None else (_SMALLEST, width)
        self._buffer: NDArray[Any] = np.full(shape, fill, dtype=dtype)
        self._fill = fill
        self._shared = 0
        self._view: NDArray[Any] | None = None

    @property
    def width(self) -> int:
        """Length of the second axis; 1 for a flat column."""
        return int(self._buffer.shape[1]) if self._buffer.ndim == 2 else 1

    def at(self, row: int) -> Any:
        """The newest value of a row: a scalar, or a 1-d array for a wide column."""
        return self._buffer[row] if row < self._buffer.shape[0] else self._fill

    def of(self, rows: NDArray[np.integer[Any]] | slice) -> NDArray[Any]:
        """The newest values of rows; of a slice only until the next write."""
        if isinstance(rows, slice):
            self._reserve(rows.stop)
        elif rows.size:
            self._reserve(int(rows.max()) + 1)
        return self._buffer[rows]

    def write(self, rows: NDArray[np.integer[Any]], values: Any) -> None:
        """Set rows; a buffer whose views could see the change is copied first."""
        if not rows.size:
            return
        self._reserve(int(rows.max()) + 1)
        if int(rows.min()) < self._shared:
            if np.array_equal(self._buffer[rows], np.broadcast_to(values, (len(rows), *self._buffer.shape[1:]))):
                return
            self._buffer = self._buffer.copy()
            self._shared = 0
            self._view = None
        self._buffer[rows] = values

    def widen(self, width: int) -> None:
        """Make the second axis at least ``width`` long, by doubling."""
        wider = self.width
        while wider < width:
            wider *= 2
        if wider > self.width:
            buffer = np.full((self._buffer.shape[0], wider), self._fill, dtype=self._buffer.dtype)
            buffer[:, : self.width] = self._buffer
            self._buffer, self._shared, self._view = buffer, 0, None

    def view(self, rows: int) -> NDArray[Any]:
        """Read-only view of the first ``rows`` rows; the same object while nothing has changed."""
        if self._view is None or self._view.shape[0] != rows:
            self._reserve(rows)
            self._view = self._buffer[:rows]
            self._view.setflags(write=False)
            self._shared = rows
        return self._view

    def _reserve(self, rows: int) -> None:
        capacity = self._buffer.shape[0]
        if rows > capacity:
            while capacity < rows:
                capacity *= 2
            buffer = np.full((capacity, *self._buffer.shape[1:]), self._fill, dtype=self._buffer.dtype)
            buffer[: self._buffer.shape[0]] = self._buffer
            # Views of the old buffer stay as they are, and nobody has seen the new one.
            self._buffer, self._shared, self._view = buffer, 0, None


class Names:
    """Names by code, in the order of their first mention. Append-only, so that views may share it."""

    __slots__ = ("_codes", "words")

    def __init__(self) -> None:
        self._codes: dict[str, int] = {"": ABSENT}
        self.words: list[str] = []

    def __len__(self) -> int:
        return len(self.words)

    def code(self, name: str) -> int:
        """Code of a name, -1 while it is unknown (and for the empty name)."""
        return self._codes.get(name, ABSENT)

    def learn(self, names: Iterable[str]) -> list[int]:
        """Codes of the names, new ones being given the next code."""
        codes = self._codes
        learned = [codes.setdefault(name, len(codes) - 1) for name in names]
        self.words.extend(islice(codes, len(self.words) + 1, None))
        return learned


class Posting:
    """Rows in the order (time, row), growing; most additions are the newest and go to the end."""

    __slots__ = ("_rows", "_size", "_times", "_view")

    def __init__(self) -> None:
        self._rows = np.empty(4, dtype=np.int32)
        self._times = np.empty(4, dtype=np.int64)
        self._size = 0
        self._view: NDArray[np.int32] | None = None

    def add(self, rows: NDArray[np.int32], times: NDArray[np.int64]) -> None:
        """Put in rows that are not there yet, given in the order (time, row)."""
        if rows.size == 0:
            return
        size, grown = self._size, self._size + rows.size
        last = size - 1
        self._view = None
        if size and (self._times[last], self._rows[last]) > (times[0], rows[0]):
            places = self._places(rows, times)
            self._rows = _inserted(self._rows[:size], places, rows)
            self._times = _inserted(self._times[:size], places, times)
        else:
            if grown > self._rows.size:
                longer = max(grown, 2 * self._rows.size)
                self._rows = np.concatenate((self._rows[:size], np.empty(longer - size, dtype=np.int32)))
                self._times = np.concatenate((self._times[:size], np.empty(longer - size, dtype=np.int64)))
            self._rows[size:grown] = rows
            self._times[size:grown] = times
        self._size = grown

    def remove(self, rows: NDArray[np.int32], times: NDArray[np.int64]) -> None:
        """Take out rows that are there, told with the times they were put in with."""
        places = self._places(rows, times)
        self._rows = np.delete(self._rows[: self._size], places)
        self._times = np.delete(self._times[: self._size], places)
        self._size = int(self._rows.size)
        self._view = None

    def view(self) -> NDArray[np.int32]:
        """int32[n], read-only: rows by time ascending, then row ascending."""
        if self._view is None:
            self._view = self._rows[: self._size]
            self._view.setflags(write=False)
        return self._view

    def _places(self, rows: NDArray[np.int32], times: NDArray[np.int64]) -> NDArray[np.int64]:
        """Where each row stands or would stand. Among equal times the row decides: batching leaves no trace."""
        old_rows, old_times = self._rows[: self._size], self._times[: self._size]
        low = np.searchsorted(old_times, times, side="left").astype(np.int64)
        high = np.searchsorted(old_times, times, side="right").astype(np.int64)
        above = (high > low) & (old_rows[np.maximum(high - 1, 0)] < rows)
        places = np.where(above, high, low)
        for n in np.flatnonzero((high > low + 1) & ~above):
            places[n] = low[n] + np.searchsorted(old_rows[low[n] : high[n]], rows[n])
        return places


def _inserted(array: NDArray[Any], places: NDArray[np.int64], values: NDArray[Any]) -> NDArray[Any]:
    """``np.insert`` at ascending places, faster for the few that an edition brings."""
    if len(places) > _FEW:
        return np.insert(array, places, values)
    cuts = np.concatenate(([0], places, [array.size])).tolist()
    parts: list[NDArray[Any]] = []
    for n in range(len(places)):
        parts += (array[cuts[n] : cuts[n + 1]], values[n : n + 1])
    return np.concatenate((*parts, array[cuts[-2] :]))
