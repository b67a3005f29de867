"""Exploration: a bounded share of personalized pages, every candidate as likely as the others, the same for a seed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest

from controls.verdicts import ALL_SOURCES, Source
from ranking.exploring import drawn, due
from ranking.page import Page
from ranking.parameters import Parameters
from ranking.pipeline import rank
from ranking.reader import Mode
from tests.laws.small_worlds import int32s
from tests.unit.ranking.scenes import BLOCKED, LINES, PLAIN, RESTRICTED, Scene, scene

OLD = " ".join(f"old{n}" for n in range(20))
EXPLORING = replace(PLAIN, explore_every=5)
"""One of each five places."""


def with_explored(names: str, **more: object) -> Scene:
    made = scene(f"{names} {OLD}", popular={"home": OLD}, **more)  # type: ignore[arg-type]
    rows = int32s(made.row(name) for name in names.split())
    return Scene(replace(made.snapshot, exploration={"home": rows}))


def page(
    given: Scene,
    seed: int = 0,
    limit: int = 5,
    after: Sequence[str] = (),
    parameters: Parameters = EXPLORING,
    **more: object,
) -> Page:
    reader = more.pop("reader", None) or given.reader()
    request = replace(given.request(limit=limit, after=after, **more), seed=seed)  # type: ignore[arg-type]
    return rank(given.snapshot, reader, request, parameters)  # type: ignore[arg-type]


def explored(given: Scene, made: Page) -> dict[int, tuple[str, int]]:
    """By place: what was explored there, and of how many it was drawn."""
    ids = given.snapshot.catalogue.ids
    return {
        place: (ids[made.rows[place]], int(made.drawn_from[place]))
        for place in range(len(made.rows))
        if made.sources[place] == Source.EXPLORATION
    }


def test_one_of_each_five_places_is_drawn_from_what_is_worth_exploring() -> None:
    given = with_explored("n1 n2 n3")
    for seed in range(30):
        found = explored(given, page(given, seed, limit=20))
        assert [place // 5 for place in found] == [0, 1, 2]
        assert [count for _, count in found.values()] == [15, 10, 5]
        assert {name for name, _ in found.values()} == {"n1", "n2", "n3"}


def test_a_session_goes_on_where_it_left_off() -> None:
    given = with_explored("n1 n2 n3")
    later = Counter(place for seed in range(200) for place in explored(given, page(given, seed, 5, OLD.split()[:3])))
    assert set(later) == {0, 1, 2, 3, 4}
    assert sum(later[place] for place in (2, 3, 4)) > 40  # places 5, 6 and 7 of the session


@pytest.mark.parametrize("every", [1, 2, 3, 10, 20, 1000])
def test_one_place_in_every_so_many_is_due_and_any_of_them_is_as_likely(every: int) -> None:
    places = [place for place in range(6000) if due(place, every, 5)]
    assert [place // every for place in places] == list(range(6000 // every))
    assert not any(due(place, 0, 5) for place in range(50))
    offsets = Counter(place % 20 for seed in range(4000) for place in range(20) if due(place, 20, seed))
    assert len(offsets) == 20
    assert all(140 < times < 260 for times in offsets.values())


def test_every_candidate_is_as_likely_as_the_page_says() -> None:
    given = with_explored("n1 n2 n3 n4")
    draws = Counter(explored(given, page(given, seed, limit=1)).get(0) for seed in range(4000))
    assert set(draws) == {None, *((f"n{n}", 20) for n in range(1, 5))}
    assert all(140 < times < 260 for drawn_one, times in draws.items() if drawn_one)


def test_the_same_seed_draws_the_same_and_places_draw_for_themselves() -> None:
    assert [drawn(7, place, 1000) for place in range(5)] == [drawn(7, place, 1000) for place in range(5)]
    assert len({drawn(7, place, 1 << 30) for place in range(100)}) == 100
    assert {drawn(2**48 - 1, place, 1) for place in range(5)} == {0}


def test_draws_are_those_of_the_published_generator() -> None:
    first = [6457827717110365317, 3203168211198807973, 9817491932198370423]  # SplitMix64 from 1234567
    assert [drawn(1234567, place, 1 << 31) for place in range(3)] == [word >> 33 for word in first]


def test_what_the_reader_had_or_may_not_have_is_not_drawn() -> None:
    given = with_explored("n1 n2 n3 n4 n5", classes={"n3": BLOCKED, "n4": RESTRICTED})
    reader = given.reader(seen={"n1": 1}, hidden=("n2",))
    for seed in range(20):
        assert list(explored(given, page(given, seed, reader=reader)).values()) == [("n5", 5)]


def test_a_source_that_a_verdict_bars_is_barred() -> None:
    lines = [*LINES, (True, 1, 1024, ALL_SOURCES & ~(1 << Source.EXPLORATION))]
    given = with_explored("n1 n2", classes={"n1": len(LINES)}, lines=lines)
    assert list(explored(given, page(given)).values()) == [("n2", 5)]


def test_with_nothing_to_explore_the_place_is_filled_as_any_other() -> None:
    given = with_explored("n1", classes={"n1": BLOCKED})
    made = page(given, limit=5)
    assert explored(given, made) == {}
    assert len(made.rows) == 5
    assert not made.drawn_from.any()


@pytest.mark.parametrize("mode", [Mode.POPULAR, Mode.LATEST, Mode.EDITORIAL])
def test_pages_that_are_not_personalized_explore_nothing_and_ignore_the_seed(mode: Mode) -> None:
    given = with_explored("n1 n2 n3")
    pages = [page(given, seed, limit=20, mode=mode) for seed in range(5)]
    pages += [page(given, 9, limit=20, mode=mode, reader=given.reader(liked=["old1"]))]
    assert all(np.array_equal(made.rows, pages[0].rows) for made in pages)
    assert not any(made.drawn_from.any() for made in pages)


def test_nothing_is_explored_with_exploration_off() -> None:
    given = with_explored("n1 n2 n3")
    off = replace(EXPLORING, explore_every=0)
    assert explored(given, page(given, limit=20, parameters=off)) == {}
