"""When a page says how long its session has lasted."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from controls.scopes import AgeClass
from feed.readers.breaks import Break, due, limit, minor

BEGAN = 1_800_000_000


@pytest.mark.parametrize(
    ("chosen", "minors", "is_minor", "every"),
    [
        (0, 40, False, 0),
        (0, 40, True, 40),
        (15, 40, True, 15),
        (90, 40, True, 40),
        (90, 40, False, 90),
        (15, 0, True, 15),
    ],
)
def test_the_smaller_limit_counts_and_minors_have_the_operators(
    chosen: int, minors: int, is_minor: bool, every: int
) -> None:
    assert limit(chosen, minors, is_minor) == every


def test_one_word_is_enough_for_minor_mode() -> None:
    assert minor(AgeClass.ADULT, AgeClass.MINOR, None)
    assert not minor(AgeClass.ADULT, AgeClass.UNKNOWN, None)


@given(st.integers(1, 200), st.lists(st.integers(1, 3000), min_size=1, max_size=20))
def test_every_limit_that_a_session_crosses_is_told_once(every: int, pauses: list[int]) -> None:
    told, now = 0, BEGAN
    for pause in pauses:
        before, now = now, now + pause
        crossed = (now - BEGAN) // (60 * every) - (before - BEGAN) // (60 * every)
        found = due(every, BEGAN, before, now)
        assert (found is not None) == (crossed > 0)
        told += found is not None
        assert found in (None, Break(every, (now - BEGAN) // 60))
    assert told <= (now - BEGAN) // (60 * every)


def test_without_a_limit_nothing_is_told() -> None:
    assert due(0, BEGAN, BEGAN, BEGAN + 10**6) is None
