"""Law 8: the model knows items, not people; erasing history ends its influence, step by step, everywhere."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from feed.pages.replay import Replayer
from ranking.graph import ItemGraph
from ranking.interactions import Interactions
from ranking.models import silent, trainer
from tests.journeys.http_service import Http, running, until

READERS, ROWS = 12, 10


@pytest.fixture
def http(tmp_path):
    with running(tmp_path) as http:
        http.put_items()
        yield http


def like(http: Http, reader: str, *items: str) -> None:
    events = [{"client_id": f"like-{item}", "reader": reader, "item": item, "kind": "like"} for item in items]
    assert http.call("POST", "/v1/events", "events", json={"events": events}).status_code == 200


def listed(http: Http) -> list[str]:
    snapshot = http.service.replica.latest()
    return [snapshot.catalogue.ids[row] for row in snapshot.popular.get("home", ())]


def differ(http: Http, reader: str, other: str) -> bool:
    """Whether two readers' items differ at one Snapshot; what exploration draws is the same for everybody."""
    while True:
        pages = []
        for one in (reader, other):
            http.service.pages._seeds.seed(1)
            pages.append(http.call("GET", "/v1/feed?limit=24", "reader", subject=one).json())
        if len({(page["revision"], page["edition"], page["as_of"]) for page in pages}) == 1:
            return bool(pages[0]["items"] != pages[1]["items"])


@pytest.mark.parametrize("path", ["/v1/readers/r1", "/v1/readers/r1/history"])
def test_erasing_ends_influence_on_pages_at_once_on_lists_by_the_next_edition_and_on_servings(http, path):
    like(http, "r1", "item-20", "item-21")
    until(lambda: set(listed(http)) == {"item-20", "item-21"})
    assert differ(http, "r1", "stranger")
    assert http.call("DELETE", path, "reader", subject="r1").status_code in (200, 204)
    assert http.call("GET", "/v1/readers/r1/history", "reader", subject="r1").json()["events"] == []
    assert not differ(http, "r1", "stranger")
    until(lambda: listed(http) == [])
    service = http.service
    assert service.servings.flush()
    replayed = list(Replayer(service.store, service.policies, service.graphs).replay(service.store.servings.newest(9)))
    before = min(replayed, key=lambda made: made.serving.request_id)
    assert before.erased
    assert (before.serving.reader, before.serving.inputs, before.serving.items) == ("", b"", b"")


def test_forgetting_one_item_leaves_the_others(http):
    like(http, "r1", "item-20", "item-21")
    assert http.call("DELETE", "/v1/readers/r1/history/item-20", "reader", subject="r1").status_code in (200, 204)
    history = http.call("GET", "/v1/readers/r1/history", "reader", subject="r1").json()["events"]
    assert [event["item"] for event in history] == ["item-21"]


@settings(max_examples=20)
@given(st.permutations(range(READERS)), st.integers(0, 2**32 - 1), st.sampled_from(["ease", "neighbours"]))
def test_a_graph_does_not_tell_who_its_readers_were(order, seed, name):
    rng = np.random.default_rng(seed)
    matrix = rng.random((READERS, ROWS)) < 0.4
    graphs = []
    for readers in (np.arange(READERS), np.array(order)):
        who, what = np.nonzero(matrix)
        interactions = Interactions.from_columns(readers[who], what, readers=READERS, rows=ROWS)
        chosen = trainer(name)
        graphs.append(chosen.train(interactions, chosen.parameters(), seed=0, progress=silent))
    assert np.abs(dense(graphs[0]) - dense(graphs[1])).max() <= 1


def dense(graph: ItemGraph) -> np.ndarray:
    """int64[ROWS, ROWS]: the graph's weights; summing in another order may move one by a unit."""
    matrix = np.zeros((ROWS, ROWS), dtype=np.int64)
    rows, places = np.nonzero(graph.neighbours >= 0)
    matrix[rows, graph.neighbours[rows, places]] = graph.weights[rows, places]
    return matrix
