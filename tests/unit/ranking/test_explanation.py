"""Why a row stands or does not stand on a page."""

from __future__ import annotations

from dataclasses import replace

import orjson
from hypothesis import given

from controls.scopes import SurfaceKind
from controls.verdicts import ALL_SOURCES, Source
from feed.pages.listing import items_json
from ranking.explanation import why
from ranking.pipeline import rank
from ranking.reader import CONSUMED, EventKind, Mode, Surface
from tests.laws.small_worlds import World, worlds
from tests.unit.ranking.scenes import BLOCKED, PLAIN, item, scene


def test_an_item_that_may_not_be_shown_is_never_named_as_a_reason() -> None:
    told = scene("a b", graph={"a": {"b": 5}}, classes={"a": BLOCKED})
    reader = told.reader(liked=["a"])
    assert told.told(reader)[0]["reason"] == {"code": "because_you_liked", "items": []}
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
    objects = orjson.loads(items_json(page, world.snapshot, world.request))
    for n, row in enumerate(page.rows.tolist()):
        if page.sources[n] != Source.GRAPH:
            continue
        answer = why(world.snapshot, world.reader, world.request, row, world.parameters)
        assert answer["score"] == page.scores[n]
        assert sum(one["term"] for one in answer["contributions"]) == answer["gathered"]
        greatest = answer["contributions"][0]["term"]
        named = objects[n]["reason"]["items"]
        assert not named or named[0] in [c["item"] for c in answer["contributions"] if c["term"] == greatest]
