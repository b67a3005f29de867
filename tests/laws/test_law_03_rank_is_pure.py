"""Law 3: ``rank()`` is pure. The same inputs give the same bytes, whatever ran before, beside or elsewhere."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import fields, replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ranking.page import Page
from ranking.parameters import Parameters
from ranking.pipeline import rank
from ranking.reader import Reader, Request
from ranking.snapshot import Snapshot
from tests.laws.plain_ranking import as_tuples, plain_page
from tests.laws.small_worlds import parameters, readers, requests, snapshots

pytestmark = pytest.mark.law

World = tuple[Snapshot, Reader, Request, Parameters]


@st.composite
def worlds(draw: st.DrawFn) -> World:
    snapshot = draw(snapshots())
    rows = snapshot.catalogue.rows
    return snapshot, draw(readers(rows)), draw(requests(rows)), draw(parameters())


def page_bytes(page: Page) -> bytes:
    columns = (getattr(page, one.name) for one in fields(page))
    return b"|".join(c.tobytes() if isinstance(c, np.ndarray) else repr(c).encode() for c in columns)


@given(worlds())
@settings(max_examples=400)
def test_a_page_is_what_plain_python_makes_of_the_same_inputs(world: World) -> None:
    page = rank(*world)
    assert as_tuples(page) == plain_page(*world)
    assert page.start == len(world[2].served_rows)
    assert page.exhausted == (len(page.rows) < world[2].limit)


@given(worlds(), worlds())
@settings(max_examples=60)
def test_pages_made_in_between_leave_no_trace(world: World, other: World) -> None:
    first = page_bytes(rank(*world))
    rank(*other)
    assert page_bytes(rank(*world)) == first


@given(st.lists(worlds(), min_size=2, max_size=4))
@settings(max_examples=15)
def test_pages_made_on_other_threads_at_the_same_time_are_the_same(several: list[World]) -> None:
    alone = [page_bytes(rank(*world)) for world in several]
    with ThreadPoolExecutor(max_workers=4) as pool:
        together = list(pool.map(lambda n: page_bytes(rank(*several[n % len(several)])), range(40)))
    assert together == [alone[n % len(several)] for n in range(40)]


@given(worlds())
@settings(max_examples=60)
def test_inputs_are_left_as_they_were(world: World) -> None:
    _, reader, request, _ = world
    arrays = (reader.history, reader.seen, request.served_rows, request.served_tiers)
    before = [array.tobytes() for array in arrays]
    rank(*world)
    assert [array.tobytes() for array in arrays] == before


@given(worlds(), st.integers(0, 2**48))
@settings(max_examples=60)
def test_arrays_from_elsewhere_and_another_seed_give_the_same_page(world: World, seed: int) -> None:
    """As a replayed Serving brings them: writeable, unaligned, or of another integer width."""
    snapshot, reader, request, given_parameters = world

    def elsewhere(array: Any, dtype: str) -> Any:
        block = b"x" + np.ascontiguousarray(array, dtype=dtype).tobytes()
        return np.frombuffer(block, dtype=dtype, offset=1).reshape(array.shape)

    foreign_reader = replace(reader, history=elsewhere(reader.history, "<i8"), seen=reader.seen.astype(np.int64))
    foreign_request = replace(request, served_rows=elsewhere(request.served_rows, "<i4"), seed=seed)
    page = rank(snapshot, foreign_reader, foreign_request, given_parameters)
    assert page_bytes(page) == page_bytes(rank(*world))


@given(worlds())
@settings(max_examples=60)
def test_what_a_page_hands_out_cannot_be_written(world: World) -> None:
    page = rank(*world)
    for one in fields(page):
        column = getattr(page, one.name)
        assert not isinstance(column, np.ndarray) or not column.flags.writeable
