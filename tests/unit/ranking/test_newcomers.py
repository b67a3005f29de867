"""Which neighbours an item gets before a model knows it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from ranking.building import CatalogueBuilder
from ranking.catalogue import Catalogue
from ranking.growth import GROWN_ONE, GROWN_WIDTH
from ranking.journal import ItemPublished, ItemWithdrawn, RowGrown
from ranking.newcomers import (
    LIKENESS_MOST,
    REMEMBERED,
    Voices,
    rows_by_likeness,
    rows_by_readers,
)
from ranking.reader import EventKind

CLICK, LIKE, HIDE = EventKind.CLICK, EventKind.LIKE, EventKind.HIDE


def catalogue(*items: ItemPublished, withdrawn: str = "") -> Catalogue:
    builder = CatalogueBuilder()
    builder.apply([*items, ItemWithdrawn(withdrawn)])
    return builder.view()


def item(name: str, topics: str = "", author: str = "", at: int = 1) -> ItemPublished:
    return ItemPublished(name, author, tuple(topics.split()), at)


def popular(known: Catalogue, **topics: str) -> dict[str, np.ndarray]:
    return {
        f"topic:{topic}": np.array([known.row_of(name) for name in names.split()], dtype=np.int32)
        for topic, names in topics.items()
    }


def voices(known: Catalogue, heard: Sequence[tuple[str, str, EventKind]]) -> Voices:
    """Voices of (reader, item, kind), oldest first."""
    names = sorted({reader for reader, _, _ in heard})
    return Voices.of(
        np.array([names.index(reader) for reader, _, _ in heard], dtype=np.int32),
        np.array([known.row_of(name) for _, name, _ in heard], dtype=np.int32),
        np.array([kind for _, _, kind in heard], dtype=np.uint8),
    )


def clicks(known: Catalogue, **by_reader: str) -> Voices:
    return voices(known, [(who, name, CLICK) for who, names in by_reader.items() for name in names.split()])


def by_readers(
    known: Catalogue, heard: Voices, *names: str, lists: Mapping[str, np.ndarray] | None = None
) -> list[RowGrown]:
    rows = np.array([known.row_of(name) for name in names], dtype=np.int32)
    return rows_by_readers(heard, rows, known, lists or {})


def test_an_item_is_near_to_what_shares_its_topics_and_its_author() -> None:
    known = catalogue(
        item("both", "art bees"), item("one", "art"), item("hers", "chess", "ada"), item("all", "art bees", "ada"),
        item("none", "chess"),
    )  # fmt: skip
    (row,) = rows_by_likeness([item("new", "art bees", "ada")], known, {})
    assert dict(zip(row.neighbours, row.weights, strict=True)) == {
        "all": LIKENESS_MOST,
        "both": LIKENESS_MOST * 3 // 4,
        "one": LIKENESS_MOST * 3 // 8,
        "hers": LIKENESS_MOST // 4,
    }
    assert row.neighbours == ("all", "both", "one", "hers")


def test_of_equally_alike_items_the_more_popular_and_then_the_newer_are_near() -> None:
    known = catalogue(*(item(f"a{n:02}", "art", at=n) for n in range(40)))
    (row,) = rows_by_likeness([item("new", "art")], known, popular(known, art="a03 a01"))
    assert row.neighbours == ("a03", "a01", *(f"a{n}" for n in range(39, 25, -1)))
    assert len(row.neighbours) == GROWN_WIDTH


def test_an_item_that_resembles_nothing_has_no_row() -> None:
    known = catalogue(item("a", "art"), item("b"))
    assert rows_by_likeness([item("new", "bees", "ada"), item("newer")], known, {}) == []
    assert rows_by_likeness([item("new", "art")], catalogue(), {}) == []


def test_withdrawn_items_and_the_item_itself_are_not_near() -> None:
    known = catalogue(item("a", "art"), item("b", "art"), item("new", "art"), withdrawn="b")
    assert [row.neighbours for row in rows_by_likeness([item("new", "art")], known, {})] == [("a",)]


def test_an_item_is_near_to_what_its_readers_also_chose() -> None:
    known = catalogue(*map(item, ("new", "often", "once", "never")))
    (row,) = by_readers(known, clicks(known, r1="often new", r2="new often", r3="new once", r4="never often"), "new")
    assert row.neighbours == ("often", "once")
    assert row.weights[0] == 3 * GROWN_ONE // (4 + 3)


def test_readers_outweigh_likeness_the_more_of_them_are_heard() -> None:
    known = catalogue(item("new", "art"), item("alike", "art"), item("chosen", "bees"))
    told = []
    for count in (0, 1, 4, 100):
        heard = clicks(known, other="alike", **{f"r{n}": "chosen new" for n in range(count)})
        (row,) = by_readers(known, heard, "new")
        told.append(dict(zip(row.neighbours, row.weights, strict=True)))
    alike = LIKENESS_MOST * 3 // 4
    assert told == [
        {"alike": alike},
        {"alike": 4 * alike // 5, "chosen": GROWN_ONE // 5},
        {"alike": alike // 2, "chosen": GROWN_ONE // 2},
        {"alike": 4 * alike // 104, "chosen": 100 * GROWN_ONE // 104},
    ]


def test_a_reader_has_one_voice_for_an_item_however_often_they_speak() -> None:
    known = catalogue(*map(item, ("new", "a", "b")))
    quiet = clicks(known, r1="a new", r2="b new")
    again = [("r1", name, kind) for name in ("a", "new") for kind in (CLICK, LIKE) * 9]
    loud = voices(known, [*again, ("r2", "b", CLICK), ("r2", "new", LIKE)])
    assert by_readers(known, loud, "new") == by_readers(known, quiet, "new")
    assert loud.heard(known.rows).tolist() == [2, 1, 1]


def test_a_reader_who_voices_much_counts_for_little_each_time() -> None:
    known = catalogue(*map(item, ("new", "hers", "his", *(f"x{n}" for n in range(40)))))
    much = " ".join(f"x{n}" for n in range(40))
    (row,) = by_readers(known, clicks(known, ada="new hers", ben=f"{much} new his"), "new")
    weight = dict(zip(row.neighbours, row.weights, strict=True))
    assert weight["hers"] > 3 * weight["his"]


def test_what_everybody_chooses_is_not_near_for_that() -> None:
    known = catalogue(*map(item, ("new", "hit", "kin")))
    others = {f"r{n}": "hit" for n in range(50)}
    (row,) = by_readers(known, clicks(known, ada="new hit kin", **others), "new")
    assert row.neighbours == ("kin", "hit")


def test_impressions_hides_and_unknown_items_are_no_voices() -> None:
    known = catalogue(*map(item, ("new", "a")))
    heard = voices(known, [("r", "new", EventKind.IMPRESSION), ("r", "a", HIDE), ("r", "elsewhere", CLICK)])
    assert heard.rows.size == 0
    assert by_readers(known, heard, "new") == [RowGrown("new", (), ())]


def test_only_the_newest_items_of_a_reader_count() -> None:
    names = [f"x{n}" for n in range(REMEMBERED + 5)]
    known = catalogue(*map(item, names))
    heard = clicks(known, r=" ".join([*names, "x0"]))
    assert sorted(heard.rows.tolist()) == [0, *range(6, REMEMBERED + 5)]
