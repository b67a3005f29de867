"""The first minutes of a reader and of an item, over HTTP."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from controls.authority import Principal
from controls.decisions import Basis, DecisionType
from controls.proposals import Proposal
from feed.pages.replay import Replayer
from feed.storage.records import ModelRecord
from ranking.graph import ItemGraph
from tests.journeys.http_service import ITEMS, Http, until

NEAR = 5
"""Neighbours of an item in the model: those that follow it, in a ring."""


@pytest.fixture
def modelled(http: Http) -> Http:
    """The service with a model of its items."""
    rows = np.arange(ITEMS)[:, None]
    weights = np.tile(np.arange(NEAR, 0, -1.0), (ITEMS, 1))
    graph = ItemGraph.from_arrays((rows + 1 + np.arange(NEAR)) % ITEMS, weights, trainer="ring")
    service = http.service
    graph.save(service.settings.models_folder / "ring.graph")
    service.store.models.put(ModelRecord(graph.version, "ring", "ring.graph", "{}", 1)).result()
    activate = Proposal(
        DecisionType.ACTIVATE_MODEL, None, "ring", Basis("operations", "1"), parameters={"model": graph.version}
    )
    owner = Principal("owner", frozenset({"admin"}), "admin")
    service.decisions.decide(activate, owner, service.clock.now()).result()
    service.replica.wake()
    until(lambda: service.replica.latest().model == graph.version)
    return http


def page(http: Http, reader: str, **query: Any) -> dict[str, Any]:
    answer = http.call("GET", "/v1/feed", "reader", subject=reader, params={"limit": 10, **query})
    assert answer.status_code == 200, answer.text
    told: dict[str, Any] = answer.json()
    return told


def report(http: Http, reader: str, kind: str, *items: str) -> None:
    events = [{"client_id": f"{reader}-{kind}-{item}", "reader": reader, "item": item, "kind": kind} for item in items]
    assert http.call("POST", "/v1/events", "events", json={"events": events}).status_code == 200


def publish(http: Http, item: str, *topics: str) -> None:
    body = {"author": "newcomer", "topics": topics, "title": item, "published_at": http.service.clock.now()}
    assert http.call("PUT", f"/v1/items/{item}", "admin", json=body).status_code in (200, 201)
    http.settled()


def by_graph(told: dict[str, Any]) -> dict[str, list[str]]:
    """What the graph put on a page, and because of what."""
    return {item["id"]: item["reason"]["items"] for item in told["items"] if item["source"] == "graph"}


def led_to(http: Http, reader: str, item: str) -> list[str]:
    """Because of what the graph led a reader to an item. Exploration may have drawn it for a page, so pages are asked
    for until one has it from the graph."""
    found: dict[str, list[str]] = {}
    until(lambda: bool(found.update(by_graph(page(http, reader))) or item in found))
    return found[item]


def test_the_first_click_of_a_new_reader_changes_the_very_next_page(modelled):
    before = page(modelled, "stranger")
    assert by_graph(before) == {}
    report(modelled, "stranger", "click", "item-3")
    after = page(modelled, "stranger")
    # One of them may have been drawn to be explored.
    explored = {item["id"] for item in after["items"] if item["source"] == "exploration"}
    assert set(by_graph(after)) == {f"item-{n}" for n in range(4, 4 + NEAR)} - explored
    assert all(because == ["item-3"] for because in by_graph(after).values())
    assert after["edition"] == before["edition"]


def test_a_new_item_reaches_readers_of_its_topic_with_the_edition_that_publishes_it(modelled):
    report(modelled, "fan", "like", "item-2")
    assert "new" not in by_graph(page(modelled, "fan"))
    publish(modelled, "new", "music")
    assert led_to(modelled, "fan", "new") == ["item-2"]


def test_what_its_first_reader_chose_leads_to_a_new_item_and_from_it_in_the_next_edition(modelled):
    publish(modelled, "new", "unheard of")
    report(modelled, "first", "like", "item-9", "new")
    modelled.settled()
    report(modelled, "second", "like", "item-9")
    assert led_to(modelled, "second", "new") == ["item-9"]
    report(modelled, "third", "click", "new")
    assert led_to(modelled, "third", "item-9") == ["new"]


def test_a_reader_who_opted_out_leads_nobody_to_a_new_item(modelled):
    publish(modelled, "new", "unheard of")
    settings = {"personalization": False}
    answer = modelled.call("PATCH", "/v1/readers/first/settings", "reader", subject="first", json=settings)
    assert answer.status_code == 200, answer.text
    report(modelled, "first", "like", "item-9", "new")
    modelled.settled()
    report(modelled, "second", "like", "item-9")
    assert not any("new" in by_graph(page(modelled, "second")) for _ in range(5))


def test_explored_items_say_so_with_their_propensity_and_are_replayed(modelled):
    for n in range(4):
        publish(modelled, f"new-{n}", f"topic-{n}")
    explored = {}
    for _ in range(40):
        told = page(modelled, "walker")
        for item in told["items"]:
            if item["source"] == "exploration":
                explored[told["request_id"], item["id"]] = item["reason"]["code"]
    assert set(explored.values()) == {"exploring"}
    (request, item), _ = explored.popitem()
    why = modelled.call("GET", f"/v1/feed/{request}/why/{item}", "reader", subject="walker").json()
    assert (why["source"], why["reason"]) == ("exploration", "exploring")
    assert why["drawn_from"] in {20 * count for count in range(1, 5)}
    for mode in ("popular", "latest", "editorial"):
        assert all(item["source"] != "exploration" for item in page(modelled, "walker", mode=mode)["items"])
    service = modelled.service
    assert service.servings.flush()
    replayed = list(Replayer(service.store, service.policies, service.graphs).replay(service.store.servings.newest(50)))
    assert len(replayed) == 43
    assert all(made.identical for made in replayed)
