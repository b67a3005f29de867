"""What people decide of items, authors and communities over HTTP, what it does at once, and that it can be undone."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from controls.decisions import SubjectKind
from controls.policy import canonical, content_hash
from tests.journeys.http_service import Http
from tests.unit.controls.building import policy, rule
from tests.unit.feed.decisions.deciding_office import NOW, act, office, send

ITEM, AUTHOR = "item:item-1", "author:author-1"
POLICY = policy(
    rule({"signal": "label.rumour", "min": 0.8}, id="rumours"),
    rule({"signal": "author.standing", "below": 60}, id="distrusted", effect={"weight": 0.5}),
    rule({"signal": "author.identity", "in": ["verified"]}, id="known", tier="encouraged"),
    rule({"signal": "item.id", "in": ["item-2"]}, id="inspected", tier="standard", effect={"hold": True}),
    tiers={"restricted": {"weight": 0.4}, "encouraged": {"weight": 1.3}},
)


@pytest.fixture(scope="module")
def http(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Http]:
    with office(tmp_path_factory.mktemp("acts"), items=6, approvals=False) as running:
        running.service.store.policies.put(content_hash(POLICY), canonical(POLICY).decode(), NOW).result()
        made(running, "publish_policy", "", "admin", parameters={"policy": content_hash(POLICY)}, expires_at=None)
        yield running


def made(http: Http, kind: str, about: str, scope: str = "moderator", **more: Any) -> str:
    answer = send(http, f"mo/{scope}", "/v1/decisions", act(kind, about, **more))
    assert answer.status_code == 201, answer.text
    told = answer.json()
    assert told["enforced"]["lagging"] == [] and not told["waits"]
    return str(told["decision"]["id"])


def undone(http: Http, decision: str, scope: str = "moderator") -> None:
    why = {"reason": "a mistake", "basis": {"kind": "terms", "clause": "4.2"}}
    assert send(http, f"mo/{scope}", f"/v1/decisions/{decision}/reverse", why).status_code == 201


def verdict(http: Http, item: str) -> tuple[bool, str, tuple[str, ...]]:
    """Eligible, tier and notices of an item on the home surface."""
    found = http.call("GET", f"/v1/items/{item}/verdict?region=DE&age=adult", "auditor")
    assert found.status_code == 200, found.text
    told = found.json()
    return told["eligible"], told["tier"], tuple(told["effects"]["notices"])


ACTS: list[tuple[str, str, dict[str, Any], str, tuple[bool, str, tuple[str, ...]]]] = [
    ("label", ITEM, {"name": "rumour", "score": 1}, "item-1", (True, "restricted", ())),
    ("restrict", ITEM, {}, "item-1", (True, "restricted", ())),
    ("restrict", "topic:sport", {}, "item-1", (True, "restricted", ())),
    (
        "correct",
        ITEM,
        {"notice": "corrected", "text": "It was the other one."},
        "item-1",
        (True, "standard", ("corrected",)),
    ),
    ("release", "item:item-2", {}, "item-2", (True, "standard", ())),
    ("strike", AUTHOR, {"points": 41}, "item-1", (True, "restricted", ())),
    ("verify_identity", AUTHOR, {"identity": "verified"}, "item-1", (True, "encouraged", ())),
    ("restrict_author", "author:author-0", {"service": "pre_review"}, "item-0", (False, "standard", ())),
    ("restrict_author", AUTHOR, {"service": "no_recommendation"}, "item-4", (False, "standard", ())),
    ("restrict_author", AUTHOR, {"service": "suspended"}, "item-4", (False, "standard", ())),
]


@pytest.mark.parametrize(("kind", "about", "parameters", "item", "expected"), ACTS)
def test_an_act_is_obeyed_when_it_is_answered_and_undone_without_a_trace(
    http: Http, kind: str, about: str, parameters: dict[str, Any], item: str, expected: tuple[Any, ...]
) -> None:
    before = verdict(http, item)
    assert before != expected
    decision = made(http, kind, about, parameters=parameters, evidence=["seen by the desk"])
    assert verdict(http, item) == expected
    undone(http, decision)
    assert verdict(http, item) == before


def test_powers_are_granted_and_revoked(http: Http) -> None:
    def held() -> list[tuple[str, str]]:
        grants = http.service.replica.latest().governance.grants(SubjectKind.COMMUNITY, "bakers")
        return [(grant.power, grant.person) for grant in grants]

    power = {"person": "cleo", "power": "manager"}
    made(http, "grant", "community:bakers", "admin", parameters=power)
    assert held() == [("manager", "cleo")]
    made(http, "revoke", "community:bakers", "admin", parameters=power, expires_at=None)
    assert held() == []
    refused = send(
        http, "mo/admin", "/v1/decisions", act("revoke", "community:bakers", parameters=power, expires_at=None)
    )
    http.problem(refused, 409, "nothing-to-revoke")


@pytest.mark.parametrize("scope", ["editor", "policy", "experimenter"])
@pytest.mark.parametrize("kind", ["label", "restrict", "correct", "release"])
def test_only_moderators_judge_items(http: Http, kind: str, scope: str) -> None:
    parameters = {"label": {"name": "l", "score": 1}, "correct": {"notice": "n", "text": "t"}}.get(kind, {})
    answer = send(http, f"ed/{scope}", "/v1/decisions", act(kind, ITEM, parameters=parameters))
    http.problem(answer, 403, "not-allowed")


@pytest.mark.parametrize(
    ("kind", "about", "more", "field"),
    [
        ("label", ITEM, {"parameters": {"name": "l", "score": 1.5}}, "parameters.score"),
        ("label", AUTHOR, {"parameters": {"name": "l", "score": 1}}, "subject.kind"),
        ("strike", AUTHOR, {"parameters": {"points": 500}}, "parameters.points"),
        ("strike", AUTHOR, {"parameters": {"points": 5}, "expires_at": None, "review_by": NOW + 99}, "expires_at"),
        ("restrict_author", AUTHOR, {"parameters": {"service": "rate"}}, "parameters.per_day"),
        ("verify_identity", AUTHOR, {"parameters": {"identity": "verified"}}, "evidence"),
        ("restrict", ITEM, {"expires_at": None}, "expires_at"),
    ],
)
def test_what_lacks_something_is_refused_by_its_field(
    http: Http, kind: str, about: str, more: dict[str, Any], field: str
) -> None:
    head = http.service.store.ledger.head()
    told = http.problem(send(http, "mo/moderator", "/v1/decisions", act(kind, about, **more)), 422, "invalid-decision")
    assert told["errors"][0]["field"] == field, told
    assert http.service.store.ledger.head() == head
