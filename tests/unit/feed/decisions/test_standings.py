"""Standings: services follow points by decisions of the service, and the author reads the whole history."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from controls.policy import canonical, content_hash
from feed.decisions.standings import QUIET_SECONDS, Standings
from tests.journeys.http_service import Http, until
from tests.unit.controls.building import policy
from tests.unit.feed.decisions.deciding_office import NOW, act, office, send

LIMITS = [
    {"below": 80, "service": "rate", "per_day": 5},
    {"below": 60, "service": "pre_review"},
    {"below": 20, "service": "suspended"},
]
POLICY = policy(standing={"thresholds": LIMITS, "basis": {"kind": "terms", "clause": "6.1"}})
AUTHOR = "author-1"


@pytest.fixture
def http(tmp_path) -> Iterator[Http]:
    with office(tmp_path, approvals=False) as running:
        running.service.store.policies.put(content_hash(POLICY), canonical(POLICY).decode(), NOW).result()
        decide(running, "publish_policy", "", "admin", parameters={"policy": content_hash(POLICY)}, expires_at=None)
        yield running


def decide(http: Http, kind: str, about: str, scope: str = "moderator", **more: object) -> str:
    answer = send(http, f"mo/{scope}", "/v1/decisions", act(kind, about, **more))
    assert answer.status_code == 201, answer.text
    return str(answer.json()["decision"]["id"])


def strike(http: Http, points: int) -> str:
    return decide(http, "strike", f"author:{AUTHOR}", parameters={"points": points})


def reverse(http: Http, decision: str) -> None:
    why = {"reason": "it was a mistake", "basis": {"kind": "terms", "clause": "6.1"}}
    assert send(http, "mo/moderator", f"/v1/decisions/{decision}/reverse", why).status_code == 201


def turned(http: Http, keeper: Standings) -> int:
    """Decisions of one turn; waits until the fold has them."""
    made = keeper.turn()
    head = http.service.store.ledger.head()
    until(lambda: http.service.replica.latest().revision == head)
    return made


def standing(http: Http, query: str = "") -> dict[str, Any]:
    answer = http.call("GET", f"/v1/authors/{AUTHOR}/standing{query}", "author", subject=AUTHOR)
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


def test_services_follow_the_points_down_and_up_again(http: Http) -> None:
    keeper = Standings(http.service, quiet=0)
    assert turned(http, keeper) == 0
    struck = strike(http, 45)
    assert turned(http, keeper) == 2
    assert turned(http, keeper) == 0
    told = standing(http)
    assert (told["standing"], told["points_lost"], told["services"]) == (55, 45, ["pre_review", "rate"])
    assert (told["per_day"], told["suspended"]) == (5, False)
    reverse(http, struck)
    assert turned(http, keeper) == 2
    told = standing(http)
    assert (told["standing"], told["services"], told["per_day"]) == (None, [], None)


def test_nothing_is_decided_twice_after_a_restart_nor_by_what_flaps(http: Http) -> None:
    strike(http, 45)
    assert turned(http, Standings(http.service, quiet=0)) == 2
    assert turned(http, Standings(http.service, quiet=0)) == 0
    patient = Standings(http.service, quiet=3600)
    struck = strike(http, 50)
    assert turned(http, patient) == 0
    reverse(http, struck)
    assert turned(http, patient) == 0
    assert standing(http)["services"] == ["pre_review", "rate"]


def test_a_person_may_overrule_a_limit_until_the_next_strike(http: Http) -> None:
    keeper = Standings(http.service, quiet=0)
    strike(http, 25)
    assert turned(http, keeper) == 1
    (limit,) = [one for one in standing(http)["history"] if one["type"] == "restrict_author"]
    reverse(http, limit["id"])
    assert turned(http, keeper) == 0
    assert turned(http, Standings(http.service, quiet=0)) == 0
    strike(http, 1)
    assert turned(http, keeper) == 1


def test_stored_points_count_as_well(http: Http) -> None:
    keeper = Standings(http.service, quiet=0)
    assert http.call("PUT", f"/v1/authors/{AUTHOR}", "admin", json={"standing": 10}).status_code == 200
    http.settled()
    assert turned(http, keeper) == 3
    told = standing(http)
    assert (told["stored"], told["standing"], told["suspended"]) == (10, 10, True)
    page = http.call("GET", "/v1/feed?reader=r1&limit=30&mode=latest", "feed").json()
    assert page["items"] and not {one["id"] for one in page["items"]} & {f"item-{n}" for n in range(1, 24, 3)}


def test_the_server_looks_by_itself(http: Http) -> None:
    strike(http, 25)
    service = http.service
    until(lambda: service.replica.latest().governance.author(AUTHOR).points_lost == 25)

    def limited() -> bool:
        service.clock.advance(QUIET_SECONDS)  # type: ignore[attr-defined]
        return bool(service.replica.latest().governance.author(AUTHOR).services)

    until(limited)


def test_the_history_tells_every_act_with_its_reason_and_end_and_names_nobody(http: Http) -> None:
    keeper = Standings(http.service, quiet=0)
    struck = strike(http, 25)
    turned(http, keeper)
    decide(
        http, "verify_identity", f"author:{AUTHOR}", parameters={"identity": "verified"}, evidence=["seen by the desk"]
    )
    reverse(http, struck)
    turned(http, keeper)
    told = standing(http)
    assert [(one["type"], one["state"], one["by_itself"]) for one in told["history"]] == [
        ("verify_identity", "in_force", False),
        ("restrict_author", "reversed", True),
        ("strike", "reversed", False),
    ]
    assert told["identity"] == "verified"
    first = told["history"][-1]
    assert (first["reason"], first["reversed_reason"], first["parameters"]) == (
        "for the test", "it was a mistake", {"points": 25}
    )  # fmt: skip
    assert "actor" not in first and "mo" not in first.values()
    assert [one["below"] for one in told["thresholds"]] == [80, 60, 20]
    pages = standing(http, "?limit=2")
    assert len(pages["history"]) == 2
    older = standing(http, f"?limit=2&before={pages['next']}")
    assert [one["type"] for one in older["history"]] == ["strike"] and older["next"] is None


def test_only_the_author_and_those_who_decide_or_audit_read_a_standing(http: Http) -> None:
    strike(http, 5)
    path = f"/v1/authors/{AUTHOR}/standing"
    assert http.call("GET", path, "author", subject="author-2").status_code == 403
    assert http.call("GET", path, "reader", subject=AUTHOR).status_code == 403
    for scope in ("moderator", "auditor", "policy", "editor"):
        assert http.call("GET", path, scope).status_code == 200
    http.problem(http.call("GET", "/v1/authors/nobody/standing", "moderator"), 404, "not-found")
