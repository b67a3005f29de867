"""The kernel: gather the votes of recent history over the item graph, and give out the best in order (law 3).

``score(j) = sum over history items i of vote(i) * weight(i, j)``, in int64, over a table small enough for a core's own
cache: its size follows the history, not the catalogue. Then candidates are judged lazily: scores are cut into
buckets, the best buckets are governed first, and a candidate is given out once no unjudged one can still beat it. So
the order is exactly that of judging all of them, by (score falling, row rising), at the cost of judging a few.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ranking.compiling import Whole, inlined, kernel, prefetch
from ranking.decay import faded
from ranking.growth import GROWN_WIDTH, SMALLEST_BLOCK, entry_of
from ranking.workspace import BUCKETS, Choices, Int32s, Int64s, Items, Wanted, Workspace

EXCLUDED, CONSUMED, RESERVED = -3, -1, -2
"""Marks of rows: not for this reader in this session; consumed before; kept for a pin. Positive: impressions."""

UNION, SHIFT, BUCKET, LOW, HEAP, CHUNK, BOOST = range(7)
MARKS, MARK_BITS, SEEN, LISTED, BY_TIME, BY_TIME_SEEN, FEATURED = range(7, 14)
RESTRICTED_COUNT, ENCOURAGED_COUNT, ENCOURAGED_OVER = range(14, 17)
NEXT_LISTED = 17
LENGTH, FIRST, WAITING = 18, 23, 28
"""Places of the counters in ``Workspace.state``; the last three are one for each source."""

VOTERS, TOPIC_BITS, TOPICS, COUNTED, SHARED, WEIGHED, NEXT = range(40, 47)
"""Places of those of ``ranking.topics``: items that vote, bits of its table, topics with counts, items with topics that
were counted, whether the reader has shares, candidates that are weighed, and the place of the next one."""

LONGEST_DISCOUNT = 1000

_HASH = 0x9E3779B1
_WORD = 0xFFFFFFFF
_PLACE_BITS = 10
_LAST_PLACE = (1 << _PLACE_BITS) - 1
SEVERAL = -1
"""In place of a row's only voter: it has several."""

AHEAD = 2
"""Rows of the graph that are under way from memory while one is read."""

_ROOM = 4
"""The table of the union is at most an eighth full at this room: a collision is a branch that nobody foresaw."""

_LARGEST = 2**31 - 1

_MANY, _APART = 2048, 8
"""Of so many scores and more, one in so many is counted."""


@kernel
def bits_for(count: Whole) -> Whole:
    """Bits of a table that ``count`` entries fill to at most a half."""
    bits = 4
    while (1 << bits) < 2 * count:
        bits += 1
    return bits


@kernel
def slot_of(table: Int32s, keys: Int32s, bits: Whole, row: Whole) -> Whole:
    """Slot of a row in an open-addressing table over ``keys``: it holds the row's entry, or -1 where it would go."""
    slot = ((np.int64(row) * _HASH) & _WORD) >> (32 - bits)
    while True:
        entry = table[slot]
        if entry < 0 or keys[entry] == row:
            return slot
        slot = (slot + 1) & ((1 << bits) - 1)


@kernel
def marked(work: Workspace, row: Whole) -> Whole:
    """The mark of a row, 0 if it has none."""
    entry = work.mark_table[slot_of(work.mark_table, work.mark_row, work.state[MARK_BITS], row)]
    return np.int64(0) if entry < 0 else np.int64(work.mark[entry])


@kernel
def mark(work: Workspace, row: Whole, value: Whole) -> None:
    """Set the mark of a row."""
    slot = slot_of(work.mark_table, work.mark_row, work.state[MARK_BITS], row)
    entry = work.mark_table[slot]
    if entry < 0:
        entry = work.state[MARKS]
        work.state[MARKS] += 1
        work.mark_table[slot] = entry
        work.mark_row[entry] = row
    work.mark[entry] = value


@kernel
def has_topic(topics: Int32s, row: Whole, wanted: Int32s) -> bool:
    """Whether a row has one of the topics."""
    for place in range(topics.shape[1]):
        topic = topics[row, place]
        if topic < 0:
            return False
        for other in wanted:
            if topic == other:
                return True
    return False


@kernel
def poll(items: Items, choices: Choices, wanted: Wanted, work: Workspace) -> Whole:
    """The votes of recent history by item, most recent first; returns how many items vote."""
    total = choices.history.shape[0]
    first = max(total - wanted.history, 0)
    newest = np.int64(0)
    for n in range(first, total):
        newest = max(newest, choices.history[n, 1]) if n > first else choices.history[n, 1]
    bits = bits_for(total - first)
    work.voter_table[: 1 << bits] = -1
    voters = 0
    for n in range(total - 1, first - 1, -1):
        row, second, kind = choices.history[n, 0], choices.history[n, 1], choices.history[n, 2]
        if row < 0 or row >= items.class_of.shape[0] or kind < 0 or kind >= choices.votes.shape[0]:
            continue
        vote = choices.votes[kind]
        if vote == 0 or (choices.less_topics.size > 0 and has_topic(items.topics, row, choices.less_topics)):
            continue
        slot = slot_of(work.voter_table, work.voter, bits, row)
        entry = work.voter_table[slot]
        if entry < 0:
            entry = voters
            work.voter_table[slot] = entry
            work.voter[entry] = row
            work.vote[entry] = 0
            voters += 1
        work.vote[entry] += vote * faded(newest - second, wanted.half_life, entry, wanted.half_life_items)
    return voters


@kernel
def emptied(work: Workspace) -> Whole:
    """Empty the table of the union; returns what its entries are counted from: whatever is below is absent.

    Entries of earlier generations stay where they are, below those of this one. That is cheaper than wiping a table
    that is kept sparse on purpose, which is done only when the numbers run out.
    """
    bits = 0
    while (1 << bits) < work.union_row.size:
        bits += 1
    work.tag[0] += 1
    if (work.tag[0] + 1) << bits > _LARGEST:
        work.table[:] = 0
        work.tag[0] = 1
    return np.int64(work.tag[0] << bits)


@inlined
def add(
    other: Whole, term: Whole, place: Whole, base: Whole, bits: Whole, size: np.uint64, work: Workspace
) -> np.uint64:
    """Add a contribution of the voter at ``place`` to a row of the union; returns how many rows it has then. A row that
    is new must find ``place`` in ``union_voter`` already."""
    slot = (np.uint64(np.uint32(other)) * np.uint64(_HASH) & np.uint64(_WORD)) >> np.uint64(32 - bits)
    while True:
        entry = np.uint64(np.int64(work.table[slot]) - base)
        if entry >= size:
            work.table[slot] = base + np.int64(size)
            work.union_row[size] = other
            work.union_score[size] = term
            return size + np.uint64(1)
        if work.union_row[entry] == other:
            best = work.union_best[entry]
            if work.union_voter[entry] != SEVERAL:
                best = above(work.union_score[entry], np.int64(work.union_voter[entry]))
                work.union_voter[entry] = SEVERAL
            work.union_best[entry] = max(best, above(term, place))
            work.union_score[entry] += term
            return size
        slot = (slot + np.uint64(1)) & np.uint64((1 << bits) - 1)


@inlined
def above(term: Whole, place: Whole) -> Whole:
    """A contribution above the place of its voter: the larger one wins, and of equal ones the more recent voter."""
    return (term << _PLACE_BITS) | (_LAST_PLACE - place)


@kernel
def greatest(work: Workspace, entry: Whole) -> Whole:
    """Place of the voter with the greatest contribution to a row of the union, of equal ones the most recent."""
    only = np.int64(work.union_voter[entry])
    return only if only != SEVERAL else np.int64(_LAST_PLACE - (work.union_best[entry] & _LAST_PLACE))


@kernel
def gather(neighbours: Int32s, weights: NDArray[np.int16], growth: Int32s, voters: Whole, work: Workspace) -> Whole:
    """Sum the votes of ``voters`` items over the graph and its growth; returns the number of rows in the union.

    ``union_voter`` holds, per row, the place of its only voter; where it has several, ``union_best`` holds the greatest
    contribution. Most rows have one voter, and its place is written for a whole row of the graph at once.
    """
    rows, width, voter = neighbours.shape[0], neighbours.shape[1], work.voter
    grown = GROWN_WIDTH if growth.size > SMALLEST_BLOCK else 0
    bits = bits_for(_ROOM * voters * (width + grown))
    base = emptied(work)
    size = np.uint64(0)  # unsigned: an index that cannot be negative costs less to look up
    # Rows of the graph lie far apart in memory. Finding their pages is asked for at once, for all of them; then the
    # next rows are fetched while one is read.
    for n in range(voters):
        if voter[n] < rows:
            prefetch(neighbours, np.int64(voter[n]) * width)
            prefetch(weights, np.int64(voter[n]) * width)
    for n in range(-AHEAD, voters):
        if n + AHEAD < voters and voter[n + AHEAD] < rows:
            start = np.int64(voter[n + AHEAD]) * width
            for place in range(0, width, 16):
                prefetch(neighbours, start + place)
            for place in range(0, width, 32):
                prefetch(weights, start + place)
        if n < 0:
            continue
        votes, own = work.vote[n], np.int64(n)
        work.union_voter[size : size + np.uint64(width + grown)] = n
        if voter[n] < rows:
            near, heavy = neighbours[voter[n]], weights[voter[n]]
            for place in range(width):
                if near[place] < 0:
                    break
                size = add(near[place], votes * np.int64(heavy[place]), own, base, bits, size, work)
        if grown > 0:
            gained = entry_of(growth, voter[n])
            if gained > 0:
                for place in range(gained + 1, gained + 1 + grown):
                    if growth[place] < 0:
                        break
                    size = add(growth[place], votes * np.int64(growth[place + grown]), own, base, bits, size, work)
    return np.int64(size)


@kernel
def bucketed(work: Workspace, size: Whole) -> None:
    """Prepare the histogram of ``size`` gathered scores, by which they are judged from the top down. Of many scores a
    part is counted, each for as many as it stands for: the histogram tells how far to go, not what comes first."""
    top = np.int64(0)
    for n in range(size):
        top = max(top, work.union_score[n])
    shift = 0
    while (top >> shift) >= BUCKETS:
        shift += 1
    work.counts[:] = 0
    apart = 1 if size < _MANY else _APART
    for n in range(0, size, apart):
        work.counts[max(work.union_score[n], 0) >> shift] += apart
    work.state[UNION] = size
    work.state[SHIFT] = shift
    work.state[BUCKET] = BUCKETS
    work.state[HEAP] = 0


@kernel
def before(score: Whole, key: Whole, other_score: Whole, other_key: Whole) -> bool:
    """The total order: score falling, then key rising."""
    return bool(score > other_score or (score == other_score and key < other_key))


@kernel
def sift(scores: Int64s, keys: Int32s, entries: Int32s, size: Whole, place: Whole) -> None:
    """Let the element at ``place`` of a heap sink to where it belongs; the first in order is at the top."""
    score, key, entry = scores[place], keys[place], entries[place]
    while True:
        child = 2 * place + 1
        if child >= size:
            break
        if child + 1 < size and before(scores[child + 1], keys[child + 1], scores[child], keys[child]):
            child += 1
        if not before(scores[child], keys[child], score, key):
            break
        scores[place], keys[place], entries[place] = scores[child], keys[child], entries[child]
        place = child
    scores[place], keys[place], entries[place] = score, key, entry


@kernel
def heapify(scores: Int64s, keys: Int32s, entries: Int32s, size: Whole) -> None:
    """Make a heap of ``size`` elements."""
    for place in range(size // 2 - 1, -1, -1):
        sift(scores, keys, entries, size, place)


@kernel
def drop_top(scores: Int64s, keys: Int32s, entries: Int32s, size: Whole) -> None:
    """Take the first element off a heap of ``size``."""
    last = size - 1
    scores[0], keys[0], entries[0] = scores[last], keys[last], entries[last]
    sift(scores, keys, entries, last, 0)
