"""Models over HTTP: activated by decision, never worse without saying so, and missed by nobody when they are gone."""

from __future__ import annotations

from typing import Any

import numpy as np

from experiments.shadow import Shadow
from experiments.statistics import Interval
from feed.models.files import file_of, save
from ranking.graph import ItemGraph
from tests.journeys.http_service import ITEMS, Http, running


def graph(ndcg: float, shift: int) -> ItemGraph:
    """Every item's neighbour is the one ``shift`` rows on."""
    rows = np.arange(ITEMS)
    neighbours = ((rows + shift) % ITEMS).astype(np.int32).reshape(-1, 1)
    made = ItemGraph.from_arrays(neighbours, np.ones((ITEMS, 1)), trainer="test")
    return made.stamped(created_at=1_700_000_000, metrics={"ndcg@20": ndcg})


def trained(http: Http, ndcg: float, shift: int) -> str:
    record = save(graph(ndcg, shift), http.service.settings.models_folder)
    http.service.store.models.put(record).result()
    return record.version


def activate(http: Http, version: str, **more: Any) -> Any:
    body = {"reason": "trained", **more}
    return http.call("POST", f"/v1/models/{version}/activate", "experimenter", json=body)


def active(http: Http) -> str:
    told: str = http.call("GET", "/v1/models", "auditor").json()["active"]
    return told


def test_a_model_serves_once_its_activation_is_answered_and_the_page_says_so(http):
    version = trained(http, 0.2, 1)
    events = [{"client_id": "c", "item": "item-5", "kind": "like"}]
    http.call("POST", "/v1/events", "reader", subject="r1", json={"events": events})
    assert activate(http, version).status_code == 201
    page = http.call("GET", "/v1/feed?limit=24", "reader", subject="r1").json()
    assert page["model"] == version
    assert page["items"][0] | {"position": 0} == {
        "id": "item-6",
        "position": 0,
        "source": "graph",
        "tier": "standard",
        "notices": [],
        "disabled": [],
        "reason": {"code": "because_you_liked", "items": ["item-5"]},
    }
    assert http.client.get("/readyz").json()["status"] == "ready"


def test_a_worse_model_is_refused_unless_forced_and_going_back_is_a_reversal(http):
    good, bad = trained(http, 0.2, 1), trained(http, 0.1, 2)
    activate(http, good)
    http.problem(activate(http, bad), 409, "model-worse")
    assert active(http) == good
    forced = activate(http, bad, force=True)
    assert forced.status_code == 201
    assert active(http) == bad
    why = {"reason": "back", "basis": {"kind": "operations", "clause": "1"}}
    undone = http.call("POST", f"/v1/decisions/{forced.json()['decision']['id']}/reverse", "experimenter", json=why)
    assert undone.status_code == 201
    assert active(http) == good


def test_a_damaged_model_is_refused_and_the_active_one_stays(http):
    good, bad = trained(http, 0.2, 1), trained(http, 0.3, 2)
    activate(http, good)
    file = http.service.settings.models_folder / file_of(bad)
    content = bytearray(file.read_bytes())
    content[-5] ^= 1
    file.write_bytes(content)
    http.problem(activate(http, bad), 409, "model-unusable")
    file.unlink()
    http.problem(activate(http, bad), 409, "model-unusable")
    assert active(http) == good


def test_without_its_file_a_restarted_service_says_so_and_still_serves(tmp_path):
    with running(tmp_path) as http:
        http.put_items()
        version = trained(http, 0.2, 1)
        activate(http, version)
    (tmp_path / "models" / file_of(version)).unlink()
    with running(tmp_path) as http:
        told = http.client.get("/readyz")
        assert (told.status_code, told.json()["status"]) == (200, "degraded")
        (model,) = [check for check in told.json()["checks"] if check["name"] == "model"]
        assert version in model["detail"]
        page = http.call("GET", "/v1/feed?reader=r1&limit=24", "feed").json()
        assert (page["model"], len(page["items"])) == ("", ITEMS)


def test_a_receipt_names_the_model_that_remembers_and_until_when(http):
    version = trained(http, 0.2, 1)
    activate(http, version)
    remains = http.call("DELETE", "/v1/readers/r1", "reader", subject="r1").json()["remains"]
    assert (remains["model"], remains["trained_at"]) == (version, 1_700_000_000)
    assert remains["by"] >= http.service.clock.now() - 5


def test_what_was_judged_on_newer_events_is_told_and_decides_before_the_hold_out_does(http):
    assert activate(http, trained(http, 0.2, 1)).status_code == 201
    now = http.service.clock.now() + 1
    versions = {}
    for name, shift, difference in (("worse", 2, -0.05), ("as good", 3, -0.001)):
        figures = Shadow("ndcg@20", 0.1 + difference, 0.1, Interval(difference, difference, 0.0), 60, now - 9)
        made = graph(0.0, shift).stamped(created_at=now, metrics={"ndcg@20": 0.0, **figures.as_metrics()})
        versions[name] = save(made, http.service.settings.models_folder).version
    refused = http.problem(activate(http, versions["worse"]), 409, "model-worse")
    assert "ndcg@20 0.0500 against 0.1000" in refused["detail"] and "60 readers" in refused["detail"]
    assert activate(http, versions["as good"], evidence=["looked at by two people"]).status_code == 201
    told = {model["version"]: model for model in http.call("GET", "/v1/models", "auditor").json()["models"]}
    serving, waiting = told[versions["as good"]], told[versions["worse"]]
    assert waiting["shadow"] == {
        "score": "ndcg@20",
        "candidate": 0.05,
        "active": 0.1,
        "difference": -0.05,
        "low": -0.05,
        "high": 0.0,
        "readers": 60,
        "since": now - 9,
    }
    assert (waiting["terms"], waiting["kept"]) == ([], True)
    (term,) = serving["terms"]
    assert (term["actor"], term["until"], term["evidence"]) == ("somebody", None, ["looked at by two people"])


def test_a_model_whose_file_was_removed_is_told_as_not_kept(http):
    version = trained(http, 0.2, 1)
    (http.service.settings.models_folder / file_of(version)).unlink()
    (model,) = http.call("GET", "/v1/models", "auditor").json()["models"]
    assert (model["version"], model["kept"], model["shadow"]) == (version, False, None)
