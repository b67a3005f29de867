"""The catalogue: rows, columns, and views that never change."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ranking.building import CatalogueBuilder
from ranking.catalogue import Catalogue
from ranking.columns import Column, Names, Posting
from ranking.journal import AuthorChanged, Entry, ItemPublished, ItemWithdrawn, LabelGiven, ListPublished

COLUMNS = ("author", "topics", "community", "published", "by_time", "language", "region", "gone", "standing", "kind")


def built(*entries: Entry) -> Catalogue:
    builder = CatalogueBuilder()
    builder.apply(entries)
    return builder.view()


def rows(catalogue: Catalogue) -> Any:
    return np.arange(catalogue.rows, dtype=np.int32)


def label(item: str, score: float, at: int, name: str = "rumour") -> LabelGiven:
    return LabelGiven(item, name, score, "a model", at)


class TestItems:
    def test_rows_are_given_in_the_order_of_publication(self) -> None:
        catalogue = built(ItemPublished("a"), ItemPublished("b"), ItemPublished("a"))
        assert (catalogue.rows, catalogue.row_of("a"), catalogue.row_of("b"), catalogue.row_of("c")) == (2, 0, 1, -1)
        assert list(catalogue.ids) == ["a", "b"]

    def test_an_item_published_again_is_replaced_in_its_row(self) -> None:
        catalogue = built(
            ItemPublished("a", "ada", ("art",), 5, "de", "DE", "club"),
            ItemPublished("b"),
            ItemPublished("a", "ben", ("bees", "art"), 9),
        )
        assert (catalogue.author_id(0), catalogue.topic_names(0), catalogue.published[0]) == ("ben", ("bees", "art"), 9)
        assert catalogue.community_id(0) == ""
        assert catalogue.codes("language", rows(catalogue))[0] == -1

    def test_a_withdrawn_item_keeps_its_row_and_comes_back_when_it_is_published_again(self) -> None:
        builder = CatalogueBuilder()
        builder.apply([ItemPublished("a"), ItemPublished("b"), ItemWithdrawn("a"), ItemWithdrawn("never")])
        assert builder.view().withdrawn(rows(builder.view())).tolist() == [True, False]
        assert builder.apply([ItemPublished("a")]).tolist() == [0]
        assert not builder.view().withdrawn(rows(builder.view())).any()

    def test_by_time_is_by_publication_and_then_by_row(self) -> None:
        catalogue = built(
            *(ItemPublished(name, published_at=at) for name, at in zip("abcd", (5, 3, 5, 1), strict=True))
        )
        assert catalogue.by_time.tolist() == [3, 1, 0, 2]

    def test_an_item_with_many_topics_keeps_them_all(self) -> None:
        many = tuple(f"t{n}" for n in range(19))
        catalogue = built(ItemPublished("a", topics=("x",)), ItemPublished("b", topics=(*many, "t0", "")))
        assert catalogue.topic_names(1) == many
        assert catalogue.rows_of("topic", "t18").tolist() == [1]

    def test_subjects_name_their_rows(self) -> None:
        catalogue = built(
            ItemPublished("a", "ada", ("art",), 9, community="club"),
            ItemPublished("b", "ben", ("art", "bees"), 1),
            ItemPublished("c", "ada", (), 5, community="club"),
        )
        found = {
            (kind, name): catalogue.rows_of(kind, name).tolist()
            for kind, name in [
                ("item", "b"), ("item", "z"), ("author", "ada"), ("author", "z"), ("author", ""),
                ("topic", "art"), ("topic", "z"), ("community", "club"), ("community", ""),
            ]
        }  # fmt: skip
        assert list(found.values()) == [[1], [], [0, 2], [], [], [0, 1], [], [0, 2], []]
        assert catalogue.of_topic("art").tolist() == [1, 0]
        assert catalogue.of_community("club").tolist() == [2, 0]
        with pytest.raises(ValueError, match="subject"):
            catalogue.rows_of("platform", "")


class TestSignals:
    def test_members_and_known_signals(self) -> None:
        catalogue = built(
            ItemPublished("a", "ada", ("art", "bees"), 1, "de", "DE", "club"),
            ItemPublished("b", "ben", (), 1),
            ItemPublished("c"),
            AuthorChanged("ada", 50, "person", "verified"),
        )
        every = rows(catalogue)
        for signal, value in [
            ("topic", "bees"), ("community", "club"), ("author.id", "ada"), ("author.kind", "person"),
            ("author.identity", "verified"), ("language", "de"), ("region", "DE"), ("item.id", "a"),
        ]:  # fmt: skip
            assert catalogue.member(signal, frozenset((value, "other")), every).tolist() == [True, False, False], signal
            assert not catalogue.member(signal, frozenset(("other", "")), every).any(), signal
            code = catalogue.code_of(signal, value)
            assert (catalogue.codes(signal, every).reshape(3, -1) == code).any(axis=1).tolist() == [True, False, False]
            assert [value in catalogue.words_at(signal, row) for row in range(3)] == [True, False, False], signal
            assert catalogue.code_of(signal, "other") == -1
        assert (catalogue.codes("author.id", every) >= 0).tolist() == [True, True, False]
        assert (catalogue.codes("author.kind", every) >= 0).tolist() == [True, False, False]
        assert (catalogue.codes("topic", every)[:, 0] >= 0).tolist() == [True, False, False]
        assert catalogue.words_at("topic", 0) == ("art", "bees") and catalogue.words_at("author.kind", 2) == ()
        with pytest.raises(ValueError, match="categorical"):
            catalogue.member("item.colour", frozenset(("red",)), every)

    def test_numbers_are_missing_until_they_are_told(self) -> None:
        catalogue = built(
            ItemPublished("a", "ada", published_at=70),
            ItemPublished("b", "ben"),
            ItemPublished("c"),
            AuthorChanged("ada", 40),
            label("a", 0.7, 90),
        )
        every = rows(catalogue)
        assert np.array_equal(catalogue.numeric("author.standing", every, 100), [40, np.nan, np.nan], equal_nan=True)
        assert np.array_equal(catalogue.numeric("item.age", every, 100), [30, np.nan, np.nan], equal_nan=True)
        assert np.array_equal(catalogue.numeric("label.rumour", every, 100), [0.7, np.nan, np.nan], equal_nan=True)
        assert np.isnan(catalogue.numeric("label.other", every, 100)).all()
        assert catalogue.label_time("rumour", every).tolist() == [90, 0, 0]
        assert catalogue.label_time("other", every).tolist() == [0, 0, 0]
        for signal in ("author.standing", "item.age", "label.rumour", "label.other"):
            one_by_one = [catalogue.number_at(signal, row, 100) for row in range(3)]
            assert np.array_equal(one_by_one, catalogue.numeric(signal, every, 100), equal_nan=True)
        assert [catalogue.label_time_at("rumour", row) for row in range(3)] == [90, 0, 0]
        assert catalogue.label_time_at("other", 0) == 0
        with pytest.raises(ValueError, match="numeric"):
            catalogue.numeric("item.colour", every, 100)
        with pytest.raises(ValueError, match="numeric"):
            catalogue.number_at("item.colour", 0, 100)

    def test_of_two_labels_the_later_given_counts_however_they_arrive(self) -> None:
        for first, second in [(label("a", 0.1, 5), label("a", 0.9, 7)), (label("a", 0.9, 7), label("a", 0.1, 5))]:
            builder = CatalogueBuilder()
            builder.apply([ItemPublished("a"), first])
            builder.apply([second])
            assert builder.view().numeric("label.rumour", np.array([0], dtype=np.int32), 9).tolist() == [0.9]

    def test_a_label_of_an_unknown_item_waits_for_it(self) -> None:
        builder = CatalogueBuilder()
        assert builder.apply([label("a", 0.9, 7)]).size == 0
        assert builder.apply([ItemPublished("b"), ItemPublished("a")]).tolist() == [0, 1]
        assert builder.view().label_time("rumour", np.array([0, 1], dtype=np.int32)).tolist() == [0, 7]

    def test_an_empty_catalogue_answers_everything_with_nothing(self) -> None:
        catalogue = built()
        none = rows(catalogue)
        assert catalogue.row_of("a") == -1
        for signal in ("topic", "author.kind", "language", "item.id"):
            assert catalogue.member(signal, frozenset(("x",)), none).shape == (0,)
            assert catalogue.codes(signal, none).shape[0] == 0
        assert catalogue.numeric("author.standing", none, 1).shape == (0,)


class TestChanges:
    def test_rows_new_or_changed_are_told(self) -> None:
        builder = CatalogueBuilder()
        assert builder.apply(
            [ItemPublished("a", "ada"), ItemPublished("b", "ben"), ItemPublished("c", "ada")]
        ).tolist() == [0, 1, 2]
        assert builder.apply([AuthorChanged("ada", 10)]).tolist() == [0, 2]
        assert builder.apply([label("b", 0.5, 3), label("c", 0.5, 3)]).tolist() == [1, 2]
        assert builder.apply([ItemWithdrawn("b"), ItemPublished("d")]).tolist() == [1, 3]
        assert builder.apply([ListPublished("popular", "home", ("a",))]).size == 0
        assert builder.apply([]).dtype == np.int32

    def test_what_is_said_again_changes_nothing(self) -> None:
        said: list[Entry] = [
            ItemPublished("a", "ada", ("art",)),
            AuthorChanged("ada", 10),
            ItemPublished("b"),
            ItemWithdrawn("b"),
        ]
        builder = CatalogueBuilder()
        builder.apply(said)
        assert builder.apply([said[0], said[1], said[3]]).size == 0

    def test_a_view_never_changes(self) -> None:
        builder = CatalogueBuilder()
        builder.apply(
            [ItemPublished("a", "ada", ("art",), 5), ItemPublished("b", "ben", ("art",), 6), label("a", 0.2, 1)]
        )
        view = builder.view()
        before = {name: getattr(view, name).copy() for name in COLUMNS}
        art, score = view.of_topic("art").copy(), view.numeric("label.rumour", rows(view), 9).copy()
        builder.apply(
            [
                ItemPublished("a", "cem", ("bees",), 9),
                ItemPublished("c", "ada", ("art",), 1),
                ItemWithdrawn("b"),
                AuthorChanged("ben", 1, "business"),
                label("a", 0.9, 2),
                label("c", 0.9, 2, "spam"),
            ]
        )
        later = builder.view()
        for name in COLUMNS:
            assert np.array_equal(getattr(view, name), before[name], equal_nan=name == "standing"), name
            assert not getattr(view, name).flags.writeable
        assert np.array_equal(view.of_topic("art"), art)
        assert np.array_equal(view.numeric("label.rumour", rows(view), 9), score, equal_nan=True)
        assert (view.row_of("c"), later.row_of("c")) == (-1, 2)
        assert later.of_topic("art").tolist() == [2, 1]

    def test_columns_that_did_not_change_are_shared(self) -> None:
        builder = CatalogueBuilder()
        builder.apply([ItemPublished("a", "ada", ("art",), 5), ItemPublished("b", "ben", ("art",), 6)])
        view = builder.view()
        builder.apply([label("a", 0.2, 1)])
        later = builder.view()
        assert builder.view() is later
        for name in (*COLUMNS, "identity"):
            assert getattr(later, name) is getattr(view, name), name


@st.composite
def entry_lists(draw: st.DrawFn) -> list[Entry]:
    names, authors = st.sampled_from("abcdef"), st.sampled_from(("", "x", "y"))
    one = st.one_of(
        st.builds(
            ItemPublished,
            id=names,
            author=authors,
            topics=st.lists(st.sampled_from("stu"), max_size=3).map(tuple),
            published_at=st.integers(0, 3),
            community=st.sampled_from(("", "c")),
        ),
        st.builds(ItemWithdrawn, id=names),
        st.builds(AuthorChanged, id=st.sampled_from("xy"), standing=st.integers(0, 2)),
        st.builds(
            LabelGiven, names, st.sampled_from("lm"), st.sampled_from((0.0, 0.5)), st.just("m"), st.integers(1, 4)
        ),
    )
    return draw(st.lists(one, max_size=25))


def told(catalogue: Catalogue) -> dict[str, Any]:
    """Everything a catalogue says, in plain values."""
    every = rows(catalogue)
    said: dict[str, Any] = {
        "ids": list(catalogue.ids[: catalogue.rows]),
        "authors": [catalogue.author_id(row) for row in every],
        "topics": [catalogue.topic_names(row) for row in every],
        "communities": [catalogue.community_id(row) for row in every],
        "by_time": catalogue.by_time.tolist(),
        "published": catalogue.published.tolist(),
        "gone": catalogue.withdrawn(every).tolist(),
        "standing": np.nan_to_num(catalogue.numeric("author.standing", every, 9), nan=-1).tolist(),
        "of_community": catalogue.of_community("c").tolist(),
    }
    said |= {f"topic {t}": catalogue.of_topic(t).tolist() for t in "stu"}
    said |= {f"label {n}": np.nan_to_num(catalogue.numeric(f"label.{n}", every, 9), nan=-1).tolist() for n in "lm"}
    return said


def plainly(entries: Sequence[Entry]) -> dict[str, Any]:
    """What a catalogue of these entries must say."""
    items: dict[str, ItemPublished] = {}
    gone: set[str] = set()
    standing: dict[str, float] = {}
    labels: dict[tuple[str, str], tuple[int, float]] = {}
    for entry in entries:
        if isinstance(entry, ItemPublished):
            items[entry.id] = entry
            gone.discard(entry.id)
        elif isinstance(entry, ItemWithdrawn) and entry.id in items:
            gone.add(entry.id)
        elif isinstance(entry, AuthorChanged):
            standing[entry.id] = float(entry.standing)
        elif isinstance(entry, LabelGiven) and entry.given_at >= labels.get((entry.item, entry.name), (0, 0.0))[0]:
            labels[entry.item, entry.name] = (entry.given_at, entry.score)
    ids = list(items)
    topics = [tuple(dict.fromkeys(items[name].topics)) for name in ids]
    by_time = sorted(range(len(ids)), key=lambda row: (items[ids[row]].published_at, row))
    said: dict[str, Any] = {
        "ids": ids,
        "authors": [items[name].author for name in ids],
        "topics": topics,
        "communities": [items[name].community for name in ids],
        "by_time": by_time,
        "published": [items[name].published_at for name in ids],
        "gone": [name in gone for name in ids],
        "standing": [standing.get(items[name].author, -1) for name in ids],
        "of_community": [row for row in by_time if items[ids[row]].community == "c"],
    }
    said |= {f"topic {t}": [row for row in by_time if t in topics[row]] for t in "stu"}
    said |= {f"label {n}": [labels.get((name, n), (0, -1))[1] for name in ids] for n in "lm"}
    return said


@given(entry_lists(), st.lists(st.integers(0, 25), max_size=4), st.booleans())
def test_a_catalogue_says_what_its_entries_say_however_they_are_cut_into_editions(
    entries: list[Entry], cuts: list[int], looked_at: bool
) -> None:
    builder = CatalogueBuilder()
    places = [0, *sorted(cuts), len(entries)]
    for start, stop in pairwise(places):
        builder.apply(entries[start:stop])
        if looked_at:
            builder.view()
    assert told(builder.view()) == plainly(entries)


class TestPieces:
    def test_a_column_grows_without_disturbing_its_views(self) -> None:
        column = Column(np.int32, -1)
        column.write(np.array([0, 1]), np.array([5, 6]))
        view = column.view(2)
        column.write(np.arange(2, 100), 7)
        column.write(np.array([0]), 9)
        assert view.tolist() == [5, 6]
        assert (column.view(100)[0], column.view(100)[99], column.at(1), column.at(10**6)) == (9, 7, 6, -1)

    def test_names_get_codes_in_the_order_of_their_first_mention(self) -> None:
        names = Names()
        assert names.learn(["b", "", "a", "b"]) == [0, -1, 1, 0]
        assert (names.code("a"), names.code("z"), names.words) == (1, -1, ["b", "a"])

    @given(
        st.lists(st.tuples(st.integers(0, 4), st.integers(0, 200)), unique_by=lambda one: one[1], max_size=160),
        st.integers(1, 90),
    )
    def test_a_posting_is_in_order_whatever_the_order_of_arrival(self, drawn: list[tuple[int, int]], step: int) -> None:
        posting = Posting()
        for start in range(0, len(drawn), step):
            times, rows = zip(*sorted(drawn[start : start + step]), strict=True)
            posting.add(np.array(rows, dtype=np.int32), np.array(times, dtype=np.int64))
        assert posting.view().tolist() == [row for _, row in sorted(drawn)]
        taken = drawn[::3]
        posting.remove(np.array([r for _, r in taken], dtype=np.int32), np.array([t for t, _ in taken], dtype=np.int64))
        assert posting.view().tolist() == [row for time, row in sorted(drawn) if (time, row) not in taken]
