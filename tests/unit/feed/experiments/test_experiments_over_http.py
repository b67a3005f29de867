"""Experiments over HTTP: started, told on pages, recorded, stopped; and nobody else's page changed by them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson
import pytest

from experiments.assignment import bucket_of
from feed.pages.recording import decode
from feed.pages.replay import Replayer
from tests.journeys.http_service import Http, until
from tests.unit.feed.decisions.deciding_office import NOW, act, office, read, send

ENDS = NOW + 1000
LATER_WEIGHT = {"weight_click": 9}


@pytest.fixture
def http(tmp_path: Path) -> Iterator[Http]:
    with office(tmp_path, approvals=False) as running:
        yield running


def body(name: str = "weights", sets: dict[str, Any] | None = None, **more: Any) -> dict[str, Any]:
    arms = [{"name": "a", "share": 500}, {"name": "b", "share": 500, "sets": LATER_WEIGHT if sets is None else sets}]
    return {"name": name, "arms": arms, "outcome": "click", "reason": "to see", "expires_at": ENDS, **more}


def started(http: Http, **more: Any) -> str:
    answer = send(http, "ex/experimenter", "/v1/experiments", body(**more))
    assert answer.status_code == 201, answer.text
    told = answer.json()
    assert told["enforced"]["lagging"] == []
    return str(told["decision"]["id"])


def page(http: Http, reader: str, **query: Any) -> dict[str, Any]:
    answer = http.call("GET", "/v1/feed", "feed", params={"reader": reader, "limit": 12, **query})
    assert answer.status_code == 200, answer.text
    told: dict[str, Any] = orjson.loads(answer.content)
    return told


def reader_in(experiment: str, arm: str) -> str:
    return next(f"r{n}" for n in range(1000) if (bucket_of(experiment, f"r{n}") < 500) == (arm == "a"))


def at(http: Http, second: int) -> None:
    http.service.clock.advance(second - http.service.clock.now())  # type: ignore[attr-defined]
    http.service.replica.wake()
    until(lambda: http.service.replica.latest().as_of == second)


def test_a_page_tells_its_arm_and_is_made_with_what_the_arm_sets(http: Http) -> None:
    id = started(http, sets={"fresh_every": 1})
    seen = {}
    for arm in "ab":
        reader = reader_in(id, arm)
        told = page(http, reader)
        assert told["arms"] == {"weights": arm} and told["mode"] == "personalized"
        http.service.servings.flush()
        seen[arm] = decode(http.service.store.servings.get(told["request_id"]).inputs).inputs  # type: ignore[union-attr]
        assert dict(seen[arm].arms) == {"weights": arm}
    assert seen["a"].parameters.fresh_every != 1 == seen["b"].parameters.fresh_every


def test_pages_of_arms_are_replayed_byte_for_byte_also_when_it_is_over(http: Http) -> None:
    id = started(http, sets={"fresh_every": 2, "explore_every": 0})
    for number in range(30):
        page(http, f"r{number}")
    send(http, "ex/experimenter", f"/v1/experiments/{id}/stop", {"reason": "enough"})
    page(http, "r1")
    service = http.service
    service.servings.flush()
    replayed = list(Replayer(service.store, service.policies, service.graphs).replay(service.store.servings.newest(50)))
    assert len(replayed) == 31 and all(made.identical for made in replayed)


@pytest.mark.parametrize("mode", ["popular", "latest", "editorial"])
def test_pages_that_are_not_personalized_are_in_no_arm(http: Http, mode: str) -> None:
    before = page(http, "r1", mode=mode)
    started(http, sets={"author_max": 1, "fresh_every": 1, "candidates": 3})
    after = page(http, "r1", mode=mode)
    assert before["arms"] == after["arms"] == {} and before["items"] == after["items"]


def test_neither_are_related_pages_nor_a_frozen_feed(http: Http) -> None:
    started(http)
    related = http.call("GET", "/v1/items/item-1/related", "feed", params={"reader": "r1"}).json()
    assert related["arms"] == {}
    send(http, "mo/moderator", "/v1/decisions", act("freeze"))
    assert page(http, "r1")["arms"] == {}


def test_an_experiment_is_listed_from_its_plan_to_its_end(http: Http) -> None:
    id = started(http, starts_at=NOW + 10, scope={"surfaces": ["home"]}, measure="readers")
    states = []
    for second in (NOW, NOW + 10, ENDS - 1, ENDS):
        at(http, second)
        states.append((read(http, f"/v1/experiments/{id}")["state"], bool(page(http, "r1")["arms"])))
    assert states == [("planned", False), ("running", True), ("running", True), ("ended", False)]
    (told,) = read(http, "/v1/experiments")["experiments"]
    assert (told["name"], told["measure"], told["scope"]["surfaces"]) == ("weights", "readers", ["home"])
    assert (told["actor"], told["reason"], told["until"], told["stopped_by"]) == ("ex", "to see", ENDS, None)
    assert told["arms"][1] == {"name": "b", "share": 500, "sets": LATER_WEIGHT}


def test_a_stop_acts_at_once_and_is_told_with_the_experiment(http: Http) -> None:
    id = started(http)
    assert page(http, "r1")["arms"]
    made = send(http, "ex/experimenter", f"/v1/experiments/{id}/stop", {"reason": "enough"}, key="k").json()
    assert page(http, "r1")["arms"] == {}
    told = read(http, f"/v1/experiments/{id}")
    assert (told["state"], told["stopped_by"], told["until"]) == ("stopped", made["decision"]["id"], NOW)
    again = send(http, "ex/experimenter", f"/v1/experiments/{id}/stop", {"reason": "enough"}, key="k").json()
    assert again["decision"]["id"] == made["decision"]["id"]
    over = send(http, "ex/experimenter", f"/v1/experiments/{id}/stop", {"reason": "enough"})
    http.problem(over, 409, "experiment-over")
    unknown = send(http, "ex/experimenter", "/v1/experiments/nowhere/stop", {"reason": "enough"})
    http.problem(unknown, 404, "not-found")


def test_the_same_is_done_by_decisions_and_a_reversal_stops_too(http: Http) -> None:
    parameters = {key: value for key, value in body().items() if key in ("name", "arms", "outcome")}
    answer = send(http, "ex/experimenter", "/v1/decisions", act("start_experiment", parameters=parameters))
    assert answer.status_code == 201, answer.text
    id = answer.json()["decision"]["id"]
    assert answer.json()["decision"]["parameters"]["arms"][1]["sets"] == LATER_WEIGHT
    assert page(http, "r1")["arms"]
    undo = {"reason": "no", "basis": {"kind": "operations", "clause": "1"}}
    reversal = send(http, "ex/experimenter", f"/v1/decisions/{id}/reverse", undo)
    assert reversal.status_code == 201 and page(http, "r1")["arms"] == {}
    assert read(http, f"/v1/experiments/{id}")["state"] == "stopped"
    second = send(http, "ex/experimenter", "/v1/decisions", act("start_experiment", parameters=parameters)).json()
    stop = act("stop_experiment", parameters={"experiment": second["decision"]["id"]})
    del stop["expires_at"]
    assert send(http, "ex/experimenter", "/v1/decisions", stop).status_code == 201
    assert [one["state"] for one in read(http, "/v1/experiments")["experiments"]] == ["stopped", "stopped"]


def test_what_ranking_refuses_names_the_arm_and_the_parameter(http: Http) -> None:
    for sets, said in (({"weight_click": 5000}, "from -1000 to 1000"), ({"policy": 1}, "no parameter 'policy'")):
        refused = send(http, "ex/experimenter", "/v1/experiments", body(sets=sets))
        told = http.problem(refused, 422, "invalid-decision")
        assert said in told["detail"] and "arm 'b'" in told["detail"]
        assert told["errors"][0]["field"] == f"parameters.arms.1.sets.{next(iter(sets))}"


@pytest.mark.parametrize(
    "wrong",
    [
        {"arms": [{"name": "a", "share": 500}]},
        {"arms": [{"name": "a", "share": 500.5}, {"name": "b", "share": 500}]},
        {"outcome": "impression"},
        {"measure": "best"},
        {"expires_at": None},
        {"surfaces": ["home"]},
    ],
)
def test_a_malformed_experiment_is_refused_before_anything_is_decided(http: Http, wrong: dict[str, Any]) -> None:
    refused = send(http, "ex/experimenter", "/v1/experiments", {**body(), **wrong})
    http.problem(refused, 422, "input-invalid")
    assert read(http, "/v1/experiments") == {"experiments": [], "next": None}


def test_two_that_would_set_the_same_are_refused_and_others_run_side_by_side(http: Http) -> None:
    id = started(http)
    clash = send(http, "ex/experimenter", "/v1/experiments", body("others"))
    assert id in http.problem(clash, 409, "experiment-clash")["detail"]
    started(http, name="places", sets={"fresh_every": 3})
    assert set(page(http, "r1")["arms"]) == {"weights", "places"}


def test_a_start_sent_twice_under_one_key_starts_one_experiment(http: Http) -> None:
    twice = [send(http, "ex/experimenter", "/v1/experiments", body(), key="k").json() for _ in range(2)]
    assert twice[0]["decision"]["id"] == twice[1]["decision"]["id"]
    assert len(read(http, "/v1/experiments")["experiments"]) == 1


def test_the_list_is_read_page_by_page(http: Http) -> None:
    ids = [
        started(http, name=f"n{n}", sets={name: 3}) for n, name in enumerate(["history", "candidates", "fresh_every"])
    ]
    first = read(http, "/v1/experiments?limit=2")
    rest = read(http, f"/v1/experiments?limit=2&before={first['next']}")
    assert [one["id"] for one in first["experiments"] + rest["experiments"]] == ids[::-1] and rest["next"] is None


def test_everybody_can_read_what_runs_and_what_ran(http: Http) -> None:
    id = started(http, scope={"surfaces": ["home"]})
    (told,) = http.call("GET", "/v1/policy").json()["experiments"]
    assert told["name"] == "weights" and told["reason"] == "to see" and told["until"] == ENDS
    assert told["surfaces"] == ["home"] and told["arms"][1]["sets"] == LATER_WEIGHT
    send(http, "ex/experimenter", f"/v1/experiments/{id}/stop", {"reason": "enough"})
    at(http, NOW + 60)
    assert http.call("GET", "/v1/policy").json()["experiments"] == []
    started(http, name="next")
    report = http.call("GET", "/v1/transparency").json()["experiments"]
    assert (report["started"], report["stopped"]) == (2, 1)
    assert [(one["name"], one["surfaces"]) for one in report["run"]] == [("next", ["all"])]  # the other ran no second
    assert "next: 2 arms on all" in http.call("GET", "/transparency").text
    assert "experiments,run,next," in http.call("GET", "/v1/transparency?format=csv").text


def test_a_reader_can_read_which_arms_they_are_in(http: Http) -> None:
    id = started(http, scope={"surfaces": ["home"]})
    reader = reader_in(id, "b")
    own = {"subject": reader}

    def told() -> Any:
        return http.call("GET", f"/v1/readers/{reader}/export", "reader", **own).json()["experiments"]

    assert told() == [{"experiment": id, "name": "weights", "arm": "b", "surfaces": ["home"], "until": ENDS}]
    assert page(http, reader)["arms"] == {"weights": "b"}
    http.call("PATCH", f"/v1/readers/{reader}/settings", "reader", json={"personalization": False}, **own)
    assert told() == []


def test_a_malformed_arm_of_a_decision_is_named_where_it_stands(http: Http) -> None:
    arms = [{"name": "a", "share": 1.5}, {"name": "b", "share": 500}]
    parameters = {"name": "weights", "outcome": "click", "arms": arms}
    refused = send(http, "ex/experimenter", "/v1/decisions", act("start_experiment", parameters=parameters))
    (fault,) = http.problem(refused, 422, "input-invalid")["errors"]
    assert fault["field"].startswith("parameters.arms") and fault["field"].endswith("0.share")


def test_interests_weigh_with_what_the_readers_own_pages_are_made_with(http: Http) -> None:
    id = started(http, sets={"weight_click": 40, "weight_like": 1})
    shares = {}
    for arm in "ab":
        reader = reader_in(id, arm)
        events = [
            {"client_id": kind, "reader": reader, "item": item, "kind": kind}
            for kind, item in (("click", "item-1"), ("like", "item-2"))
        ]
        assert http.call("POST", "/v1/events", "events", json={"events": events}).status_code == 200
        told = http.call("GET", f"/v1/readers/{reader}/interests", "reader", subject=reader).json()
        shares[arm] = {interest["topic"]: interest["share"] for interest in told["derived"]}
        exported = http.call("GET", f"/v1/readers/{reader}/export", "reader", subject=reader).json()
        assert exported["interests"]["derived"] == told["derived"]
        # With personalization off no page is made with an arm.
        settings = {"personalization": False}
        http.call("PATCH", f"/v1/readers/{reader}/settings", "reader", subject=reader, json=settings)
        told = http.call("GET", f"/v1/readers/{reader}/interests", "reader", subject=reader).json()
        shares[f"{arm}, opted out"] = {interest["topic"]: interest["share"] for interest in told["derived"]}
    (clicked,), (liked,) = (http.service.replica.latest().catalogue.topic_names(row) for row in (1, 2))
    assert shares["b"][clicked] == round(40 / 41, 4) and shares["b"][liked] == round(1 / 41, 4)
    assert shares["a"][clicked] < shares["a"][liked]
    assert shares["a"] == shares["a, opted out"] == shares["b, opted out"]
