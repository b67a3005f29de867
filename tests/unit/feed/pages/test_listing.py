"""The items of a page, as readers see them."""

from __future__ import annotations

from dataclasses import replace

import orjson
import pytest
from hypothesis import given

from controls.scopes import SurfaceKind
from controls.tiers import Tier
from controls.verdicts import Source
from feed.pages.listing import items_json
from ranking.page import Page, Reason
from ranking.pipeline import rank
from ranking.reader import CONSUMED, Request, Surface
from ranking.snapshot import Snapshot
from tests.laws.small_worlds import World, worlds
from tests.unit.ranking.scenes import PLAIN, item, scene


def test_an_item_says_what_it_is_where_it_stands_and_why_it_is_there() -> None:
    told = scene("a b c", graph={"a": {"b": 5}}, popular={"home": "c"})
    reader = told.reader(liked=["a"], seen={"a": CONSUMED})
    assert told.told(reader) == [
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
    assert {"code": "similar_item", "items": ["a"]} in [one["reason"] for one in related]


def test_the_reason_names_the_item_that_contributed_most_and_of_equals_the_latest() -> None:
    told = scene("a b c d", graph={"a": {"d": 60}, "b": {"d": 50}, "c": {"d": 50}})
    consumed = dict.fromkeys("abc", CONSUMED)
    assert told.told(told.reader(liked=["a", "b"], seen=consumed))[0]["reason"]["items"] == ["a"]
    assert told.told(told.reader(liked=["c", "b"], seen=consumed))[0]["reason"]["items"] == ["b"]
    assert told.told(told.reader(liked=["c", "a", "b", "c"], seen=consumed))[0]["reason"]["items"] == ["c"]


def plainly(page: Page, snapshot: Snapshot, request: Request) -> bytes:
    """The items as objects, one after the other, as the wire describes them."""
    ids, governance = snapshot.catalogue.ids, snapshot.governance
    table = governance.table(request.audience, request.surface.kind)
    made = []
    for n, row in enumerate(page.rows.tolist()):
        because = int(page.because[n])
        named = because >= 0 and bool(table.eligible[governance.class_of[because]])
        effect = table.effects[page.classes[n]]
        made.append(
            {
                "id": ids[row],
                "position": page.start + n,
                "source": Source(int(page.sources[n])).name.lower(),
                "tier": Tier(int(page.tiers[n])).word,
                "notices": effect.notices,
                "disabled": effect.disabled,
                "reason": {
                    "code": Reason(int(page.reasons[n])).name.lower(),
                    "items": [ids[because]] if named else [],
                },
            }
        )
    return orjson.dumps(made)


@given(worlds())
def test_the_bytes_are_those_of_the_items_as_objects(world: World) -> None:
    page = rank(world.snapshot, world.reader, world.request, world.parameters)
    expected = plainly(page, world.snapshot, world.request)
    assert items_json(page, world.snapshot, world.request) == expected


@pytest.mark.parametrize(
    "odd", ['a "quoted" one', "back\\slash", "line\nfeed", "\x01", "née ☂ 雨", "𝒳", '","', "\u2028"]
)
def test_ids_are_spelled_as_json_spells_them(odd: str) -> None:
    told = scene([item(odd), item("b"), item(odd + "2")], graph={odd: {"b": 5, odd + "2": 4}})
    reader, request = told.reader(liked=[odd], seen={odd: CONSUMED}), told.request()
    page = rank(told.snapshot, reader, request, PLAIN)
    assert items_json(page, told.snapshot, request) == plainly(page, told.snapshot, request)
    assert [one["reason"]["items"] for one in told.told(reader)] == [[odd], [odd]]
