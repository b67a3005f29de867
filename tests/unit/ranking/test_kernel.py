"""Gather, judge, give out: the kernel's pieces against plain Python, and the bounds they must keep."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ranking import kernel
from ranking.compiling import stamp_of
from ranking.decay import DECAY, DECAY_ONE, STEPS, decayed, faded
from ranking.growth import NO_GROWTH
from ranking.parameters import LARGEST_VOTE, LONGEST_HISTORY, Parameters
from ranking.pipeline import rank
from ranking.reader import CONSUMED, EventKind, Reader, Settings
from ranking.workspace import allocated, laid_out
from tests.laws.plain_ranking import as_tuples, decay, plain_page
from tests.unit.ranking.scenes import NOW, PLAIN, item, scene

rows = st.integers(0, 2**31 - 1)


class TestDecay:
    def test_the_table_is_sixteen_steps_of_a_half(self) -> None:
        assert DECAY.tolist() == [round(DECAY_ONE * 2 ** (-k / STEPS)) for k in range(STEPS)]

    @given(st.integers(0, 2**40), st.integers(0, 2**33))
    def test_a_vote_fades_as_plain_python_says(self, age: int, half_life: int) -> None:
        assert decayed(age, half_life) == decay(age, half_life)

    @given(st.integers(0, 2**40), st.integers(0, 2**40), st.integers(1, 2**33))
    def test_an_older_vote_never_counts_more_and_never_nothing(self, one: int, other: int, half_life: int) -> None:
        younger, older = sorted((one, other))
        assert decayed(younger, half_life) >= decayed(older, half_life) >= 1

    def test_a_half_life_halves_and_none_does_not(self) -> None:
        assert [decayed(n * 10, 10) for n in (0, 1, 2, 11, 12, 500)] == [4096, 2048, 1024, 2, 1, 1]
        assert decayed(10**9, 0) == DECAY_ONE

    def test_age_and_what_was_chosen_since_fade_together(self) -> None:
        assert faded(0, 10, 0, 7) == DECAY_ONE
        assert faded(10, 10, 7, 7) == DECAY_ONE // 4
        assert faded(10, 10, 7, 0) == faded(10, 0, 7, 7) == DECAY_ONE // 2
        assert faded(10**9, 10, 1000, 7) == 1


class TestTables:
    @given(st.lists(st.tuples(rows, st.integers(-3, 9)), max_size=40))
    def test_a_mark_is_what_was_marked_last(self, marks: list[tuple[int, int]]) -> None:
        work = laid_out(allocated(16, 16, 40, 16, 16, 16))
        work.state[:] = 0
        work.state[kernel.MARK_BITS] = kernel.bits_for(40)
        work.mark_table[:] = -1
        for row, value in marks:
            kernel.mark(work, row, value)
        expected = dict(marks)
        for row in [*expected, 5, 2**31 - 1]:
            assert kernel.marked(work, row) == expected.get(row, 0)

    @given(st.lists(st.tuples(st.integers(-5, 5), rows), unique_by=lambda one: one[1], max_size=40))
    def test_a_heap_gives_out_by_score_falling_and_key_rising(self, drawn: list[tuple[int, int]]) -> None:
        scores = np.array([score for score, _ in drawn], dtype=np.int64)
        keys = np.array([key for _, key in drawn], dtype=np.int32)
        entries = np.arange(len(drawn), dtype=np.int32)
        kernel.heapify(scores, keys, entries, len(drawn))
        given_out = []
        for size in range(len(drawn), 0, -1):
            given_out.append((int(scores[0]), int(keys[0])))
            assert drawn[entries[0]] == given_out[-1]
            kernel.drop_top(scores, keys, entries, size)
        assert given_out == sorted(drawn, key=lambda one: (-one[0], one[1]))


@st.composite
def gatherings(draw: st.DrawFn) -> tuple[Any, Any, Any, Any]:
    size, width = draw(st.integers(1, 12)), draw(st.integers(1, 6))
    neighbours = np.full((size, width), -1, dtype=np.int32)
    for row in range(size):
        near = draw(st.lists(st.integers(0, size - 1), max_size=width, unique=True))
        neighbours[row, : len(near)] = near
    weights = np.array(
        draw(st.lists(st.integers(-32_767, 32_767), min_size=size * width, max_size=size * width)), dtype=np.int16
    ).reshape(size, width)
    voters = draw(st.lists(st.integers(0, size - 1), unique=True))
    votes = draw(st.lists(st.integers(-(2**32), 2**32), min_size=len(voters), max_size=len(voters)))
    return neighbours, weights, np.array(voters, dtype=np.int32), np.array(votes, dtype=np.int64)


@given(gatherings(), st.integers(0, 2**26))
def test_gathering_sums_votes_times_weights_and_remembers_the_greatest(
    drawn: tuple[Any, Any, Any, Any], generation: int
) -> None:
    neighbours, weights, voters, votes = drawn
    work = laid_out(allocated(max(voters.size * neighbours.shape[1], 1), 16, 16, 16, 16, 16))
    work.tag[0] = generation
    work.voter[: voters.size] = np.arange(voters.size)
    kernel.gather(neighbours, weights, NO_GROWTH.block, voters.size, work)  # leaves an older generation in the table
    work.voter[: voters.size], work.vote[: voters.size] = voters, votes
    size = kernel.gather(neighbours, weights, NO_GROWTH.block, voters.size, work)
    terms: dict[int, list[tuple[int, int]]] = {}
    for place, (voter, vote) in enumerate(zip(voters.tolist(), votes.tolist(), strict=True)):
        for other, weight in zip(neighbours[voter].tolist(), weights[voter].tolist(), strict=True):
            if other < 0:
                break
            terms.setdefault(other, []).append((vote * weight, -place))
    found = {int(work.union_row[n]): (int(work.union_score[n]), int(kernel.greatest(work, n))) for n in range(size)}
    assert {row: score for row, (score, _) in found.items()} == {
        row: sum(t for t, _ in all_) for row, all_ in terms.items()
    }
    for row, (_, place) in found.items():
        assert -place == max(terms[row])[1]


def test_the_largest_sums_stay_within_int64() -> None:
    """The most extreme votes, weights, boosts and interests allowed, all at once, still rank in order."""
    names = [f"i{n}" for n in range(6)]
    told = scene(
        [item(name, topics=("art",)) for name in names],
        graph={"i0": {"i1": 32_767, "i2": 32_766, "i3": -32_767, "i4": 32_765}},
        lines=[(True, 1, 4096, 63)],
    )
    extreme = replace(PLAIN, weight_like=LARGEST_VOTE, history=LONGEST_HISTORY, seen_discount_permille=999)
    history = np.tile(np.array([[0, NOW, EventKind.LIKE]], dtype=np.int64), (LONGEST_HISTORY, 1))
    seen = np.array([[0, CONSUMED], [1, 1]], dtype=np.int32)
    reader = Reader(history, seen, Settings(more_topics=("art",)))
    request = told.request(limit=3)
    page = rank(told.snapshot, reader, request, extreme)
    assert as_tuples(page) == plain_page(told.snapshot, reader, request, extreme)
    assert [names[row] for row in page.rows] == ["i2", "i4", "i1"]
    assert page.scores.min() > 2**49


def test_candidates_are_judged_until_no_unjudged_one_can_be_better() -> None:
    """A heavily boosted item far down the gathered order comes first; thousands above it are blocked or demoted."""
    rng = np.random.default_rng(3)
    count = 3000
    names = [f"i{n}" for n in range(count)]
    weights = np.sort(rng.integers(100, 30_000, count - 1))[::-1]
    lines = [(True, 1, 1024, 63), (False, 3, 1024, 63), (True, 1, 32, 63), (True, 1, 4096, 63)]
    classes = {name: int(rng.choice((0, 1, 2), p=(0.1, 0.5, 0.4))) for name in names}
    classes |= {"i1500": 3, "i2990": 3}
    graph = {"i0": dict(zip(names[1:], weights.tolist(), strict=True))}
    told = scene(" ".join(names), graph=graph, classes=classes, lines=lines)
    reader = told.reader(liked=["i0"], seen={"i0": CONSUMED})
    for limit, after in [(50, []), (100, []), (30, names[10:200])]:
        request = told.request(limit=limit, after=after)
        page = rank(told.snapshot, reader, request, PLAIN)
        assert as_tuples(page) == plain_page(told.snapshot, reader, request, PLAIN)


@pytest.mark.parametrize("rows_asked", [5, 60, 100])
def test_a_popular_list_is_judged_until_no_later_place_can_be_better(rows_asked: int) -> None:
    """A list of several chunks: boosted, demoted, blocked and seen ones all over it, and interests on top."""
    rng = np.random.default_rng(5)
    items = [item(f"i{n}", topics=("art",) if n % 7 == 0 else ()) for n in range(300)]
    names = [one.id for one in items]
    lines = [(True, 1, 1024, 63), (False, 3, 1024, 63), (True, 1, 32, 63), (True, 1, 4096, 63)]
    told = scene(
        items,
        popular={"home": " ".join(names[n] for n in rng.permutation(300))},
        classes={name: int(rng.choice(4, p=(0.6, 0.2, 0.1, 0.1))) for name in names},
        lines=lines,
    )
    reader = told.reader(seen={names[n]: int(rng.integers(1, 9)) for n in range(0, 300, 3)}, more_topics=("art",))
    request = told.request(limit=rows_asked)
    page = rank(told.snapshot, reader, request, PLAIN)
    assert as_tuples(page) == plain_page(told.snapshot, reader, request, PLAIN)


def test_the_stamp_of_the_cache_follows_the_source() -> None:
    assert stamp_of("kernel") == stamp_of("kernel") > 0
    assert stamp_of("kernel") != stamp_of("mixing")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("history", -1),
        ("history", 1001),
        ("weight_less", -1001),
        ("candidates", 2.5),
        ("author_max", 0),
        ("fresh_every", True),
    ],
)
def test_a_parameter_out_of_range_is_named(name: str, value: Any) -> None:
    with pytest.raises(ValueError, match=f"{name} is {value!r}; it must be a whole number from"):
        Parameters(**{name: value})
