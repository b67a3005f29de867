"""Exclusions: what may not stand on the page whatever its score: served, hidden, consumed before, kept for a pin.

Each such row has a mark in the workspace; rows of Seen that may be shown again are marked with their impressions.
Keeps law 5 for pages already begun, and the reader's own choices.
"""

from __future__ import annotations

import numpy as np

from controls.tiers import Tier
from controls.verdicts import Source
from ranking.candidates import admitted
from ranking.compiling import Whole, inlined
from ranking.kernel import (
    BOOST,
    BY_TIME,
    BY_TIME_SEEN,
    CONSUMED,
    EXCLUDED,
    MARK_BITS,
    RESERVED,
    SEEN,
    bits_for,
    mark,
    marked,
)
from ranking.reader import EventKind
from ranking.workspace import Given

_PIN = int(Source.PIN)
_STANDARD = int(Tier.STANDARD)
_HIDE = int(EventKind.HIDE)


@inlined
def exclude(given: Given) -> Whole:
    """Mark what this reader and session exclude; returns the place of a served row out of range, or -1."""
    items, lists, choices, wanted, work = given.items, given.lists, given.choices, given.wanted, given.work
    state = work.state
    rows, served = items.class_of.size, choices.served_rows.size
    first = max(choices.history.shape[0] - wanted.history, 0)
    most = choices.seen.shape[0] + served + choices.hidden.size + lists.pin_rows.size + wanted.limit + 1
    state[:] = 0
    state[MARK_BITS] = bits_for(most + choices.history.shape[0] - first)
    state[BY_TIME] = state[BY_TIME_SEEN] = lists.by_time.size
    for weight in given.verdicts.weight:
        state[BOOST] = max(state[BOOST], np.int64(weight))
    work.mark_table[: 1 << state[MARK_BITS]] = -1
    for n in range(choices.seen.shape[0]):
        if choices.seen[n, 1] != 0:
            mark(work, np.int64(choices.seen[n, 0]), np.int64(max(choices.seen[n, 1], CONSUMED)))
            state[SEEN] += 1
    for n in range(first, choices.history.shape[0]):
        if choices.history[n, 2] == _HIDE and 0 <= choices.history[n, 0] < rows:
            mark(work, choices.history[n, 0], np.int64(EXCLUDED))
    for row in choices.hidden:
        mark(work, np.int64(row), np.int64(EXCLUDED))
    if wanted.seed_row >= 0:
        mark(work, wanted.seed_row, np.int64(EXCLUDED))
    for n in range(served):
        row = np.int64(choices.served_rows[n])
        if row < 0 or row >= rows:
            return n
        mark(work, row, np.int64(EXCLUDED))
        work.session_rows[n], work.session_tiers[n] = row, choices.served_tiers[n]
    for n in range(lists.pin_rows.size):
        row = np.int64(lists.pin_rows[n])
        if lists.pin_positions[n] >= served and 0 <= row < rows and marked(work, row) > RESERVED:
            cls = np.int64(items.class_of[row])
            if given.verdicts.tier[cls] <= _STANDARD and admitted(row, cls, np.int64(_PIN), given):
                mark(work, row, np.int64(RESERVED))
    return -1
