"""Mixing: which candidate takes which place of the session (laws 3, 5 and 6).

For each place in turn: the pin of that place; on personalized pages exploration, if the place is drawn for it, or the
turn of a source (editorial at the middle of each ``editorial_every`` places, fresh at the end of each ``fresh_every``,
popular at the third part); an encouraged item when the session is behind its minimum; else the next candidate of the
page's sources in turn that fits, where those of the graph are weighed against each other by the reader's topics
(`ranking.topics`). Failing that, the windows of authors and topics and the encouraged maximum give way rather than
leave the page short; the restricted maximum and those of rules never do: such an item waits until the window has room
for it. At the very end the pins of later places move up. An item stands in a session at most once.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from controls.tiers import Tier
from controls.verdicts import Source
from ranking.candidates import (
    BECAUSE,
    EDITORIAL,
    FRESH,
    FRESH_SEEN,
    GRAPH,
    POPULAR,
    ROW,
    SCORE,
    extend,
    vote,
)
from ranking.compiling import Whole, entry, inlined, kernel, prefetch, stamp_of
from ranking.exclusions import exclude
from ranking.exploring import EXPLORED, drawn, due, explorable
from ranking.fitting import behind, count_tiers, fits
from ranking.kernel import (
    ENCOURAGED_OVER,
    EXCLUDED,
    FIRST,
    LENGTH,
    NEXT,
    RESERVED,
    SHARED,
    WEIGHED,
    mark,
    marked,
)
from ranking.page import Reason
from ranking.topics import LARGEST_WORTH, begin, counting, enter, follow, leave, worth
from ranking.workspace import (
    LOOKAHEAD,
    REACH,
    Choices,
    Given,
    Int64s,
    Items,
    Lists,
    Output,
    Verdicts,
    Wanted,
    Workspace,
    laid_out,
)

PIN, EXPLORATION = int(Source.PIN), int(Source.EXPLORATION)
TURNS = 3
WEIGHING = TURNS + 4
RELAXED = WEIGHING + 5
"""Steps in choosing for a place: turns, an encouraged item from each source, the worthiest of the graph that fits, any
that fits from each, any at all."""

FRESH_REACH = 4096
"""A fresh item by turn is looked for among so many of the pool's newest."""

_ENCOURAGED, _RESTRICTED = int(Tier.ENCOURAGED), int(Tier.RESTRICTED)
_REASONS = np.array(
    [
        Reason.BECAUSE_YOU_LIKED,
        Reason.POPULAR_NOW,
        Reason.NEW_HERE,
        Reason.CHOSEN_BY_EDITORS,
        Reason.EXPLORING,
        Reason.PINNED_BY_EDITORS,
    ],
    dtype=np.uint8,
)
"""uint8[6]: reason by source."""


@inlined
def find(
    source: Whole, tier_wanted: Whole, strict: bool, weighed: bool, stop: Whole, position: Whole, given: Given
) -> Whole:
    """Place in a source's sequence of the first candidate that fits (of one tier, unless ``tier_wanted`` is -1), or
    -1. Past ``LOOKAHEAD`` waiting ones it is looked for no further. When ``weighed``, the worthiest that fits among the
    next ``REACH`` of the graph instead."""
    items, work, state = given.items, given.work, given.work.state
    place, waiting = np.int64(state[NEXT] if weighed else state[FIRST + source]), 0
    while waiting < LOOKAHEAD and not (weighed and state[WEIGHED] == REACH):
        if place == state[LENGTH + source] and not extend(source, stop, given):
            break
        row = work.found[source, place, ROW]
        if marked(work, row) <= RESERVED:
            if place == state[FIRST + source]:
                state[FIRST + source] += 1
        elif weighed:
            enter(row, place, items, work)
        else:
            tier = given.verdicts.tier[items.class_of[row]]
            if (tier_wanted < 0 or tier == tier_wanted) and fits(row, tier, strict, position, given):
                return place
            waiting += tier != _RESTRICTED and given.verdicts.caps[items.class_of[row]] == 0
        place += 1
    return settle(place, position, given) if weighed else np.int64(-1)


@inlined
def settle(following: Whole, position: Whole, given: Given) -> Whole:
    """Place in the graph's sequence of the worthiest that fits, the first of equals, among those that are weighed; or
    -1. ``following`` is the place of the next that will be."""
    wanted, work, state = given.wanted, given.work, given.work.state
    state[NEXT] = following
    tried, failed = np.int64(-1), np.int64(LARGEST_WORTH)
    while True:
        best, greatest = np.int64(-1), np.int64(0)
        for n in range(state[WEIGHED]):
            value = np.int64(worth(np.int64(work.weighed[n]), wanted, work))
            if value > greatest and (value < failed or (value == failed and n > tried)):
                best, greatest = np.int64(n), value
        if best < 0:
            return np.int64(-1)
        place = np.int64(work.weighed[best])
        row = work.found[GRAPH, place, ROW]
        if fits(row, given.verdicts.tier[given.items.class_of[row]], True, position, given):
            return place
        tried, failed = best, greatest


@kernel
def attempt(step: Whole, position: Whole, late: bool, wanted: Wanted, state: Int64s) -> tuple[Whole, Whole, bool]:
    """The ``step``-th thing to try for ``position``: (source or -1, tier wanted or -1, strict). ``late``: the session
    is behind its encouraged minimum."""
    if step < TURNS:
        if step == 0:
            source, every, turn = EDITORIAL, wanted.editorial_every, wanted.editorial_every // 2
        elif step == 1:
            source, every, turn = FRESH, wanted.fresh_every, wanted.fresh_every - 1
        else:
            source, every, turn = POPULAR, wanted.popular_every, wanted.popular_every // 3
        return (source if every > 0 and position % every == turn else -1), -1, True
    if step == WEIGHING:
        return (GRAPH if state[SHARED] == 1 else -1), -1, True
    place = (step - TURNS - (step > WEIGHING)) % 4
    source = wanted.first_source
    if place > 0:
        source = wanted.second_source if place == 1 else wanted.third_source if place == 2 else wanted.fourth_source
    if step < WEIGHING:
        return (source if late else -1), _ENCOURAGED, True
    return source, -1, bool(step < RELAXED)


@inlined
def choose(position: Whole, given: Given) -> tuple[Whole, Whole]:
    """(source, place in its sequence) of the candidate for ``position``, or (-1, -1) when no source has one."""
    wanted, state = given.wanted, given.work.state
    reach = max(given.lists.by_time.size - FRESH_REACH, 0)
    late = behind(position, wanted, state)
    for step in range(RELAXED + 4):
        if step == WEIGHING and late:
            state[ENCOURAGED_OVER] = 1
        source, tier, strict = attempt(step, position, late, wanted, state)
        if source >= 0:
            stop = reach if step < TURNS else 0
            place = find(source, tier, strict, step == WEIGHING, stop, position, given)
            if place >= 0:
                return source, place
    return -1, np.int64(-1)


@inlined
def explore(position: Whole, given: Given) -> tuple[Whole, Whole]:
    """(row, of how many it was drawn) of what is explored at ``position``; (-1, 0): not due, or none fits."""
    explored, class_of, wanted = given.lists.explored, given.items.class_of, given.wanted
    chances, count = given.work.chances, 0
    if explored.size == 0 or not due(position, wanted.explore_every, wanted.seed):
        return np.int64(-1), 0
    for n in range(explored.size):
        prefetch(class_of, np.int64(explored[n]))
    for n in range(explored.size):
        row = np.int64(explored[n])
        cls = np.int64(class_of[row])
        if explorable(row, cls, given) and fits(row, given.verdicts.tier[cls], True, position, given):
            chances[count] = row
            count += 1
    if count == 0:
        return np.int64(-1), 0
    return np.int64(chances[drawn(wanted.seed, position, count)]), count * wanted.explore_every


@kernel
def pinned(position: Whole, lists: Lists, work: Workspace) -> Whole:
    """Row of the pin that is due at ``position``; with position -1, of the first one still waiting; else -1."""
    for n in range(lists.pin_rows.size):
        row = np.int64(lists.pin_rows[n])
        due = position < 0 or lists.pin_positions[n] == position
        if due and row >= 0 and marked(work, row) == RESERVED:
            return row
    return np.int64(-1)


@inlined
def put(n: Whole, source: Whole, row: Whole, score: Whole, because: Whole, odds: Whole, given: Given) -> None:
    """Let a row stand at place ``n`` of the page."""
    output, work, position = given.output, given.work, given.choices.served_rows.size + n
    cls = given.items.class_of[row]
    tier = given.verdicts.tier[cls]
    output.rows[n] = row
    output.sources[n] = FRESH if source == FRESH_SEEN else EXPLORATION if source == EXPLORED else source
    output.tiers[n] = tier
    output.classes[n] = cls
    output.reasons[n] = given.wanted.graph_reason if source == 0 else _REASONS[output.sources[n]]
    output.because[n] = because
    output.scores[n] = score
    output.drawn_from[n] = odds
    work.session_rows[position], work.session_tiers[position] = row, tier
    if counting(given.wanted):
        follow(np.int64(row), position, given)
        leave(np.int64(row), work)
    mark(work, np.int64(row), np.int64(EXCLUDED))


named = kernel(laid_out)


def _compiled(stamp: int) -> Any:
    """The entry. ``stamp`` is here to be closed over, see ``stamp_of``."""

    @entry
    def fill(
        items: tuple[Any, ...],
        verdicts: tuple[Any, ...],
        lists: tuple[Any, ...],
        choices: tuple[Any, ...],
        wanted: tuple[int, ...],
        block: Int64s,
        output: tuple[Any, ...],
    ) -> Whole:
        work = named(block)
        given = Given(
            Items(*items), Verdicts(*verdicts), Lists(*lists), Choices(*choices), Wanted(*wanted), work, Output(*output)
        )
        wrong = exclude(given)
        if wrong >= 0 or stamp < 0:
            return -1 - wrong
        if given.wanted.first_source == GRAPH:
            vote(given)
        if counting(given.wanted):
            begin(given)
        for n in range(given.wanted.limit):
            position = given.choices.served_rows.size + n
            source, score, because = np.int64(PIN), np.int64(0), np.int64(-1)
            odds: Whole = np.int64(0)
            row: Whole = pinned(position, given.lists, work)
            if row < 0:
                count_tiers(position, given.wanted.share_window, work)
                row, odds = explore(position, given)
                source = np.int64(EXPLORED if row >= 0 else PIN)
            if row < 0:
                chosen, place = choose(position, given)
                if chosen >= 0:
                    source, row = np.int64(chosen), work.found[chosen, place, ROW]
                    score, because = work.found[chosen, place, SCORE], work.found[chosen, place, BECAUSE]
                else:
                    row = pinned(np.int64(-1), given.lists, work)
            if row < 0:
                return n
            put(n, source, row, score, because, odds, given)
        return given.wanted.limit

    return fill


_SOURCES = "candidates compiling decay exclusions exploring fitting growth kernel mixing topics workspace"

fill = _compiled(stamp_of(*_SOURCES.split()))
"""``fill(given)``: make a page into ``given.output``; how many items, or -1 - n when served row n is no row."""
