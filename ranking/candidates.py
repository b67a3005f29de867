"""Candidates: each source as a sequence in its own order, worked out only as far as it is read (laws 3, 5 and 10).

Graph: by score. Popular: by place in the list. Both scores are weighed by verdict, interests and Seen. Fresh: newest
first, what the reader has not seen before what they have. Editorial: newest decision first. Nothing enters a sequence
that is outside the pool, ineligible, barred from the source, excluded or muted.
"""

from __future__ import annotations

import numpy as np

from controls.tiers import Tier
from controls.verdicts import WEIGHT_ONE, Source
from ranking.compiling import Whole, inlined, kernel, prefetch
from ranking.kernel import (
    BOOST,
    BUCKET,
    BY_TIME,
    BY_TIME_SEEN,
    CHUNK,
    FEATURED,
    HEAP,
    LENGTH,
    LISTED,
    LONGEST_DISCOUNT,
    LOW,
    NEXT_LISTED,
    RESERVED,
    SEEN,
    SHIFT,
    UNION,
    VOTERS,
    WAITING,
    bucketed,
    drop_top,
    gather,
    greatest,
    has_topic,
    heapify,
    marked,
    poll,
)
from ranking.workspace import BUCKETS, RESTRICTED_WAITING, Given, Workspace

GRAPH, POPULAR, FRESH, EDITORIAL = (
    int(Source.GRAPH),
    int(Source.POPULAR),
    int(Source.FRESH),
    int(Source.EDITORIAL),
)
FRESH_SEEN = 4
"""The fresh sequence once more: what the reader has seen already."""

POOL_HOME, POOL_TOPIC, POOL_COMMUNITY = 0, 1, 2

ROW, SCORE, BECAUSE = 0, 1, 2

LIST_ONE = 1 << 40
LIST_SOFTNESS = 64
LIST_CHUNK = 32
"""Score of place p of a popular list: ``LIST_ONE // (LIST_SOFTNESS + p)``. Seen once at the usual discount, the first
item falls to about the fortieth place. The list is judged a chunk at a time, as far as it is read."""

FIRST_CHUNK = 4
"""Candidates judged at first, for each item of the page."""

WEIGHED_CHUNK = 96
"""Candidates judged at first besides, where they are weighed against each other."""

PREFETCHED = 16
"""Places of a list whose verdict classes are under way from memory while one is looked at."""

_RESTRICTED = int(Tier.RESTRICTED)


@kernel
def admitted(row: Whole, cls: Whole, source: Whole, given: Given) -> bool:
    """Whether this source may show a row of a verdict class on this page: eligible, in the pool, and not muted."""
    items, choices, wanted = given.items, given.choices, given.wanted
    if given.verdicts.eligible[cls] == 0 or (given.verdicts.sources[cls] >> source) & 1 == 0:
        return False
    if wanted.pool_kind == POOL_TOPIC:
        inside = False
        for place in range(items.topics.shape[1]):
            inside = inside or items.topics[row, place] == wanted.pool_key
        if not inside:
            return False
    elif wanted.pool_kind == POOL_COMMUNITY and items.community[row] != wanted.pool_key:
        return False
    for author in choices.muted_authors:
        if items.author[row] == author:
            return False
    return choices.muted_topics.size == 0 or not has_topic(items.topics, row, choices.muted_topics)


@kernel
def weighed(score: Whole, cls: Whole, row: Whole, impressions: Whole, given: Given) -> Whole:
    """A positive score after verdict weight, interests (half as much again, or half) and impressions, in that order,
    each step rounded down."""
    topics, choices, permille = given.items.topics, given.choices, given.wanted.seen_permille
    score = score * given.verdicts.weight[cls] // WEIGHT_ONE
    if choices.more_topics.size > 0 and has_topic(topics, row, choices.more_topics):
        score += score // 2
    if choices.less_topics.size > 0 and has_topic(topics, row, choices.less_topics):
        score //= 2
    if permille < 1000:
        for _ in range(min(impressions, LONGEST_DISCOUNT)):
            if score == 0:
                break
            score = score * permille // 1000
    return score


@inlined
def vote(given: Given) -> None:
    """Let recent history vote over the graph, and make the scores ready to be judged."""
    items, work = given.items, given.work
    voters = poll(items, given.choices, given.wanted, work)
    size = gather(items.neighbours, items.weights, items.growth, voters, work)
    bucketed(work, size)
    work.state[VOTERS] = voters
    deeper = WEIGHED_CHUNK if given.wanted.calibration > 0 else 0
    work.state[CHUNK] = max(FIRST_CHUNK * given.wanted.limit, 64) + deeper


@inlined
def judge_bucket(given: Given) -> None:
    """Judge the best scores not judged yet, at least as many as a chunk; what passes joins the heap."""
    items, work, state = given.items, given.work, given.work.state
    high_bucket, bucket, judged = state[BUCKET], state[BUCKET], 0
    while bucket > 0 and judged < state[CHUNK]:
        bucket -= 1
        judged += work.counts[bucket]
    low, high = max(bucket << state[SHIFT], 1), high_bucket << state[SHIFT]
    counted = given.wanted.calibration > 0 or given.wanted.topic_max > 0
    # Rows lie far apart in memory: their classes are asked for while the rest is sought, then their authors.
    size, end = state[HEAP], state[HEAP]
    band = np.uint64(high - low)
    for n in range(state[UNION]):
        if np.uint64(work.union_score[n] - low) < band:
            work.heap_entry[end], work.heap_row[end] = n, work.union_row[n]
            prefetch(items.class_of, np.int64(work.union_row[n]))
            end += 1
    for n in range(size, end):
        row, entry = np.int64(work.heap_row[n]), work.heap_entry[n]
        cls = np.int64(items.class_of[row])
        if not admitted(row, cls, np.int64(GRAPH), given):
            continue
        impressions = marked(work, row)
        if impressions < 0:
            continue
        score = weighed(work.union_score[entry], cls, row, impressions, given)
        if score > 0:
            prefetch(items.author, row)
            if counted:
                prefetch(items.topics, row * items.topics.shape[1])
            work.heap_score[size], work.heap_row[size], work.heap_entry[size] = score, row, entry
            size += 1
    heapify(work.heap_score, work.heap_row, work.heap_entry, size)
    state[HEAP], state[BUCKET], state[LOW] = size, bucket, low
    # Most pages lack little after the first look; those that go on take more and more.
    state[CHUNK] = state[CHUNK] // 2 if high_bucket == BUCKETS else state[CHUNK] * 2


@inlined
def append(source: Whole, row: Whole, score: Whole, because: Whole, work: Workspace) -> None:
    """Put a candidate at the end of a source's sequence."""
    place = work.state[LENGTH + source]
    found = work.found[source, place]
    found[ROW], found[SCORE], found[BECAUSE] = row, score, because
    work.state[LENGTH + source] = place + 1


@inlined
def most(score: Whole, given: Given) -> Whole:
    """The most that a score can be weighed as."""
    score = score * given.work.state[BOOST] // WEIGHT_ONE
    return score + (score // 2 if given.choices.more_topics.size > 0 else 0)


@inlined
def next_of_graph(given: Given) -> bool:
    """Append the next candidate by (weighed score falling, row rising) that does not stand on the page yet, up to
    ``candidates`` of them."""
    work, state = given.work, given.work.state
    while state[LENGTH + GRAPH] < given.wanted.candidates:
        # No score below LOW can be weighed above this bound, so a better top is final.
        if state[BUCKET] > 0 and (state[HEAP] == 0 or work.heap_score[0] <= most(state[LOW] - 1, given)):
            judge_bucket(given)
        elif state[HEAP] == 0:
            return False
        else:
            row, score, entry = work.heap_row[0], work.heap_score[0], work.heap_entry[0]
            drop_top(work.heap_score, work.heap_row, work.heap_entry, state[HEAP])
            state[HEAP] -= 1
            if marked(work, np.int64(row)) > RESERVED:
                append(GRAPH, row, score, work.voter[greatest(work, np.int64(entry))], work)
                return True
    return False


@inlined
def judge_list(given: Given) -> None:
    """Judge the next places of the popular list; what passes joins its heap."""
    work, state, popular = given.work, given.work.state, given.lists.popular
    size, first = state[LISTED], state[NEXT_LISTED]
    last = min(first + LIST_CHUNK, popular.size)
    for place in range(first, last):
        prefetch(given.items.class_of, np.int64(popular[place]))
    for place in range(first, last):
        row = np.int64(popular[place])
        cls = np.int64(given.items.class_of[row])
        impressions = marked(work, row)
        if impressions >= 0 and admitted(row, cls, np.int64(POPULAR), given):
            score = weighed(place_score(place), cls, row, impressions, given)
            work.list_score[size], work.list_row[size], work.list_entry[size] = score, place, row
            size += 1
    heapify(work.list_score, work.list_row, work.list_entry, size)
    state[LISTED], state[NEXT_LISTED] = size, last


@kernel
def place_score(place: Whole) -> Whole:
    """Score of a place of a popular list."""
    return np.int64(LIST_ONE // (LIST_SOFTNESS + place))


@inlined
def next_of_popular(given: Given) -> bool:
    """Append the next row of the popular list, by (weighed place falling, place rising)."""
    work, state = given.work, given.work.state
    while state[NEXT_LISTED] < given.lists.popular.size and (
        state[LISTED] == 0 or work.list_score[0] < most(place_score(state[NEXT_LISTED]), given)
    ):
        judge_list(given)
    if state[LISTED] == 0:
        return False
    append(POPULAR, work.list_entry[0], 0, -1, work)
    drop_top(work.list_score, work.list_row, work.list_entry, state[LISTED])
    state[LISTED] -= 1
    return True


@inlined
def next_of_fresh(source: Whole, stop: Whole, given: Given) -> bool:
    """Append the next newest row of the pool, looking no further back than place ``stop`` of the pool by time."""
    work, state = given.work, given.work.state
    cursor = BY_TIME if source == FRESH else BY_TIME_SEEN
    if source == FRESH_SEEN and state[SEEN] == 0:
        return False
    while state[cursor] > stop:
        state[cursor] -= 1
        if state[cursor] >= PREFETCHED:
            prefetch(given.items.class_of, np.int64(given.lists.by_time[state[cursor] - PREFETCHED]))
        row = np.int64(given.lists.by_time[state[cursor]])
        cls = np.int64(given.items.class_of[row])
        impressions = marked(work, row)
        if impressions < 0 or (impressions > 0) != (source == FRESH_SEEN):
            continue
        if not admitted(row, cls, np.int64(FRESH), given):
            continue
        if given.verdicts.tier[cls] == _RESTRICTED or given.verdicts.caps[cls] != 0:
            if state[WAITING + source] >= RESTRICTED_WAITING:
                continue
            state[WAITING + source] += 1
        append(source, row, 0, -1, work)
        return True
    return False


@inlined
def next_of_editorial(given: Given) -> bool:
    """Append the next row of the editorial list that the reader has not seen."""
    work, state, featured = given.work, given.work.state, given.lists.featured
    while state[FEATURED] < featured.size:
        row = np.int64(featured[state[FEATURED]])
        state[FEATURED] += 1
        if 0 <= row < given.items.class_of.size and marked(work, row) == 0:
            cls = np.int64(given.items.class_of[row])
            if admitted(row, cls, np.int64(EDITORIAL), given):
                append(EDITORIAL, row, 0, -1, work)
                return True
    return False


@inlined
def extend(source: Whole, stop: Whole, given: Given) -> bool:
    """Work out one more candidate of a source; False when there is none."""
    if source == GRAPH:
        return next_of_graph(given)
    if source == POPULAR:
        return next_of_popular(given)
    if source == EDITORIAL:
        return next_of_editorial(given)
    return next_of_fresh(source, stop, given)
