"""What the kernels are given, in their form: arrays in named groups, and a workspace that each thread reuses.

From Python the groups come as plain tuples in the order of their fields, which is four times faster to hand over; the
entry names them. The workspace is why a request allocates nothing inside the kernels; every request leaves it as it
likes and relies on nothing in it (law 3).
"""

from __future__ import annotations

import threading
from itertools import accumulate
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ranking.errors import InvalidRequest

Int32s = NDArray[np.int32]
Int64s = NDArray[np.int64]
Bytes = NDArray[np.uint8]

INT64, INT32, INT16, UINT8 = (np.dtype(kind) for kind in (np.int64, np.int32, np.int16, np.uint8))

SOURCES = 5
"""Sequences of candidates: graph, popular, fresh and editorial, numbered as in ``Source``, and fresh once more."""

BUCKETS = 1024
"""Buckets of the histogram of gathered scores."""

STATE = 48
"""Length of the kernels' own counters."""

LOOKAHEAD = 256
"""Candidates of a source that may wait for a later place while a better fitting one is looked for."""

REACH = 16
"""Candidates that are weighed against each other for a place."""

VOICES = 10  # numbers kept of a candidate that is weighed

RESTRICTED_WAITING = 128
"""Restricted and capped candidates of a source that are kept waiting; more than a page can hold."""

LARGEST_PAGE = 100

_LINE = 64  # bytes of a cache line, at which each part of a workspace begins

_HUGE = 4 << 20  # bytes from which numpy asks for huge pages

_LAYOUT, _READ_ONLY = 0x501, 0x101
"""Bits of ``ndarray.flags.num``: contiguous (0x1), aligned (0x100), writeable (0x400)."""


class Items(NamedTuple):
    """Columns by row: the catalogue's, the graph's, ``ranking.growth.Growth.block`` and the verdict class."""

    author: Int32s
    topics: Int32s
    community: Int32s
    neighbours: Int32s
    weights: NDArray[np.int16]
    growth: Int32s
    class_of: Int32s


class Verdicts(NamedTuple):
    """Verdicts by class, as ``VerdictTable``; ``most`` int32[8]: the maximum of each bit of ``caps``, in items."""

    eligible: Bytes
    tier: Bytes
    weight: Int32s
    sources: Bytes
    caps: Bytes
    most: Int32s


class Lists(NamedTuple):
    """Rows in an order of their own: the pool's popular list (best first), the pool by time (oldest first), the
    editorial list (newest decision first), what is worth exploring (in any order), and the pins by position."""

    popular: Int32s
    by_time: Int32s
    featured: Int32s
    explored: Int32s
    pin_rows: Int32s
    pin_positions: Int32s


class Choices(NamedTuple):
    """What one reader did and chose, and what the session was served, as rows and indexes."""

    history: Int64s
    seen: Int32s
    hidden: Int32s
    muted_authors: Int32s
    muted_topics: Int32s
    more_topics: Int32s
    less_topics: Int32s
    served_rows: Int32s
    served_tiers: Bytes
    votes: Int64s
    """int64[8]: vote by event kind."""


class Wanted(NamedTuple):
    """The page wanted, in whole numbers: of the request, then of its recipe, its parameters and the policy's shares."""

    limit: int
    pool_kind: int
    pool_key: int
    seed_row: int
    """Row that a related page is about, or -1."""
    seed: int
    """What draws at random are made from."""
    first_source: int
    second_source: int
    third_source: int
    fourth_source: int
    """Sequences that fill the page, in turn; -1 for none."""
    diverse: int
    """1: author window and encouraged shares hold; 0: the order of the source stands."""
    graph_reason: int
    history: int
    half_life: int
    half_life_items: int
    seen_permille: int
    candidates: int
    author_window: int
    author_max: int
    topic_window: int
    topic_max: int
    calibration: int
    fresh_every: int
    popular_every: int
    editorial_every: int
    explore_every: int
    share_window: int
    encouraged_min: int
    encouraged_max: int
    restricted_max: int


class Output(NamedTuple):
    """The page's arrays, ``limit`` long."""

    rows: Int32s
    sources: Bytes
    tiers: Bytes
    classes: Int32s
    reasons: Bytes
    because: Int32s
    scores: Int64s
    drawn_from: Int32s


class Workspace(NamedTuple):
    """Scratch of one thread, laid out in one block. U: largest union of neighbours, P: longest list, S: marked rows."""

    state: Int64s
    tag: Int64s
    """int64[1]: generation of the table; entries of older ones count as absent."""
    table: Int32s
    union_row: Int32s
    union_score: Int64s
    union_best: Int64s
    union_voter: NDArray[np.int16]
    counts: Int32s
    heap_score: Int64s
    heap_row: Int32s
    heap_entry: Int32s
    list_score: Int64s
    list_row: Int32s
    list_entry: Int32s
    voter: Int32s
    vote: Int64s
    voter_table: Int32s
    mark_table: Int32s
    mark_row: Int32s
    mark: Int32s
    found: Int64s
    """int64[SOURCES, P, 3]: row, score and because of the candidates of each source so far."""
    session_rows: Int32s
    session_tiers: Bytes
    topic_table: Int32s
    topic: Int32s
    topic_counts: Int64s
    """int64[G, 3]: see ``ranking.topics``."""
    weighed: Int32s
    """int32[REACH]: places of the candidates that are weighed, in their order."""
    voices: Int32s
    """int32[P, VOICES]: of each, what a topic has of its voice, places of the counts of the reader's topics, and -1."""
    chances: Int32s
    """int32[P]: rows that may be explored at a place."""


class Given(NamedTuple):
    """All that a kernel is given."""

    items: Items
    verdicts: Verdicts
    lists: Lists
    choices: Choices
    wanted: Wanted
    work: Workspace
    output: Output


def plain(array: NDArray[Any], dtype: np.dtype[Any], name: str, width: int = 0) -> NDArray[Any]:
    """The array in the layout the kernels are compiled for (read-only, contiguous, aligned), copied only if need be.
    ``width`` 0: one axis; else two, the second so long."""
    if array.ndim != 1 + (width > 0) or (width and array.shape[1] != width):
        wanted = f"[n, {width}]" if width else "[n]"
        raise InvalidRequest(f"{name} has shape {array.shape}; it must be {wanted}")
    if array.flags.num & _LAYOUT == _READ_ONLY and array.dtype == dtype:
        return array
    copied = np.array(array, dtype=dtype, order="C").view()
    copied.setflags(write=False)
    return copied


def _power_above(count: int) -> int:
    """The smallest power of two that leaves an open-addressing table at most half full."""
    return 1 << max(4, (2 * count - 1).bit_length())


def allocated(union: int, listed: int, marked: int, voters: int, session: int, topics: int) -> Int64s:
    """The block of a workspace for at least so many rows of each kind, all zero; :func:`laid_out` names its parts.

    One block is handed over several times faster than its parts would be, and is large enough to lie on huge pages.
    """
    listed, topics = -(-listed // 8) * 8, -(-topics // 16) * 16
    bytes_of = (
        *(8 * STATE, 8, 4 * _power_above(4 * union), 4 * union, 8 * union, 8 * union, 2 * union),
        *(4 * BUCKETS, 8 * union, 4 * union, 4 * union),
        *(8 * listed, 4 * listed, 4 * listed),
        *(4 * voters, 8 * voters, 4 * _power_above(voters)),
        *(4 * _power_above(marked), 4 * marked, 4 * marked),
        *(8 * SOURCES * listed * 3, 4 * session, session),
        *(4 * _power_above(topics), 4 * topics, 24 * topics, 4 * REACH, 4 * VOICES * listed, 4 * listed),
    )
    words = [-(-size // _LINE) * _LINE // 8 for size in (8 * (len(bytes_of) + 1), *bytes_of)]
    bounds = list(accumulate(words))
    block = np.zeros(max(bounds[-1], _HUGE // 8), dtype=INT64)
    block[: len(bounds)] = bounds
    return block


def laid_out(block: Int64s) -> Workspace:
    """The parts of a block, by the bounds at its head, in words."""
    return Workspace(
        block[block[0] : block[1]],
        block[block[1] : block[2]],
        block[block[2] : block[3]].view(np.int32),
        block[block[3] : block[4]].view(np.int32),
        block[block[4] : block[5]],
        block[block[5] : block[6]],
        block[block[6] : block[7]].view(np.int16),
        block[block[7] : block[8]].view(np.int32),
        block[block[8] : block[9]],
        block[block[9] : block[10]].view(np.int32),
        block[block[10] : block[11]].view(np.int32),
        block[block[11] : block[12]],
        block[block[12] : block[13]].view(np.int32),
        block[block[13] : block[14]].view(np.int32),
        block[block[14] : block[15]].view(np.int32),
        block[block[15] : block[16]],
        block[block[16] : block[17]].view(np.int32),
        block[block[17] : block[18]].view(np.int32),
        block[block[18] : block[19]].view(np.int32),
        block[block[19] : block[20]].view(np.int32),
        block[block[20] : block[21]].reshape((SOURCES, -1, 3)),
        block[block[21] : block[22]].view(np.int32),
        block[block[22] : block[23]].view(np.uint8),
        block[block[23] : block[24]].view(np.int32),
        block[block[24] : block[25]].view(np.int32),
        block[block[25] : block[26]].reshape((-1, 3)),
        block[block[26] : block[27]].view(np.int32),
        block[block[27] : block[28]].view(np.int32).reshape((-1, VOICES)),
        block[block[28] : block[29]].view(np.int32),
    )


class _OfThread(threading.local):
    block: Int64s = np.empty(0, dtype=INT64)
    sizes: tuple[int, ...] = (0, 0, 0, 0, 0, 0)


_of_thread = _OfThread()


def workspace(union: int, listed: int, marked: int, voters: int, session: int, topics: int) -> Int64s:
    """This thread's block, with room for at least so many rows; it grows by doubling."""
    have = _of_thread.sizes
    larger = union > have[0] or listed > have[1] or marked > have[2]
    if larger or voters > have[3] or session > have[4] or topics > have[5]:
        need = (union, listed, marked, voters, session, topics)
        sizes = tuple(max(h, 1 << max(n - 1, 1).bit_length()) for h, n in zip(have, need, strict=True))
        _of_thread.block, _of_thread.sizes = allocated(*sizes), sizes
    return _of_thread.block
