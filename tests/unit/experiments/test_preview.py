"""A preview counts places: who has more of them under a draft, who has fewer, and how many pages differ."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from controls.tiers import Tier
from experiments.preview import Preview, Shift
from ranking.building import CatalogueBuilder
from ranking.catalogue import Catalogue
from ranking.journal import ItemPublished
from ranking.page import Page


@pytest.fixture(scope="module")
def catalogue() -> Catalogue:
    builder = CatalogueBuilder()
    builder.apply(
        [
            ItemPublished("a", author="x", topics=("art",)),
            ItemPublished("b", author="x", topics=("art", "bees")),
            ItemPublished("c", topics=("bees",)),
        ]
    )
    return builder.view()


def page(rows: Sequence[int], tier: Tier = Tier.STANDARD) -> Page:
    row, none = np.array(rows, dtype=np.int32), np.zeros(len(rows), dtype=np.int64)
    tiers = np.full(len(rows), int(tier), dtype=np.uint8)
    small = none.astype(np.uint8)
    return Page(
        row, small, tiers, none.astype(np.int32), small, none.astype(np.int32), none, none.astype(np.int32), 0, True
    )


def test_places_are_counted_by_item_author_and_topic(catalogue: Catalogue) -> None:
    preview = Preview()
    preview.add(page([0, 1]), page([2, 1], Tier.ENCOURAGED))
    preview.add(page([0]), page([0]))
    told = preview.report(catalogue)
    assert (told.pages, told.changed, told.places_before, told.places_after) == (2, 1, 3, 3)
    assert told.gained["items"] == [Shift("c", 0, 1)] and told.lost["items"] == [Shift("a", 2, 1)]
    assert told.lost["authors"] == [Shift("x", 3, 2)] and told.gained["authors"] == []
    assert told.gained["topics"] == [Shift("bees", 1, 2)] and told.lost["topics"] == [Shift("art", 3, 2)]
    assert told.moved == {"items": 2, "authors": 1, "topics": 2}
    assert told.tiers == {"encouraged": (0, 2), "standard": (3, 1)}
    assert told.share is not None and told.share.low < 0.5 < told.share.high


def test_another_order_of_the_same_items_is_a_change_of_the_page_and_of_no_place(catalogue: Catalogue) -> None:
    preview = Preview()
    preview.add(page([0, 1]), page([1, 0]))
    told = preview.report(catalogue)
    assert (told.changed, told.moved) == (1, {"items": 0, "authors": 0, "topics": 0})


def test_the_greatest_shifts_are_told_and_all_are_counted(catalogue: Catalogue) -> None:
    preview = Preview()
    preview.add(page([]), page([0, 1]))
    preview.add(page([]), page([1]))
    told = preview.report(catalogue, most=1)
    assert told.gained["items"] == [Shift("b", 0, 2)] and told.moved["items"] == 2


def test_nothing_compared_is_no_share(catalogue: Catalogue) -> None:
    told = Preview().report(catalogue)
    assert (told.pages, told.share, told.gained["items"]) == (0, None, [])
