"""Powers of somebody who has themselves erased end with their name, here and in every fold that comes later."""

from __future__ import annotations

import pytest

from controls.decisions import SubjectKind
from controls.state import State
from feed.control.follow import catch_up
from ranking.fold import Fold
from tests.journeys.http_service import until
from tests.unit.feed.decisions.deciding_office import BASIS, NOW, office, read

CLUB = "/v1/communities/club"


@pytest.fixture
def http(tmp_path):
    with office(tmp_path) as running:
        body = {"name": "Club", "founder": "fay"}
        assert running.call("PUT", CLUB, "admin", subject="root", json=body).status_code == 200
        yield running


def power(http, kind, person="max"):
    body = {"type": kind, "reason": "r", "basis": BASIS, "parameters": {"person": person, "power": "manager"}}
    return http.call("POST", f"{CLUB}/decisions", "reader", subject="fay", json=body).status_code


def erased(http, person):
    assert http.call("DELETE", f"/v1/readers/{person}", "reader", subject=person).status_code == 200
    until(lambda: http.service.replica.latest().revision == http.service.store.ledger.head())


def folded_anew(http):
    state = State(lambda digest: pytest.fail("no policy was published"))
    state.decide(http.service.store.ledger.since(0))
    state.advance(NOW)
    return state.governance().grants(SubjectKind.COMMUNITY, "club")


@pytest.mark.parametrize("revoked_before", [False, True])
def test_an_erased_person_holds_no_power_and_nobody_holds_it_in_their_place(http, revoked_before):
    assert power(http, "grant") == 201
    if revoked_before:
        assert power(http, "revoke") == 201
    erased(http, "max")
    told = read(http, CLUB)
    assert (told["founders"], told["managers"]) == (["fay"], [])
    assert folded_anew(http) == http.service.replica.latest().governance.grants(SubjectKind.COMMUNITY, "club")
    assert "max" not in str(http.service.store.ledger.since(0))


def test_whoever_returns_under_an_erased_name_begins_without_a_power(http):
    assert power(http, "grant") == 201
    erased(http, "max")
    body = {
        "type": "suppress",
        "subject": {"kind": "item", "id": "item-1"},
        "reason": "r",
        "basis": BASIS,
        "review_by": NOW + 60,
    }
    said = http.call("POST", f"{CLUB}/decisions", "reader", subject="max", json=body)
    assert said.status_code == 403
    assert power(http, "grant") == 201
    assert read(http, CLUB)["managers"] == ["max"]


def test_a_proposal_to_give_a_power_goes_with_the_person_whom_it_names(http):
    grant = {"type": "grant", "subject": {"kind": "platform", "id": ""}, "reason": "r", "basis": BASIS}
    kept = [
        http.call("POST", "/v1/decisions", "admin", subject="root", json=grant | {"parameters": parameters}).json()[
            "id"
        ]
        for parameters in ({"person": "max", "power": "moderator"}, {"person": "mia", "power": "moderator"})
    ]
    receipt = http.call("DELETE", "/v1/readers/max", "reader", subject="max").json()
    assert receipt["rows"]["entries"] == 1
    assert receipt["registers"] == {"pending": {"deleted": 1, "kept": 0}}
    assert [one["id"] for one in read(http, "/v1/decisions/pending")["pending"]] == kept[1:]


def test_what_an_erased_manager_decided_can_be_reversed_by_the_founder_and_by_no_other_community(http):
    other = {"name": "Other", "founder": "eve"}
    assert http.call("PUT", "/v1/communities/other", "admin", subject="root", json=other).status_code == 200
    body = {"title": "t", "author": "ada", "community": "club", "text": "words"}
    assert http.call("PUT", "/v1/items/in-club", "admin", subject="root", json=body).status_code == 200
    http.settled()
    assert power(http, "grant") == 201
    act = {
        "type": "takedown",
        "subject": {"kind": "item", "id": "in-club"},
        "reason": "r",
        "basis": BASIS,
        "review_by": NOW + 60,
    }
    made = http.call("POST", f"{CLUB}/decisions", "reader", subject="max", json=act)
    assert made.status_code == 201, made.text
    before = verdicts(http)
    erased(http, "max")
    assert verdicts(http) == before == folded_verdicts(http)
    undo = {"type": "reverse", "reverses": made.json()["decision"]["id"], "reason": "mistaken", "basis": BASIS}
    refused = http.call("POST", "/v1/communities/other/decisions", "reader", subject="eve", json=undo)
    assert refused.status_code == 403
    undone = http.call("POST", f"{CLUB}/decisions", "reader", subject="fay", json=undo)
    assert undone.status_code == 201, undone.text


def verdicts(http):
    governance = http.service.replica.latest().governance
    return [governance.causes(cls) for cls in governance.class_of.tolist()]


def folded_verdicts(http):
    service = http.service
    fold = Fold(service.policies, service.graphs)
    catch_up(fold, service.store, revision=service.store.ledger.head(), edition=service.store.journal.head())
    fold.advance(service.clock.now())
    governance = fold.snapshot().governance
    return [governance.causes(cls) for cls in governance.class_of.tolist()]
