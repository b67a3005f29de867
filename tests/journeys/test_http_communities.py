"""Communities over HTTP: founded by the platform, run by their people, on their own surface and nowhere else."""

from __future__ import annotations

from typing import Any

import pytest

from tests.journeys.http_service import Http, decision, running, until

RULES: dict[str, Any] = {
    "name": "house rules",
    "rules": [
        {
            "id": "no-sport",
            "tier": "blocked",
            "when": {"signal": "topic", "in": ["sport"]},
            "missing": "apply",
            "basis": {"kind": "terms", "clause": "3"},
            "review_by": "2099-01-01",
        }
    ],
}


@pytest.fixture(scope="module")
def http(tmp_path_factory):
    with running(tmp_path_factory.mktemp("communities")) as http:
        put(http, "bread", "bakers", "music")
        put(http, "match", "bakers", "sport")
        put(http, "soup", "cooks", "music")
        http.settled()
        founded = http.call("PUT", "/v1/communities/bakers", "admin", json={"name": "Bakers", "founder": "mia"})
        assert founded.status_code == 200, founded.text
        yield http


def put(http: Http, item: str, community: str, topic: str) -> None:
    body = {"author": "ada", "title": item, "topics": [topic], "community": community}
    assert http.call("PUT", f"/v1/items/{item}", "admin", json=body).status_code == 200


def decide(http: Http, person: str, body: dict[str, Any], community: str = "bakers") -> Any:
    return http.call("POST", f"/v1/communities/{community}/decisions", "reader", subject=person, json=body)


def page(http: Http, surface: str) -> set[str]:
    answer = http.call("GET", f"/v1/feed?reader=rob&surface={surface}&limit=50", "reader", subject="rob")
    assert answer.status_code == 200, answer.text
    return {item["id"] for item in answer.json()["items"]}


def act(http: Http, kind: str, item: str, **more: Any) -> dict[str, Any]:
    return decision(kind, item, http.service.clock.now(), **more)


def test_the_founder_makes_a_manager_who_decides_on_the_communitys_surface_alone(http):
    subject = {"kind": "community", "id": "bakers"}
    grant = act(http, "grant", "", subject=subject, parameters={"person": "leo", "power": "manager"})
    del grant["expires_at"]
    http.problem(decide(http, "leo", act(http, "takedown", "bread")), 403, "not-allowed")
    http.problem(decide(http, "leo", grant), 403, "not-allowed")
    assert decide(http, "mia", grant).status_code == 201
    told = http.call("GET", "/v1/communities/bakers", "feed").json()
    assert (told["founders"], told["managers"]) == (["mia"], ["leo"])

    taken = decide(http, "leo", act(http, "takedown", "bread"))
    assert taken.status_code == 201, taken.text
    made = taken.json()["decision"]
    assert (made["role"], made["scope"]["surfaces"]) == ("manager of bakers", ["community"])
    assert page(http, "community:bakers") == {"match"}
    assert {"bread", "match"} <= page(http, "home")

    back = {"type": "reverse", "reverses": made["id"], "reason": "resolved", "basis": grant["basis"]}
    http.problem(decide(http, "rob", back), 403, "not-allowed")
    assert decide(http, "mia", back).status_code == 201
    assert page(http, "community:bakers") == {"bread", "match"}


def test_what_is_not_the_communitys_is_out_of_reach(http):
    http.problem(decide(http, "mia", act(http, "takedown", "soup")), 403, "not-allowed")
    http.problem(decide(http, "mia", act(http, "takedown", "unheard-of")), 403, "not-allowed")
    http.problem(decide(http, "mia", act(http, "takedown", "soup"), "cooks"), 403, "not-allowed")
    platform = http.call("POST", "/v1/decisions", "moderator", subject="pat", json=act(http, "takedown", "match"))
    taken = platform.json()["decision"]["id"]
    undo = {"type": "reverse", "reverses": taken, "reason": "mine", "basis": {"kind": "terms", "clause": "1"}}
    http.problem(decide(http, "mia", undo), 403, "not-allowed")
    reversed_ = http.call(
        "POST", f"/v1/decisions/{taken}/reverse", "moderator", json={k: undo[k] for k in ("reason", "basis")}
    )
    assert reversed_.status_code == 201


def test_a_communitys_policy_tightens_at_home_and_may_not_loosen(http):
    loose = {**RULES, "rules": [{**RULES["rules"][0], "tier": "encouraged"}]}
    path = "/v1/communities/bakers/policy"
    told = http.problem(http.call("POST", path, "reader", subject="mia", json=loose), 422, "invalid-policy")
    assert "rules.0.tier" in str(told)
    http.problem(http.call("POST", path, "reader", subject="rob", json=RULES), 403, "not-allowed")
    published = http.call("POST", path, "reader", subject="mia", json=RULES)
    assert published.status_code == 201, published.text
    until(lambda: page(http, "community:bakers") == {"bread"})
    assert "match" in page(http, "home")
    told = http.call("GET", "/v1/communities/bakers", "feed").json()
    assert told["policy"] == published.json()["decision"]["parameters"]["policy"]
    undo = {"reason": "we changed our minds", "basis": {"kind": "terms", "clause": "3"}}
    body = {"type": "reverse", "reverses": published.json()["decision"]["id"], **undo}
    assert decide(http, "mia", body).status_code == 201
    assert page(http, "community:bakers") == {"bread", "match"}


def test_an_item_is_handed_to_the_platform_once(http):
    path, body = "/v1/communities/bakers/escalations", {"item": "match", "reason": "beyond our rules"}
    first = http.call("POST", path, "reader", subject="mia", json=body)
    assert first.status_code == 201, first.text
    assert http.call("POST", path, "reader", subject="mia", json=body).json() == first.json()
    http.problem(http.call("POST", path, "reader", subject="rob", json=body), 403, "not-allowed")
    http.problem(http.call("POST", path, "reader", subject="mia", json={**body, "item": "soup"}), 404, "not-found")


def test_founding_is_the_platforms_and_describing_the_founders(http):
    body = {"name": "Potters", "founder": "zoe"}
    http.problem(http.call("PUT", "/v1/communities/potters", "reader", subject="zoe", json=body), 403, "not-allowed")
    nobody = http.call("PUT", "/v1/communities/potters", "admin", json={"name": "Potters"})
    http.problem(nobody, 422, "input-invalid")
    http.problem(http.call("GET", "/v1/communities/potters", "feed"), 404, "not-found")
    said = {"name": "Bakers of rye", "description": "Bread"}
    told = http.call("PUT", "/v1/communities/bakers", "reader", subject="mia", json=said)
    assert (told.json()["name"], told.json()["founders"]) == ("Bakers of rye", ["mia"])
