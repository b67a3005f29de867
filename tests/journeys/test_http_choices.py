"""Reader's choice, on every path that serves items: each choice holds from the next request on, sessions included."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from controls.scopes import AgeClass, Audience
from feed.access.keys import load_secret
from feed.pages.cursor import Cursors, Session
from feed.pages.replay import Replayer
from ranking.graph import ItemGraph
from tests.journeys.http_service import ITEMS, Http, decision, until
from tests.unit.feed.items.publishing_desk import publish_policy
from tests.unit.feed.models.model_making import served, shifted

MODES = ("personalized", "popular", "latest", "editorial")
RULE = "name: p\nrules:\n  - {{id: r, tier: standard, when: {{signal: topic, in: [music]}}, missing: skip, {rest}}}\n"
REST = 'basis: {kind: terms, clause: "1"}, review_by: 2030-01-01, effect: '
SENSITIVE = RULE.format(rest=REST + "{sensitive: {notice: graphic, unchosen: warn, minors: hide}}")
ADULTS = RULE.format(rest=REST + "{age_gate: adult}")


def mine(http: Http, method: str, path: str, **more: Any) -> Any:
    answer = http.call(method, path, "reader", subject="r1", **more)
    assert answer.status_code == 200, answer.text
    return answer.json()


def patch(http: Http, **settings: Any) -> None:
    mine(http, "PATCH", "/v1/readers/r1/settings", json=settings)


def report(http: Http, *events: tuple[str, str]) -> None:
    told = [{"client_id": f"{kind} {item}", "item": item, "kind": kind} for kind, item in events]
    assert mine(http, "POST", "/v1/events", json={"events": told})["accepted"] == len(events)


def page(http: Http, path: str = "/v1/feed", **query: Any) -> Any:
    return mine(http, "GET", path, params={"limit": 6, **query})


def ids(told: Any) -> list[str]:
    return [item["id"] for item in told["items"]]


def rest(http: Http, told: Any, path: str = "/v1/feed", **query: Any) -> list[Any]:
    """What a session still serves after a page."""
    items: list[Any] = []
    while told["cursor"]:
        told = page(http, path, cursor=told["cursor"], **query)
        items += told["items"]
    return items


def certain(http: Http, **query: Any) -> Any:
    """A page on which no place was drawn for exploring."""
    while True:
        told = page(http, **query)
        if all(item["source"] != "exploration" for item in told["items"]):
            return told


def everything(http: Http) -> dict[str, list[Any]]:
    """All items by path: sessions in every mode on every surface, and related ones."""
    found = {}
    for mode in MODES:
        for surface in ("home", "topic:music", "topic:sport"):
            first = page(http, mode=mode, surface=surface)
            found[f"{mode} {surface}"] = first["items"] + rest(http, first, mode=mode, surface=surface)
    related = page(http, "/v1/items/item-0/related")
    found["related"] = related["items"] + rest(http, related, "/v1/items/item-0/related")
    return found


def hide_by_setting(http: Http) -> None:
    patch(http, hidden=["item-1", "item-2"])


def hide_by_event(http: Http) -> None:
    report(http, ("hide", "item-1"), ("hide", "item-2"))


def mute_author(http: Http) -> None:
    patch(http, muted_authors=["author-1"])


def mute_topic(http: Http) -> None:
    mine(http, "PUT", "/v1/readers/r1/mutes", json={"kind": "topic", "name": "music"})


def mute_author_for_an_hour(http: Http) -> None:
    later = http.service.clock.now() + 3600
    mine(http, "PUT", "/v1/readers/r1/mutes", json={"kind": "author", "name": "author-1", "until": later})


def mute_topic_for_an_hour(http: Http) -> None:
    patch(http, mutes=[{"kind": "topic", "name": "music", "until": http.service.clock.now() + 3600}])


def no_sensitive_items(http: Http) -> None:
    patch(http, sensitive="hide")


def minor_mode(http: Http) -> None:
    patch(http, age="minor")


by_author = frozenset(f"item-{number}" for number in range(ITEMS) if number % 3 == 1)
of_music = frozenset(f"item-{number}" for number in range(ITEMS) if number % 4 == 2)
CHOICES: list[tuple[Callable[[Http], None], frozenset[str], str]] = [
    (hide_by_setting, frozenset(("item-1", "item-2")), ""),
    (hide_by_event, frozenset(("item-1", "item-2")), ""),
    (mute_author, by_author, ""),
    (mute_topic, of_music, ""),
    (mute_author_for_an_hour, by_author, ""),
    (mute_topic_for_an_hour, of_music, ""),
    (no_sensitive_items, of_music, SENSITIVE),
    (minor_mode, of_music, SENSITIVE),
    (minor_mode, of_music, ADULTS),
]


@pytest.mark.parametrize("model", [False, True], ids=["without a model", "with a model"])
@pytest.mark.parametrize(("choose", "gone", "policy"), CHOICES, ids=lambda value: getattr(value, "__name__", None))
def test_what_a_reader_chose_away_is_on_no_path(
    http: Http, choose: Callable[[Http], None], gone: frozenset[str], policy: str, model: bool
) -> None:
    if policy:
        publish_policy(http, policy)
    if model:
        served(http, shifted(1))
        report(http, ("like", "item-1"), ("like", "item-4"), ("like", "item-20"))
    under_way = {mode: page(http, mode=mode) for mode in MODES}
    assert any(gone.intersection(map(str, (item["id"] for item in items))) for items in everything(http).values())
    choose(http)
    for mode, told in under_way.items():
        assert gone.isdisjoint(item["id"] for item in rest(http, told, mode=mode))
    for path, items in everything(http).items():
        assert gone.isdisjoint(item["id"] for item in items), path
    assert sorted(ids(page(http, mode="latest", limit=24))) == sorted(set(map("item-{}".format, range(ITEMS))) - gone)


def test_neither_a_pin_nor_the_editors_list_nor_a_freeze_brings_back_what_was_chosen_away(http: Http) -> None:
    now = http.service.clock.now()
    freeze = {name: value for name, value in decision("freeze", "", now).items() if name != "subject"}
    acts = [
        ("editor", decision("pin", "item-1", now, parameters={"position": 0})),
        ("editor", decision("feature", "item-4", now)),
        ("editor", decision("feature", "item-5", now)),
        ("moderator", freeze),
    ]
    pages = []
    for scope, act in acts:
        assert http.call("POST", "/v1/decisions", scope, json=act).status_code == 201
        pages.append(page(http, mode="editorial"))
    assert ids(pages[0])[0] == "item-1"
    assert sorted(ids(pages[-1])) == ["item-1", "item-4", "item-5"]
    mute_author_for_an_hour(http)
    assert ids(page(http)) == ["item-5"]


def test_opting_out_holds_from_the_next_page_of_a_session_on(http: Http) -> None:
    served(http, shifted(1))
    report(http, ("like", "item-1"))
    first = certain(http, limit=2)
    assert (first["mode"], first["items"][0]["source"]) == ("personalized", "graph")
    patch(http, personalization=False)
    told = page(http, cursor=first["cursor"])
    other = http.call("PATCH", "/v1/readers/r2/settings", "reader", subject="r2", json={"personalization": False})
    assert other.status_code == 200
    untouched = http.call("GET", "/v1/feed?limit=24", "reader", subject="r2").json()
    assert told["mode"] == "popular"
    assert {item["source"] for item in told["items"]}.isdisjoint({"graph", "exploration"})
    assert page(http, limit=24)["items"] == untouched["items"]


def test_less_of_this_holds_within_the_same_session(http: Http) -> None:
    graph = np.array([[(row + step) % ITEMS for step in range(1, 7)] for row in range(ITEMS)], dtype=np.int32)
    served(http, ItemGraph.from_arrays(graph, np.ones(graph.shape), trainer="test"))
    report(http, ("like", "item-0"))
    first = page(http, limit=1, mode="latest")
    alike = {f"item-{number}" for number in range(4, 10)}

    def of_the_model() -> set[str]:
        told = certain(http, cursor=first["cursor"])
        return {item["id"] for item in told["items"] if item["source"] == "graph"}

    assert alike & of_the_model()
    report(http, ("less", "item-3"))
    assert not alike & of_the_model()
    assert {"item-1", "item-2"} <= of_the_model()


def test_more_of_this_holds_within_the_same_session(http: Http) -> None:
    served(http, shifted(1))
    report(http, ("like", "item-0"))
    first = page(http, limit=1, mode="latest")
    report(http, ("more", "item-12"))
    told = certain(http, limit=1, cursor=first["cursor"])["items"][0]
    assert (told["id"], told["reason"]["items"]) == ("item-13", ["item-12"])


def test_more_and_less_of_a_topic_weigh_from_the_next_page_of_a_session_on(http: Http) -> None:
    graph = np.array([[(row + step) % ITEMS for step in range(1, 7)] for row in range(ITEMS)], dtype=np.int32)
    served(http, ItemGraph.from_arrays(graph, np.ones(graph.shape), trainer="test"))
    report(http, ("like", "item-0"))
    first = page(http, limit=1, mode="latest")

    def score(item: str) -> int:
        told = certain(http, cursor=first["cursor"])
        why = mine(http, "GET", f"/v1/feed/{told['request_id']}/why/{item}")
        return int(why["score"])

    before = {item: score(item) for item in ("item-2", "item-5")}
    interests = mine(http, "PATCH", "/v1/readers/r1/interests", json={"more": ["music"], "less": ["sport"]})
    assert (interests["more"], interests["less"]) == (["music"], ["sport"])
    assert score("item-2") == before["item-2"] * 3 // 2
    assert score("item-5") == before["item-5"] // 2


def test_the_chronological_surface_is_by_time_alone_and_can_be_the_readers_own(http: Http) -> None:
    """Whatever was liked, muted or published late: newest first, over all pages of the session."""
    served(http, shifted(1))
    report(http, ("like", "item-9"), ("impression", "item-0"), ("click", "item-3"))
    patch(http, mode="latest", muted_topics=["sport"])
    first = page(http)
    assert first["mode"] == "latest"
    shown = ids(first) + [item["id"] for item in rest(http, first)]
    assert shown == [f"item-{number}" for number in range(ITEMS) if number % 4 != 1]


def test_a_mute_ends_with_its_second_and_nothing_is_written(http: Http) -> None:
    ends = http.service.clock.now() + 2
    mine(http, "PUT", "/v1/readers/r1/mutes", json={"kind": "author", "name": "author-1", "until": ends})
    assert by_author.isdisjoint(ids(page(http, limit=24)))
    until(lambda: by_author <= set(ids(page(http, limit=24, mode="latest"))))
    assert http.service.replica.latest().as_of >= ends
    settings = mine(http, "GET", "/v1/readers/r1/settings")
    assert (settings["version"], settings["mutes"]) == (1, [])
    assert '"mutes"' in http.service.store.readers.get("r1").settings
    patch(http, mode="popular")
    assert "until" not in http.service.store.readers.get("r1").settings


def test_a_mute_is_replaced_and_taken_back(http: Http) -> None:
    later = http.service.clock.now() + 3600
    author, topic = {"kind": "author", "name": "author-1"}, {"kind": "topic", "name": "music"}
    mine(http, "PUT", "/v1/readers/r1/mutes", json={**author, "until": later})
    told = mine(http, "PUT", "/v1/readers/r1/mutes", json=author)
    assert (told["muted_authors"], told["mutes"]) == (["author-1"], [])
    told = mine(http, "PUT", "/v1/readers/r1/mutes", json={**topic, "until": later})
    assert told["mutes"] == [{**topic, "until": later}]
    mine(http, "DELETE", "/v1/readers/r1/mutes", params=author)
    told = mine(http, "DELETE", "/v1/readers/r1/mutes", params=topic)
    assert (told["muted_authors"], told["mutes"]) == ([], [])
    assert mine(http, "DELETE", "/v1/readers/r1/mutes", params=topic)["version"] == told["version"]


@pytest.mark.parametrize(
    "body",
    [
        {"kind": "author", "name": "author-1", "until": 1},
        {"kind": "item", "name": "item-1"},
        {"kind": "topic", "name": ""},
        {"kind": "topic", "name": "music", "until": "tomorrow"},
        {"kind": "topic", "name": "music", "for": 3},
    ],
)
def test_a_mute_that_does_not_hold_is_refused(shared_http: Http, body: Any) -> None:
    answer = shared_http.call("PUT", "/v1/readers/r1/mutes", "reader", subject="r1", json=body)
    shared_http.problem(answer, 422, "input-invalid")


@pytest.mark.parametrize("settings", [{"sensitive": "some"}, {"break_minutes": -1}, {"break_minutes": 1.5}])
def test_choices_of_another_kind_are_refused(shared_http: Http, settings: Any) -> None:
    answer = shared_http.call("PATCH", "/v1/readers/r1/settings", "reader", subject="r1", json=settings)
    shared_http.problem(answer, 422, "input-invalid")


def test_sensitive_items_come_with_their_notice_or_as_they_are(http: Http) -> None:
    publish_policy(http, SENSITIVE)
    for choice, notices in ((None, ["graphic"]), ("warn", ["graphic"]), ("show", [])):
        patch(http, sensitive=choice)
        found = {item["id"]: item["notices"] for item in page(http, limit=24)["items"]}
        assert {tuple(found[item]) for item in of_music} == {tuple(notices)}
        assert not any(noticed for item, noticed in found.items() if item not in of_music)


def test_pages_made_under_choices_are_replayed_after_the_choices_are_gone(http: Http) -> None:
    publish_policy(http, SENSITIVE)
    patch(http, sensitive="hide")
    mute_author_for_an_hour(http)
    for mode in MODES:
        page(http, mode=mode)
    patch(http, sensitive=None, mutes=None)
    assert len(ids(page(http, limit=24))) == ITEMS
    http.service.servings.flush()
    service = http.service
    replayed = list(Replayer(service.store, service.policies, service.graphs).replay(service.store.servings.newest(9)))
    assert [one.identical for one in replayed] == [True] * 5


def test_an_item_that_its_reader_chose_not_to_see_is_not_read_out_either(http: Http) -> None:
    publish_policy(http, SENSITIVE)
    assert mine(http, "GET", "/v1/items/item-2")["id"] == "item-2"
    patch(http, sensitive="hide")
    for path in ("/v1/items/item-2", "/v1/items/item-2/related"):
        http.problem(http.call("GET", path, "reader", subject="r1"), 404, "unknown-item")


def test_settings_that_cannot_be_read_hide_what_is_sensitive(http: Http) -> None:
    publish_policy(http, SENSITIVE)
    record = http.service.store.readers.get("r1")
    http.service.store.readers.save(type(record)("r1", '{"sensitive": "what?"}'), 0).result()
    http.service.readers.invalidate("r1")
    assert of_music.isdisjoint(ids(page(http, limit=24)))


def test_who_hides_an_item_is_told_why_of_earlier_pages_but_not_of_what_may_not_be_shown(http: Http) -> None:
    publish_policy(http, SENSITIVE)
    told = page(http, limit=24)
    why = f"/v1/feed/{told['request_id']}/why/item-2"
    assert mine(http, "GET", why)["item"] == "item-2"
    made = decision("takedown", "item-2", http.service.clock.now())
    assert http.call("POST", "/v1/decisions", "moderator", json=made).status_code == 201
    http.problem(http.call("GET", why, "reader", subject="r1"), 404, "unknown-item")


def begun(http: Http, minutes: int, *, last: int, rows: tuple[int, ...] = (0, 1)) -> str:
    """The cursor of a session that began and last served so many minutes ago."""
    now = http.service.clock.now()
    served_rows, tiers = np.array(rows, dtype=np.int32), np.ones(len(rows), dtype=np.uint8)
    session = Session(served_rows, tiers, now - 60 * minutes, now - 60 * last)
    return Cursors(load_secret(http.service.settings), 86_400).encode(session, "r1", "home:")


def test_a_long_session_is_told_of_beside_its_items_and_changes_none(http: Http) -> None:
    patch(http, break_minutes=20, personalization=False)
    assert page(http)["break_notice"] is None
    short, due, told_before = (begun(http, lasted, last=last) for lasted, last in ((5, 1), (45, 10), (45, 1)))
    pages = [page(http, cursor=cursor) for cursor in (short, due, told_before)]
    assert [told["break_notice"] for told in pages] == [None, {"every": 20, "lasted": 45}, None]
    assert pages[0]["items"] == pages[1]["items"] == pages[2]["items"]
    assert page(http, cursor=due)["break_notice"] == pages[1]["break_notice"]


@pytest.mark.parametrize("by", ["setting", "token", "query"])
def test_minors_are_told_of_a_long_session_whoever_says_that_they_are(http: Http, by: str) -> None:
    due = begun(http, 41, last=2)
    assert page(http, cursor=due)["break_notice"] is None
    query: dict[str, Any] = {"cursor": due, "limit": 6}
    if by == "setting":
        patch(http, age="minor", break_minutes=0)
    if by == "query":
        query["age"] = "minor"
    headers = http.bearer("reader", subject="r1")
    if by == "token":
        headers = http.bearer("reader", subject="r1", audience=Audience("DE", AgeClass.MINOR, "de"))
    told = http.client.get("/v1/feed", params=query, headers=headers).json()
    assert told["break_notice"] == {"every": 40, "lasted": 41}


def test_a_minor_may_ask_to_be_told_sooner_and_not_later(http: Http) -> None:
    for chosen, every in ((15, 15), (300, 40)):
        patch(http, age="minor", break_minutes=chosen)
        assert page(http, cursor=begun(http, 120, last=119))["break_notice"] == {"every": every, "lasted": 120}
