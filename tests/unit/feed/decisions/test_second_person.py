"""High impact takes two persons, or breaks the glass; and nobody decides over what they did not see."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from controls.authority import Principal
from controls.cases import CaseKind
from controls.decisions import Basis, DecisionType, Subject, SubjectKind
from controls.proposals import Proposal
from feed.cases.papers import case_of, cases_of
from feed.decisions.broken_glass import open_reviews_owed
from feed.decisions.lapsing import look_at_proposals
from feed.decisions.pending_papers import pending_of
from tests.unit.feed.decisions.deciding_office import BASIS, NOW, act, office, read, send

AUTHOR = act("takedown", "author:author-1")


@pytest.fixture
def http(tmp_path):
    with office(tmp_path) as running:
        yield running


def proposed(http, body=AUTHOR, who="mo/moderator", key=""):
    answer = send(http, who, "/v1/decisions", body, key)
    assert answer.status_code == 202, answer.text
    assert answer.headers["location"] == f"/v1/decisions/pending/{answer.json()['id']}"
    return answer.json()


def eligible(http, item="item-1"):
    return http.call("GET", f"/v1/items/{item}", "feed").status_code == 200


def test_what_is_of_high_impact_waits_for_a_second_person_and_is_decided_under_its_id(http):
    told = proposed(http)
    assert (told["state"], told["proposer"], told["until"]) == ("pending", "mo", NOW + 72 * 3600)
    assert http.service.store.ledger.head() == 0 and eligible(http)
    assert [one["id"] for one in read(http, "/v1/decisions/pending")["pending"]] == [told["id"]]
    made = send(http, "max/moderator", f"/v1/decisions/{told['id']}/approve").json()["decision"]
    assert (made["id"], made["actor"], made["approved_by"], made["revision"]) == (told["id"], "mo", "max", 1)
    assert not eligible(http)
    assert read(http, "/v1/decisions/pending")["pending"] == []
    after = read(http, f"/v1/decisions/pending/{told['id']}")
    assert (after["state"], after["decisions"]) == ("approved", [told["id"]])
    assert send(http, "mia/moderator", f"/v1/decisions/{told['id']}/approve").json()["decision"] == made
    assert http.service.store.ledger.head() == 1


def test_what_is_of_no_such_impact_is_decided_at_once(http):
    assert send(http, "mo/moderator", "/v1/decisions", act("takedown", "item:item-1")).status_code == 201


def test_nobody_approves_their_own_proposal_nor_what_they_may_not_decide(http):
    path = f"/v1/decisions/{proposed(http)['id']}/approve"
    http.problem(send(http, "mo/moderator", path), 403, "needs-approval")
    http.problem(send(http, "mo/admin", path), 403, "needs-approval")
    http.problem(send(http, "ed/editor", path), 403, "not-allowed")
    http.problem(send(http, "ed/editor", path.replace("approve", "decline"), {"reason": "no"}), 403, "not-allowed")
    http.problem(send(http, "max/moderator", "/v1/decisions/nothing/approve"), 404, "not-found")
    assert http.service.store.ledger.head() == 0


def test_checks_are_made_when_it_is_proposed_and_again_when_it_is_approved(http):
    wrong = act("takedown", "author:author-1", expires_at=NOW - 5)
    http.problem(send(http, "mo/moderator", "/v1/decisions", wrong), 422, "invalid-decision")
    assert pending_of(http.service.store).count() == 0
    told = proposed(http, act("takedown", "author:author-1", expires_at=NOW + 60))
    http.service.clock.advance(61)
    http.problem(send(http, "max/moderator", f"/v1/decisions/{told['id']}/approve"), 422, "invalid-decision")
    assert http.service.store.ledger.head() == 0


def test_a_start_that_passed_while_it_waited_is_now(http):
    told = proposed(http, act("takedown", "author:author-1", starts_at=NOW + 10))
    http.service.clock.advance(3600)
    made = send(http, "max/moderator", f"/v1/decisions/{told['id']}/approve").json()["decision"]
    assert made["starts_at"] == made["decided_at"] == NOW + 3600


def test_what_nobody_approves_in_time_is_over(http):
    told = proposed(http)
    http.service.clock.advance(72 * 3600)
    http.problem(send(http, "max/moderator", f"/v1/decisions/{told['id']}/approve"), 410, "gone")
    assert read(http, f"/v1/decisions/pending/{told['id']}")["state"] == "expired"
    assert http.service.store.ledger.head() == 0


def test_a_declined_proposal_is_over_and_says_why(http):
    told = proposed(http)
    declined = send(http, "max/moderator", f"/v1/decisions/{told['id']}/decline", {"reason": "too wide"}).json()
    assert (declined["state"], declined["declined"]) == ("declined", "too wide")
    http.problem(send(http, "mia/moderator", f"/v1/decisions/{told['id']}/approve"), 410, "gone")
    again = send(http, "max/moderator", f"/v1/decisions/{told['id']}/decline", {"reason": "too wide"})
    assert (again.status_code, again.json()) == (200, declined)
    own = proposed(http)
    assert send(http, "mo/moderator", f"/v1/decisions/{own['id']}/decline", {"reason": "mistaken"}).status_code == 200


def test_the_same_request_is_proposed_once_and_another_under_its_key_refused(http):
    first = proposed(http, key="k")
    assert proposed(http, key="k") == first
    assert pending_of(http.service.store).count() == 1
    other = send(http, "mo/moderator", "/v1/decisions", {**AUTHOR, "reason": "another"}, "k")
    http.problem(other, 409, "idempotency-conflict")
    send(http, "max/moderator", f"/v1/decisions/{first['id']}/approve")
    again = send(http, "mo/moderator", "/v1/decisions", AUTHOR, "k")
    assert (again.status_code, again.json()["state"]) == (202, "approved")


def test_a_request_that_was_decided_long_ago_is_not_proposed_again(http):
    told = proposed(http, key="k")
    send(http, "max/moderator", f"/v1/decisions/{told['id']}/approve")
    http.service.clock.advance(60 * 86_400)
    http.client.portal.call(look_at_proposals, http.service)
    assert pending_of(http.service.store).count() == 0
    body = http.problem(send(http, "mo/moderator", "/v1/decisions", AUTHOR, "k"), 410, "gone")
    assert told["id"] in body["detail"]


def test_a_proposal_that_is_sent_twice_without_a_key_waits_once(http):
    first = proposed(http)
    assert proposed(http) == first
    assert proposed(http, who="max/moderator")["id"] != first["id"]
    assert proposed(http, {**AUTHOR, "reason": "another"})["id"] != first["id"]
    send(http, "max/moderator", f"/v1/decisions/{first['id']}/decline", {"reason": "no"})
    assert proposed(http)["id"] != first["id"]


def test_of_two_who_approve_at_once_one_decision_is_made(http):
    told = proposed(http)
    with ThreadPoolExecutor(4) as pool:
        people = [f"m{n}/moderator" for n in range(8)]
        answers = list(pool.map(lambda who: send(http, who, f"/v1/decisions/{told['id']}/approve"), people))
    assert {answer.status_code for answer in answers} == {201}
    assert len({answer.json()["decision"]["approved_by"] for answer in answers}) == 1
    assert http.service.store.ledger.head() == 1


def test_the_erasure_of_its_maker_takes_a_proposal_with_it(http):
    told = proposed(http)
    http.service.store.readers.erase("mo", NOW).result()
    http.problem(send(http, "max/moderator", f"/v1/decisions/{told['id']}/approve"), 404, "not-found")


def test_breaking_the_glass_acts_at_once_for_a_day_and_opens_a_review(http):
    glass = {"break_glass": True, "break_glass_reason": "it spreads now"}
    body = {**act("takedown", "author:author-1"), **glass}
    http.problem(send(http, "mo/moderator", "/v1/decisions", body), 422, "invalid-decision")
    body.pop("expires_at")
    made = send(http, "mo/moderator", "/v1/decisions", body, "k").json()["decision"]
    assert made["expires_at"] == NOW + 86_400 and made["parameters"] == {"break_glass": True}
    assert made["evidence"] == ["break-glass: it spreads now"]
    assert not eligible(http)
    (entry,) = cases_of(http.service.store).find()
    case = case_of(entry)
    assert (case.kind, case.subject.id, case.category) == (CaseKind.REVIEW, "author-1", "break-glass")
    assert send(http, "mo/moderator", "/v1/decisions", body, "k").json()["decision"] == made
    assert cases_of(http.service.store).count() == 1


def test_a_review_that_a_crash_came_before_is_opened_when_the_service_runs_again(http):
    service = http.service
    glass = Proposal(
        DecisionType.TAKEDOWN,
        Subject(SubjectKind.AUTHOR, "author-1"),
        "for the test",
        Basis("terms", "4.2"),
        break_glass="it spreads now",
    )
    made = service.decisions.decide(glass, Principal("mo", frozenset({"moderator"}), "moderator"), NOW).result()
    assert cases_of(service.store).count() == 0
    for _ in range(2):
        http.client.portal.call(open_reviews_owed, service)
        (entry,) = cases_of(service.store).find()
        assert case_of(entry).about["decision"] == made.id


def test_a_glass_is_broken_only_with_a_reason_and_where_there_is_one(http):
    bare = {**act("freeze"), "break_glass": True}
    http.problem(send(http, "mo/moderator", "/v1/decisions", bare), 422, "input-invalid")
    needless = {**act("takedown", "item:item-1"), "break_glass": True, "break_glass_reason": "quick"}
    told = http.problem(send(http, "mo/moderator", "/v1/decisions", needless), 422, "invalid-decision")
    assert told["errors"][0]["field"] == "break_glass"


def test_without_approvals_one_person_decides(tmp_path):
    with office(tmp_path, approvals=False) as http:
        assert send(http, "mo/moderator", "/v1/decisions", AUTHOR).status_code == 201


def test_a_token_that_claims_the_services_own_role_is_refused(http):
    from feed.access.auth import issue_token

    token = issue_token(http.secret, "mo", ("moderator",), NOW, role="service")
    answer = http.client.post("/v1/decisions", json=AUTHOR, headers={"Authorization": f"Bearer {token}"})
    http.problem(answer, 401, "token-invalid")


def test_a_decision_over_one_that_was_not_seen_is_refused(http):
    seen = send(http, "ed/editor", "/v1/decisions", act("boost", "item:item-1", parameters={"factor": 2.0})).json()
    revision = seen["decision"]["revision"]
    http.call("POST", "/v1/decisions", "editor", subject="eve", json=act("suppress", "item:item-1"))
    late = act("suppress", "item:item-1", expected_revision=revision)
    told = http.problem(send(http, "ed/editor", "/v1/decisions", late), 412, "decided-since")
    assert told["errors"][0]["field"] == "expected_revision"
    header = send(http, "ed/editor", "/v1/decisions", act("suppress", "item:item-1"), **{"If-Match": f'"{revision}"'})
    http.problem(header, 412, "decided-since")
    undo = {"reason": "seen", "basis": BASIS, "expected_revision": revision}
    path = f"/v1/decisions/{seen['decision']['id']}/reverse"
    http.problem(send(http, "ed/editor", path, undo), 412, "decided-since")
    assert send(http, "ed/editor", path, {**undo, "expected_revision": revision + 1}).status_code == 201
    assert send(http, "ed/editor", "/v1/decisions", {**late, "expected_revision": 3}).status_code == 201
    ahead = {**late, "expected_revision": 99}
    http.problem(send(http, "ed/editor", "/v1/decisions", ahead), 422, "invalid-decision")


def test_of_decisions_that_saw_the_same_revision_at_once_one_is_made(http):
    for number in range(5):
        body = act("suppress", f"item:item-{number}", expected_revision=0)
        with ThreadPoolExecutor(6) as pool:
            codes = list(
                pool.map(lambda _, body=body: send(http, "ed/editor", "/v1/decisions", body).status_code, range(6))
            )
        assert sorted(codes) == [201, 412, 412, 412, 412, 412]


def test_another_subject_of_the_same_id_does_not_count(http):
    send(http, "ed/editor", "/v1/decisions", act("suppress", "item:same"))
    body = act("boost", "topic:same", parameters={"factor": 2.0}, expected_revision=0)
    assert send(http, "ed/editor", "/v1/decisions", body).status_code == 201
