"""Pages as readers see them, and why."""

from __future__ import annotations

from dataclasses import replace

import orjson
from hypothesis import given

from controls.scopes import SurfaceKind
from controls.verdicts import ALL_SOURCES, Source
from ranking.explanation import items, why
from ranking.pipeline import rank
from ranking.reader import CONSUMED, EventKind, Mode, Surface
from tests.laws.small_worlds import World, worlds
from tests.unit.ranking.scenes import BLOCKED, PLAIN, item, scene


def test_an_item_says_what_it_is_where_it_stands_and_why_it_is_there() -> None:
    told = scene("a b c", graph={"a": {"b": 5}}, popular={"home": "c"})
    reader = told.reader(liked=["a"], seen={"a": CONSUMED})
    assert orjson.loads(orjson.dumps(told.told(reader))) == [
        {
            "id": "b",
            "position": 0,
            "source": "graph",
            "tier": "standard",
            "notices": ["class-0"],
            "disabled": [],
            "reason": {"code": "because_you_liked", "items": ["a"]},
        },
        {
            "id": "c",
            "position": 1,
            "source": "popular",
            "tier": "standard",
            "notices": ["class-0"],
            "disabled": [],
            "reason": {"code": "popular_now", "items": []},
        },
    ]


def test_positions_count_within_the_session() -> None:
    told = scene("a b c d")
    assert [one["position"] for one in told.told(after=["d", "c"])] == [2, 3]


def test_every_source_has_its_reason() -> None:
    told = scene("a b c d e", graph={"a": {"b": 5}}, popular={"home": "c"}, featured="d", pins={0: "e"})
    reader = told.reader(liked=["a"])
    codes = {one["source"]: one["reason"]["code"] for one in told.told(reader, replace(PLAIN, editorial_every=2))}
    assert codes == {
        "pin": "pinned_by_editors",
        "graph": "because_you_liked",
        "editorial": "chosen_by_editors",
        "popular": "popular_now",
        "fresh": "new_here",
    }
    related = told.told(surface=Surface(SurfaceKind.RELATED, "a"))
    assert {"code": "similar_item", "items": ("a",)} in [one["reason"] for one in related]


def test_the_reason_names_the_item_that_contributed_most_and_of_equals_the_latest() -> None:
    told = scene("a b c d", graph={"a": {"d": 60}, "b": {"d": 50}, "c": {"d": 50}})
    consumed = dict.fromkeys("abc", CONSUMED)
    assert told.told(told.reader(liked=["a", "b"], seen=consumed))[0]["reason"]["items"] == ("a",)
    assert told.told(told.reader(liked=["c", "b"], seen=consumed))[0]["reason"]["items"] == ("b",)
    assert told.told(told.reader(liked=["c", "a", "b", "c"], seen=consumed))[0]["reason"]["items"] == ("c",)


def test_an_item_that_may_not_be_shown_is_never_named_as_a_reason() -> None:
    told = scene("a b", graph={"a": {"b": 5}}, classes={"a": BLOCKED})
    reader = told.reader(liked=["a"])
    assert told.told(reader)[0]["reason"] == {"code": "because_you_liked", "items": ()}
    told_why = why(told.snapshot, reader, told.request(), told.row("b"), PLAIN)
    assert [one["item"] for one in told_why["contributions"]] == [None]
    assert told_why["gathered"] == 5 * 4096


class TestWhy:
    def test_contributions_are_the_exact_terms_of_the_sum(self) -> None:
        told = scene("a b c d", graph={"a": {"d": 60}, "b": {"d": -7}, "c": {"a": 9}})
        reader = told.reader(liked=["a", "a", "c"], did=[("b", EventKind.LIKE)])
        answer = why(told.snapshot, reader, told.request(), told.row("d"), PLAIN)
        assert answer["contributions"] == [
            {"item": "a", "vote": 2 * 4096, "weight": 60, "term": 2 * 4096 * 60},
            {"item": "b", "vote": 4096, "weight": -7, "term": -7 * 4096},
        ]
        assert answer["score"] == answer["gathered"] == 4096 * 113

    def test_a_vote_fades_with_the_items_chosen_since_however_often_each(self) -> None:
        told = scene("a b c d", graph={"a": {"d": 60}, "b": {"d": 7}, "c": {"d": 9}})
        reader = told.reader(liked=["a", "b", "c", "c", "c"])
        answer = why(told.snapshot, reader, told.request(), told.row("d"), replace(PLAIN, half_life_items=1))
        votes = {one["item"]: one["vote"] for one in answer["contributions"]}
        assert votes == {"c": 3 * 4096, "b": 2048, "a": 1024}

    def test_verdict_and_causes_are_told(self) -> None:
        lines = [(True, 1, 1024, ALL_SOURCES), (True, 2, 512, 1 << Source.GRAPH)]
        told = scene("a b", classes={"b": 1}, lines=lines)
        answer = why(told.snapshot, told.reader(seen={"b": 3}), told.request(), told.row("b"), PLAIN)
        assert (answer["id"], answer["eligible"], answer["tier"], answer["weight"]) == ("b", True, "restricted", 0.5)
        assert answer["sources"] == ["graph"]
        assert answer["causes"] == [{"kind": "rule", "id": "class-1", "words": "as given"}]
        assert (answer["impressions"], answer["consumed"]) == (3, False)

    def test_a_page_that_is_not_personalized_has_no_terms_and_tells_nothing_of_seen(self) -> None:
        told = scene("a b", graph={"a": {"b": 5}})
        reader = told.reader(liked=["a"], seen={"b": CONSUMED})
        for request in (told.request(mode=Mode.POPULAR), told.request(mode=Mode.LATEST)):
            answer = why(told.snapshot, reader, request, told.row("b"), PLAIN)
            assert (answer["contributions"], answer["gathered"], answer["consumed"]) == ([], 0, False)

    def test_the_one_term_of_a_related_page_is_its_item(self) -> None:
        told = scene("a b", graph={"a": {"b": 5}})
        request = told.request(surface=Surface(SurfaceKind.RELATED, "a"))
        answer = why(told.snapshot, told.reader(liked=["b"]), request, told.row("b"), PLAIN)
        assert [one["item"] for one in answer["contributions"]] == ["a"]
        assert answer["score"] == told.page(surface=request.surface).scores[0]

    def test_removed_interests_are_no_terms(self) -> None:
        told = scene([item("a", topics=("art",)), item("b")], graph={"a": {"b": 5}})
        reader = told.reader(liked=["a"], less_topics=("art",))
        assert why(told.snapshot, reader, told.request(), 1, PLAIN)["contributions"] == []


@given(worlds())
def test_the_score_told_is_the_score_ranked_by_and_its_greatest_term_the_reason(world: World) -> None:
    page = rank(world.snapshot, world.reader, world.request, world.parameters)
    objects = items(page, world.snapshot, world.request)
    for n, row in enumerate(page.rows.tolist()):
        if page.sources[n] != Source.GRAPH:
            continue
        answer = why(world.snapshot, world.reader, world.request, row, world.parameters)
        assert answer["score"] == page.scores[n]
        assert sum(one["term"] for one in answer["contributions"]) == answer["gathered"]
        greatest = answer["contributions"][0]["term"]
        named = objects[n]["reason"]["items"]
        assert not named or named[0] in [c["item"] for c in answer["contributions"] if c["term"] == greatest]
