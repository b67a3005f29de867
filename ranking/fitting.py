"""Fitting: which item may stand at a place, by tier, author and topic (law 6).

The restricted maximum and those of rules always hold; the encouraged maximum and the windows of authors and topics are
best effort. What counts for a rule's maximum is what the rule matches now, also of what the session was served before.
"""

from __future__ import annotations

import numpy as np

from controls.tiers import Tier
from ranking.compiling import Whole, inlined, kernel
from ranking.kernel import ENCOURAGED_COUNT, ENCOURAGED_OVER, RESTRICTED_COUNT
from ranking.topics import crowded
from ranking.workspace import Given, Int64s, Wanted, Workspace

_ENCOURAGED, _RESTRICTED = int(Tier.ENCOURAGED), int(Tier.RESTRICTED)


@kernel
def count_tiers(position: Whole, window: Whole, work: Workspace) -> None:
    """Count restricted and encouraged items among the ``window`` places that end with ``position``."""
    restricted, encouraged = 0, 0
    for n in range(max(position - window + 1, 0), position):
        restricted += work.session_tiers[n] == _RESTRICTED
        encouraged += work.session_tiers[n] == _ENCOURAGED
    work.state[RESTRICTED_COUNT], work.state[ENCOURAGED_COUNT] = restricted, encouraged


@kernel
def full(caps: Whole, position: Whole, given: Given) -> bool:
    """Whether the window that ends with ``position`` has as many as some rule allows of what it matches."""
    class_of, verdicts, work = given.items.class_of, given.verdicts, given.work
    first = max(position - given.wanted.share_window + 1, 0)
    for bit in range(verdicts.most.size):
        if caps >> bit & 1:
            count: Whole = 0
            for n in range(first, position):
                count += np.int64(verdicts.caps[class_of[work.session_rows[n]]]) >> bit & 1
            if count >= verdicts.most[bit]:
                return True
    return False


@inlined
def fits(row: Whole, tier: Whole, strict: bool, position: Whole, given: Given) -> bool:
    """Whether a row may stand at ``position``: restricted and rules' maxima always hold, the rest when ``strict``."""
    items, wanted, work = given.items, given.wanted, given.work
    if tier == _RESTRICTED and work.state[RESTRICTED_COUNT] >= wanted.restricted_max:
        return False
    caps = given.verdicts.caps[items.class_of[row]]
    if caps != 0 and full(np.int64(caps), position, given):
        return False
    if not strict or wanted.diverse == 0:
        return True
    if tier == _ENCOURAGED and work.state[ENCOURAGED_COUNT] >= wanted.encouraged_max:
        return False
    author, same = items.author[row], 0
    if author >= 0:
        for n in range(max(position - wanted.author_window + 1, 0), position):
            same += items.author[work.session_rows[n]] == author
    return same < wanted.author_max and not (wanted.topic_max > 0 and crowded(row, items, wanted, work))


@kernel
def behind(position: Whole, wanted: Wanted, state: Int64s) -> bool:
    """Whether the session is behind its encouraged minimum, spread over the window, and none was sought in vain yet."""
    due = wanted.encouraged_min * min(position + 1, wanted.share_window) // wanted.share_window
    return bool(wanted.diverse == 1 and state[ENCOURAGED_OVER] == 0 and state[ENCOURAGED_COUNT] < due)
