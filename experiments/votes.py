"""Votes: what each entry of a history counts when a page is made, for judging models as they serve.

Owns the way from training entries to the kernel's votes: the newest ones, by kind, fading with age and with what was
chosen since (`ranking.decay`). Entries without times have no order to fade in, so all of theirs count the same.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

from ranking.decay import SECONDS_A_DAY, faded
from ranking.interactions import EVENT_WEIGHTS, Interactions
from ranking.parameters import DEFAULTS, Parameters
from ranking.reader import EventKind


def kinds_of(weights: NDArray[np.float32]) -> NDArray[np.int64]:
    """EventKind codes int64[n] of the acts that entries of such weights stand for: click, like or share."""
    return np.where(
        weights >= EVENT_WEIGHTS[EventKind.SHARE],
        int(EventKind.SHARE),
        np.where(weights >= EVENT_WEIGHTS[EventKind.LIKE], int(EventKind.LIKE), int(EventKind.CLICK)),
    ).astype(np.int64)


def votes(train: Interactions, parameters: Parameters = DEFAULTS) -> NDArray[np.int64]:
    """int64[n]: what each entry counts for its reader's page under the parameters of ranking; 0 beyond the newest that
    are read, and 1 throughout where no times differ.
    """
    if not train.timed:
        return np.ones(train.count, np.int64)
    table = np.zeros(len(EventKind), np.int64)
    table[EventKind.CLICK], table[EventKind.LIKE] = parameters.weight_click, parameters.weight_like
    table[EventKind.SHARE] = parameters.weight_share
    made = table[kinds_of(train.weights)]
    half_life = parameters.half_life_days * SECONDS_A_DAY
    _fade(train.indptr, train.times, made, parameters.history, half_life, parameters.half_life_items)
    return made


@njit(cache=True, nogil=True)
def _fade(indptr: Any, times: Any, votes: Any, history: int, half_life: int, half_life_items: int) -> None:
    for reader in range(indptr.size - 1):
        first, last = indptr[reader], indptr[reader + 1]
        for entry in range(first, last):
            since = last - 1 - entry
            if since >= history:
                votes[entry] = 0
            else:
                votes[entry] *= faded(times[last - 1] - times[entry], half_life, since, half_life_items)
