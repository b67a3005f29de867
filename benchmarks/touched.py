"""Where the time of a page goes, against the bytes that it has to touch.

Parts are told apart through ``rank()`` alone, by pages that leave a part out: no history and no items leaves handing
over; a history and no items adds the gathering of votes; a whole page adds governing, choosing and mixing. Beside each
stands what numpy takes to do no more than copy the same bytes. Run it with ``python -m benchmarks touched``.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from benchmarks.kernel import HISTORY, HOME, ITEMS_WANTED, READERS
from benchmarks.synthetic import World, readers, world
from benchmarks.timing import interleaved
from ranking.pipeline import rank, warm
from ranking.reader import Reader, Request

LINE = 64
"""Bytes that memory hands over at once."""

_NEW = "nothing to read, nothing wanted"
_GATHERED = "a history, nothing wanted"
_WHOLE = "a whole page"
_ROWS, _CLASSES = "copy graph rows", "copy verdict classes"
_JUDGED = 4 * ITEMS_WANTED
"""Candidates whose verdict class is looked up before the first is given out, about."""


@dataclass(frozen=True, slots=True)
class Part:
    """``us``: microseconds of this part; ``lines``: cache lines far apart in memory that it cannot do without, and
    ``copied_us`` what numpy takes to copy just them (None: there are none)."""

    name: str
    us: float
    lines: int
    copied_us: float | None


@dataclass(frozen=True, slots=True)
class Touched:
    """The parts of a page over so many items; ``union`` distinct neighbours were gathered, on average."""

    items: int
    parts: tuple[Part, ...]
    union: int

    def results(self) -> dict[str, float]:
        """Flat keys for ``benchmarks/results/latest.json``."""
        keys = ("handing_over", "gathering", "choosing")
        return {f"rank_{key}_us": round(part.us, 1) for key, part in zip(keys, self.parts, strict=True)}


def run(size: int = 1_000_000, *, rounds: int = 10) -> Touched:
    """Time the parts of a page and the copying of their bytes, in turn."""
    warm()
    made = world(size, blocked=0.5)
    asking, nobody = readers(made, READERS, HISTORY), readers(made, READERS, 0)
    graph, classes = made.snapshot.graph, made.snapshot.governance.class_of
    nothing = replace(HOME, limit=0)
    voters = np.array([reader.history[:, 0] for reader in asking])
    judged = np.random.default_rng(5).integers(0, size, (READERS, _JUDGED))
    ids = np.empty((HISTORY, graph.width), dtype=np.int32)
    weights = np.empty((HISTORY, graph.width), dtype=np.int16)
    found = np.empty(_JUDGED, dtype=np.int32)

    def copy_rows(number: int) -> None:
        rows = voters[number % READERS]
        np.take(graph.neighbours, rows, axis=0, out=ids, mode="clip")
        np.take(graph.weights, rows, axis=0, out=weights, mode="clip")

    def copy_classes(number: int) -> None:
        np.take(classes, judged[number % READERS], out=found, mode="clip")

    spreads = interleaved(
        {
            _NEW: _asked(made, nobody, nothing),
            _GATHERED: _asked(made, asking, nothing),
            _WHOLE: _asked(made, asking, HOME),
            _ROWS: copy_rows,
            _CLASSES: copy_classes,
        },
        rounds=rounds,
    )
    handing, gathered, whole = (spreads[name].p50_us for name in (_NEW, _GATHERED, _WHOLE))
    row_lines = HISTORY * (_lines(graph.neighbours) + _lines(graph.weights))
    parts = (
        Part("handing arguments over, an empty page", handing, 0, None),
        Part(f"gathering the votes of {HISTORY} items", gathered - handing, row_lines, spreads[_ROWS].p50_us),
        Part("governing, choosing, mixing, explaining", whole - gathered, 2 * _JUDGED, spreads[_CLASSES].p50_us),
    )
    union = np.mean([np.unique(graph.neighbours[rows]).size for rows in voters[:50]])
    return Touched(size, parts, int(union))


def _lines(array: NDArray[np.generic]) -> int:
    """Cache lines of one row, at least."""
    return int(-(-array.shape[1] * array.itemsize // LINE))


def _asked(made: World, asking: Sequence[Reader], request: Request) -> Callable[[int], object]:
    snapshot = made.snapshot
    return lambda number: rank(snapshot, asking[number % READERS], request, snapshot.parameters)
