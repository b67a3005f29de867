"""How simulated readers behave in front of a page: what they look at, click, read, like, share and hide.

The position-based model of examination and attraction (Craswell et al., "An experimental comparison of click
position-bias models", WSDM 2008): a click needs that the reader looks at the place and the item attracts.
Attraction is not worth: rumours and spam attract more than they please.
"""

from __future__ import annotations

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from experiments.world.taste import News, Taste
from experiments.world.vocabulary import STRANDS
from experiments.world.works import Works
from ranking.reader import EventKind

EXAMINATION_DECAY = 0.7
"""A place n (from 0) is looked at with probability (1 + n) ** -EXAMINATION_DECAY."""

Ints = NDArray[np.int32]
Floats = NDArray[np.float64]


def relevance(works: Works, taste: Taste, news: News, readers: Ints, items: Ints, times: NDArray[np.int64]) -> Floats:
    """float64[n] in [0, 1]: how much reader n is pleased by item n at second n. The oracle for regret."""
    columns = works.columns()
    cells = columns.cells[items][:, None]
    interest = np.take_along_axis(taste.at(readers, times), cells, axis=1)[:, 0]
    heat = np.take_along_axis(news.heat(times), cells // STRANDS, axis=1)[:, 0]
    eager = np.minimum(1.0, 0.03 + 0.9 * np.sqrt(interest) + 0.08 * (heat - 1))
    pleased: Floats = np.clip(eager * (0.25 + 0.75 * columns.quality[items]), 0.0, 1.0)
    return pleased


def attraction(works: Works, pleased: Floats, items: Ints) -> Floats:
    """float64[n] in [0, 1]: how likely a looked-at item is clicked."""
    columns = works.columns()
    bait = np.where(columns.rumour[items], 2.0, np.where(columns.spam[items], 1.5, 1.0))
    return np.minimum(0.95, 0.01 + 0.8 * pleased * bait)


def react(
    rng: Generator, works: Works, pleased: Floats, items: Ints, places: Ints
) -> tuple[Ints, NDArray[np.uint8], NDArray[np.int64], Ints]:
    """What follows from n items shown at n places, beside the impressions.

    Returns columns of equal length: index into the n, EventKind uint8, seconds after the impression int64,
    and dwell in milliseconds int32 (0 unless DWELL).
    """
    looked = rng.random(items.size) < (1.0 + places) ** -EXAMINATION_DECAY
    clicked = looked & (rng.random(items.size) < attraction(works, pleased, items))
    read = np.minimum(600_000, rng.lognormal(8.0 + 3.0 * pleased, 0.6)).astype(np.int32)
    spam = works.columns().spam[items]
    chance = rng.random((5, items.size))
    happened = {
        EventKind.CLICK: clicked,
        EventKind.DWELL: clicked,
        EventKind.LIKE: clicked & (chance[0] < 0.55 * pleased),
        EventKind.SHARE: clicked & (chance[1] < 0.10 * pleased),
        EventKind.MORE: clicked & (chance[2] < 0.02 * pleased),
        EventKind.LESS: looked & (chance[3] < 0.004 * (1 - pleased)),
        EventKind.HIDE: looked & (chance[4] < np.where(spam, 0.10, 0.004) * (1 - pleased)),
    }
    after = 2 + 3 * places.astype(np.int64)
    parts = []
    for kind, mask in happened.items():
        shown = np.flatnonzero(mask).astype(np.int32)
        later = after[shown] + np.where(kind in (EventKind.CLICK, EventKind.HIDE), 0, read[shown] // 1000 + 1)
        dwell = read[shown] if kind is EventKind.DWELL else np.zeros(shown.size, dtype=np.int32)
        parts.append((shown, np.full(shown.size, int(kind), dtype=np.uint8), later, dwell))
    shown, kinds, later, dwell = (np.concatenate(column) for column in zip(*parts, strict=True))
    return shown, kinds, later, dwell
