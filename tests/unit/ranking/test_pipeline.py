"""``rank()`` and ``related()``: what they take, what they refuse, and what they never do."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np
import pytest

from controls.scopes import Audience, SurfaceKind
from controls.verdicts import Source
from ranking import mixing
from ranking.errors import InvalidRequest
from ranking.page import Reason
from ranking.parameters import DEFAULTS
from ranking.pipeline import rank, related, warm
from ranking.reader import (
    CONSUMED,
    NEW_READER,
    NO_TIERS,
    NOTHING_SERVED,
    EventKind,
    Mode,
    Reader,
    Request,
    Settings,
    Surface,
)
from ranking.workspace import workspace
from tests.laws.plain_ranking import as_tuples, plain_page
from tests.unit.ranking.scenes import BLOCKED, NOW, PLAIN, item, scene

EVERY_SURFACE = [
    Surface(),
    Surface(SurfaceKind.TOPIC, "art"),
    Surface(SurfaceKind.COMMUNITY, "club"),
    Surface(SurfaceKind.RELATED, "a"),
]


class TestBadInput:
    @pytest.mark.parametrize("surface", EVERY_SURFACE)
    @pytest.mark.parametrize("mode", list(Mode))
    def test_an_empty_store_makes_empty_pages(self, mode: Mode, surface: Surface) -> None:
        told = scene("")
        page = told.page(mode=mode, surface=surface)
        assert (len(page.rows), page.exhausted, page.start) == (0, True, 0)

    @pytest.mark.parametrize("mode", list(Mode))
    def test_one_item_makes_a_page_of_one(self, mode: Mode) -> None:
        told = scene("a")
        assert told.shown(mode=mode) == "a"
        assert told.shown(mode=mode, after=["a"]) == ""
        assert told.shown(surface=Surface(SurfaceKind.RELATED, "a"), mode=mode) == ""

    @pytest.mark.parametrize("surface", EVERY_SURFACE)
    @pytest.mark.parametrize("mode", list(Mode))
    def test_everything_blocked_makes_empty_pages(self, mode: Mode, surface: Surface) -> None:
        told = scene(
            "a b c",
            classes=dict.fromkeys("abc", BLOCKED),
            graph={"a": {"b": 5}},
            popular={"home": "a b"},
            featured="c",
            pins={0: "a"},
        )
        assert told.shown(told.reader(liked=["a"]), mode=mode, surface=surface) == ""

    @pytest.mark.parametrize("limit", [0, 1, 99, 100])
    def test_a_page_has_up_to_a_hundred_items(self, limit: int) -> None:
        told = scene(" ".join(f"i{n}" for n in range(150)))
        page = told.page(limit=limit)
        assert (len(page.rows), page.exhausted) == (limit, False)

    @pytest.mark.parametrize("limit", [-1, 101])
    def test_a_limit_out_of_range_is_refused(self, limit: int) -> None:
        with pytest.raises(InvalidRequest, match=f"limit is {limit}"):
            scene("a").page(limit=limit)

    @pytest.mark.parametrize("row", [-1, 2, 2**31 - 1])
    def test_a_served_row_out_of_range_is_named(self, row: int) -> None:
        told = scene("a b")
        rows = np.array([0, row], dtype=np.int32)
        request = replace(told.request(), served_rows=rows, served_tiers=np.zeros(2, dtype=np.uint8))
        with pytest.raises(ValueError, match=rf"served_rows\[1\] is {row}; the catalogue has 2 rows"):
            rank(told.snapshot, NEW_READER, request, DEFAULTS)

    def test_served_rows_and_tiers_come_in_pairs(self) -> None:
        told = scene("a b")
        request = replace(told.request(), served_rows=np.zeros(1, dtype=np.int32))
        with pytest.raises(InvalidRequest, match="served_rows has 1 entries and served_tiers 0"):
            rank(told.snapshot, NEW_READER, request, DEFAULTS)

    def test_arrays_of_another_shape_are_refused(self) -> None:
        told = scene("a b")
        flat = np.zeros(3, dtype=np.int64)
        for reader in (replace(NEW_READER, history=flat), replace(NEW_READER, seen=np.zeros((1, 3), dtype=np.int32))):
            with pytest.raises(InvalidRequest, match="has shape"):
                rank(told.snapshot, reader, told.request(), DEFAULTS)

    def test_history_beyond_the_graph_or_the_catalogue_casts_no_vote(self) -> None:
        told = scene("a b c", graph={"a": {"b": 5}})
        history = [(-1, NOW), (0, NOW), (2, NOW), (3, NOW), (2**40, NOW)]
        entries = np.array([(*entry, EventKind.LIKE) for entry in history], dtype=np.int64)
        hides = np.array([(-1, NOW, EventKind.HIDE), (7, NOW, EventKind.HIDE), (0, NOW, 99)], dtype=np.int64)
        reader = Reader(np.concatenate((hides, entries)), np.array([[9, 3], [-4, 1]], dtype=np.int32), Settings())
        assert told.sources(reader) == "b:graph c:fresh a:fresh"

    def test_a_graph_of_nothing_leaves_the_other_sources(self) -> None:
        told = scene("a b c")
        assert told.sources(told.reader(liked=["a"])) == "c:fresh b:fresh a:fresh"

    def test_a_graph_smaller_than_the_catalogue_serves_the_rows_it_has(self) -> None:
        told = scene("a b c d", graph={"a": {"b": 5}})
        small = replace(
            told.snapshot.graph, neighbours=told.snapshot.graph.neighbours[:2], weights=told.snapshot.graph.weights[:2]
        )
        snapshot = replace(told.snapshot, graph=small)
        page = rank(snapshot, told.reader(liked=["d", "a"], seen={"a": CONSUMED}), told.request(), PLAIN)
        assert page.sources.tolist() == [Source.GRAPH, Source.FRESH, Source.FRESH]

    def test_unknown_names_in_settings_are_passed_over(self) -> None:
        told = scene("a b")
        reader = told.reader(hidden=("x", "b"), muted_authors=("x", ""), muted_topics=("x",), more_topics=("x",))
        assert told.shown(reader) == "a"


class TestHistory:
    def test_what_was_liked_last_counts_most(self) -> None:
        told = scene("a b c d", graph={"a": {"c": 50}, "b": {"d": 50}})
        reader = told.reader(liked=["a", "b"], seen={"a": CONSUMED, "b": CONSUMED})
        assert told.shown(reader) == "c d"
        year_ago = reader.history.copy()
        year_ago[0, 1] -= 365 * 86_400
        aged = replace(PLAIN, half_life_days=180)
        assert told.shown(replace(reader, history=year_ago), aged) == "d c"

    def test_what_was_liked_before_other_items_fades_within_one_second_too(self) -> None:
        told = scene("a b c d", graph={"a": {"c": 60}, "b": {"d": 50}})
        reader = told.reader(liked=["a", "b"], seen={"a": CONSUMED, "b": CONSUMED})
        kept = [replace(PLAIN, half_life_days=0, half_life_items=items) for items in (0, 1)]
        assert [told.shown(reader, each) for each in kept] == ["c d", "d c"]

    def test_less_and_hide_vote_against_and_a_hidden_item_is_gone(self) -> None:
        told = scene("a b c d e", graph={"a": {"c": 50, "d": 40}, "b": {"c": 49}})
        consumed = dict.fromkeys("ab", CONSUMED)
        against = PLAIN
        assert told.sources(told.reader(liked=["a"], seen=consumed), against, limit=2) == "c:graph d:graph"
        less = told.reader(liked=["a"], did=[("b", EventKind.LESS)], seen=consumed)
        assert told.sources(less, against, limit=2) == "d:graph e:fresh"
        hide = told.reader(liked=["a"], did=[("d", EventKind.HIDE)], seen=consumed)
        assert told.shown(hide, against) == "c e"

    def test_only_the_most_recent_entries_vote(self) -> None:
        told = scene("a b c d", graph={"a": {"c": 50}, "b": {"d": 50}})
        reader = told.reader(liked=["a", "b"], seen={"a": CONSUMED, "b": CONSUMED})
        assert told.sources(reader, replace(PLAIN, history=1), limit=2) == "d:graph c:fresh"
        assert told.sources(reader, replace(PLAIN, history=0), limit=2) == "d:fresh c:fresh"

    def test_removed_interests_cast_no_vote_and_their_items_weigh_half(self) -> None:
        entries = [item("a", topics=("art",)), item("b"), item("c"), item("d", topics=("art",)), item("e")]
        told = scene(entries, graph={"a": {"c": 500}, "b": {"d": 150, "e": 100}})
        liked = {"liked": ["a", "b"], "seen": {"a": CONSUMED, "b": CONSUMED}}
        assert told.shown(told.reader(**liked), limit=3) == "c d e"  # type: ignore[arg-type]
        assert told.shown(told.reader(**liked, less_topics=("art",)), limit=3) == "e d c"  # type: ignore[arg-type]

    def test_added_interests_weigh_half_as_much_again(self) -> None:
        told = scene([item("a"), item("b"), item("c", topics=("art",))], graph={"a": {"b": 140, "c": 100}})
        liked = {"liked": ["a"], "seen": {"a": CONSUMED}}
        assert told.shown(told.reader(**liked)) == "b c"  # type: ignore[arg-type]
        assert told.shown(told.reader(**liked, more_topics=("art",))) == "c b"  # type: ignore[arg-type]


class TestRelated:
    def test_related_items_are_the_graphs_then_the_pools_and_never_the_item_itself(self) -> None:
        told = scene("a b c d", graph={"a": {"c": 9, "b": 5}}, popular={"home": "a d"})
        request = told.request(surface=Surface(SurfaceKind.RELATED, "a"))
        page = related(told.snapshot, told.row("a"), request)
        assert page.rows.tolist() == [2, 1, 3]
        assert page.because.tolist() == [0, 0, -1]
        assert page.reasons.tolist() == [Reason.SIMILAR_ITEM, Reason.SIMILAR_ITEM, Reason.POPULAR_NOW]
        assert as_tuples(rank(told.snapshot, NEW_READER, request, PLAIN)) == as_tuples(page)

    def test_related_pages_obey_the_settings_given_and_no_turns(self) -> None:
        told = scene("a b c", graph={"a": {"c": 9, "b": 5}}, featured="b")
        request = told.request(surface=Surface(SurfaceKind.RELATED, "a"))
        page = related(
            told.snapshot, 0, request, settings=Settings(hidden=("c",)), parameters=replace(DEFAULTS, fresh_every=1)
        )
        assert (page.rows.tolist(), page.sources.tolist()) == ([1], [Source.GRAPH])

    def test_an_unknown_item_has_the_pool_for_relations(self) -> None:
        told = scene("a b", graph={"a": {"b": 5}})
        assert told.sources(surface=Surface(SurfaceKind.RELATED, "z")) == "b:fresh a:fresh"

    def test_a_row_that_is_not_the_catalogues_is_refused(self) -> None:
        told = scene("a b")
        for row in (-2, 2):
            with pytest.raises(InvalidRequest, match=f"row {row} has no related items"):
                related(told.snapshot, row, told.request())


class TestCompiled:
    def test_nothing_compiles_after_the_first_request(self) -> None:
        warm()
        assert len(mixing.fill.signatures) == 1
        told = scene("a b c", graph={"a": {"b": 5}}, popular={"home": "c"}, featured="a", pins={1: "b"})
        for mode in Mode:
            told.shown(told.reader(liked=["a"], seen={"c": 2}, muted_topics=("x",)), mode=mode)
        warm()
        assert len(mixing.fill.signatures) == 1

    def test_a_workspace_grows_with_what_it_is_asked_for_and_still_gives_the_same_pages(self) -> None:
        rng = np.random.default_rng(1)
        count, width = 400, 40
        names = [f"i{n}" for n in range(count)]
        graph = {
            name: {
                names[m]: int(w)
                for m, w in zip(rng.choice(count, width, replace=False), rng.integers(1, 99, width), strict=True)
                if names[m] != name
            }
            for name in names
        }
        told = scene(" ".join(names), graph=graph, popular={"home": " ".join(names[::-1])})
        long = replace(PLAIN, history=1000)

        def both(size: int, after: int) -> tuple[object, object]:
            entries = np.array([(n % count, NOW + n, EventKind.LIKE) for n in range(size)], dtype=np.int64).reshape(
                -1, 3
            )
            seen = np.array([(n, 1) for n in range(0, size, 3) if n < count], dtype=np.int32).reshape(-1, 2)
            reader = Reader(entries, seen, Settings())
            request = told.request(limit=40, after=names[:after])
            return as_tuples(rank(told.snapshot, reader, request, long)), plain_page(
                told.snapshot, reader, request, long
            )

        def all_sizes() -> bool:
            sizes = [(1, 0), (1000, 0), (3, 300), (50, 20), (0, 0), (1000, 350)]
            return all(made == plain for made, plain in (both(*size) for size in sizes))

        with ThreadPoolExecutor(1) as fresh_thread:
            assert fresh_thread.submit(all_sizes).result()

    def test_a_page_allocates_no_more_when_the_history_is_long(self) -> None:
        told = scene("a b", graph={"a": {"b": 5}})
        reader = Reader(np.array([(0, NOW, EventKind.LIKE)] * 900, dtype=np.int64), NEW_READER.seen, Settings())
        rank(told.snapshot, reader, told.request(), replace(PLAIN, history=900))
        before = workspace(1, 1, 1, 1, 1, 1)
        rank(told.snapshot, reader, told.request(), replace(PLAIN, history=900))
        assert workspace(1, 1, 1, 1, 1, 1) is before


def test_a_personal_page_is_never_made_against_the_settings() -> None:
    told = scene("a b c d", graph={"a": {"b": 5}})
    reader = told.reader(liked=["a"], personalization=False)
    request = Request(Surface(), Audience(), 4, Mode.PERSONALIZED, NOTHING_SERVED, NO_TIERS)
    assert Source.GRAPH not in rank(told.snapshot, reader, request, PLAIN).sources
