"""A page as ``rank()`` returns it: rows with provenance, before ids and words are put in."""

from __future__ import annotations

from enum import IntEnum
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray


class Reason(IntEnum):
    """Why an item is on the page; the wire form is the lower-case name."""

    BECAUSE_YOU_LIKED = 0
    POPULAR_NOW = 1
    NEW_HERE = 2
    CHOSEN_BY_EDITORS = 3
    PINNED_BY_EDITORS = 4
    EXPLORING = 5
    SIMILAR_ITEM = 6


class Page(NamedTuple):
    """Read-only arrays, k long, in page order.

    ``rows`` int32, ``sources`` uint8 (:class:`controls.verdicts.Source`), ``tiers`` uint8, ``classes`` int32
    (verdict class), ``reasons`` uint8 (:class:`Reason`), ``because`` int32 (the history or seed row with the
    greatest contribution, or -1), ``scores`` int64 (0 where the source has none), ``drawn_from`` int32 (an explored
    row stands at its place with a propensity of one in that number; 0 where nothing was left to chance). ``start`` is
    the position in the session of the first item. ``exhausted`` tells that the pool had no further item for this
    session.
    """

    rows: NDArray[np.int32]
    sources: NDArray[np.uint8]
    tiers: NDArray[np.uint8]
    classes: NDArray[np.int32]
    reasons: NDArray[np.uint8]
    because: NDArray[np.int32]
    scores: NDArray[np.int64]
    drawn_from: NDArray[np.int32]
    start: int
    exhausted: bool
