"""Exploring: which of the items worth exploring is drawn for a place, and from how many (laws 3 and 7).

One of each ``explore_every`` places is drawn, then one of the rows that may stand there, all equally likely: so the
propensity of a row at a place is one in the product of both numbers, exactly. Draws are hashes of the request's seed:
the same request draws the same, on any processor.
"""

from __future__ import annotations

import numpy as np

from controls.tiers import Tier
from controls.verdicts import Source
from ranking.candidates import admitted
from ranking.compiling import Whole, inlined, kernel
from ranking.kernel import marked
from ranking.workspace import Given

EXPLORED = 6
"""Number of this source among the sequences of candidates; it has no sequence."""

_EXPLORATION = int(Source.EXPLORATION)
_RESTRICTED = int(Tier.RESTRICTED)


@kernel
def drawn(seed: Whole, position: Whole, count: Whole) -> Whole:
    """A number below ``count``: the upper half of SplitMix64's output for the position-th step from ``seed``, scaled.

    Steele, Lea and Flood, "Fast splittable pseudorandom number generators", OOPSLA 2014.
    """
    word = np.uint64(seed) + np.uint64(position + 1) * np.uint64(0x9E3779B97F4A7C15)
    word = (word ^ (word >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    word = (word ^ (word >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    word = word ^ (word >> np.uint64(31))
    return np.int64(((word >> np.uint64(32)) * np.uint64(count)) >> np.uint64(32))


@kernel
def due(position: Whole, every: Whole, seed: Whole) -> bool:
    """Whether the place at ``position`` is for exploring: one of each ``every`` places, any as likely (0: none)."""
    return bool(every > 0 and position % every == drawn(~seed, position // every, every))


@inlined
def explorable(row: Whole, cls: Whole, given: Given) -> bool:
    """Whether a row may be explored on this page: admitted, not restricted, and the reader has never had it."""
    return (
        marked(given.work, row) == 0
        and given.verdicts.tier[cls] != _RESTRICTED
        and admitted(row, cls, np.int64(_EXPLORATION), given)
    )
