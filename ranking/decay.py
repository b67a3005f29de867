"""Decay: how a history entry's vote fades with age and with what was chosen since, in integers (law 3).

Age is measured against the newest entry that is read, not against the clock: the same history gives the same votes on
every day, and a page changes because something happened, not because time passed.
"""

from __future__ import annotations

import numpy as np

from ranking.compiling import Whole, kernel

DECAY_ONE = 4096
"""Fixed-point one of the decay table."""

STEPS = 16
"""Steps of the table within one half-life."""

DECAY = np.array(
    [4096, 3922, 3756, 3597, 3444, 3298, 3158, 3025, 2896, 2774, 2656, 2543, 2435, 2332, 2233, 2139],
    dtype=np.int64,
)
"""int64[16]: 4096 * 2**(-k/16), rounded: written out, so that no processor's arithmetic can differ."""
DECAY.setflags(write=False)

_HALVINGS = 12
SECONDS_A_DAY = 86_400


@kernel
def decayed(age: Whole, half_life: Whole) -> Whole:
    """Fixed-point factor for an age and a half-life in seconds: halves with each half-life, never below 1 / 4096.

    A half-life of 0 means no decay.
    """
    if half_life <= 0 or age <= 0:
        return DECAY_ONE
    halvings = age // half_life
    if halvings >= _HALVINGS:
        return 1
    step = age % half_life * STEPS // half_life
    return max(int(DECAY[step]) >> halvings, 1)


@kernel
def faded(age: Whole, half_life: Whole, since: Whole, half_life_items: Whole) -> Whole:
    """Fixed-point factor of an entry of ``age`` seconds after which the reader chose ``since`` other items."""
    return max(decayed(age, half_life) * decayed(since, half_life_items) // DECAY_ONE, 1)
