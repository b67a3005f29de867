"""Topics: how those of a page stand to those of its reader, and how near to each other items of one topic stand.

Owns the counts of topics while a page is made, and what a candidate is worth by them: a greedy re-rank after Steck,
*Calibrated Recommendations* (RecSys 2018), in integers alone (law 3). A reader's shares come from the votes of recent
history and end with the page (law 8); a page that is not personalized has none (law 7).
"""

from __future__ import annotations

import numpy as np

from ranking.candidates import GRAPH, POOL_TOPIC, ROW, SCORE
from ranking.catalogue import Catalogue
from ranking.compiling import Whole, inlined, kernel, prefetch
from ranking.kernel import COUNTED, SHARED, TOPIC_BITS, TOPICS, VOTERS, WEIGHED, bits_for, slot_of
from ranking.parameters import Parameters
from ranking.workspace import VOICES, Given, Int32s, Int64s, Items, Wanted, Workspace

VOICE = 840
"""What an item has to spread over its topics: a number that one to eight of them divide evenly."""

CALIBRATED = 40
"""Places before a page that are counted with it."""

COUNTED_TOPICS = 8
"""Topics of an item that count, the first ones."""

PERMILLE = 1000

LARGEST_WORTH = 2**63 - 1

SHARE, HAVE, RECENT = 0, 1, 2
"""Columns of a topic's counts: its share of the reader's history in thousandths; the voices it has on the page and the
places before it; how many items of the window have it."""


@kernel
def counting(wanted: Wanted) -> bool:
    """Whether topics are counted at all for this page."""
    return bool(wanted.calibration > 0 or (wanted.diverse == 1 and wanted.topic_max > 0))


@kernel
def voice_of(topics: Int32s, row: Whole) -> Whole:
    """What each topic of a row has of its voice; 0 for a row without topics."""
    count = 0
    while count < min(topics.shape[1], COUNTED_TOPICS) and topics[row, count] >= 0:
        count += 1
    return VOICE // count if count > 0 else 0


@kernel
def opened(topic: Whole, state: Int64s, table: Int32s, topics: Int32s, counts: Int64s) -> Whole:
    """Place of a topic's counts, all zero where it had none."""
    slot = slot_of(table, topics, state[TOPIC_BITS], topic)
    entry = np.int64(table[slot])
    if entry < 0:
        entry = np.int64(state[TOPICS])
        state[TOPICS] += 1
        table[slot] = entry
        topics[entry] = topic
        counts[entry, SHARE] = counts[entry, HAVE] = counts[entry, RECENT] = 0
    return entry


@inlined
def count(row: Whole, lately: bool, recent: Whole, topics: Int32s, work: Workspace) -> None:
    """Count a row's voice if it stands on the page or ``lately`` before; ``recent`` (1, 0 or -1) is how it changes the
    window."""
    counts = work.topic_counts
    voice = voice_of(topics, row) if lately else 0
    work.state[COUNTED] += voice > 0
    for place in range(min(topics.shape[1], COUNTED_TOPICS)):
        if topics[row, place] < 0:
            break
        entry = opened(topics[row, place], work.state, work.topic_table, work.topic, counts)
        counts[entry, HAVE] += voice
        counts[entry, RECENT] += recent


@inlined
def share(topics: Int32s, work: Workspace) -> None:
    """Work out the reader's shares from the votes: an item's vote is spread evenly over its topics, and those of items
    voted down do not count."""
    state, total = work.state, 0
    for n in range(state[VOTERS]):
        prefetch(topics, np.int64(work.voter[n]) * topics.shape[1])
    for n in range(state[VOTERS]):
        row = np.int64(work.voter[n])
        voice = work.vote[n] * voice_of(topics, row) if work.vote[n] > 0 else 0
        if voice > 0:
            for place in range(min(topics.shape[1], COUNTED_TOPICS)):
                if topics[row, place] < 0:
                    break
                entry = opened(topics[row, place], state, work.topic_table, work.topic, work.topic_counts)
                work.topic_counts[entry, SHARE] += voice
                total += voice
    if total > 0:
        state[SHARED] = 1
        for entry in range(state[TOPICS]):
            work.topic_counts[entry, SHARE] = work.topic_counts[entry, SHARE] * PERMILLE // total


@inlined
def begin(given: Given) -> None:
    """Begin to count: the reader's shares, once the votes are in, and what the session has had lately."""
    wanted, work, topics = given.wanted, given.work, given.items.topics
    served = given.choices.served_rows.size
    window = wanted.topic_window - 1
    first = max(served - max(CALIBRATED, window), 0)
    most = (work.state[VOTERS] + served - first + wanted.limit) * COUNTED_TOPICS
    work.state[TOPIC_BITS] = bits_for(min(most, work.topic.size))
    work.topic_table[: 1 << work.state[TOPIC_BITS]] = -1
    if wanted.calibration > 0:
        share(topics, work)
    for n in range(first, served):
        count(np.int64(work.session_rows[n]), n >= served - CALIBRATED, np.int64(n >= served - window), topics, work)


@inlined
def follow(row: Whole, position: Whole, given: Given) -> None:
    """Count a row that has come to stand at ``position``; the first of the window leaves it."""
    work, topics, window = given.work, given.items.topics, given.wanted.topic_window - 1
    count(row, True, np.int64(1), topics, work)
    if given.wanted.topic_max > 0 and position >= window:
        count(np.int64(work.session_rows[position - window]), False, np.int64(-1), topics, work)


@inlined
def crowded(row: Whole, items: Items, wanted: Wanted, work: Workspace) -> bool:
    """Whether a topic of a row has all the items that it may have in the window. The topic that a page is about may
    have any number."""
    for place in range(min(items.topics.shape[1], COUNTED_TOPICS)):
        topic = items.topics[row, place]
        if topic < 0:
            break
        if wanted.pool_kind != POOL_TOPIC or topic != wanted.pool_key:
            slot = slot_of(work.topic_table, work.topic, work.state[TOPIC_BITS], topic)
            entry = work.topic_table[slot]
            if entry >= 0 and work.topic_counts[entry, RECENT] >= wanted.topic_max:
                return True
    return False


@inlined
def enter(row: Whole, place: Whole, items: Items, work: Workspace) -> None:
    """Let a candidate of the graph join those that are weighed."""
    voices, last = work.voices[place], 1
    voices[0] = voice_of(items.topics, row)
    for n in range(min(items.topics.shape[1], COUNTED_TOPICS)):
        if items.topics[row, n] < 0:
            break
        slot = slot_of(work.topic_table, work.topic, work.state[TOPIC_BITS], items.topics[row, n])
        entry = work.topic_table[slot]
        if entry >= 0 and work.topic_counts[entry, SHARE] > 0:
            voices[last] = entry
            last += 1
    voices[last] = -1
    work.weighed[work.state[WEIGHED]] = place
    work.state[WEIGHED] += 1


@inlined
def leave(row: Whole, work: Workspace) -> None:
    """Let a row that has come to stand on the page no longer be weighed."""
    size, kept = work.state[WEIGHED], 0
    for n in range(size):
        place = work.weighed[n]
        work.weighed[kept] = place
        kept += work.found[GRAPH, place, ROW] != row
    work.state[WEIGHED] = kept


@inlined
def worth(place: Whole, wanted: Wanted, work: Workspace) -> Whole:
    """What a candidate that is weighed is worth for the next place: its score, and ``calibration`` thousandths more as
    far as its voice falls to topics that are short of the reader's share of the places until then."""
    due, filled = (work.state[COUNTED] + 1) * VOICE, np.int64(0)
    most = np.int64(work.voices[place, 0]) * PERMILLE
    for n in range(1, VOICES):
        entry = work.voices[place, n]
        if entry < 0:
            break
        short = work.topic_counts[entry, SHARE] * due - work.topic_counts[entry, HAVE] * PERMILLE
        filled += min(max(short, 0), most)
    return np.int64(work.found[GRAPH, place, SCORE] * (PERMILLE + wanted.calibration * filled // (VOICE * PERMILLE)))


def most_topics(catalogue: Catalogue, parameters: Parameters, voters: int, served: int, limit: int) -> int:
    """How many topics can have counts on a page, at least 1."""
    if parameters.calibration == 0 and parameters.topic_max == 0:
        return 1
    places = min(served, max(CALIBRATED, parameters.topic_window - 1)) + limit
    return max(min((voters + places) * COUNTED_TOPICS, len(catalogue.topic_words)), 1)
