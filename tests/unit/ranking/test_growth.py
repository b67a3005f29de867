"""Rows that grow beside a model: read both ways, bounded, and gone once the model knows the item."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from ranking.graph import ItemGraph
from ranking.growth import (
    GROWN_ONE,
    GROWN_WIDTH,
    MOST_GROWN,
    NO_GROWTH,
    Growth,
    GrowthBuilder,
    entry_of,
    grown_of,
    known_to,
    usual_strength,
)

NOTHING = ItemGraph.from_arrays(np.empty((0, 1), dtype=np.int32), np.empty((0, 1)), trainer="none")


def graph(*rows: dict[int, int]) -> ItemGraph:
    """A graph of width 2 with these neighbours and integer weights."""
    neighbours = np.full((len(rows), 2), -1, dtype=np.int32)
    weights = np.zeros((len(rows), 2), dtype=np.int16)
    for row, near in enumerate(rows):
        neighbours[row, : len(near)], weights[row, : len(near)] = list(near), list(near.values())
    return ItemGraph.assemble(neighbours, weights, 1.0, "drawn", {}, 0, {})


def said(growth: Growth) -> dict[int, dict[int, int]]:
    """Growth as plain dictionaries."""
    return {
        row: {other: weight for other, weight in zip(others, weights, strict=True) if other >= 0}
        for row, others, weights in zip(
            growth.rows.tolist(), growth.neighbours.tolist(), growth.weights.tolist(), strict=True
        )
    }


def grown(*rows: tuple[int, dict[int, int]], beside: ItemGraph = NOTHING) -> Growth:
    builder = GrowthBuilder()
    for row, near in rows:
        builder.grow(row, list(near), list(near.values()))
    return builder.view(beside)


def test_a_row_leads_to_its_neighbours_and_they_lead_to_it() -> None:
    assert said(grown((7, {2: 512, 5: 100}))) == {2: {7: 512}, 5: {7: 100}, 7: {2: 512, 5: 100}}


def test_of_two_rows_that_name_each_other_the_greater_weight_counts() -> None:
    assert said(grown((7, {8: 10}), (8, {7: 30}))) == {7: {8: 30}, 8: {7: 30}}


def test_a_later_row_replaces_an_earlier_one_and_an_empty_one_ends_it() -> None:
    assert said(grown((7, {2: 5}), (7, {3: 6}))) == {3: {7: 6}, 7: {3: 6}}
    assert grown((7, {2: 5}), (7, {})) is NO_GROWTH


def test_what_is_no_neighbour_is_left_out() -> None:
    builder = GrowthBuilder()
    builder.grow(7, [-1, 7, 2, 2, 3, 4], [9, 9, 50, 60, 0, 5000])
    assert said(builder.view(NOTHING))[7] == {4: GROWN_ONE, 2: 50}


def test_weights_are_in_the_units_of_the_model() -> None:
    model = graph({1: 3000, 2: 90}, {0: 2000}, {0: -1000}, {})
    assert usual_strength(model) == 2000
    assert said(grown((3, {0: 512, 1: 1}), beside=model)) == {0: {3: 1000}, 1: {3: 1}, 3: {0: 1000, 1: 1}}


def test_a_row_lapses_beside_a_model_that_knows_the_item_and_comes_back_with_another() -> None:
    old, new = graph({1: 9}, {0: 9}), graph({1: 9}, {0: 9}, {0: 9}, {})
    builder = GrowthBuilder()
    builder.grow(2, [0], [1024])
    builder.grow(3, [1], [1024])
    assert said(builder.view(old)) == {0: {2: 9}, 1: {3: 9}, 2: {0: 9}, 3: {1: 9}}
    assert said(builder.view(new)) == {1: {3: 9}, 3: {1: 9}}
    assert builder.view(new).newcomers.tolist() == [3]
    assert said(builder.view(old)).keys() == {0, 1, 2, 3}


def test_a_model_knows_the_items_that_have_neighbours_in_it() -> None:
    rows = np.array([5, 0, 2, 1], dtype=np.int32)
    assert known_to(graph({1: 9}, {0: 9}, {}), rows).tolist() == [False, True, False, True]
    assert not known_to(NOTHING, rows).any()


def test_no_number_of_newcomers_takes_more_of_a_row_than_its_width() -> None:
    many = grown(*((100 + n, {1: 200 if n < 3 else 100}) for n in range(40)))
    newest = [100 + n for n in range(39, 39 - (GROWN_WIDTH - 3), -1)]
    assert list(said(many)[1]) == [102, 101, 100, *newest]


def test_the_item_whose_row_was_written_first_makes_room() -> None:
    builder = GrowthBuilder()
    for row in range(1, MOST_GROWN + 1):
        builder.grow(row, [0], [1])
    builder.grow(1, [0], [2])
    builder.grow(MOST_GROWN + 1, [0], [1])
    newcomers = builder.view(NOTHING).newcomers
    assert newcomers.size == MOST_GROWN
    assert 2 not in newcomers
    assert {1, MOST_GROWN + 1} <= set(newcomers.tolist())


def test_a_view_is_the_same_object_while_nothing_changed() -> None:
    builder = GrowthBuilder()
    builder.grow(4, [1], [1])
    first = builder.view(NOTHING)
    assert builder.view(NOTHING) is first
    builder.grow(5, [1], [1])
    assert builder.view(NOTHING) is not first
    assert said(first) == {1: {4: 1}, 4: {1: 1}}
    assert not any(array.flags.writeable for array in (first.rows, first.block, first.neighbours, first.weights))


@given(
    st.lists(
        st.tuples(st.integers(0, 60), st.dictionaries(st.integers(-1, 60), st.integers(-3, 2000), max_size=20)),
        max_size=40,
    )
)
def test_growth_is_what_its_words_say(rows: list[tuple[int, dict[int, int]]]) -> None:
    model = graph({1: 700}, {0: 700}, {})
    growth = grown(*rows, beside=model)
    own: dict[int, dict[int, int]] = {}
    for row, near in rows:
        kept = [(other, min(w, GROWN_ONE)) for other, w in near.items() if other not in (-1, row) and w > 0]
        own[row] = dict(kept[:GROWN_WIDTH])
    pairs: dict[int, dict[int, int]] = {}
    for row, near in own.items():
        for other, weight in near.items() if row > 1 else ():
            for one, two in ((row, other), (other, row)):
                pairs.setdefault(one, {})[two] = max(pairs.get(one, {}).get(two, 0), weight)
    expected = {
        row: {
            other: max(weight * 700 // GROWN_ONE, 1)
            for other, weight in sorted(near.items(), key=lambda pair: (-pair[1], -pair[0]))[:GROWN_WIDTH]
        }
        for row, near in sorted(pairs.items())
    }
    found = said(growth)
    assert found == expected
    assert [list(near) for near in found.values()] == [list(near) for near in expected.values()]
    assert all(growth.weight(row, other) == found.get(row, {}).get(other, 0) for row in range(62) for other in (0, 9))


def test_the_terms_of_some_rows_make_the_growth_between_them_again() -> None:
    growth = grown((7, {2: 512, 5: 100, 9: 30}), (8, {2: 40}))
    terms = growth.terms(np.array([2, 7, 100], dtype=np.int32), np.array([5, 7, 8], dtype=np.int32))
    assert terms == [(2, 7, 512), (2, 8, 40), (7, 5, 100)]
    assert said(grown_of(terms)) == {2: {7: 512, 8: 40}, 7: {5: 100}}
    assert NO_GROWTH.terms(np.array([2], dtype=np.int32), np.array([7], dtype=np.int32)) == []
    assert said(grown_of([])) == {}


@given(st.sets(st.integers(0, 2**31 - 1), max_size=300))
def test_the_block_holds_every_row_and_no_other(rows: set[int]) -> None:
    growth = grown(*((row, {0 if row else 1: 1}) for row in rows))
    expected = {
        row: [row, *near, *weights]
        for row, near, weights in zip(
            growth.rows.tolist(), growth.neighbours.tolist(), growth.weights.tolist(), strict=True
        )
    }
    for row in (*expected, *(row ^ 1 for row in rows), 2**31 - 1):
        entry = entry_of(growth.block, row)
        found = growth.block[entry : entry + 1 + 2 * GROWN_WIDTH].tolist() if entry else None
        assert found == expected.get(row)
