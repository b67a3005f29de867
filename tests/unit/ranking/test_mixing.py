"""Which candidate takes which place of the session."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from controls.scopes import SurfaceKind
from controls.verdicts import ALL_SOURCES, OPEN_SHARES, Shares, Source
from ranking.reader import CONSUMED, EventKind, Mode, Surface
from ranking.workspace import LOOKAHEAD, RESTRICTED_WAITING
from tests.unit.ranking.scenes import (
    BLOCKED,
    ENCOURAGED,
    NOW,
    PLAIN,
    RESTRICTED,
    Scene,
    item,
    scene,
)

LIKES_A = {"a": {"b": 50, "c": 40, "d": 30, "e": 20}}
TURNS = replace(PLAIN, fresh_every=3, editorial_every=0)


def by_authors(authors: str, **told: object) -> Scene:
    """Items a0, a1, … by the authors given by letter, the last the newest."""
    entries = [item(f"{name}{n}", author=name, published_at=NOW + n) for n, name in enumerate(authors)]
    return scene(entries, **told)  # type: ignore[arg-type]


class TestSources:
    def test_the_graph_comes_first_then_the_popular_list_then_the_newest(self) -> None:
        told = scene("a b c d e f g", graph={"a": {"b": 5}}, popular={"home": "d c"})
        reader = told.reader(liked=["a"], seen={"a": CONSUMED})
        assert told.sources(reader, limit=7) == "b:graph d:popular c:popular g:fresh f:fresh e:fresh"

    def test_a_new_reader_gets_the_popular_list_and_then_the_newest(self) -> None:
        told = scene("a b c d", popular={"home": "b a"})
        assert told.sources(limit=4) == "b:popular a:popular d:fresh c:fresh"

    def test_seen_items_come_last_of_the_newest_and_lower_in_the_popular_list(self) -> None:
        told = scene("a b c d e", popular={"home": "a b"})
        assert told.shown(told.reader(seen={"a": 1, "e": 1}), limit=5) == "b a d c e"

    def test_consumed_items_leave_personalized_pages_only(self) -> None:
        told = scene("a b c", popular={"home": "a b c"})
        reader = told.reader(seen={"a": CONSUMED})
        assert told.shown(reader) == "b c"
        assert told.shown(reader, mode=Mode.POPULAR) == "a b c"

    def test_an_impression_discounts_a_score_and_several_compound(self) -> None:
        told = scene("a b c d", graph={"a": {"b": 100, "c": 61, "d": 37}})
        reader = told.reader(liked=["a"], seen={"a": CONSUMED})
        assert told.shown(reader) == "b c d"
        assert told.shown(told.reader(liked=["a"], seen={"a": CONSUMED, "b": 1})) == "c b d"
        assert told.shown(told.reader(liked=["a"], seen={"a": CONSUMED, "b": 2})) == "c d b"

    def test_the_latest_are_strictly_by_time_whatever_the_authors_and_shares(self) -> None:
        told = by_authors("xxxxx", shares=Shares(5, 2, 5, 5))
        assert told.shown(parameters=replace(PLAIN, author_max=1), mode=Mode.LATEST) == "x4 x3 x2 x1 x0"

    def test_the_editorial_feed_is_the_featured_list_then_popular_then_newest(self) -> None:
        told = scene("a b c d e", featured="c a", popular={"home": "a b"})
        assert told.sources(mode=Mode.EDITORIAL) == "c:editorial a:editorial b:popular e:fresh d:fresh"

    def test_a_frozen_platform_shows_the_editorial_list_and_pins_alone_in_every_mode(self) -> None:
        told = scene("a b c d", featured="c a", popular={"home": "a b"}, pins={1: "d"}, frozen=True)
        for mode in Mode:
            assert told.shown(mode=mode) == "c d a"
        assert told.shown(surface=Surface(SurfaceKind.RELATED, "c")) == "a d"

    def test_a_source_shows_only_what_a_verdict_lets_it_show(self) -> None:
        graph_only = (True, 1, 1024, 1 << Source.GRAPH)
        told = scene(
            "a b c d",
            graph={"a": {"b": 5}},
            classes={"b": 1, "c": 1},
            lines=[(True, 1, 1024, ALL_SOURCES), graph_only],
            popular={"home": "c b"},
        )
        assert told.shown(mode=Mode.POPULAR) == "d a"
        assert told.shown(told.reader(liked=["a"])) == "b d a"

    def test_a_verdict_weight_moves_an_item_up_or_down(self) -> None:
        lines = [(True, 1, 1024, ALL_SOURCES), (True, 1, 4096, ALL_SOURCES), (True, 1, 32, ALL_SOURCES)]
        told = scene("a b c d", graph={"a": {"b": 50, "c": 20, "d": 2}}, classes={"b": 2, "c": 1}, lines=lines)
        assert told.shown(told.reader(liked=["a"], seen={"a": CONSUMED})) == "c d b"


class TestTurns:
    def test_every_third_place_goes_to_the_newest_item_unseen(self) -> None:
        told = scene("a b c d e f g", graph=LIKES_A)
        reader = told.reader(liked=["a"], seen={"a": CONSUMED, "g": 1})
        assert told.sources(reader, TURNS, limit=4) == "b:graph c:graph f:fresh d:graph"

    def test_turns_count_places_of_the_session_not_of_the_page(self) -> None:
        told = scene("a b c d e f g", graph=LIKES_A)
        reader = told.reader(liked=["a"], seen={"a": CONSUMED})
        assert told.sources(reader, TURNS, limit=2, after=["b", "c"]) == "g:fresh d:graph"

    def test_editorial_and_popular_items_have_their_turns_while_there_are_any(self) -> None:
        told = scene("a b c d e f g h", graph=LIKES_A, featured="g", popular={"home": "h f"})
        reader = told.reader(liked=["a"], seen={"a": CONSUMED})
        turns = replace(PLAIN, editorial_every=4, popular_every=3)
        assert told.sources(reader, turns, limit=6) == "b:graph h:popular g:editorial c:graph f:popular d:graph"

    def test_a_turn_is_no_reason_to_break_the_author_window(self) -> None:
        entries = [
            item(name, author="x" if name in "bg" else name, published_at=NOW + n) for n, name in enumerate("abcdefg")
        ]
        told = scene(entries, graph=LIKES_A)
        turns = replace(TURNS, fresh_every=2, author_max=1)
        assert told.shown(told.reader(liked=["a"], seen={"a": CONSUMED}), turns, limit=2) == "b f"

    def test_pages_that_are_not_personalized_have_no_turns(self) -> None:
        told = scene("a b c d", popular={"home": "a b c"}, featured="b")
        everything = replace(PLAIN, fresh_every=1, editorial_every=1)
        assert told.shown(parameters=everything, mode=Mode.POPULAR) == "a b c d"


class TestPins:
    @pytest.mark.parametrize("mode", list(Mode))
    def test_a_pin_takes_its_place_in_every_mode(self, mode: Mode) -> None:
        told = scene("a b c d", popular={"home": "d c b a"}, pins={1: "a", 3: "d"})
        shown = told.shown(mode=mode).split()
        assert (shown[1], shown[3]) == ("a", "d")
        assert sorted(shown) == ["a", "b", "c", "d"]

    def test_places_of_pins_count_from_the_start_of_the_session(self) -> None:
        told = scene("a b c d e", pins={3: "a"})
        assert told.shown(limit=2) == "e d"
        assert told.shown(limit=3, after=["e", "d"]) == "c a b"

    def test_a_pinned_item_that_the_session_has_had_is_not_shown_again(self) -> None:
        told = scene("a b c d e", pins={3: "e"})
        assert told.shown(limit=4, after=["e", "d"]) == "c b a"

    def test_a_pin_whose_place_has_passed_is_an_item_like_any_other(self) -> None:
        told = scene("a b c d e", pins={0: "a"})
        assert told.sources(limit=3, after=["e", "d"]) == "c:fresh b:fresh a:fresh"

    def test_a_pin_that_would_never_be_reached_comes_at_the_end(self) -> None:
        told = scene("a b c", pins={9: "c", 5: "b"})
        assert told.sources() == "a:fresh b:pin c:pin"

    @pytest.mark.parametrize("cls", [BLOCKED, RESTRICTED])
    def test_a_pin_needs_an_eligible_item_that_is_not_restricted(self, cls: int) -> None:
        told = scene("a b c", classes={"a": cls}, pins={0: "a"})
        assert told.shown(limit=1) == "c"

    def test_a_pin_shows_to_those_who_have_seen_or_consumed_it_but_not_to_those_who_hid_it(self) -> None:
        told = scene("a b c", pins={0: "a"})
        assert told.shown(told.reader(seen={"a": CONSUMED}), limit=1) == "a"
        assert told.shown(told.reader(hidden=("a",)), limit=1) == "c"
        assert told.shown(told.reader(did=[("a", EventKind.HIDE)]), limit=1) == "c"

    def test_a_pin_stands_only_where_its_item_belongs(self) -> None:
        told = scene(
            [item("a", topics=("art",)), item("b", topics=("bees",)), item("c", topics=("art",))], pins={0: "b"}
        )
        assert told.shown(surface=Surface(SurfaceKind.TOPIC, "art")) == "c a"


class TestShares:
    def test_a_restricted_item_waits_until_the_window_has_room(self) -> None:
        told = scene(
            "a b c d e f",
            classes=dict.fromkeys("def", RESTRICTED),
            shares=replace(OPEN_SHARES, window=3, restricted_max=1),
        )
        assert told.shown(mode=Mode.LATEST, limit=6) == "f c b e a"
        assert told.shown(mode=Mode.LATEST, limit=6, after=["f"]) == "c b e a"

    def test_the_restricted_maximum_is_kept_even_when_the_page_runs_short(self) -> None:
        told = scene("a b c", classes=dict.fromkeys("abc", RESTRICTED), shares=replace(OPEN_SHARES, restricted_max=1))
        page = told.page()
        assert (len(page.rows), page.exhausted) == (1, True)

    def test_the_restricted_maximum_counts_what_the_session_has_had(self) -> None:
        told = scene("a b c", classes=dict.fromkeys("abc", RESTRICTED), shares=replace(OPEN_SHARES, restricted_max=2))
        assert told.shown(after=["c"]) == "b"
        assert told.shown(after=["c", "b"]) == ""

    def test_an_encouraged_minimum_draws_encouraged_items_forward_evenly(self) -> None:
        told = scene(
            "a b c d e f g h",
            classes=dict.fromkeys("ab", ENCOURAGED),
            shares=replace(OPEN_SHARES, window=8, encouraged_min=2),
        )
        assert told.shown(mode=Mode.POPULAR, limit=8) == "h g f b e d c a"

    def test_an_encouraged_maximum_gives_way_only_rather_than_run_short(self) -> None:
        told = scene("a b c d", classes=dict.fromkeys("bcd", ENCOURAGED), shares=replace(OPEN_SHARES, encouraged_max=1))
        assert told.shown() == "d a c b"

    def test_a_minimum_that_nothing_can_fill_leaves_the_page_whole(self) -> None:
        told = scene("a b c d", shares=replace(OPEN_SHARES, window=4, encouraged_min=4))
        assert told.shown() == "d c b a"


class TestSharesOfRules:
    def test_what_a_rule_bounds_waits_until_the_window_has_room(self) -> None:
        told = scene(
            "a b c d e f",
            classes=dict.fromkeys("def", ENCOURAGED),
            caps=[0, 0, 0, 1],
            shares=replace(OPEN_SHARES, window=3, caps=(1,)),
        )
        assert told.shown(mode=Mode.LATEST, limit=6) == "f c b e a"
        assert told.shown(mode=Mode.LATEST, limit=6, after=["f"]) == "c b e a"

    def test_each_rule_has_a_maximum_of_its_own_and_the_smallest_holds(self) -> None:
        told = scene(
            "a b c d e f",
            classes={"c": RESTRICTED, "d": RESTRICTED, "e": ENCOURAGED, "f": ENCOURAGED},
            caps=[0, 0, 1, 3],
            shares=replace(OPEN_SHARES, caps=(3, 1)),
        )
        assert told.shown(mode=Mode.LATEST, limit=6) == "f d c b a"

    def test_a_rules_maximum_is_kept_even_when_the_page_runs_short(self) -> None:
        told = scene("a b c", classes=dict.fromkeys("abc", ENCOURAGED), caps=[0, 0, 0, 1], shares=capped(1))
        page = told.page()
        assert (len(page.rows), page.exhausted) == (1, True)

    def test_a_pin_counts_for_a_rules_maximum_and_is_not_held_back(self) -> None:
        told = scene(
            "a b c", classes=dict.fromkeys("bc", ENCOURAGED), caps=[0, 0, 0, 1], pins={1: "b"}, shares=capped(1)
        )
        assert told.shown(mode=Mode.LATEST) == "c b a"

    @pytest.mark.parametrize("mode", [Mode.PERSONALIZED, Mode.POPULAR, Mode.LATEST])
    def test_more_bounded_items_than_may_wait_do_not_hide_what_lies_behind_them(self, mode: Mode) -> None:
        count = 3 * RESTRICTED_WAITING
        entries = [item(f"r{n}", published_at=NOW + 9) for n in range(count)] + [item("s"), item("t")]
        told = scene(entries, classes={f"r{n}": ENCOURAGED for n in range(count)}, caps=[0, 0, 0, 1], shares=capped(1))
        assert told.shown(mode=mode, limit=100).split() == [f"r{count - 1}", "t", "s"]


def capped(most: int) -> Shares:
    return replace(OPEN_SHARES, caps=(most,))


class TestAuthors:
    def test_an_author_has_at_most_so_many_places_within_the_window(self) -> None:
        told = by_authors("yzxyxxx")
        assert told.shown(parameters=replace(PLAIN, author_max=1, author_window=3), limit=7) == "x6 y3 z1 x5 y0 x4 x2"

    def test_the_window_reaches_back_into_the_session(self) -> None:
        told = by_authors("yxx")
        assert told.shown(parameters=replace(PLAIN, author_max=1), after=["x2"]) == "y0 x1"

    def test_items_without_an_author_are_not_one_author(self) -> None:
        told = scene("a b c")
        assert told.shown(parameters=replace(PLAIN, author_max=1)) == "c b a"


class TestFill:
    """Worlds larger than what may wait: a page is never short while the pool has items."""

    @pytest.mark.parametrize("mode", [Mode.PERSONALIZED, Mode.POPULAR, Mode.LATEST])
    def test_more_restricted_items_than_may_wait_do_not_hide_what_lies_behind_them(self, mode: Mode) -> None:
        count = 3 * RESTRICTED_WAITING
        entries = [item(f"r{n}", published_at=NOW + 9) for n in range(count)] + [item("s"), item("t")]
        told = scene(
            entries,
            classes={f"r{n}": RESTRICTED for n in range(count)},
            shares=replace(OPEN_SHARES, window=5, restricted_max=1),
        )
        shown = told.shown(mode=mode, limit=100).split()
        assert shown[:3] == [f"r{count - 1}", "t", "s"]
        assert len(shown) == 3

    def test_more_items_of_one_author_than_may_wait_still_fill_the_page(self) -> None:
        told = by_authors("y" + "x" * (2 * LOOKAHEAD))
        shown = told.shown(parameters=replace(PLAIN, author_max=1), limit=100).split()
        assert len(set(shown)) == 100

    @pytest.mark.parametrize("blocked", [0, 0.5, 0.99])
    def test_sessions_go_on_until_the_pool_is_empty(self, blocked: float) -> None:
        count = 2000
        rng = np.random.default_rng(5)
        names = [f"i{n}" for n in range(count)]
        barred = {name for name in names if rng.random() < blocked}
        authors = [f"by-{n % 7}" for n in range(count)]
        entries = [
            item(name, author=author, published_at=NOW + n)
            for n, (name, author) in enumerate(zip(names, authors, strict=True))
        ]
        told = scene(entries, classes=dict.fromkeys(barred, BLOCKED), popular={"home": " ".join(names[:300])})
        had: list[str] = []
        for _ in range(5):
            shown = told.shown(parameters=replace(PLAIN, author_max=1), limit=100, after=had).split()
            had += shown
            assert len(shown) == min(100, count - len(barred) - len(had) + len(shown))
        assert len(set(had)) == len(had)
        assert not barred.intersection(had)

    def test_a_topic_and_a_community_are_pools_of_their_own(self) -> None:
        entries = [
            item(f"i{n}", topics=("rare",) if n % 50 == 0 else (), community="club" if n % 40 == 0 else "")
            for n in range(400)
        ]
        told = scene(entries, popular={"home": "i1 i50 i40", "topic:rare": "i150"})
        rare = told.sources(surface=Surface(SurfaceKind.TOPIC, "rare"), mode=Mode.POPULAR, limit=3)
        assert rare == "i150:popular i350:fresh i300:fresh"
        club = told.sources(surface=Surface(SurfaceKind.COMMUNITY, "club"), mode=Mode.POPULAR, limit=3)
        assert club == "i40:popular i360:fresh i320:fresh"
        assert len(told.shown(surface=Surface(SurfaceKind.TOPIC, "rare"), limit=100).split()) == 8

    def test_an_unknown_pool_is_empty(self) -> None:
        told = scene("a b", popular={"home": "a"}, pins={0: "b"}, featured="a")
        for kind in (SurfaceKind.TOPIC, SurfaceKind.COMMUNITY):
            for mode in Mode:
                assert told.shown(surface=Surface(kind, "unknown"), mode=mode) == ""
                assert told.shown(surface=Surface(kind, ""), mode=mode) == ""
