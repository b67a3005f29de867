"""What governance says of a verdict class to one audience on one surface, in the form the kernel reads (law 6).

A verdict class is a set of causes: rules and decisions that match a row. Rows with the same causes share a class,
so one small table per audience and surface replaces one array of verdicts per audience and item.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

import numpy as np
from numpy.typing import NDArray

WEIGHT_ONE = 1024
"""Fixed-point one: a verdict weight of 1024 leaves a score as it is."""


class Source(IntEnum):
    """Where a candidate came from. A verdict's ``sources`` is a bit mask over these values."""

    GRAPH = 0
    POPULAR = 1
    FRESH = 2
    EDITORIAL = 3
    EXPLORATION = 4
    PIN = 5


ALL_SOURCES = (1 << len(Source)) - 1


@dataclass(frozen=True, slots=True)
class Effects:
    """What a client must show or withhold with an item: notice codes and disabled interactions, both sorted."""

    notices: tuple[str, ...] = ()
    disabled: tuple[str, ...] = ()


NO_EFFECTS = Effects()


@dataclass(frozen=True, slots=True)
class VerdictTable:
    """Verdicts of all C classes for one audience and surface. Arrays are read-only and C long.

    ``eligible`` uint8 (0: blocked, suppressed, held or withdrawn), ``tier`` uint8 (:class:`controls.tiers.Tier`),
    ``weight`` int32 fixed-point (WEIGHT_ONE is 1.0), ``sources`` uint8 bit mask of allowed sources,
    ``caps`` uint8 bit mask: which of ``Shares.caps`` bound the class, ``effects`` one entry per class.
    """

    eligible: NDArray[np.uint8]
    tier: NDArray[np.uint8]
    weight: NDArray[np.int32]
    sources: NDArray[np.uint8]
    caps: NDArray[np.uint8]
    effects: tuple[Effects, ...]


@dataclass(frozen=True, slots=True)
class Pin:
    """An item pinned at a position of the session; ``row`` is a catalogue row."""

    position: int
    row: int
    decision: str


@dataclass(frozen=True, slots=True)
class Shares:
    """Shares of a session's last ``window`` items, in items: maxima are hard, minima best effort. ``caps``: the maxima
    of rules that have one, at most eight."""

    window: int
    encouraged_min: int
    encouraged_max: int
    restricted_max: int
    caps: tuple[int, ...] = ()


OPEN_SHARES = Shares(window=40, encouraged_min=0, encouraged_max=40, restricted_max=40)
