"""Which models are loaded, which files are kept, and what the ledger tells of who served when."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest

from feed.models.activations import load_before_reversal, model_after_reversal, terms
from feed.models.files import file_of, registered, save
from feed.models.keeping import remove_spent
from feed.models.library import Graphs
from ranking.errors import GraphError
from ranking.graph import ItemGraph
from tests.journeys.http_service import Http, running
from tests.unit.feed.models.model_making import served, shifted, stored


@pytest.fixture(scope="module")
def module_http(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Http]:
    with running(tmp_path_factory.mktemp("models")) as http:
        http.put_items()
        yield http


@pytest.fixture
def http(tmp_path) -> Iterator[Http]:
    with running(tmp_path) as http:
        http.put_items()
        yield http


def test_a_loaded_graph_is_had_while_another_is_being_loaded(module_http, monkeypatch):
    quick, slow = (stored(module_http, shifted(shift)) for shift in (1, 2))
    graphs = Graphs(module_http.service.store.models, module_http.service.settings.models_folder)
    graphs(quick)
    entered, go = threading.Event(), threading.Event()
    load = ItemGraph.load

    def waiting(path):
        entered.set()
        assert go.wait(10)
        return load(path)

    monkeypatch.setattr(ItemGraph, "load", staticmethod(waiting))
    loader = threading.Thread(target=graphs, args=(slow,))
    loader.start()
    assert entered.wait(10)
    assert graphs(quick).version == quick
    go.set()
    loader.join()
    assert graphs(slow).version == slow


def test_the_last_used_graphs_stay_loaded_and_no_others(module_http, monkeypatch):
    versions = [stored(module_http, shifted(shift)) for shift in range(3, 7)]
    graphs = Graphs(module_http.service.store.models, module_http.service.settings.models_folder)
    for version in [*versions[:3], versions[0], versions[3]]:
        graphs(version)
    folder = module_http.service.settings.models_folder
    loaded: list[str] = []
    load = ItemGraph.load

    def counted(path):
        loaded.append(path.name)
        return load(path)

    monkeypatch.setattr(ItemGraph, "load", staticmethod(counted))
    for version in (versions[0], versions[2], versions[3]):
        graphs(version)
    assert loaded == []
    graphs(versions[1])
    assert loaded == [file_of(versions[1])]
    assert (folder / loaded[0]).is_file()


def test_a_file_that_lies_in_the_folder_is_registered_when_asked_for_and_nothing_else_is(module_http):
    service = module_http.service
    folder = service.settings.models_folder
    graph = shifted(7)
    save(graph, folder)
    assert service.store.models.get(graph.version) is None
    record = registered(service.store, service.graphs, folder, graph.version)
    assert record is not None and service.store.models.get(graph.version) == record
    assert registered(service.store, service.graphs, folder, "0" * 64) is None
    (folder / file_of("f" * 64)).write_bytes((folder / file_of(graph.version)).read_bytes())
    with pytest.raises(GraphError, match="not " + "f" * 64):
        registered(service.store, service.graphs, folder, "f" * 64)
    assert service.store.models.get("f" * 64) is None


def reverse(http: Http, decision: str) -> None:
    why = {"reason": "back", "basis": {"kind": "operations", "clause": "1"}}
    assert http.call("POST", f"/v1/decisions/{decision}/reverse", "experimenter", json=why).status_code == 201


def test_terms_tell_who_served_when_through_activations_and_reversals(http):
    graphs = [shifted(shift) for shift in (1, 2, 3)]
    a, b, c = (graph.version for graph in graphs)
    decisions = [served(http, graph) for graph in graphs]
    ledger = http.service.store.ledger
    assert model_after_reversal(ledger, decisions[2]) == b
    assert model_after_reversal(ledger, decisions[0]) == c
    reverse(http, decisions[1])
    assert model_after_reversal(ledger, decisions[2]) == a
    reverse(http, decisions[2])
    assert http.service.replica.latest().model == a
    spans = terms(ledger)
    assert [span.model for span in spans] == [a, b, c, a]
    assert [span.until for span in spans] == [span.since for span in spans[1:]] + [None]
    assert spans[-1].decision.id == decisions[0]
    assert model_after_reversal(ledger, decisions[0]) is None
    assert model_after_reversal(ledger, "unknown") is None


def test_the_model_that_a_reversal_brings_back_is_loaded_before_the_reversal_is_made(http, monkeypatch):
    first, second = shifted(1), shifted(2)
    served(http, first)
    undo = served(http, second)
    service = http.service
    monkeypatch.setattr(service.graphs, "_loaded", {second.version: service.graphs(second.version)})
    heads: list[int] = []
    load = ItemGraph.load

    def told(path):
        heads.append(service.store.ledger.head())
        return load(path)

    monkeypatch.setattr(ItemGraph, "load", staticmethod(told))
    before = service.store.ledger.head()
    reverse(http, undo)
    assert heads == [before]
    assert service.replica.latest().model == first.version


def test_a_reversal_is_made_even_if_the_model_before_cannot_be_loaded(http):
    first, second = shifted(1), shifted(2)
    served(http, first)
    undo = served(http, second)
    (http.service.settings.models_folder / file_of(first.version)).unlink()
    http.service.graphs._loaded.clear()
    load_before_reversal(http.service, undo)
    reverse(http, undo)
    assert http.service.replica.latest().model == ""
    assert http.call("GET", "/v1/feed?reader=r&limit=5", "feed").json()["items"]


def test_files_stay_while_their_model_may_serve_again_or_a_serving_needs_them(tmp_path):
    with running(tmp_path, models_kept=1, servings_days=1) as http:
        http.put_items()
        service = http.service
        folder = service.settings.models_folder
        for shift in (1, 2, 3):
            served(http, shifted(shift, created_at=shift))
        never = [stored(http, shifted(shift, created_at=shift)) for shift in (4, 5)]
        # Replay may still ask for the models of pages that are kept, the one before is a way back.
        assert remove_spent(service) == [never[0]]
        later = service.clock.now() + 2 * 86_400
        object.__setattr__(service, "clock", type("Later", (), {"now": lambda self: later})())
        assert remove_spent(service) == [shifted(1).version]
        assert {path.stem for path in folder.iterdir()} == {shifted(2).version, shifted(3).version, never[1]}
        assert service.store.models.get(never[0]) is not None
