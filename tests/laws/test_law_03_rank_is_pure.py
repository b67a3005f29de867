"""Law 3: ``rank()`` is pure. The same inputs give the same bytes, whatever ran before, beside or elsewhere."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from controls.verdicts import Source
from ranking.page import Page
from ranking.pipeline import rank
from ranking.reader import Mode
from tests.laws.plain_ranking import as_tuples, plain_page
from tests.laws.small_worlds import World, worlds

pytestmark = pytest.mark.law


def made(world: World) -> Page:
    return rank(world.snapshot, world.reader, world.request, world.parameters)


def page_bytes(page: Page) -> bytes:
    return b"|".join(c.tobytes() if isinstance(c, np.ndarray) else repr(c).encode() for c in page)


@given(worlds())
@settings(max_examples=400)
def test_a_page_is_what_plain_python_makes_of_the_same_inputs(world: World) -> None:
    page = made(world)
    plain = plain_page(world.snapshot, world.reader, world.request, world.parameters)
    assert as_tuples(page) == plain
    assert page.start == len(world.request.served_rows)
    assert page.exhausted == (len(page.rows) < world.request.limit)


@given(worlds(), worlds())
@settings(max_examples=60)
def test_pages_made_in_between_leave_no_trace(world: World, other: World) -> None:
    first = page_bytes(made(world))
    made(other)
    assert page_bytes(made(world)) == first


@given(st.lists(worlds(), min_size=2, max_size=4))
@settings(max_examples=15)
def test_pages_made_on_other_threads_at_the_same_time_are_the_same(several: list[World]) -> None:
    alone = [page_bytes(made(world)) for world in several]
    with ThreadPoolExecutor(max_workers=4) as pool:
        together = list(pool.map(lambda n: page_bytes(made(several[n % len(several)])), range(40)))
    assert together == [alone[n % len(several)] for n in range(40)]


@given(worlds())
@settings(max_examples=60)
def test_inputs_are_left_as_they_were(world: World) -> None:
    reader, request = world.reader, world.request
    arrays = (reader.history, reader.seen, request.served_rows, request.served_tiers)
    before = [array.tobytes() for array in arrays]
    made(world)
    assert [array.tobytes() for array in arrays] == before


@given(worlds(), st.integers(0, 2**48))
@settings(max_examples=60)
def test_a_seed_decides_about_exploration_alone(world: World, seed: int) -> None:
    settled = replace(world, parameters=replace(world.parameters, explore_every=0))
    again = replace(settled, request=replace(world.request, seed=seed))
    assert page_bytes(made(again)) == page_bytes(made(settled))
    page = made(world)
    explored = page.sources == Source.EXPLORATION
    assert np.array_equal(page.drawn_from > 0, explored)
    assert world.request.mode is Mode.PERSONALIZED or not explored.any()


@given(worlds())
@settings(max_examples=60)
def test_arrays_from_elsewhere_give_the_same_page(world: World) -> None:
    """As a replayed Serving brings them: writeable, unaligned, or of another integer width."""
    reader, request = world.reader, world.request

    def elsewhere(array: Any, dtype: str) -> Any:
        block = b"x" + np.ascontiguousarray(array, dtype=dtype).tobytes()
        return np.frombuffer(block, dtype=dtype, offset=1).reshape(array.shape)

    foreign_reader = replace(reader, history=elsewhere(reader.history, "<i8"), seen=reader.seen.astype(np.int64))
    foreign_request = replace(request, served_rows=elsewhere(request.served_rows, "<i4"))
    page = made(replace(world, reader=foreign_reader, request=foreign_request))
    assert page_bytes(page) == page_bytes(made(world))


@given(worlds())
@settings(max_examples=60)
def test_what_a_page_hands_out_cannot_be_written(world: World) -> None:
    for column in made(world):
        assert not isinstance(column, np.ndarray) or not column.flags.writeable
